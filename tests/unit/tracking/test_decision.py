from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.tracking.decision import EVERY, LATEST, Decision, decisions, record
from evalkit.tracking.log import log_bundle
from evalkit.tracking.store import opened, resolve
from tests.unit.tracking.bundles import write_bundle

FIRST = Decision("test_more", "City council", "2026-03-01")
SECOND = Decision("scale", "Mayor's office", "2026-09-01", "Two more districts.")


def tags(run_id: str, uri: str) -> dict[str, str]:
    with opened(resolve(uri)) as client:
        return dict(client.get_run(run_id).data.tags)


def test_a_later_decision_stands_beside_the_earlier_one(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    record(logged.run_id, FIRST, tracking_uri=uri)
    child = next(iter(logged.children.values()))
    assert record(child, SECOND, tracking_uri=uri) == (FIRST, SECOND)
    found = tags(logged.run_id, uri)
    assert found[LATEST] == "scale (Mayor's office, 2026-09-01)"
    assert decisions(found) == (FIRST, SECOND)


def test_logging_a_bundle_again_keeps_its_decisions(tmp_path: Path, uri: str) -> None:
    bundle = write_bundle(tmp_path)
    logged = log_bundle(bundle, tracking_uri=uri)
    record(logged.run_id, FIRST, tracking_uri=uri)
    log_bundle(bundle, tracking_uri=uri)
    assert decisions(tags(logged.run_id, uri)) == (FIRST,)


def test_a_day_that_is_none_and_an_unknown_run_are_usage_errors(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ConfigError, match="'soon' is not a day"):
        record("x", Decision("stop", "Council", "soon"), tracking_uri=uri)
    with pytest.raises(ConfigError, match="There is no run"):
        record("ab12", FIRST, tracking_uri=uri)


def test_decisions_that_no_longer_fit_are_refused_and_none_is_lost(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    record(logged.run_id, FIRST, tracking_uri=uri)
    long = Decision("modify", "Council", "2026-10-01", "x" * 8000)
    with pytest.raises(ConfigError, match="no longer fit"):
        record(logged.run_id, long, tracking_uri=uri)
    assert EVERY in tags(logged.run_id, uri)
    assert decisions(tags(logged.run_id, uri)) == (FIRST,)

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.tracking import portfolio
from evalkit.tracking.decision import Decision, record
from evalkit.tracking.live import log_failure
from evalkit.tracking.log import log_bundle
from evalkit.tracking.portfolio import stored_studies
from tests.unit.tracking.bundles import evidence, write_bundle


def test_each_study_comes_with_its_newest_evidence_its_brief_and_its_decision(tmp_path: Path, uri: str) -> None:
    first = log_bundle(write_bundle(tmp_path, run_id="u-1"), tracking_uri=uri)
    changed = evidence("u-2")
    changed["identity"] |= {"data_sha": f"sha256:{64 * 'e'}", "created_at": "2025-03-01T12:00:01Z"}
    second = write_bundle(tmp_path, run_id="u-2", summary=changed)
    last = log_bundle(second, tracking_uri=uri)
    record(first.run_id, Decision("continue", "Council", "2026-05-01"), tracking_uri=uri)
    (found,) = stored_studies(tracking_uri=uri)
    assert found.versions == 2
    assert found.run_id == last.run_id
    assert found.evidence is not None
    assert found.brief == (second / "brief.html").read_bytes()
    assert found.decision is not None
    assert found.decision.next_step == "continue"
    assert not found.running


def test_while_the_data_are_the_same_the_run_decided_on_stands_for_the_study(tmp_path: Path, uri: str) -> None:
    runs = [log_bundle(write_bundle(tmp_path, run_id=f"u-{i}"), tracking_uri=uri).run_id for i in range(3)]
    record(runs[0], Decision("continue", "Council", "2026-05-01"), tracking_uri=uri)
    record(runs[1], Decision("scale", "Council", "2026-06-01"), tracking_uri=uri)
    (found,) = stored_studies(tracking_uri=uri)
    assert (found.run_id, found.versions) == (runs[1], 3)
    assert found.decision is not None
    assert found.decision.next_step == "scale"


def test_a_study_that_only_failed_has_no_evidence(uri: str) -> None:
    log_failure("castle_doctrine", "public_safety", "Castle", "Only 1 cohort is left.", tracking_uri=uri)
    (found,) = stored_studies(tracking_uri=uri)
    assert (found.evidence, found.brief, found.versions, found.running) == (None, None, 0, False)


def test_experiments_may_be_named_by_their_priority(tmp_path: Path, uri: str) -> None:
    log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    (found,) = stored_studies(["public_safety"], tracking_uri=uri)
    assert found.priority == "public_safety"
    with pytest.raises(ConfigError, match="There is no experiment 'evalkit/housing'"):
        stored_studies(["housing"], tracking_uri=uri)


def test_an_empty_store_holds_no_study(uri: str) -> None:
    assert stored_studies(tracking_uri=uri) == []


def test_studies_beyond_one_page_of_the_store_are_read_too(
    tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portfolio, "PAGE", 1)
    for number in range(3):
        log_failure(f"study_{number}", "public_safety", "Castle", "Only 1 cohort is left.", tracking_uri=uri)
    assert sorted(found.study_id for found in stored_studies(tracking_uri=uri)) == ["study_0", "study_1", "study_2"]

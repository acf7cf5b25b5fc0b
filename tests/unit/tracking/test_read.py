from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError, NotSynced
from evalkit.tracking.live import log_failure
from evalkit.tracking.log import log_bundle
from evalkit.tracking.read import fetch, find_run
from evalkit.tracking.reads import outcome_reads
from evalkit.tracking.store import opened, resolve
from tests.unit.tracking.bundles import HEADLINE, write_bundle


def test_a_study_is_found_by_its_run_and_by_its_estimators_runs(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path, run_id="u-1"), tracking_uri=uri)
    found = find_run(logged.run_id, tracking_uri=uri)
    assert found.bundle == "u-1"
    assert found.headline == HEADLINE
    assert find_run(logged.children["two_way_fixed_effects"], tracking_uri=uri) == found


def test_brief_and_evidence_come_back_as_they_were(tmp_path: Path, uri: str) -> None:
    bundle = write_bundle(tmp_path)
    logged = log_bundle(bundle, tracking_uri=uri)
    folder = fetch(logged.run_id, tmp_path / "fetched", tracking_uri=uri)
    for name in ("brief.html", "evidence.json", "figures/event_study.png"):
        assert (folder / name).read_bytes() == (bundle / name).read_bytes()


def test_an_unknown_run_is_a_usage_error(uri: str) -> None:
    with pytest.raises(ConfigError, match="There is no run 'ab12'"):
        find_run("ab12", tracking_uri=uri)


def test_somebody_elses_run_is_a_usage_error(uri: str) -> None:
    with opened(resolve(uri)) as client:
        other = client.create_run("0").info.run_id
    with pytest.raises(ConfigError, match="was not logged by evalkit"):
        find_run(other, tracking_uri=uri)


def test_a_run_that_failed_says_so_instead_of_a_brief(tmp_path: Path, uri: str) -> None:
    failed = log_failure("castle_doctrine", "public_safety", "Castle", "Only 1 cohort is left.", tracking_uri=uri)
    with pytest.raises(ConfigError, match="Only 1 cohort is left"):
        fetch(failed, tmp_path / "fetched", tracking_uri=uri)


def test_a_store_that_breaks_while_it_is_asked_is_no_unknown_run(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def broken(client: MlflowClient, run_id: str) -> None:
        raise MlflowException("the disk is gone")

    monkeypatch.setattr(MlflowClient, "get_run", broken)
    with pytest.raises(NotSynced, match="the disk is gone"):
        find_run("ab12", tracking_uri=uri)


def test_a_store_that_nobody_logged_to_knows_of_no_reading(uri: str) -> None:
    assert outcome_reads(resolve(uri), "lights") == []

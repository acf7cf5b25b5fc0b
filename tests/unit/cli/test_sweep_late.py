from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.cli import sweep_late
from evalkit.cli.sweep_job import status_of, write_job
from evalkit.cli.sweep_late import logged_late
from evalkit.config import Composed, Tracking
from evalkit.tracking.store import Store, opened, resolve
from tests.services import free_port
from tests.small_study import built
from tests.unit.tracking.bundles import write_bundle

if TYPE_CHECKING:
    from mlflow import MlflowClient

REFUSED = "The tracking store did not take the run."


def statuses(folder: Path, uri: str, *states: str) -> list[dict[str, Any]]:
    """As jobs leave them whose bundles are whole and whose store refused them."""
    composed = Composed(study=built(), tracking=Tracking(uri=uri))
    found = []
    for number, state in enumerate(states):
        write_job(folder, number, ["study=lights"], composed)
        bundle = str(write_bundle(folder / "results"))
        found.append({"job": "lights", "state": state, "bundle": bundle, "what": REFUSED, "exit_code": 6})
    return found


def test_what_the_store_refused_is_logged_when_the_sweep_ends(tmp_path: Path, uri: str) -> None:
    refused, unrated, done, failed = statuses(tmp_path, uri, "not logged", "not rated", "done", "failed")
    unrated["exit_code"] = 5
    done["run_id"] = "there"
    del failed["bundle"]
    found = logged_late(tmp_path, [refused, unrated, done, failed])
    assert [status["state"] for status in found] == ["done", "not rated", "done", "failed"]
    assert [status["exit_code"] for status in found] == [0, 5, 6, 6]
    assert found[2:] == [done, failed], "what has a run, or no bundle, is left alone"
    assert status_of(tmp_path, 0) == found[0]
    with opened(resolve(uri)) as client:
        for status in found[:2]:
            assert client.get_run(status["run_id"]).info.status != "RUNNING"


def test_a_store_that_is_silent_is_asked_once_and_the_jobs_stay_not_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Store] = []

    def open_and_count(store: Store) -> AbstractContextManager[MlflowClient]:
        asked.append(store)
        return opened(store)

    monkeypatch.setattr(sweep_late, "opened", open_and_count)
    refused = statuses(tmp_path, f"http://127.0.0.1:{free_port()}", "not logged", "not logged")
    assert logged_late(tmp_path, refused) == refused
    assert len(asked) == 1
    assert status_of(tmp_path, 0) is None

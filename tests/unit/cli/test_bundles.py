from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evalkit.cli.bundles import Logged, exists, latest, locate, logged
from evalkit.errors import ConfigError
from evalkit.tracking.store import Store


def bundle(results: Path, study: str, uuid: str, *, run_id: str | None = None, at: int = 0) -> Path:
    """A finished bundle, logged as `run_id` where one is given."""
    folder = results / study / uuid
    folder.mkdir(parents=True)
    (folder / "COMPLETE").touch()
    if run_id is not None:
        marker = folder / "SYNCED"
        marker.write_text(json.dumps({"store": "sqlite:///x.db", "experiment_id": "1", "run_id": run_id}))
        os.utime(marker, (at, at))
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_bundle_is_found_by_its_folder_its_uuid_or_its_run(tmp_path: Path) -> None:
    bundle(tmp_path, "lamps", "aaa", run_id="r1")
    wanted = bundle(tmp_path, "lights", "bbb", run_id="r2")
    assert locate(str(wanted), tmp_path) == wanted
    assert locate("bbb", tmp_path) == wanted
    assert locate("r2", tmp_path) == wanted


def test_a_bundle_that_was_never_logged_is_found_by_its_uuid(tmp_path: Path) -> None:
    wanted = bundle(tmp_path, "lights", "bbb")
    assert locate("bbb", tmp_path) == wanted
    assert logged(wanted) is None


def test_an_unknown_run_is_refused_without_creating_a_store(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no bundle for 'r9'"):
        locate("r9", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_marker_that_cannot_be_read_names_no_run(text: str, tmp_path: Path) -> None:
    folder = bundle(tmp_path, "lights", "bbb")
    (folder / "SYNCED").write_text(text, encoding="utf-8")
    assert logged(folder) is None


def test_the_newest_logged_bundle_of_each_study_in_this_store_counts(tmp_path: Path) -> None:
    bundle(tmp_path, "lights", "old", run_id="r1", at=100)
    bundle(tmp_path, "lights", "new", run_id="r2", at=200)
    bundle(tmp_path, "lamps", "one", run_id="r3", at=50)
    assert latest(tmp_path, "sqlite:///x.db") == {
        "lamps": Logged("sqlite:///x.db", "1", "r3"),
        "lights": Logged("sqlite:///x.db", "1", "r2"),
    }
    assert latest(tmp_path, "https://other") == {}


def test_a_local_store_exists_once_its_file_does(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path)
    assert not exists(store)
    (tmp_path / "mlflow.db").touch()
    assert exists(store)
    assert exists(Store("https://runs.city.gov"))

"""An empty working folder with the small study and its data."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.main import main
from tests.small_study import study, write_data, write_study


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: ``configs/study/lights.yaml`` and ``data/lights.csv``."""
    monkeypatch.chdir(tmp_path)
    write_data(write_study(tmp_path))
    return tmp_path


@dataclass(frozen=True)
class Planned:
    """A folder in which a plan was locked and two runs were made.

    Attributes
    ----------
    lock, kept, departed
        What `plan lock`, the run as planned and the run at another event window said; both runs with their bundle
        below `folder`.
    """

    folder: Path
    lock: dict[str, Any]
    kept: dict[str, Any]
    departed: dict[str, Any]


DEPARTURE = "study.design.event_window=[-2,2]"


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """The small study, locked and run twice; for tests that only read what is there."""
    folder = tmp_path_factory.mktemp("planned")
    write_data(write_study(folder, study(checks=["sample_flow"], robustness=["imputation"])))
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
            patch.delenv(name, raising=False)
        for words in (["plan", "lock", "--who", "Evaluation office"], ["run"], ["run", DEPARTURE]):
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                assert main([*words, "study=lights", "--json", "--quiet"]) == 0
            said.append(json.loads(shown.getvalue()))
    return Planned(folder, *said)

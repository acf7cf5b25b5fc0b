"""`mlflow run` on the project file, with the small study beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.small_study import study, write_data, write_study

PROJECT = Path(__file__).parents[2] / "mlproject"
HOSTILE = "lights$(touch hacked)`touch hacked`"


def mlflow_run(folder: Path, *parameters: str) -> subprocess.CompletedProcess[str]:
    """Run entry point `main` as a reader of the project would."""
    programs = Path(sys.executable).parent
    words = [part for parameter in parameters for part in ("-P", parameter)]
    command = [str(programs / "mlflow"), "run", ".", "-e", "main", "--env-manager", "local", *words]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def test_the_project_runs_a_study_and_the_evidence_is_in_its_store(tmp_path: Path) -> None:
    write_data(write_study(tmp_path, study(robustness=["callaway_santanna"])))
    shutil.copy(PROJECT, tmp_path / "mlproject")
    done = mlflow_run(tmp_path, "study=lights", "overrides=seed=7 study.design.level=0.9")
    assert done.returncode == 0, done.stderr
    assert "Headline" in done.stdout
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        statuses = {status for (status,) in store.execute("select status from runs")}
        roles = [role for (role,) in store.execute("select value from tags where key = 'evalkit.role'")]
    assert statuses == {"FINISHED"}
    assert roles.count("study") == 1
    assert len(roles) > 1


@pytest.mark.promise("trap-14")
def test_a_hostile_parameter_is_a_name_of_no_study_and_never_a_command(tmp_path: Path) -> None:
    write_data(write_study(tmp_path))
    shutil.copy(PROJECT, tmp_path / "mlproject")
    done = mlflow_run(tmp_path, f"study={HOSTILE}", f"overrides={HOSTILE}")
    assert done.returncode != 0
    assert not (tmp_path / "hacked").exists()


@pytest.mark.promise("trap-14")
def test_placeholders_stand_bare_so_that_mlflow_quotes_them() -> None:
    entries = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))["entry_points"]
    command = entries["main"]["command"]
    for name in entries["main"]["parameters"]:
        assert f"{{{name}}}" in command
        for quote in "\"'":
            assert f"{quote}{{{name}}}" not in command
    assert set(entries) == {"main", "test"}

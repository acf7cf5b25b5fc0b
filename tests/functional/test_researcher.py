"""What a researcher does by docs/adding-an-estimator.md: its class in a file, and as an installed package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import evalkit as ek
from evalkit.cli.main import main
from tests.small_study import study, write_data, write_study

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-an-estimator.md").read_text("utf-8")
CLASS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
TOML = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
PROJECT = tomllib.loads(TOML)
COMMAND = next(line for line in PAGE.splitlines() if line.startswith("evalkit run --plugin"))
MOST_LINES = 30


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small study, without the estimator."""
    monkeypatch.chdir(tmp_path)
    write_data(write_study(tmp_path, study(checks=["sample_flow"], robustness=[])))
    return tmp_path


def test_the_estimator_of_the_page_has_thirty_lines() -> None:
    inside = CLASS[CLASS.index("class ") :].splitlines()
    assert len([line for line in inside if line.strip()]) <= MOST_LINES


@pytest.mark.calibration
def test_the_command_of_the_page_runs_a_study_with_the_file_of_the_page(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word.replace("night_buses", "lights") for word in COMMAND.split()[1:]]
    file = Path(words[words.index("--plugin") + 1])
    file.parent.mkdir()
    file.write_text(CLASS, encoding="utf-8")
    assert main([*words, "--json", "--quiet"]) == 0
    bundle = folder / json.loads(capsys.readouterr().out)["bundle"]
    estimate = json.loads((bundle / "evidence.json").read_text("utf-8"))["estimates"][0]
    assert estimate["estimator"] == "change_of_means"


def test_a_package_as_the_page_has_it_is_found_by_its_entry_point(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ((group, points),) = PROJECT["project"]["entry-points"].items()
    ((name, target),) = points.items()
    module = target.partition(":")[0]
    site = folder / "site-packages"
    record = site / "city_estimators-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: city-estimators\nVersion: 1.0\n", encoding="utf-8")
    (record / "entry_points.txt").write_text(f"[{group}]\n{name} = {target}\n", encoding="utf-8")
    file = (site / module.replace(".", "/")).with_suffix(".py")
    file.parent.mkdir()
    file.write_text(CLASS, encoding="utf-8")
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(site)
    assert main(["validate", "study=lights", f"estimator={name}", "--quiet", "--json"]) == 0
    capsys.readouterr()
    assert main(["list", "estimators", "--json"]) == 0
    listed = {row["estimator"]: row["answers"] for row in json.loads(capsys.readouterr().out)}
    assert listed[name] == "One pooled effect between two points in time."
    assert main(["validate", "--plugin", module, "study=lights", f"estimator={name}", "--quiet"]) == 0
    evaluation = ek.evaluate(ek.load_study("lights", [f"estimator={name}"]))
    assert evaluation.estimate.estimator == name
    assert evaluation.evidence.to_dict()["estimates"][0]["estimator"] == name


@pytest.mark.calibration
def test_a_package_built_and_installed_from_the_page_runs_a_study(folder: Path) -> None:
    project, site = folder / "package", folder / "site-packages"
    (project / "city_estimators").mkdir(parents=True)
    (project / "pyproject.toml").write_text(TOML, encoding="utf-8")
    (project / "city_estimators" / "__init__.py").touch()
    (project / "city_estimators" / "means.py").write_text(CLASS, encoding="utf-8")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, *install, site, project], check=True, capture_output=True)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, "-m", "evalkit.cli", "run", "study=lights", "estimator=change_of_means", "--json", "-q"]
    done = subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["estimator"] == "change_of_means"

"""The wheel, installed away from the checkout, runs a study in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def call(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    call(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("evalkit-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of a fresh environment that holds the wheel, and this environment's dependencies."""
    environment = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", environment, cwd=environment)
    programs = environment / "bin"
    install: list[str | Path] = [programs / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    call(*install, "--no-deps", "--no-index", wheel, cwd=environment)
    packages = Path(
        call(
            programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=environment
        ).strip()
    )
    # A path file adds a folder without running the path files in it, so the checkout stays out of reach.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return programs


def test_the_wheel_holds_the_configs_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    configs = {str(file.relative_to(ROOT / "configs")) for file in (ROOT / "configs").rglob("*.yaml")}
    assert {f"evalkit/configs/{name}" for name in configs} <= set(names)
    assert "evalkit/py.typed" in names
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"evalkit"}


@pytest.mark.slow
def test_the_installed_wheel_runs_a_study_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLFLOW_"))}
    where = call(installed / "python", "-c", "import evalkit; print(evalkit.__file__)", cwd=tmp_path, env=env)
    assert Path(where.strip()).is_relative_to(installed.parent)

    listed = call(installed / "evalkit", "list", "studies", cwd=tmp_path, env=env)
    assert "castle_doctrine" in listed
    assert "enterprise_zones" in listed

    call(
        installed / "evalkit",
        "run",
        "study=enterprise_zones",
        "study.robustness=[two_way_fixed_effects]",
        cwd=tmp_path,
        env=env,
    )
    (bundle,) = (marker.parent for marker in (tmp_path / "results" / "enterprise_zones").glob("*/COMPLETE"))
    assert (bundle / "SYNCED").is_file()
    evidence = json.loads((bundle / "evidence.json").read_text("utf-8"))
    assert evidence["identity"]["study_id"] == "enterprise_zones"

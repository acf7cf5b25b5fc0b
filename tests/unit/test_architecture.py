"""The house keeps its own rules: floors, names that match, a lock that names no index."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from itertools import permutations
from pathlib import Path

import grimp
import pytest
import yaml

import evalkit
from evalkit.estimators import registry

ROOT = Path(__file__).parents[2]
SHARED_BY_ESTIMATORS = {"base", "registry"}
LINE_LIMIT = 450
"""Lines of a file that are not blank: past this, one file holds two ideas."""
HEAVY = ("arviz", "causaldata", "duckdb", "hydra", "linearmodels", "matplotlib", "mlflow", "nutpie", "pyarrow", "pymc")


def python_files() -> list[Path]:
    return sorted((ROOT / "evalkit").rglob("*.py"))


def names_in(folder: str) -> set[str]:
    return {file.stem for file in (ROOT / folder).glob("*.yaml")}


def test_imports_run_downward_only() -> None:
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_import_is_exempt_from_the_floors() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    assert [contract["name"] for contract in contracts if contract.get("ignore_imports")] == []
    floors = contracts[0]
    assert floors["type"] == "layers"
    assert floors["exhaustive"] is True


def test_estimators_do_not_import_each_other() -> None:
    graph = grimp.build_graph("evalkit", exclude_type_checking_imports=True, cache_dir=None)
    estimators = {
        module
        for module in graph.find_children("evalkit.estimators")
        if module.rpartition(".")[2] not in SHARED_BY_ESTIMATORS
    }
    assert {target.partition(":")[0] for target in registry.BUILT_IN.values()} <= estimators
    hops = [
        (importer, imported)
        for importer, imported in permutations(sorted(estimators), 2)
        if graph.chain_exists(importer=importer, imported=imported, as_packages=True)
    ]
    assert hops == []


def test_every_study_has_a_config_a_protocol_and_a_data_card() -> None:
    signed = {folder.name for folder in (ROOT / "studies").iterdir() if folder.is_dir()}
    assert signed == names_in("configs/study")
    for name in signed:
        assert (ROOT / "studies" / name / "protocol.md").is_file()
        assert (ROOT / "studies" / name / "data.yaml").is_file()
        assert (ROOT / "tests" / "studies" / f"test_{name}.py").is_file()


def test_every_study_is_named_like_its_file() -> None:
    for file in (ROOT / "configs" / "study").glob("*.yaml"):
        assert yaml.safe_load(file.read_text("utf-8"))["id"] == file.stem


def test_every_registered_estimator_has_a_config_of_its_name() -> None:
    assert set(registry.BUILT_IN) == names_in("configs/estimator")
    for name in registry.BUILT_IN:
        assert yaml.safe_load((ROOT / "configs" / "estimator" / f"{name}.yaml").read_text("utf-8"))["name"] == name
        assert registry.get(name).name == name


@pytest.mark.promise("secure-lock")
def test_the_lock_is_hashed_and_names_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    requirements = re.findall(r"^[a-z0-9][a-z0-9._-]*==.*(?:\n    .*)*", lock, flags=re.MULTILINE)
    assert len(requirements) > 50
    assert [text.split()[0] for text in requirements if "--hash=sha256:" not in text] == []
    assert (
        re.findall(r"^\s*--?(?:index|extra-index|find-links|trusted)\S*|\w+://\S+|file:\S+", lock, re.MULTILINE) == []
    )


@pytest.mark.promise("secure-lock")
def test_the_lock_covers_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {normalized(text) for text in [*project["dependencies"], *extras["dev"], *extras["server"]]}
    locked = {
        normalized(text)
        for text in re.findall(r"^[a-z0-9][\w.-]*(?===)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    }
    assert declared <= locked


def normalized(requirement: str) -> str:
    """Name of a requirement as indexes spell it."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def test_the_changelog_has_the_version_and_the_package_agrees() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert evalkit.__version__ == project["version"]
    assert re.search(
        rf"^## {re.escape(evalkit.__version__)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )


@pytest.mark.parametrize("statement", ["import evalkit", "import evalkit.cli.main"])
def test_heavy_libraries_are_not_imported_before_they_are_needed(statement: str) -> None:
    program = f"{statement}\nimport sys\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_file_of_the_package_is_past_the_limit() -> None:
    lines = {file: sum(bool(line.strip()) for line in file.read_text("utf-8").splitlines()) for file in python_files()}
    assert {str(file.relative_to(ROOT)): count for file, count in lines.items() if count > LINE_LIMIT} == {}


def test_what_estimators_and_inference_pass_around_never_changes() -> None:
    every = [
        value
        for package in ("evalkit.estimators", "evalkit.inference", "evalkit.evidence")
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
        for value in vars(importlib.import_module(found.name)).values()
        if inspect.isclass(value) and value.__module__ == found.name and dataclasses.is_dataclass(value)
    ]
    assert len(every) > 50
    assert not [value.__name__ for value in every if not value.__dataclass_params__.frozen]  # type: ignore[attr-defined]

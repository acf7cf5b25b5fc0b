"""Words of a config that other tools would run: columns that are formulas, and what the package itself never calls."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.main import main
from tests.small_study import study, write_data, write_study

TREE = Path(__file__).parents[2]
COMMANDS = {
    "patsy": "I(__import__('os').system('touch hacked'))",
    "pandas": "@pd.io.common.os.system('touch hacked')",
    "python": "__import__('os').system('touch hacked')",
    "shell": "$(touch hacked)",
    "formula": "crimes ~ active + I(year ** 2)",
}
PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "unit": lambda word: {"unit": word},
    "period": lambda word: {"period": word},
    "cohort": lambda word: {"cohort": word},
    "weight": lambda word: {"weight": word},
    "cluster": lambda word: {"cluster": word},
    "covariates": lambda word: {"covariates": [word]},
}
RUN = {"eval", "exec", "compile", "from_formula", "dmatrix", "dmatrices", "literal_eval"}
"""Functions and methods that turn text into code or into a formula."""
OF_FRAMES = {"eval", "query"}
LIBRARIES = {"patsy", "formulaic", "pickle", "cloudpickle", "dill", "shelve", "marshal"}


CASES = [
    pytest.param(kind, place, marks=() if (i - j) % len(COMMANDS) == 0 else pytest.mark.calibration)
    for i, place in enumerate(PLACES)
    for j, kind in enumerate(COMMANDS)
]


@pytest.mark.parametrize(("kind", "place"), CASES)
@pytest.mark.promise("trap-04", "law-no-traceback")
def test_a_column_that_is_a_formula_is_a_column_that_is_not_there(
    kind: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed: dict[str, Any] = {**study()["data"], **PLACES[place](COMMANDS[kind])}
    write_data(write_study(tmp_path, study(data=changed)))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["validate", "study=lights", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert COMMANDS[kind] in said
    assert "Traceback" not in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.promise("trap-04", "trap-05", "secure-pickle")
def test_no_file_of_the_package_turns_text_into_code_or_imports_what_does() -> None:
    found = []
    for file in sorted((TREE / "evalkit").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            place = f"{file.relative_to(TREE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                called = node.func
                if isinstance(called, ast.Name) and called.id in RUN:
                    found.append(f"{place} calls {called.id}")
                if isinstance(called, ast.Attribute) and called.attr in OF_FRAMES | {"from_formula", "instantiate"}:
                    found.append(f"{place} calls .{called.attr}")
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found += [f"{place} imports {name}" for name in names if name.split(".")[0] in LIBRARIES]
    assert found == []

"""Words of a config that other tools would run, where a column is named; covariates: tests/security."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.main import main
from tests.small_study import study, write_data, write_study

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
}
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

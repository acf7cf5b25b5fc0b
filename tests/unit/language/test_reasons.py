"""Reasons of refusals: English as text, told in the language spoken, each with a template."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.data.columns import name_rows
from evalkit.data.panel import Panel
from evalkit.errors import DataError, DesignRefused, Reason, named
from evalkit.inference.reported import NotComputable
from evalkit.language import speaking, why
from evalkit.language.extraction import PACKAGE
from evalkit.testing.simulate import staggered_frame

REFUSALS = frozenset({"DesignRefused", "EstimationFailed", "NotComputable", "TooCostly"})
"""Errors that are caught and stand on pages: an estimator, a further outcome, a group or a check without a result."""


def test_the_text_of_an_error_stays_english_whatever_is_spoken() -> None:
    with speaking("es"):
        error = DesignRefused(Reason("{name} takes no sampling weights.", name="imputation"), next_step="Take others.")
        assert str(error) == "imputation takes no sampling weights.\n  Next: Take others."
        assert why(error) == "imputation no admite pesos muestrales."
    assert why(error) == error.what


def test_reasons_within_a_reason_are_told_in_its_language_one_after_another() -> None:
    few = Reason("cohorts are smaller than min_cohort_size")
    whole = Reason("Nothing after the start of treatment can be estimated: {reasons}.",
                   reasons=[few, Reason("nobody to compare with")])  # fmt: skip
    assert str(whole).endswith(": cohorts are smaller than min_cohort_size; nobody to compare with.")
    with speaking("pt"):
        assert why(whole).endswith("do programa: há coortes menores que min_cohort_size; não há com quem comparar.")


def test_numbers_in_a_reason_are_written_as_the_language_writes_them() -> None:
    asked = Reason("the estimator made its interval at {own:g}, and the study reports {level:g}", own=0.95, level=0.9)
    with speaking("pt"):
        assert (
            why(NotComputable(asked))
            == "o estimador construiu o seu intervalo no nível 0,95, e o estudo informa o nível 0,9"
        )


def test_names_left_out_are_counted_in_the_language() -> None:
    with speaking("es"):
        assert why(named("abc", limit=2)) == "'a', 'b' y 1 más"


def test_a_refusal_of_the_data_is_told_with_its_rows() -> None:
    frame = staggered_frame(n_units=20, seed=1).astype({"y": object})
    frame.loc[[3, 7], "y"] = "none"
    with pytest.raises(DataError) as caught:
        Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    assert name_rows(frame.index, (frame.y == "none").to_numpy()) in str(caught.value)
    with speaking("es"):
        assert why(caught.value) == (
            "La columna 'y' (resultado) debe contener números, pero contiene texto: 'none' en las filas 3, 7 (contadas "
            "desde 0)."
        )


def test_an_error_with_a_plain_text_says_it_in_every_language() -> None:
    with speaking("es"):
        assert why(DesignRefused("My estimator needs {more}.")) == "My estimator needs {more}."


def test_every_refusal_of_the_package_has_a_template_that_can_be_translated() -> None:
    found = [*_calls()]
    refusals = [each for name, each in found if name in REFUSALS]
    assert len(refusals) > 100
    untold = [each for each in refusals if not each.args or isinstance(each.args[0], ast.Constant | ast.JoinedStr)]
    assert [ast.unparse(each) for each in untold] == []
    reasons = [each.args[0] for name, each in found if name == "Reason"]
    assert [ast.unparse(each) for each in reasons if not _literal(each)] == []


@pytest.mark.parametrize("part", ["estimators", "inference"])
def test_whatever_an_estimator_refuses_has_a_template(part: str) -> None:
    found = [each for name, each in _calls(PACKAGE / part) if name in {"DataError", "ConfigError"}]
    untold = [ast.unparse(each.args[0]) for each in found if isinstance(each.args[0], ast.Constant | ast.JoinedStr)]
    assert untold == []


def _calls(part: Path = PACKAGE) -> Iterator[tuple[str, ast.Call]]:
    """Every call by a plain name in a part of the package, with the name."""
    outside = {PACKAGE / "language" / "templates.py", PACKAGE / "estimators" / "registry.py"}
    for file in sorted({*part.rglob("*.py")} - outside):
        source = file.read_text("utf-8")
        if not any(f"{name}(" in source for name in (*REFUSALS, "Reason")):
            continue  # a second less
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node.func.id, node


def _literal(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _literal(node.body) and _literal(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)

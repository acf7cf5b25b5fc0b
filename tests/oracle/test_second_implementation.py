"""Every frequentist estimator and every rule of inference against a second implementation, on random small panels."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from evalkit.estimators import registry
from tests.oracle.panels import KINDS, draw
from tests.oracle.second.compare import Case, compare
from tests.oracle.second.tables import CASES

BAYESIAN = "bayesian_"
HERE = Path(__file__).parent
OF_THE_PACKAGE = {"read.py", "compare.py", "report.py"}
"""Files that call the package or compare with it; tables do too."""
PROMISED = {
    "two_way_fixed_effects": "second-two-way-fixed-effects",
    "callaway_santanna": "second-callaway-santanna",
    "sun_abraham": "second-sun-abraham",
    "imputation": "second-imputation",
    "extended_twfe": "second-extended-twfe",
    "poisson_fixed_effects": "second-poisson-fixed-effects",
    "stacked_did": "second-stacked-did",
    "switching_did": "second-switching-did",
    "triple_difference": "second-triple-difference",
    "synthetic_control": "second-synthetic-control",
    "augmented_synthetic_control": "second-augmented-synthetic-control",
    "synthetic_did": "second-synthetic-did",
    "interactive_fixed_effects": "second-interactive-fixed-effects",
    "interrupted_time_series": "second-interrupted-time-series",
    "inference": "second-inference",
}
"""First word of a case to the promise that it holds."""
FORBIDDEN = ("evalkit.numerics", "evalkit.estimators", "evalkit.inference")


def _promised() -> list[Any]:
    return [
        pytest.param(case, id=case.name, marks=pytest.mark.promise(PROMISED[case.name.split(",")[0]])) for case in CASES
    ]


@pytest.mark.parametrize("case", _promised())
def test_a_second_implementation_gives_the_same_numbers_and_refusals(case: Case) -> None:
    found = compare(case, range(case.short))
    assert not found.wrong, "\n".join(found.wrong[:10])
    assert found.compared > 0


@pytest.mark.calibration
@pytest.mark.parametrize("case", _promised())
def test_a_second_implementation_gives_the_same_numbers_at_length(case: Case) -> None:
    found = compare(case, range(case.panels))
    assert not found.wrong, "\n".join(found.wrong[:10])
    assert found.compared > found.refused


def test_every_frequentist_estimator_has_a_second_implementation() -> None:
    compared = {case.name.split(",")[0] for case in CASES}
    frequentist = {name for name in registry.BUILT_IN if not name.startswith(BAYESIAN)}
    assert frequentist <= compared, f"without a second implementation: {sorted(frequentist - compared)}"


def test_second_implementations_share_nothing_with_what_they_are_compared_with() -> None:
    """Names for type checkers alone are no code; the tables and readers call the package, that is their work."""
    shared = []
    for path in sorted(HERE.rglob("*.py")):
        if path.name in OF_THE_PACKAGE or path.name.startswith(("test_", "table")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        aside = {id(node) for block in ast.walk(tree) if _for_types(block) for node in ast.walk(block)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in aside:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
                shared += [f"{path.name}: {name}" for name in names if name.startswith(FORBIDDEN)]
    assert not shared


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_panels_are_of_every_kind_and_the_package_reads_all_of_them() -> None:
    worlds = [draw(seed) for seed in range(2 * len(KINDS))]
    assert {world.kind for world in worlds} == set(KINDS)
    for world in worlds:
        panel = world.panel()
        assert panel.outcome.shape == world.y.shape, world.kind
        assert (~panel.observed).sum() == (world.y != world.y).sum()

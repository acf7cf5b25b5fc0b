"""Several two-period contrasts at once against one at a time by the printed formulas."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.doubly_robust import Arm, Contrasts, Method, fit_contrasts
from evalkit.vocabulary import FloatArray
from tests.oracle.callaway_santanna import two_periods

SAME = 1e-9  # cross-products against residuals one at a time
PAIRS = [(1, 0), (2, 0), (3, 2)]


def arms(seed: int = 0, slope: float = 0.7) -> tuple[Arm, Arm]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(150), rng.standard_normal((150, 2))])
    treated = rng.random(150) < 1.0 / (1.0 + np.exp(-slope * X[:, 1]))
    y = rng.standard_normal((150, 4)) + np.outer(X[:, 1], np.arange(4.0))
    weight = rng.uniform(0.5, 2.0, 150)
    return Arm(X[treated], weight[treated], y[treated]), Arm(X[~treated], weight[~treated], y[~treated])


def contrast() -> FloatArray:
    matrix = np.zeros((4, len(PAIRS)))
    for column, (period, base) in enumerate(PAIRS):
        matrix[period, column], matrix[base, column] = 1.0, -1.0
    return matrix


def fitted(treated: Arm, comparison: Arm, method: Method) -> Contrasts:
    found = fit_contrasts(treated, comparison, contrast(), method)
    assert isinstance(found, Contrasts)
    return found


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_effects_and_influence_functions_are_those_of_drdid(method: Method) -> None:
    treated, comparison = arms()
    found = fitted(treated, comparison, method)
    X, weight = np.vstack([treated.X, comparison.X]), np.r_[treated.weight, comparison.weight]
    y, D = np.vstack([treated.outcome, comparison.outcome]), np.r_[np.ones(len(treated.X)), np.zeros(len(comparison.X))]
    psi = np.vstack([found.treated_influence(treated), found.comparison_influence(comparison)])
    for column, (period, base) in enumerate(PAIRS):
        effect, influence = two_periods(y[:, period] - y[:, base], D, X, weight, method)
        assert found.effect[column] == pytest.approx(effect, rel=SAME)
        np.testing.assert_allclose(psi[:, column], influence / len(y), atol=SAME)


def test_doubly_robust_survives_a_wrong_outcome_model_or_a_wrong_score() -> None:
    """With trends linear in x the regression is exact, so that weighting by a wrong score does no harm."""
    treated, comparison = arms(slope=1.0)

    def exact_trend(arm: Arm) -> Arm:
        return Arm(arm.X, arm.weight, np.outer(1.0 + 2.0 * arm.X[:, 1] - arm.X[:, 2], np.arange(4.0)))

    exact = exact_trend(treated), exact_trend(comparison)
    np.testing.assert_allclose(fitted(exact[0], exact[1], "dr").effect, 0.0, atol=1e-12)
    assert np.abs(fitted(exact[0], exact[1], "ipw").effect).max() > 1e-3


def test_a_start_for_the_score_changes_nothing() -> None:
    treated, comparison = arms(1)
    cold = fitted(treated, comparison, "dr")
    warm = fit_contrasts(treated, comparison, contrast(), "dr", np.array([0.2, 0.5, -0.3]))
    assert isinstance(warm, Contrasts)
    np.testing.assert_allclose(warm.effect, cold.effect, rtol=SAME)


def test_comparison_units_with_scores_near_one_are_trimmed() -> None:
    treated, comparison = arms(2)
    trimmed = 0
    for far_out in np.linspace(4.0, 12.0, 33):
        joined = Arm(
            np.vstack([comparison.X, [1.0, far_out, 0.0]]),
            np.r_[comparison.weight, 1e-6],
            np.vstack([comparison.outcome, [0.0, 1e9, 2e9, 4e9]]),
        )
        found = fit_contrasts(treated, joined, contrast(), "ipw")
        if isinstance(found, str) or found.gamma is None:
            assert found == "no_overlap"
            continue
        is_trimmed = 1.0 / (1.0 + np.exp(-joined.X[-1] @ found.gamma)) >= 0.995
        assert is_trimmed == (np.abs(found.effect).max() < 10.0)  # its outcome of a billion plays no part
        trimmed += is_trimmed
    assert trimmed > 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("no treated", "no_treated_units"),
        ("two comparisons", "too_few_comparison_units"),
        ("flat comparison", "covariates_without_support"),
        ("apart", "no_overlap"),
    ],
)
def test_cells_that_cannot_be_estimated_say_why(change: str, reason: str) -> None:
    treated, comparison = arms(3)
    if change == "no treated":
        treated = Arm(treated.X, np.zeros(len(treated.X)), treated.outcome)
    if change == "two comparisons":
        comparison = Arm(comparison.X[:2], comparison.weight[:2], comparison.outcome[:2])
    if change == "flat comparison":
        comparison = Arm(comparison.X * [1.0, 1.0, 0.0], comparison.weight, comparison.outcome)
    if change == "apart":
        treated = Arm(treated.X + np.array([0.0, 40.0, 0.0]), treated.weight, treated.outcome)
    assert fit_contrasts(treated, comparison, contrast(), "dr") == reason

"""Effect sizes: their limits, signs and refusals (worked numbers: tests/reference/effect_sizes)."""

from __future__ import annotations

import math

import pytest

from evalkit.evidence import effect_sizes as es
from evalkit.evidence.standard import shipped

ROUNDING = 1e-12
"""Floating-point arithmetic only."""
BOUNDARY = shipped().attrition


def test_g_changes_sign_with_the_difference_and_not_with_the_unit_of_the_outcome() -> None:
    g = es.hedges_g(3, 20, 30, 4, 5)
    assert es.hedges_g(-3, 20, 30, 4, 5) == pytest.approx(-g, abs=ROUNDING)
    assert es.hedges_g(3000, 20, 30, 4000, 5000) == pytest.approx(g, abs=ROUNDING)


def test_g_refuses_an_outcome_that_does_not_vary() -> None:
    with pytest.raises(ValueError, match="does not vary"):
        es.hedges_g(1, 20, 20, 0, 0)


def test_cox_index_is_antisymmetric_and_refuses_certainty() -> None:
    assert es.cox_index(0.2, 0.5, 100, divisor=1.65) == pytest.approx(-es.cox_index(0.5, 0.2, 100, divisor=1.65))
    with pytest.raises(ValueError, match="between 0 and 1"):
        es.cox_index(1.0, 0.5, 100, divisor=1.65)


def test_did_effect_size_by_gaps_equals_the_one_by_att_when_spreads_agree() -> None:
    n, sd, post, pre = 80, 4.0, 3.0, 1.0
    by_gaps = es.did_g_from_gaps(es.hedges_g(post, 40, 40, sd, sd), es.hedges_g(pre, 40, 40, sd, sd))
    assert es.did_g_from_att(post - pre, sd, n) == pytest.approx(by_gaps, abs=ROUNDING)


def test_without_intraclass_correlation_clusters_change_nothing() -> None:
    assert es.cluster_degrees_of_freedom(100, 5, 0.0) == pytest.approx(98.0)
    assert es.cluster_effect_factor(100, 5, 0.0) == 1.0
    assert es.cluster_adjusted_t(2.5, 200, 10, 0.0) == pytest.approx(2.5)
    assert es.design_effect(10, 0.0) == 1.0


def test_cluster_factor_and_design_effect_follow_their_formulas() -> None:
    assert es.cluster_effect_factor(200, 10, 0.1) == pytest.approx(math.sqrt(1 - 2 * 9 * 0.1 / 198))
    assert es.design_effect(10, 0.1) == pytest.approx(1.9)


@pytest.mark.parametrize(("g", "status"), [(0.05, "passes"), (-0.06, "needs adjustment"), (0.25, "needs adjustment"),
                                           (-0.26, "fails")])  # fmt: skip
def test_baseline_difference_is_read_at_its_boundaries(g: float, status: str) -> None:
    assert es.baseline_status(g, passes=0.05, fails=0.25) == status


@pytest.mark.parametrize(
    ("overall", "differential", "status"),
    [
        (0.0, 5.7, "low"),
        (0.0, -5.8, "low under optimistic assumptions"),
        (0.0, 10.1, "high"),
        (20.5, 5.35, "low"),
        (20.5, 5.36, "low under optimistic assumptions"),
        (58.0, 0.0, "high"),
    ],
)
def test_attrition_is_read_against_both_boundaries(overall: float, differential: float, status: str) -> None:
    found = es.attrition_status(
        overall, differential, cautious=BOUNDARY.cautious, optimistic=BOUNDARY.optimistic
    )  # fmt: skip
    assert found == status


def test_attrition_beyond_100_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="percentage"):
        es.attrition_limit(101.0, BOUNDARY.cautious)


def test_an_effect_on_an_outcome_that_does_not_vary_has_no_size() -> None:
    with pytest.raises(ValueError, match="does not vary"):
        es.did_g_from_att(1.0, 0.0, 40)


def test_clusters_larger_than_the_sample_can_bear_are_refused() -> None:
    """1 - 2 (n-1) r / (N-2) is 0 at clusters of 20 of 40 that are all alike, and below it beyond."""
    assert es.cluster_effect_factor(40, 20, 1.0) == pytest.approx(0.0, abs=ROUNDING)
    with pytest.raises(ValueError, match="clusters of 21 are too large for 40"):
        es.cluster_effect_factor(40, 21, 1.0)

"""Effect sizes against worked numbers in the notation of the What Works Clearinghouse (handbook 4.x / 5.0)."""

from __future__ import annotations

import pytest

from evalkit.evidence import effect_sizes as es
from evalkit.evidence.standard import shipped

PRINTED_4, PRINTED_2, PRINTED_3 = 5e-5, 5e-3, 5e-4
"""Half a unit of the last digit printed."""


def test_hedges_g_of_a_difference_of_minus_12() -> None:
    assert es.hedges_g(-12, 40, 60, 30, 28) == pytest.approx(-0.4133, abs=PRINTED_4)


def test_cox_index_of_30_against_40_percent() -> None:
    divisor = shipped().effect_sizes.cox_divisor
    assert es.cox_index(0.30, 0.40, 200, divisor=divisor) == pytest.approx(-0.2668, abs=PRINTED_4)


def test_improvement_index_of_a_quarter_standard_deviation() -> None:
    assert es.improvement_index(0.25) == pytest.approx(9.87, abs=PRINTED_2)


def test_effective_degrees_of_freedom_of_20_clusters_of_5() -> None:
    assert es.cluster_degrees_of_freedom(100, 5, 0.1) == pytest.approx(94.40, abs=PRINTED_2)


def test_t_statistic_that_ignored_20_clusters() -> None:
    assert es.cluster_adjusted_t(2.5, 200, 200 / 20, 0.1) == pytest.approx(1.805, abs=PRINTED_3)


def test_boundaries_have_one_entry_for_each_percent_from_0_to_57() -> None:
    boundaries = shipped().attrition
    assert (boundaries.cautious[0], boundaries.cautious[20], boundaries.cautious[57]) == (5.7, 5.4, 0.0)
    assert (boundaries.optimistic[0], boundaries.optimistic[20], boundaries.optimistic[57]) == (10.0, 10.0, 2.1)
    assert all(o > c for o, c in zip(boundaries.optimistic, boundaries.cautious, strict=True))

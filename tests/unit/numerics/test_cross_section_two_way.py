"""The static coefficient and the event study of persons, and what cannot be identified."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.errors import DesignRefused
from evalkit.numerics.cross_section_remarks import on_errors, two_way_remarks
from evalkit.numerics.cross_section_two_way import TwoWay, fit_two_way
from evalkit.vocabulary import NEVER, POOLED
from tests.unit.numerics.test_cross_section_regression import persons

TIME = np.arange(5)
STARTS = np.array([4, 2, 3, NEVER, NEVER])


def fitted(starts: Any = STARTS, anticipation: int = 0, robust: bool = True, clustered: bool = False) -> TwoWay:
    sample = persons(clustered=clustered)
    return fit_two_way(sample, np.asarray(starts), TIME, anticipation=anticipation, robust=robust)


def test_the_reference_is_zero_and_comes_last() -> None:
    fit = fitted()
    assert fit.labels.tolist() == [POOLED, -4, -3, -2, 0, 1, 2, -1]
    assert fit.effect[-1] == 0.0
    assert (fit.covariance[-1] == 0.0).all()
    assert fit.n_treated[0] == fit.n_treated[4:7].sum()


def test_influence_functions_give_the_joint_covariance() -> None:
    for clustered in (False, True):
        fit = fitted(clustered=clustered)
        assert fit.influence_of is not None
        psi = fit.influence_of()
        np.testing.assert_allclose(psi.T @ psi, fit.covariance, rtol=1e-9, atol=1e-15)
        assert len(psi) == (40 if clustered else 500)


def test_homoskedastic_errors_have_no_influence_functions() -> None:
    fit = fitted(robust=False)
    assert fit.influence_of is None
    assert (np.diag(fit.covariance)[:-1] > 0.0).all()
    assert fit.degrees_of_freedom == 500 - 9 - 3


def test_a_periods_anticipation_is_left_out_and_moves_the_reference() -> None:
    fit = fitted(anticipation=1)
    assert fit.labels[-1] == -2
    assert fit.anticipated > 0
    assert [remark.id for remark in two_way_remarks(fit, persons(), ("x", "z"))][:2] == [
        "forbidden_comparisons",
        "anticipation_rows",
    ]


def test_without_never_treated_groups_there_is_a_second_reference() -> None:
    fit = fitted(starts=[1, 2, 3, 4, 4])
    assert fit.second_reference == -4
    assert -4 not in fit.labels
    assert "second_reference" in [remark.id for remark in two_way_remarks(fit, persons(), ("x", "z"))]


def test_one_start_for_all_is_refused() -> None:
    with pytest.raises(DesignRefused, match="does not vary within groups and periods"):
        fitted(starts=[2, 2, 2, 2, 2])


def test_a_gap_where_the_reference_should_be_is_refused() -> None:
    time, starts = np.array([0, 1, 3, 4, 5]), np.array([3, NEVER, NEVER, NEVER, NEVER])
    with pytest.raises(DesignRefused, match="event time -1, the reference"):
        fit_two_way(persons(), starts, time, anticipation=0, robust=True)


def test_one_untreated_period_without_never_treated_groups_is_refused() -> None:
    with pytest.raises(DesignRefused, match="have one untreated period only"):
        fitted(starts=[0, 0, 1, 1, 1])


def test_independent_persons_are_said_to_be_so() -> None:
    assert [remark.id for remark in on_errors(None)] == ["errors_of_persons"]
    assert on_errors(50) == []
    assert [remark.id for remark in on_errors(8)] == ["few_clusters"]

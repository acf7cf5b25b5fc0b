"""Series that are to be explained: who is averaged with whom, and which covariates can tell donors apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import DesignRefused
from evalkit.inference.donor_targets import targets_of
from tests.synthetic_worlds import factor_frame, mean_fitter


def panel(holes: int = 0) -> ek.Panel:
    """Three treated units that start together, `holes` of them without their first period."""
    made = ek.Panel.from_frame(
        factor_frame(2, units=12, treated=3), unit="unit", period="period", outcome="y", cohort="cohort"
    )
    outcome = made.outcome.copy()
    outcome[np.flatnonzero(~made.never_treated)[:holes], 0] = np.nan
    return dataclasses.replace(made, outcome=outcome)


def test_of_several_groups_of_one_start_the_largest_is_averaged() -> None:
    for holes in (1, 2):
        made = panel(holes)
        (target,) = targets_of(made, mean_fitter.pools(made), (), 1.0, merged=True)
        seen = np.flatnonzero(~made.never_treated)
        rows = seen[1:] if holes == 1 else seen[:2]
        assert target.size == 2
        np.testing.assert_allclose(target.series.own, made.outcome[np.ix_(rows, target.pool.columns)].mean(axis=0))


def test_a_covariate_that_no_donor_differs_in_is_not_matched() -> None:
    made = panel()
    values = np.repeat(np.arange(12.0)[:, None], 36, axis=1)
    with_both = dataclasses.replace(made, covariates={"alike": np.full_like(values, 4.0), "apart": values})
    pools = mean_fitter.pools(with_both)
    (both,) = targets_of(with_both, pools, ("alike", "apart"), 2.0, merged=True)
    (one,) = targets_of(with_both, pools, ("apart",), 2.0, merged=True)
    np.testing.assert_array_equal(both.series.predictors, one.series.predictors)
    assert len(one.series.predictors) == 1


def test_a_donor_that_is_the_treated_unit_at_another_level_is_refused_where_levels_may_differ() -> None:
    made = ek.Panel.from_frame(
        factor_frame(2, units=12, treated=1), unit="unit", period="period", outcome="y", cohort="cohort"
    )
    outcome, before = made.outcome.copy(), made.time < made.first_treated.min()
    (own,), donor = np.flatnonzero(~made.never_treated), np.flatnonzero(made.never_treated)[4]
    outcome[donor, before] = outcome[own, before] + 5.0
    moved = dataclasses.replace(made, outcome=outcome)
    fit = ek.BayesianSyntheticControl(walkers=50, prior_pull=False)
    assert fit.fit(moved, rng=np.random.default_rng(0)).n_units == 12
    with pytest.raises(DesignRefused, match="to the last digit"):
        ek.BayesianSyntheticControl(walkers=50, prior_pull=False, intercept=True).fit(
            moved, rng=np.random.default_rng(0)
        )

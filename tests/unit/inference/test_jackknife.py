"""Leaving out one cluster at a time, against the variance of two means."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from evalkit.inference.jackknife import cr3
from evalkit.inference.refits import two_way
from evalkit.inference.reported import NotComputable
from evalkit.testing.simulate import staggered_panel

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


def test_of_two_means_it_is_the_jackknife_variance_with_welchs_degrees() -> None:
    made = staggered_panel(n_units=11, n_periods=6, cohorts={4: 4 / 11}, seed=5)
    change = made.outcome[:, 3:].mean(axis=1) - made.outcome[:, :3].mean(axis=1)
    arms = change[~made.never_treated], change[made.never_treated]
    # leaving out one of n moves a mean by (x - m) / (n - 1)
    parts = [10 / 11 * float(((arm - arm.mean()) ** 2).sum()) / (len(arm) - 1) ** 2 for arm in arms]
    degrees = sum(parts) ** 2 / sum(part**2 / (len(arm) - 1) for part, arm in zip(parts, arms, strict=True))
    gap, error = float(arms[0].mean() - arms[1].mean()), np.sqrt(sum(parts))
    found = cr3(made, two_way(0), alpha=0.05)
    width = float(stats.t(degrees).ppf(0.975)) * error
    assert (found.low, found.high) == pytest.approx((gap - width, gap + width), rel=SAME)
    assert found.degrees_of_freedom == pytest.approx(degrees, rel=SAME)
    assert found.p_value == pytest.approx(2 * float(stats.t(degrees).sf(abs(gap) / error)), rel=SAME)


def test_two_treated_clusters_leave_few_degrees_however_many_are_compared() -> None:
    degrees = [
        cr3(staggered_panel(n_units=50, n_periods=6, cohorts={4: 2 / 50}, seed=seed), two_way(0), alpha=0.05)
        for seed in range(10)
    ]
    found = np.array([each.degrees_of_freedom for each in degrees], dtype=np.float64)
    assert found.min() >= 1.0
    assert np.median(found) < 2.0


def test_one_treated_cluster_is_refused() -> None:
    made = staggered_panel(n_units=20, n_periods=6, cohorts={4: 1 / 20}, seed=5)
    with pytest.raises(NotComputable, match="one cluster"):
        cr3(made, two_way(0), alpha=0.05)


def test_a_design_that_rests_on_one_cluster_is_refused_and_so_is_one_in_which_nothing_moves() -> None:
    made = staggered_panel(n_units=12, n_periods=5, cohorts={2: 2 / 12, 4: 2 / 12}, seed=6)
    with pytest.raises(NotComputable, match="too many to leave out"):
        cr3(staggered_panel(n_units=1_010, n_periods=3, cohorts={2: 0.5}, seed=1), two_way(0), alpha=0.05)
    alone = dataclasses.replace(made, time=made.time, outcome=np.zeros_like(made.outcome))
    with pytest.raises(NotComputable, match="no cluster moves"):
        cr3(alone, two_way(0), alpha=0.05)
    rests = made.outcome.copy()
    rests[~made.never_treated & (np.cumsum(~made.never_treated) > 1), :4] = np.nan  # one start is seen from both sides
    with pytest.raises(NotComputable, match="does not exist"):
        cr3(dataclasses.replace(made, outcome=rests), two_way(0), alpha=0.05)

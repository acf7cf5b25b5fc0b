"""The fast static coefficient is the one of the estimator."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.testing.simulate import staggered_panel

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


def simulated(**design: object) -> ek.Panel:
    return staggered_panel(n_units=40, n_periods=7, seed=5, **design)


def variant(name: str) -> ek.Panel:
    rng = np.random.default_rng(8)
    panel = simulated(missing=0.2) if name == "missing cells" else simulated()
    if name == "weights":
        return dataclasses.replace(panel, weight=rng.uniform(0.5, 2.0, panel.outcome.shape))
    if name == "clusters":
        return dataclasses.replace(panel, cluster=np.arange(40, dtype=np.int64) % 13)
    if name == "a unit seen once":
        outcome = panel.outcome.copy()
        outcome[3, 1:] = np.nan
        return dataclasses.replace(panel, outcome=outcome)
    return panel


@pytest.mark.parametrize("name", ["balanced", "missing cells", "weights", "clusters", "a unit seen once"])
def test_coefficient_and_error_are_those_of_the_estimator(name: str) -> None:
    panel = variant(name)
    overall = ek.TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0)).aggregation("overall")
    found = fit_static_two_way(panel.outcome, panel.treated, panel.cluster_codes, weights=panel.weight)
    assert found is not None
    assert (found.coefficient, found.std_error) == pytest.approx((overall.estimate[0], overall.std_error[0]), rel=SAME)


def test_cells_left_out_do_not_count() -> None:
    panel = simulated()
    start = np.where(panel.never_treated, 0, panel.first_treated)
    before = ~panel.never_treated[:, None] & (panel.time[None, :] == start[:, None] - 1)
    poisoned = np.where(before, 1e6, panel.outcome)
    overall = ek.TwoWayFixedEffects(anticipation=1).fit(panel, rng=np.random.default_rng(0)).aggregation("overall")
    found = fit_static_two_way(poisoned, panel.treated, panel.cluster_codes, left_out=before)
    assert found is not None
    assert (found.coefficient, found.std_error) == pytest.approx((overall.estimate[0], overall.std_error[0]), rel=SAME)


def test_treatment_that_the_effects_absorb_has_no_coefficient() -> None:
    outcome = np.random.default_rng(0).standard_normal((5, 4))
    everyone_at_once = np.broadcast_to(np.arange(4) >= 2, (5, 4))
    assert fit_static_two_way(outcome, everyone_at_once, np.arange(5)) is None
    assert fit_static_two_way(outcome, np.zeros((5, 4), dtype=bool), np.arange(5)) is None


def test_one_treated_cluster_leaves_its_own_noise_out_of_the_error() -> None:
    """Its scores sum to zero: the error only sees how comparison units differ."""
    panel = simulated(cohorts={4: 1 / 40}, effect=0.0)
    louder = panel.outcome.copy()
    louder[panel.first_treated == 3] += 50.0 * np.random.default_rng(1).standard_normal(7)
    errors = []
    for outcome in (panel.outcome, louder):
        fit = fit_static_two_way(outcome, panel.treated, panel.cluster_codes)
        assert fit is not None
        errors.append(fit.std_error)
    assert int((panel.first_treated == 3).sum()) == 1
    assert errors[1] == pytest.approx(errors[0], rel=SAME)

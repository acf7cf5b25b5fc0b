from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.power.history import Placebo
from evalkit.power.kernel import agrees, find_kernel, fits
from evalkit.power.schedule import Wishes
from evalkit.power.simulate import Task, _kernel
from tests.designs import panel as simulated
from tests.designs import study, task

LINEAR = ("two_way_fixed_effects", "callaway_santanna", "sun_abraham", "imputation")


def made(estimator: str) -> tuple[Task, Placebo]:
    one = task(simulated(n_units=45, n_periods=5), study(estimator), Wishes(units=24, treated=6, cohorts=(2,)))
    return one, one.panels(inflate=True)(0)


@pytest.mark.parametrize("estimator", LINEAR)
def test_the_weights_give_every_estimate_and_that_of_the_treatment_itself(estimator: str) -> None:
    one, placebo = made(estimator)

    def overall(panel: Panel) -> float:
        return float(one.fit(panel, 0).aggregation("overall").estimate[0])

    kernel = find_kernel(overall, placebo, one.schedule)
    assert kernel is not None
    panels = one.panels(inflate=True)
    assert all(agrees(kernel.weights, panels(k), overall(panels(k).panel)) for k in range(1, 6))
    # y + c D under another roll-out: the estimate moves by c times what the treatment adds there
    other = np.random.default_rng(1).permutation(placebo.groups)
    time = np.append(placebo.panel.time[one.schedule.columns()], np.iinfo(np.int64).max)
    starts = time[other - 1]
    plain = overall(dataclasses.replace(placebo.panel, first_treated=starts))
    moved = overall(dataclasses.replace(placebo.shifted(3.0), first_treated=starts))
    np.testing.assert_allclose(moved - plain, 3.0 * kernel.on_treatment[placebo.groups, other].sum(), atol=1e-9)


def test_an_estimator_that_is_not_linear_has_no_weights() -> None:
    one, placebo = made("two_way_fixed_effects")
    assert find_kernel(lambda panel: float(np.nanmax(panel.outcome)), placebo, one.schedule) is None


def test_units_that_differ_in_more_than_their_outcome_are_not_exchangeable() -> None:
    _, placebo = made("two_way_fixed_effects")
    panel = placebo.panel
    assert fits(placebo)
    gaps = np.where(np.arange(panel.n_periods) == 2, np.nan, panel.outcome)
    for changed in (
        dataclasses.replace(panel, weight=np.ones(panel.outcome.shape)),
        dataclasses.replace(panel, cluster=np.zeros(panel.n_units, dtype=np.int64)),
        dataclasses.replace(panel, outcome=gaps),
    ):
        assert not fits(dataclasses.replace(placebo, panel=changed))


def test_an_estimator_that_uses_a_covariate_has_no_weights_and_one_that_does_not_has() -> None:
    made = simulated(n_units=45, n_periods=5, covariate_slope=0.5)
    made = dataclasses.replace(made, covariates={"x": np.tile(np.sin(np.arange(45.0))[:, None], (1, 5))})
    for settings, known in (({}, True), ({"covariates": ("x",)}, False)):
        one = task(made, study("callaway_santanna", settings=settings), Wishes(units=24, treated=8, cohorts=(1,)))
        assert (_kernel(one, one.panels(inflate=True)) is not None) is known

"""The placebo start: what it removes, and when it fails."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.checks.base import PanelCheck
from evalkit.checks.goodman_bacon import GoodmanBacon
from evalkit.checks.placebo_period import PlaceboPeriod, shifted_start
from evalkit.checks.randomization_inference import RandomizationInference
from evalkit.checks.twfe_weights import TwfeWeights
from evalkit.checks.wild_bootstrap import WildBootstrapCheck
from evalkit.estimators.switching_did import SwitchingDid
from evalkit.vocabulary import NEVER
from tests.posteriors import judged_by, normal_mean, series
from tests.simulated import context


def test_nothing_the_programme_did_can_show() -> None:
    made = context(effect=1e6)
    placebo = PlaceboPeriod().run(made)[0]
    assert abs(dict(placebo.details)["effect"]) < 2.0
    assert placebo.status == "pass"


def test_treated_and_anticipated_periods_are_removed_and_starts_move() -> None:
    panel = context().panel
    moved = shifted_start(panel, periods=2, anticipation=1)
    ever = ~panel.never_treated
    assert np.isnan(moved.outcome[panel.time[None, :] >= panel.first_treated[:, None] - 1]).all()
    assert (moved.first_treated[ever] == panel.first_treated[ever] - 3).all()
    assert (moved.first_treated[~ever] == NEVER).all()
    assert np.array_equal(moved.outcome[~ever], panel.outcome[~ever])


def test_a_trend_before_the_start_fails_it() -> None:
    found = PlaceboPeriod().run(context(trend_gap=0.8))[0]
    assert found.status == "fail"
    assert "differs from zero" in found.reading


def test_without_room_before_the_start_it_says_so() -> None:
    found = PlaceboPeriod(periods_earlier=6).run(context())[0]
    assert found.status == "not_run"
    assert "could not be estimated" in found.reading


@pytest.mark.parametrize("check", [RandomizationInference(), WildBootstrapCheck(), GoodmanBacon(), TwfeWeights()])
def test_checks_that_move_the_start_do_not_run_on_a_dose(check: PanelCheck) -> None:
    made = context()
    panel = dataclasses.replace(made.panel, dose=np.where(made.panel.treated, 0.5, 0.0))
    (found,) = check.run(dataclasses.replace(made, panel=panel))
    assert found.status == "not_run"
    assert "no one start" in found.reading


def test_a_dose_is_moved_to_its_first_other_value_and_what_it_did_is_removed() -> None:
    panel = context(SwitchingDid()).panel
    half = np.where(panel.treated, 0.5, 0.0)
    half[:, -1] *= 3.0
    half[panel.never_treated] = 2.0
    moved = shifted_start(dataclasses.replace(panel, dose=half), periods=2, anticipation=1)
    ever = ~panel.never_treated
    assert moved.dose is not None
    late = panel.time[None, :] >= panel.first_treated[:, None] - 3
    np.testing.assert_array_equal(moved.dose[ever], np.where(late, 0.5, 0.0)[ever])
    assert (moved.dose[~ever] == 2.0).all()
    assert np.isnan(moved.outcome[panel.time[None, :] >= panel.first_treated[:, None] - 1]).all()
    assert np.array_equal(moved.outcome[~ever], panel.outcome[~ever])


def test_the_placebo_of_a_dose_shows_nothing_it_did_and_a_trend_before_it() -> None:
    for gap, status in ((0.0, "pass"), (0.8, "fail")):
        made = context(SwitchingDid(), seed=4, effect=1e6, trend_gap=gap)
        dosed = dataclasses.replace(made.panel, dose=np.where(made.panel.treated, 0.5, 0.0))
        (found,) = PlaceboPeriod().run(dataclasses.replace(made, panel=dosed))
        assert found.status == status
        assert abs(dict(found.details)["effect"]) < 10.0


def test_a_posterior_is_read_by_the_smaller_of_its_tails() -> None:
    made = judged_by(normal_mean(series(0.1)))
    (found,) = PlaceboPeriod().run(dataclasses.replace(made, fit=lambda _: made.estimate))
    draws = made.estimate.aggregation("overall").draws
    assert draws is not None
    above = float((draws[:, 0] > 0.0).mean())
    assert 0.5 < above < 1.0
    assert (found.statistic, found.value) == ("posterior_two_sided_tail", 2.0 * (1.0 - above))


def test_periods_in_which_a_dose_may_have_changed_already_are_removed() -> None:
    """A unit's dose is not known for two periods before it is first seen changed."""
    panel = context(SwitchingDid()).panel
    unit = int(np.flatnonzero(~panel.never_treated)[0])
    start = int(panel.first_treated[unit])
    dose = np.where(panel.treated, 0.5, 0.0)
    dose[unit, start - 2 : start] = np.nan
    moved = shifted_start(dataclasses.replace(panel, dose=dose), periods=1, anticipation=0)
    assert np.isnan(moved.outcome[unit]).tolist() == (panel.time >= start - 2).tolist()

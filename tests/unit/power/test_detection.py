from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.inference.choose import report
from evalkit.numerics.reassignment import randomization_p, roll_out
from evalkit.power import detection
from evalkit.power.history import Placebo
from evalkit.power.kernel import find_kernel
from evalkit.power.schedule import Schedule, Wishes
from evalkit.power.simulate import Task
from tests.designs import panel as simulated
from tests.designs import study, task

ALPHA = 0.05


def few_treated(treated: int, units: int, estimator: str = "imputation") -> Task:
    made = simulated(n_units=80, n_periods=6, autocorrelation=0.5)
    return task(made, study(estimator), Wishes(units=units, treated=treated, cohorts=(1,)))


def detects(estimate: Estimate, level: float) -> tuple[bool, bool]:
    """Whether the interval lies above 0, and whether it lies below."""
    overall = estimate.aggregation("overall", level=level)
    return bool(overall.low[0] > 0.0), bool(overall.high[0] < 0.0)


def permutation_p(one: Task, placebo: Placebo, effect: float) -> float:
    """The test itself: every estimate fitted again."""
    panel = placebo.shifted(effect)
    plan = roll_out(panel.first_treated, panel.cluster_codes, panel.always_treated)
    assert plan is not None

    def overall(starts: np.typing.NDArray[np.int64]) -> float:
        moved = dataclasses.replace(panel, first_treated=starts)
        return float(one.fit(moved, 0).aggregation("overall").estimate[0])

    return randomization_p(overall(panel.first_treated), np.array([overall(s) for s in plan.every()]), exact=True)


@pytest.mark.parametrize(("treated", "units"), [(1, 25), (2, 9)])
def test_permutation_thresholds_are_where_the_test_itself_begins_to_reject(treated: int, units: int) -> None:
    one = few_treated(treated, units, "callaway_santanna")
    panels = one.panels(inflate=True)
    kernel = find_kernel(
        lambda panel: float(one.fit(panel, 0).aggregation("overall").estimate[0]), panels(0), one.schedule
    )
    assert kernel is not None
    source, exact = detection.reassignments(one.schedule)
    assert exact
    for number in range(3):
        placebo = panels(number)
        others = source(np.random.default_rng(number))
        rise, fall, *_ = detection.permutation_thresholds(kernel, placebo, others, exact=True, alpha=ALPHA)
        for sign, threshold in ((1.0, rise), (-1.0, fall)):
            assert permutation_p(one, placebo, sign * (threshold + 1e-6)) <= ALPHA
            assert permutation_p(one, placebo, sign * (threshold - 1e-6)) > ALPHA


@pytest.mark.parametrize(("alpha", "threshold"), [(ALPHA, np.inf), (1.0, -np.inf)])
def test_nothing_is_detected_where_no_p_value_can_be_small_enough_and_everything_at_a_level_of_one(
    alpha: float, threshold: float
) -> None:
    one = few_treated(1, 15)
    panels = one.panels(inflate=True)
    kernel = find_kernel(
        lambda panel: float(one.fit(panel, 0).aggregation("overall").estimate[0]), panels(0), one.schedule
    )
    assert kernel is not None
    every = detection.reassignments(one.schedule)[0](np.random.default_rng(0))
    found = detection.permutation_thresholds(kernel, panels(0), every, exact=True, alpha=alpha)
    assert found[:2] == (threshold, threshold)


def test_random_roll_outs_have_the_cohorts_in_every_position_alike() -> None:
    schedule = Schedule((0, 1), (2, 3), total=20, before=3, after=2)
    source, exact = detection.reassignments(schedule, draws=400)
    assert not exact
    made = np.concatenate([source(np.random.default_rng(k)) for k in range(10)])
    assert ((made == 1).sum(axis=1) == 2).all()
    assert ((made == 2).sum(axis=1) == 3).all()
    # 4,000 draws: binomial errors of 0.0047 and 0.0056
    np.testing.assert_allclose((made == 1).mean(axis=0), 0.1, atol=0.02)
    np.testing.assert_allclose((made == 2).mean(axis=0), 0.15, atol=0.024)


def test_all_roll_outs_are_listed_where_they_are_few() -> None:
    source, exact = detection.reassignments(Schedule((0, 1), (1, 2), total=6, before=3, after=2))
    made = source(np.random.default_rng(0))
    assert exact
    assert len(np.unique(made, axis=0)) == len(made) == 60


def test_interval_thresholds_are_where_the_interval_leaves_zero() -> None:
    one = few_treated(12, 40)
    placebo = one.panels(inflate=True)(0)
    rise, fall, _, _ = detection.interval_thresholds(one.fit(placebo.panel, 0), 0.95)
    for above in (-1e-6, 1e-6):
        assert detects(one.fit(placebo.shifted(rise + above), 0), 0.95)[0] is (above > 0.0)
        assert detects(one.fit(placebo.shifted(-fall - above), 0), 0.95)[1] is (above > 0.0)


def test_searched_thresholds_are_where_detection_begins_when_effects_multiply() -> None:
    one = few_treated(12, 40)
    placebo = one.panels(inflate=True)(2)
    positive = dataclasses.replace(placebo.panel, outcome=placebo.panel.outcome + 9.0)
    placebo = dataclasses.replace(placebo, panel=positive)

    def fit(panel: Panel) -> Estimate:
        return one.fit(panel, 0)

    start = detection.interval_thresholds(fit(placebo.panel), 0.95)[:2]
    assert min(start) > 0.0, "this panel rejects nothing without an effect"
    rise, fall = detection.searched(fit, placebo, start, ALPHA, log_link=True)
    for sign, threshold, side in ((1.0, rise, 0), (-1.0, fall, 1)):
        for factor, found in ((1.02, True), (0.98, False)):
            panel = placebo.shifted(sign * factor * threshold, multiply=True)
            assert detects(fit(panel), 0.95)[side] is found


def test_an_effect_that_never_shows_has_no_threshold() -> None:
    one = few_treated(12, 40)
    placebo = one.panels(inflate=True)(2)
    unmoved = one.fit(placebo.panel, 0)
    start = detection.interval_thresholds(unmoved, 0.95)[:2]
    assert detection.searched(lambda panel: unmoved, placebo, start, ALPHA, log_link=False) == (np.inf, np.inf)


def test_collapsed_thresholds_are_those_of_the_reported_interval() -> None:
    one = few_treated(1, 15, "callaway_santanna")
    panels = one.panels(inflate=True)
    kernel = find_kernel(
        lambda panel: float(one.fit(panel, 0).aggregation("overall").estimate[0]), panels(0), one.schedule
    )
    assert kernel is not None
    for number in range(3):
        panel = panels(number).panel
        refit = functools.partial(one.fit, number=number)
        made = report(one.fit(panel, number), panel, refit, one.table, level=0.95)
        assert made.method == "collapse"
        found = detection.collapsed_thresholds(kernel, panels(number), ALPHA)
        np.testing.assert_allclose(found[:2], (-made.low, made.high), rtol=1e-6)
        moved = panels(number).shifted(0.7)
        again = report(one.fit(moved, number), moved, refit, one.table, level=0.95)
        np.testing.assert_allclose((again.low, again.high), (made.low + 0.7, made.high + 0.7), rtol=1e-6)


def test_thresholds_against_the_placebo_estimates_hold_their_level() -> None:
    estimate = np.random.default_rng(1).normal(size=2_000)
    found = detection.placebo_thresholds(estimate, np.full(2_000, np.nan), distinct=10_000, alpha=ALPHA)
    assert np.mean((found.rise < 0.0) | (found.fall < 0.0)) <= ALPHA
    assert np.mean((found.rise < 0.0) | (found.fall < 0.0)) > ALPHA - 0.002
    out_of_reach = detection.placebo_thresholds(estimate, estimate, distinct=19, alpha=ALPHA)
    assert np.isinf(out_of_reach.rise).all()


def test_with_one_treated_place_thresholds_are_those_of_the_interval_that_a_study_reports() -> None:
    one = few_treated(1, 24, "two_way_fixed_effects")
    panels = one.panels(inflate=True)
    kernel = find_kernel(
        lambda panel: float(one.fit(panel, 0).aggregation("overall").estimate[0]), panels(0), one.schedule
    )
    assert kernel is not None
    source, exact = detection.reassignments(one.schedule)
    for number in range(3):
        panel = panels(number).panel
        refit = functools.partial(one.fit, number=number)
        made = report(one.fit(panel, number), panel, refit, one.table, level=0.95)
        assert made.method == "randomization"
        others = source(np.random.default_rng(0))
        found = detection.permutation_thresholds(kernel, panels(number), others, exact=exact, alpha=ALPHA)
        np.testing.assert_allclose(found[:2], (-made.low, made.high), rtol=1e-6)


def moving(margin: Callable[[float], float]) -> tuple[Callable[[Panel], Estimate], Placebo]:
    """An estimator whose lower bound after an effect c is margin(c), and whose upper one is minus that."""
    placebo: Any = SimpleNamespace(shifted=lambda effect, multiply: effect)

    def fit(effect: Any) -> Any:
        bounds = SimpleNamespace(low=[margin(abs(effect))], high=[-margin(abs(effect))])
        return SimpleNamespace(aggregation=lambda kind, level: bounds)

    return fit, placebo


@pytest.mark.parametrize(
    ("margin", "guess", "threshold"),
    [
        (lambda c: 1.0 if c >= 3.0 else -1.0, 1.0, 3.0),  # flat where the secant begins
        (lambda c: 1.0 if c >= 2.0 else -3.0, 1.0, 2.0),  # falls at first: the secant leads below 0
        (lambda c: 2.0 * c**15 - 1.0, 1.0, 0.5 ** (1 / 15)),  # so bent that secants do not settle
    ],
)
def test_a_threshold_is_found_where_straight_lines_do_not_lead_to_it(
    margin: Callable[[float], float], guess: float, threshold: float
) -> None:
    fit, placebo = moving(margin)
    found = detection.searched(fit, placebo, (guess, guess), ALPHA, log_link=False)
    np.testing.assert_allclose(found, (threshold, threshold), rtol=2 * detection.SEARCHED)


def test_a_panel_that_rejects_without_any_effect_is_not_searched() -> None:
    def refuse(effect: float) -> float:
        raise AssertionError(effect)

    fit, placebo = moving(refuse)
    assert detection.searched(fit, placebo, (-0.1, 0.0), ALPHA, log_link=False) == (-0.1, 0.0)

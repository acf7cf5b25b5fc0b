"""The permutation test with its interval: against refits on a grid, a peer, and the cases it refuses."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
from evalkit.inference.randomization import Assignments, assignments_of, randomization
from evalkit.inference.refits import Statistic, refitted, shifted, treated_cells, two_way
from evalkit.inference.reported import NotComputable
from evalkit.numerics.reassignment import randomization_p
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import FloatArray

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""
EDGE = 1e-6
"""Relative distance by which an effect is moved off a bound."""


def panel(units: int = 14, cohorts: dict[int, float] | None = None, **settings: Any) -> ek.Panel:
    return staggered_panel(
        n_units=units, n_periods=8, cohorts=cohorts or {5: 2 / units}, **{"effect": 1.0, "seed": 4, **settings}
    )


def fitted(estimator: ek.Estimator) -> Statistic:
    return refitted(functools.partial(_fit, estimator))


def _fit(estimator: ek.Estimator, made: ek.Panel) -> ek.Estimate:
    return estimator.fit(made, rng=np.random.default_rng(0))


def p_at(
    made: ek.Panel, statistic: Statistic, others: Assignments, effect: float, *, studentized: bool = True
) -> float:
    """The test of one constant effect, by taking it off the outcome and repeating the whole test."""
    null = shifted(made, -effect * treated_cells(made))
    rows: FloatArray = np.array(
        [statistic(null), *(statistic(dataclasses.replace(null, first_treated=starts)) for starts in others.others())]
    )
    values = rows[:, 0] / rows[:, 1] if studentized else rows[:, 0]
    return randomization_p(float(values[0]), values, exact=True)


@pytest.mark.parametrize("studentized", [True, False])
@pytest.mark.parametrize(
    ("statistic", "cohorts"),
    [
        (two_way(0), {5: 2 / 9}),
        (two_way(1), {4: 1 / 9, 6: 1 / 9}),
        (fitted(ek.CallawaySantAnna()), {4: 1 / 9, 6: 1 / 9}),
        (fitted(ek.Imputation()), {5: 2 / 9}),
    ],
    ids=["two_way", "staggered_anticipated", "callaway_santanna", "imputation"],
)
def test_bounds_are_where_the_repeated_test_starts_to_reject(
    statistic: Statistic, cohorts: dict[int, float], studentized: bool
) -> None:
    made = panel(units=9, cohorts=cohorts)
    others, alpha = assignments_of(made, 999, 0), 0.1
    found = randomization(made, statistic, others, alpha=alpha, studentized=studentized)
    size = EDGE * (found.high - found.low)
    inside = [p_at(made, statistic, others, bound, studentized=studentized) for bound in
              (found.low + size, found.high - size)]  # fmt: skip
    outside = [p_at(made, statistic, others, bound, studentized=studentized) for bound in
               (found.low - size, found.high + size)]  # fmt: skip
    assert min(inside) > alpha >= max(outside)
    assert found.p_value == p_at(made, statistic, others, 0.0, studentized=studentized)


def test_the_p_value_is_that_of_scipys_permutation_test() -> None:
    made = panel(units=12, cohorts={5: 3 / 12})
    change = made.outcome[:, 4:].mean(axis=1) - made.outcome[:, :4].mean(axis=1)
    treated = ~made.never_treated

    def difference(x: FloatArray, y: FloatArray, axis: int = -1) -> FloatArray:
        gap: FloatArray = np.abs(x.mean(axis=axis) - y.mean(axis=axis))
        return gap

    peer = stats.permutation_test(
        (change[treated], change[~treated]), difference, vectorized=True, n_resamples=9_999, alternative="greater"
    )
    found = randomization(made, two_way(0), assignments_of(made, 999, 0), alpha=0.05, studentized=False)
    assert found.p_value == pytest.approx(float(peer.pvalue), rel=SAME)
    assert found.details["n_assignments"] == 220.0  # 12! / (3! 9!)


def test_the_interval_moves_and_scales_with_the_outcome() -> None:
    made = panel()
    others = assignments_of(made, 999, 0)
    base = randomization(made, two_way(0), others, alpha=0.05)
    added = randomization(shifted(made, 3.0 * treated_cells(made)), two_way(0), others, alpha=0.05)
    assert (added.low - 3.0, added.high - 3.0) == pytest.approx((base.low, base.high), rel=1e-7)
    larger = dataclasses.replace(made, outcome=1e3 * made.outcome + 1e6)
    scaled = randomization(larger, two_way(0), others, alpha=0.05)
    assert (scaled.low / 1e3, scaled.high / 1e3) == pytest.approx((base.low, base.high), rel=1e-6)
    assert scaled.p_value == base.p_value


def test_with_one_treated_unit_the_interval_excludes_only_what_no_place_shows() -> None:
    made = panel(units=20, cohorts={5: 1 / 20})
    found = randomization(made, two_way(0), assignments_of(made, 999, 0), alpha=0.05)
    assert found.smallest_p == 0.05
    assert found.details == {"n_assignments": 20.0, "exact": 1.0, "studentized": 1.0, "n_not_estimable": 0.0}


def test_random_roll_outs_are_repeatable_and_near_the_exact_ones() -> None:
    made = panel(units=12, cohorts={5: 3 / 12})
    exact = randomization(made, two_way(0), assignments_of(made, 999, 0), alpha=0.1)
    drawn = [randomization(made, two_way(0), assignments_of(made, 150, 5), alpha=0.1) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0].smallest_p == 1 / 151
    assert drawn[0].low == pytest.approx(exact.low, abs=0.25 * (exact.high - exact.low))


def test_too_few_random_roll_outs_are_refused_for_the_p_value_that_they_cannot_reach() -> None:
    made = panel(units=12, cohorts={5: 3 / 12})
    few = assignments_of(made, 9, 5)
    assert not few.exact
    with pytest.raises(NotComputable, match=r"below 0\.1"):
        randomization(made, two_way(0), few, alpha=0.05)
    assert randomization(made, two_way(0), few, alpha=0.1).smallest_p == pytest.approx(0.1)


def test_three_of_six_are_refused_because_half_swapped_mirrors_the_other() -> None:
    made = panel(units=6, cohorts={5: 0.5})
    with pytest.raises(NotComputable, match=r"below 0\.1"):
        randomization(made, two_way(0), assignments_of(made, 999, 0), alpha=0.05)


def test_an_estimate_that_is_not_linear_in_the_outcome_is_refused() -> None:
    def logged(made: ek.Panel) -> tuple[float, float]:
        return two_way(0)(dataclasses.replace(made, outcome=np.log(made.outcome + 50.0)))

    made = panel(units=20)
    with pytest.raises(NotComputable, match="does not give a constant effect back"):
        randomization(made, logged, assignments_of(made, 999, 0), alpha=0.05)


def test_errors_of_a_bootstrap_are_no_parabola_so_effects_are_compared_themselves() -> None:
    made = panel(units=20)
    statistic = fitted(ek.CallawaySantAnna(inference="bootstrap", multiplier="mammen", n_draws=99))
    found = randomization(made, statistic, assignments_of(made, 999, 0), alpha=0.05)
    assert found.details["studentized"] == 0.0


def test_clusters_of_two_starts_and_places_all_alike_are_refused() -> None:
    made = panel(units=20, cohorts={5: 0.25, 6: 0.25})
    mixed = dataclasses.replace(made, cluster=np.arange(20, dtype=np.int64) % 5)
    with pytest.raises(NotComputable, match="different times"):
        assignments_of(mixed, 999, 0)
    alone = dataclasses.replace(made, first_treated=np.full(20, 4))
    with pytest.raises(NotComputable, match="started alike"):
        assignments_of(alone, 999, 0)


def test_places_whose_roll_outs_mostly_fail_are_refused() -> None:
    made = panel(units=20)
    real = made.first_treated

    def moody(other: ek.Panel) -> tuple[float, float]:
        same = np.array_equal(other.first_treated, real)
        return two_way(0)(other) if same else (float("nan"), float("nan"))

    with pytest.raises(NotComputable, match="could not be estimated"):
        randomization(made, moody, assignments_of(made, 999, 0), alpha=0.05)


@pytest.mark.parametrize("studentized", [True, False])
def test_all_roll_outs_at_once_give_the_same_interval(studentized: bool) -> None:
    made = panel(cohorts={4: 1 / 14, 6: 1 / 14})
    others = assignments_of(made, 999, 0)
    slow, fast = (
        randomization(made, two_way(0), others, alpha=0.05, studentized=studentized, at_once=at_once)
        for at_once in (False, True)
    )
    assert (fast.low, fast.high, fast.p_value) == pytest.approx((slow.low, slow.high, slow.p_value), rel=SAME)


def test_a_dose_has_no_start_to_give_to_others_and_an_estimate_that_is_none_no_test() -> None:
    made = panel()
    dosed = dataclasses.replace(made, dose=made.treated.astype(float) * 2.0)
    with pytest.raises(NotComputable, match="no one start"):
        assignments_of(dosed, 99, 0)

    def nothing(_: ek.Panel) -> tuple[float, float]:
        return float("nan"), float("nan")

    with pytest.raises(NotComputable, match="cannot be estimated"):
        randomization(made, nothing, assignments_of(made, 99, 0), alpha=0.1)


def test_all_roll_outs_are_taken_where_they_are_as_many_as_random_ones_and_the_actual_one() -> None:
    made = panel(units=12, cohorts={5: 3 / 12})  # 12! / (3! 9!) = 220
    assert assignments_of(made, 219, 5).exact
    assert not assignments_of(made, 218, 5).exact

"""Ranks, p-values and intervals of placebos in space, by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.inference.placebo_space import PlaceboTest, as_own_interval, placebo_test
from evalkit.inference.unit_gaps import fit_units
from tests.synthetic_worlds import factor_panel
from tests.synthetic_worlds import mean_fitter as fitter

OTHERS = np.arange(1.0, 20.0)  # 19 placebos: statistics 1 to 19


@pytest.mark.promise("law-placebo-p")
def test_the_p_value_counts_the_treated_itself() -> None:
    test = PlaceboTest(effect=-37.0, scale=2.0, others=OTHERS, exact=True)
    assert test.rank() == 2  # 18.5: one of 19 lies further out
    assert test.p_value() == pytest.approx(2 / 20)
    assert test.smallest_p == pytest.approx(1 / 20)


@pytest.mark.parametrize(("level", "reach"), [(0.95, 19.0), (0.90, 18.0), (0.80, 16.0)])
def test_the_interval_ends_where_the_p_value_falls_to_alpha(level: float, reach: float) -> None:
    test = PlaceboTest(effect=-37.0, scale=2.0, others=OTHERS, exact=True)
    low, high = test.interval(level) or (np.nan, np.nan)
    assert (low, high) == pytest.approx((-37.0 - 2.0 * reach, -37.0 + 2.0 * reach))
    alpha = 1.0 - level
    assert test.p_value(high - 1e-6) > alpha
    assert test.p_value(high + 1e-6) <= alpha + 1e-12


@pytest.mark.promise("law-placebo-p")
def test_too_few_placebos_have_no_interval_whatever_the_effect() -> None:
    test = PlaceboTest(effect=1e6, scale=1.0, others=np.arange(1.0, 6.0), exact=True)
    assert test.interval(0.95) is None
    assert as_own_interval(test, 0.95) is None
    assert test.smallest_p == pytest.approx(1 / 6)


def test_ties_count_against_the_treated() -> None:
    assert PlaceboTest(effect=3.0, scale=1.0, others=np.array([3.0, 1.0]), exact=True).rank() == 2


@pytest.mark.parametrize("treated", [1, 2, 5])
def test_placebos_of_several_units_take_one_donor_for_each(treated: int) -> None:
    panel = factor_panel(1, units=9, treated=treated)
    pools = fitter.pools(panel)
    units = fit_units(panel, pools, fitter.of(panel), most_placebos=200, rng=np.random.default_rng(0))
    test = placebo_test(units, scaled=False, draws=999, rng=np.random.default_rng(0))
    donors = 9 - treated
    assert len(test.others) == {1: donors, 2: donors**2, 5: 999}[treated]
    assert test.exact == (treated < 5)
    assert test.effect == pytest.approx(np.mean([unit.effect for unit in units]))


def test_the_mean_of_placebos_varies_as_that_of_as_many_treated_units_does() -> None:
    panel = factor_panel(1, units=9, treated=4)
    units = fit_units(panel, fitter.pools(panel), fitter.of(panel), most_placebos=200, rng=np.random.default_rng(0))
    test = placebo_test(units, scaled=False, draws=4_000, rng=np.random.default_rng(0))
    effects = units[0].placebos.gaps[:, units[0].pool.post].mean(axis=1)
    mean_square = effects.var() / 4 + effects.mean() ** 2
    shared = np.full((4, 4), 0.2) + np.eye(4)  # four units, each fitted by the mean of the same five donors
    size = np.array([unit.error for unit in units])
    wider = size @ (shared / 1.2) @ size / (size @ size)
    assert float((test.others**2).mean()) == pytest.approx(wider * mean_square, rel=0.1)  # 4,000 draws


def test_placebos_of_places_that_are_matched_exactly_are_taken_as_they_are() -> None:
    panel = factor_panel(1, units=9, treated=2)
    pools = fitter.pools(panel)
    outcome = panel.outcome.copy()
    for pool in pools:  # the treated follow the mean of their donors until they start
        outcome[pool.unit, pool.columns[pool.fit]] = outcome[np.ix_(pool.donors, pool.columns[pool.fit])].mean(axis=0)
    alike = dataclasses.replace(panel, outcome=outcome)
    units = fit_units(alike, pools, fitter.of(alike), most_placebos=200, rng=np.random.default_rng(0))
    units = tuple(dataclasses.replace(unit, error=0.0) for unit in units)
    test = placebo_test(units, scaled=False, draws=999, rng=np.random.default_rng(0))
    first, second = (unit.placebos.gaps[:, unit.pool.post].mean(axis=1) for unit in units)
    means = np.abs([(one + two) / 2 for one in first for two in second])
    assert np.sort(test.others) == pytest.approx(np.sort(means))

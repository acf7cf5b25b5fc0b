"""Units sorted into types: what is shared, and that nothing is lost."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.unit_types import UnitTypes, sort_into_types
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

EXACT = 1e-12


def made() -> tuple[FloatArray, IntArray, BoolArray]:
    rng = np.random.default_rng(0)
    usable = rng.random((50, 40)) > 0.02
    usable[:20] = True
    return rng.standard_normal((50, 40)) + 7.0, rng.integers(3, 6, 50), usable


def rebuilt(types: UnitTypes) -> FloatArray:
    """Type means and deviations put together: the series less unit means."""
    found: FloatArray = types.mean[0][types.code] + types.deviation[0]
    return np.where(types.weight[types.code] > 0.0, found, 0.0)


def test_means_and_deviations_add_up_to_the_centred_series() -> None:
    y, start, usable = made()
    types = sort_into_types([y], start, usable)
    own = (y * usable).sum(axis=1) / usable.sum(axis=1)
    expected = np.where(usable, y - own[:, None], 0.0)
    np.testing.assert_allclose(rebuilt(types), expected[types.order], atol=EXACT)
    sums = np.add.reduceat(types.deviation[0], types.edges[:-1])
    np.testing.assert_allclose(sums, 0.0, atol=EXACT)


def test_types_share_start_and_observed_periods_also_beyond_one_key() -> None:
    y, start, usable = made()
    types = sort_into_types([y], start, usable)
    np.testing.assert_array_equal(types.start[types.code], start[types.order])
    np.testing.assert_array_equal(types.weight[types.code] > 0.0, usable[types.order])
    assert len({(int(s), tuple(row)) for s, row in zip(start, usable, strict=True)}) == len(types)


def test_units_without_a_usable_cell_are_left_out() -> None:
    y, start, usable = made()
    usable[7] = False
    assert 7 not in sort_into_types([y], start, usable).order


def test_weights_fixed_over_time_become_factors_and_others_types_of_their_own() -> None:
    y, start, usable = made()
    fixed = np.repeat(np.arange(1.0, 51.0)[:, None], 40, axis=1)
    types = sort_into_types([y], start, usable, fixed)
    np.testing.assert_array_equal(types.scale, fixed[types.order, 0])
    assert set(np.unique(types.weight)) == {0.0, 1.0}
    moving = fixed + np.arange(40.0)
    apart = sort_into_types([y], start, usable, moving)
    assert len(apart) == 50
    np.testing.assert_array_equal(apart.weight, np.where(usable, moving, 0.0))


def test_centres_are_weighted_averages_of_unit_means() -> None:
    y, start, _ = made()
    weight = np.repeat(np.arange(1.0, 51.0)[:, None], 40, axis=1)
    types = sort_into_types([y], start, np.ones_like(y, dtype=bool), weight)
    for d, first in enumerate(types.start):
        members = start == first
        np.testing.assert_allclose(types.centre[d], np.average(y[members].mean(axis=1), weights=weight[members, 0]))

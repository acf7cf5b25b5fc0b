"""Slopes by first dose, among units that have not reacted, and how totals move with them."""

from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.numerics.switching import Rules, Switching, estimate_pairs
from evalkit.numerics.switching_covariates import Slopes, adjusted, fit_slopes, gaps_of_covariates
from evalkit.numerics.switching_paths import dose_paths
from evalkit.numerics.switching_sample import SwitchingSample, switching_sample
from evalkit.vocabulary import FloatArray
from tests.switching_worlds import draw

TIME = np.arange(7)


def made(seed: int = 1, holes: float = 0.1) -> tuple[SwitchingSample, FloatArray]:
    world = draw(seed, holes=holes)
    sample = switching_sample(world.y, None, dose_paths(world.dose, TIME), TIME, None, 0)
    x = np.ascontiguousarray(world.x[sample.position].transpose(2, 1, 0))
    return sample, x if sample.usable is None else x * sample.usable


def test_slopes_of_an_exact_relation_are_found_without_error() -> None:
    sample, x = made(holes=0.0)
    exact = 3.0 * x[0] - 0.2 * x[1] + TIME[:, None] ** 2
    found = fit_slopes(dataclasses.replace(sample, outcome=exact), x)
    np.testing.assert_allclose(found.value, np.tile([3.0, -0.2], (sample.n_levels, 1)), atol=1e-10)
    np.testing.assert_allclose(found.influence, 0.0, atol=1e-10)
    assert found.rank.tolist() == [2] * sample.n_levels


def test_contributions_to_the_slopes_sum_to_zero_by_first_dose() -> None:
    sample, x = made()
    found = fit_slopes(sample, x)
    for level in range(sample.n_levels):
        np.testing.assert_allclose(found.influence[sample.level == level].sum(axis=0), 0.0, atol=1e-10)


def test_a_covariate_that_never_changes_is_absorbed_and_has_no_slope() -> None:
    sample, x = made(holes=0.0)
    x[1] = sample.level
    found = fit_slopes(sample, x)
    assert found.absorbed.tolist() == [False, True]
    assert (found.value[:, 1] == 0.0).all()
    assert (found.rank == 1).all()


def test_what_is_observed_is_kept_beside_the_adjusted_outcome() -> None:
    sample, x = made()
    slopes = Slopes(np.ones((sample.n_levels, 2)), np.zeros((len(sample), 2)), np.full(3, 2), np.zeros(2, dtype=bool))
    taken = adjusted(sample, x, slopes)
    np.testing.assert_allclose(taken.outcome, sample.outcome - x.sum(axis=0))
    assert taken.shown is sample.outcome


def test_totals_move_with_the_slopes_as_the_covariates_gaps_say() -> None:
    sample, x = made()
    plain: Switching = estimate_pairs(sample, TIME, Rules())
    gaps = gaps_of_covariates(sample, x, plain.fits, plain.allowed)
    step = np.zeros((sample.n_levels, 2))
    step[1, 0] = 0.5
    slopes = Slopes(step, np.zeros((len(sample), 2)), np.full(sample.n_levels, 2), np.zeros(2, dtype=bool))
    moved = estimate_pairs(adjusted(sample, x, slopes), TIME, Rules())
    np.testing.assert_allclose(moved.totals, plain.totals - 0.5 * gaps[:, 1, 0], atol=1e-10)

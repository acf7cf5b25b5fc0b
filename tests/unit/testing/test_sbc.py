"""Ranks of a right posterior are uniform, those of a wrong one are not, and the band holds what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from evalkit.testing.sbc import central_coverage, ecdf_band, sbc_ranks, uniform
from evalkit.vocabulary import FloatArray

N_FITS, N_DRAWS = 250, 99
MCSE = 4.0  # standard errors that a Monte Carlo share may stray


def simulate(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """A mean from N(0, 1) and five observations around it with error 1; the second quantity is its square."""
    mean = rng.standard_normal()
    return np.array([mean, mean**2]), mean + rng.standard_normal(5)


def posterior(shift: float = 0.0, scale: float = 1.0) -> Callable[[Any, np.random.Generator], FloatArray]:
    """The conjugate posterior N(5 ybar / 6, 1 / 6), off by `shift` sds and wider by `scale`."""

    def fit(seen: FloatArray, rng: np.random.Generator) -> FloatArray:
        sd = np.sqrt(1.0 / 6.0)
        draws = seen.sum() / 6.0 + shift * sd + scale * sd * rng.standard_normal(N_DRAWS)
        return np.stack([draws, draws**2], axis=1)

    return fit


def judge(shift: float = 0.0, scale: float = 1.0) -> Any:
    ranks = sbc_ranks(simulate, posterior(shift, scale), n_fits=N_FITS, n_draws=N_DRAWS, seed=7)
    return uniform(ranks, N_DRAWS, 0.99, names=("mean", "square"))


def test_a_right_posterior_passes() -> None:
    found = judge()
    assert found.passes
    found.raise_if_not()


@pytest.mark.parametrize(
    ("shift", "scale", "words"),
    [
        (0.0, 0.7, "mean: too many ranks at both ends"),
        (0.0, 1.5, "mean: too many ranks in the middle"),
        (0.4, 1.0, "mean: too many low ranks"),
        (-0.4, 1.0, "mean: too many high ranks"),
    ],
)
def test_a_wrong_posterior_fails_and_the_message_says_how(shift: float, scale: float, words: str) -> None:
    found = judge(shift, scale)
    assert not found.passes
    with pytest.raises(AssertionError, match=words):
        found.raise_if_not()


def test_the_band_is_that_of_arviz() -> None:
    from arviz.stats import ecdf_utils

    band = ecdf_band(200, 99, 0.95)
    low, high = ecdf_utils.ecdf_confidence_band(200, band.at, band.at, prob=0.95, method="optimized")
    np.testing.assert_allclose(band.low, low, atol=1e-12)
    np.testing.assert_allclose(band.high, high, atol=1e-12)


@pytest.mark.parametrize(("n_fits", "n_draws"), [(200, 99), (300, 999), (50, 9)])
def test_uniform_ranks_stay_inside_the_band_as_often_as_it_says(n_fits: int, n_draws: int) -> None:
    repetitions = 3_000
    band = ecdf_band(n_fits, n_draws, 0.9)
    assert 0.9 <= band.attained < 0.92
    steps = np.rint(band.at * (n_draws + 1))
    ranks = np.sort(np.random.default_rng(3).integers(0, n_draws + 1, (repetitions, n_fits)), axis=1)
    ecdf = np.stack([np.searchsorted(row, steps) for row in ranks]) / n_fits
    inside = ((ecdf > band.low - 1e-9) & (ecdf < band.high + 1e-9)).all(axis=1).mean()
    assert abs(inside - band.attained) < MCSE * np.sqrt(0.09 / repetitions)


def test_the_band_of_one_rank_is_that_of_a_fair_coin() -> None:
    band = ecdf_band(10, 1, 0.95)  # one draw: a rank is 0 or 1, so the count below z = 1/2 is Binomial(10, 1/2)
    assert band.at.tolist() == [0.5]
    assert band.attained == pytest.approx(stats.binom.cdf(8, 10, 0.5) - stats.binom.cdf(1, 10, 0.5))
    assert (band.low[0], band.high[0]) == (0.2, 0.8)


def test_several_quantities_share_the_level() -> None:
    ranks = np.random.default_rng(0).integers(0, 100, (200, 4))
    assert uniform(ranks, 99, 0.9).band.level == pytest.approx(1.0 - 0.1 / 4)


def test_the_first_ranks_do_not_depend_on_how_many_follow() -> None:
    few, many = (sbc_ranks(simulate, posterior(), n_fits=n, n_draws=N_DRAWS, seed=2) for n in (5, 9))
    np.testing.assert_array_equal(few, many[:5])


def test_ties_are_broken_evenly() -> None:
    ranks = sbc_ranks(
        lambda rng: (np.zeros(1), None), lambda data, rng: np.zeros((19, 1)), n_fits=2_000, n_draws=19, seed=1
    )
    assert uniform(ranks, 19, 0.999).passes


def test_coverage_counts_truths_inside_the_central_interval() -> None:
    ranks = sbc_ranks(simulate, posterior(scale=0.5), n_fits=N_FITS, n_draws=N_DRAWS, seed=7)
    expected = 2.0 * stats.norm.cdf(0.5 * stats.norm.ppf(0.95)) - 1.0
    found = central_coverage(ranks, N_DRAWS, 0.9)[0]
    assert abs(found - expected) < MCSE * np.sqrt(expected * (1.0 - expected) / N_FITS)


def test_draws_that_cannot_be_ranked_are_refused() -> None:
    with pytest.raises(ValueError, match=r"draws must be \(S, 2\) with S at least 200; got \(99, 2\)"):
        sbc_ranks(simulate, posterior(), n_fits=1, n_draws=200, seed=1)
    with pytest.raises(ValueError, match="not finite"):
        sbc_ranks(simulate, lambda data, rng: np.full((99, 2), np.nan), n_fits=1, n_draws=99, seed=1)
    with pytest.raises(ValueError, match="between 0 and n_draws = 9"):
        uniform(np.array([10]), 9)

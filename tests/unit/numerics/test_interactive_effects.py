"""Untreated outcomes and left-out errors against the plain oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.numerics import interactive_effects
from evalkit.numerics.interactive_effects import FactorSample, Model, cell_effects, fit_untreated, left_out_errors
from evalkit.vocabulary import FloatArray
from tests.oracle import interactive_fixed_effects as oracle

ALGEBRA = 1e-9


def sample(seed: int = 0, slope: float = 0.0) -> tuple[FactorSample, FloatArray]:
    rng = np.random.default_rng(seed)
    n, periods, pre = 18, 12, 8
    x = rng.standard_normal((1, n, periods))
    y = rng.standard_normal((n, 1)) + rng.standard_normal((n, 2)) @ rng.standard_normal((2, periods))
    y = y + 0.2 * rng.standard_normal(y.shape) + slope * x[0]
    known = np.ones((n, periods), dtype=bool)
    known[14:, pre:] = False
    before = np.arange(periods)[None] < pre
    covariates = x if slope else x[:0]
    return FactorSample(y, covariates, known, np.arange(14), (np.arange(14, 18),), before, np.arange(n)), y


@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.promise("second-interactive-fixed-effects")
def test_counterfactuals_are_those_of_generalized_synthetic_control(rank: int) -> None:
    arrays, y = sample()
    found = cell_effects(arrays, fit_untreated(arrays, Model(rank)))
    np.testing.assert_allclose(found[0], oracle.generalized(y[:14], y[14:], 8, rank).mean(axis=0), atol=ALGEBRA)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.promise("second-interactive-fixed-effects")
def test_cross_validation_leaves_out_one_period_at_a_time(rank: int) -> None:
    arrays, y = sample()
    assert left_out_errors(arrays, rank) == pytest.approx(oracle.left_out_error(y[:14], y[14:], 8, rank), rel=1e-7)


def test_loadings_use_each_treated_units_own_known_periods() -> None:
    arrays, y = sample()
    known = arrays.known.copy()
    known[15, 2] = False
    holed = replace(arrays, known=known, outcome=np.where(known | (np.arange(12) >= 8), y, np.nan))
    one, two = fit_untreated(arrays, Model(1)), fit_untreated(holed, Model(1))
    np.testing.assert_allclose(one.fitted[[14, 16, 17]], two.fitted[[14, 16, 17]], atol=ALGEBRA)
    assert np.abs(one.fitted[15] - two.fitted[15]).max() > 1e-4


@pytest.mark.parametrize("model", [Model(2), Model(2, source="untreated"), Model(mu=0.3)])
def test_slopes_are_found_with_the_factors(model: Model) -> None:
    arrays, _ = sample(slope=2.0)
    fit = fit_untreated(arrays, model)
    assert fit.settled
    assert fit.slopes[0] == pytest.approx(2.0, abs=0.1)


def test_factors_from_all_untreated_cells_fit_them_no_worse() -> None:
    arrays, y = sample()
    own, every = fit_untreated(arrays, Model(2)), fit_untreated(arrays, Model(2, source="untreated"))
    errors = [float(((y - fit.fitted)[arrays.known] ** 2).sum()) for fit in (every, own)]
    assert errors[0] <= errors[1]


def test_slopes_that_are_still_moving_are_not_called_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, _ = sample(slope=2.0)
    monkeypatch.setattr(interactive_effects, "MOST_ROUNDS", 1)
    assert not fit_untreated(arrays, Model(1)).settled
    assert fit_untreated(sample()[0], Model(1)).settled, "without covariates one round is all there is"


def test_loadings_that_fit_every_known_period_exactly_foretell_none() -> None:
    arrays, _ = sample()
    known = arrays.known.copy()
    known[14:, 2:] = False
    short = replace(arrays, known=known, before=np.arange(12)[None] < 2)
    assert left_out_errors(short, 1) == np.inf
    assert np.isfinite(left_out_errors(short, 0))

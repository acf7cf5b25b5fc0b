"""Cross-validation and replicates of interactive fixed effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.numerics import interactive_errors
from evalkit.numerics.interactive_effects import FactorSample, Model, cell_effects, fit_untreated
from evalkit.numerics.interactive_errors import choose_mu, choose_rank, folds_of, jackknife, placebos
from tests.factor_worlds import FactorWorld
from tests.oracle import interactive_fixed_effects as oracle

ALGEBRA = 1e-8


def sample(world: FactorWorld, seed: int = 0) -> FactorSample:
    panel = world.draw(seed)
    treated = np.flatnonzero(~panel.never_treated)
    n = len(panel.outcome)
    return FactorSample(
        panel.outcome, np.empty((0, n, world.periods)), ~panel.treated, np.flatnonzero(panel.never_treated), (treated,),
        panel.time[None] < panel.first_treated[0], np.arange(n),
    )  # fmt: skip


BLOCK = FactorWorld(treated=((10, 4),), comparison=12, periods=14, noise=0.3)


@pytest.mark.parametrize("source", ["comparison", "untreated"])
def test_cross_validation_finds_the_number_of_factors(source: str) -> None:
    world = FactorWorld(treated=((15, 10),), comparison=40, noise=0.3)
    rank, errors = choose_rank(sample(world), 5, "comparison" if source == "comparison" else "untreated")
    assert rank == 2
    assert errors[2] == min(errors)


def test_a_panel_without_factors_takes_none() -> None:
    assert choose_rank(sample(replace(BLOCK, n_factors=0, noise=1.0)), 3, "untreated")[0] == 0


def test_the_penalty_is_small_where_there_are_factors() -> None:
    plain, strong = sample(replace(BLOCK, n_factors=0, noise=1.0)), sample(BLOCK)
    assert choose_mu(strong) < choose_mu(plain)


def test_the_jackknife_fits_again_without_each_unit() -> None:
    arrays = sample(BLOCK)
    whole = fit_untreated(arrays, Model(1))
    found = jackknife(arrays, Model(1), whole)
    y = arrays.outcome
    assert found.shape == (16, 15)
    without_comparison = oracle.generalized(np.delete(y[4:], 2, 0), y[:4], 10, 1).mean(axis=0)
    without_treated = oracle.generalized(y[4:], np.delete(y[:4], 1, 0), 10, 1).mean(axis=0)
    np.testing.assert_allclose(found[6, :14], without_comparison, atol=ALGEBRA)
    np.testing.assert_allclose(found[1, :14], without_treated, atol=ALGEBRA)
    assert found[1, 14] == pytest.approx(3 / 15)


def test_many_clusters_are_left_out_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactive_errors, "MOST_LEFT_OUT", 10)
    monkeypatch.setattr(interactive_errors, "GROUPS", 8)
    arrays = sample(BLOCK)
    assert jackknife(arrays, Model(1), fit_untreated(arrays, Model(1))).shape == (8, 15)


def test_placebos_leave_the_treated_out() -> None:
    arrays = sample(replace(BLOCK, treated=((10, 1),)))
    wild = replace(arrays, outcome=np.where(np.arange(13)[:, None] == 0, 1e3, arrays.outcome))
    for one in (arrays, wild):
        whole = fit_untreated(one, Model(1))
        found = placebos(one, Model(1), whole, 50, np.random.default_rng(0))
        assert len(found) == 12
        y = one.outcome[1:]
        expected = [oracle.generalized(np.delete(y, i, 0), y[[i]], 10, 1)[0, 10:].mean() for i in range(12)]
        np.testing.assert_allclose(np.sort(found[:, 10:14].mean(axis=1)), np.sort(expected), atol=ALGEBRA)


def test_folds_follow_units_wherever_they_stand() -> None:
    arrays = sample(BLOCK)
    order = np.arange(16)[::-1]
    np.testing.assert_array_equal(folds_of(arrays)[order], folds_of(arrays.keep(order)))


def test_cells_nobody_is_observed_in_have_no_effect() -> None:
    arrays = sample(BLOCK)
    outcome = arrays.outcome.copy()
    outcome[:4, 12] = np.nan
    holed = replace(arrays, outcome=outcome)
    assert np.isnan(cell_effects(holed, fit_untreated(holed, Model(1)))[0, 12])


def test_without_anything_to_explain_no_penalty_is_needed() -> None:
    arrays = sample(BLOCK)
    assert choose_mu(replace(arrays, outcome=0.0 * arrays.outcome)) == 0.0

"""Gaps, placebos, cells and errors, from a fitter that anyone can check: the mean of the donors."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.aggregate import weights
from evalkit.inference.unit_gaps import cells_of, fit_units, fits_are_inexact, rows_used, sampling_of
from tests.synthetic_worlds import factor_panel
from tests.synthetic_worlds import mean_fitter as fitter

SAME = 1e-12


def test_a_placebo_is_a_donor_fitted_by_the_others_and_never_by_the_treated() -> None:
    panel = factor_panel(1, units=5)
    (unit,) = fit_units(panel, fitter.pools(panel), fitter.of(panel), most_placebos=9, rng=np.random.default_rng(0))
    donors = unit.placebos.donors
    assert sorted(donors) == np.flatnonzero(panel.never_treated).tolist()
    others = panel.outcome[donors[1:]].mean(axis=0)
    np.testing.assert_allclose(unit.placebos.gaps[0], panel.outcome[donors[0]] - others, atol=SAME)
    np.testing.assert_allclose(
        unit.gap, panel.outcome[~panel.never_treated][0] - panel.outcome[donors].mean(axis=0), atol=SAME
    )


def test_errors_are_the_spread_of_placebos_scaled_to_the_units_own_error() -> None:
    panel = factor_panel(2, units=6)
    units = fit_units(panel, fitter.pools(panel), fitter.of(panel), most_placebos=9, rng=np.random.default_rng(0))
    made = sampling_of(units, scaled=True, n_shares=1)
    unit = units[0]
    scaled = unit.placebos.gaps * (unit.error / unit.placebos.error)[:, None]
    np.testing.assert_allclose(np.diag(made.covariance)[:-1], (scaled**2).mean(axis=0), rtol=SAME)
    assert made.influence_of is not None
    psi = made.influence_of()
    np.testing.assert_allclose(psi.T @ psi, made.covariance, atol=1e-9)
    assert made.degrees_of_freedom == 5.0


def test_cells_of_units_average_with_equal_weight_however_they_start() -> None:
    panel = factor_panel(3, units=10, treated=3)
    units = fit_units(panel, fitter.pools(panel), fitter.of(panel), most_placebos=9, rng=np.random.default_rng(0))
    cells = cells_of(panel, units)
    overall = weights(cells, "overall").on_cells[:, 0] @ cells.estimate
    assert overall == pytest.approx(np.mean([unit.effect for unit in units]))
    assert cells.fraction is not None
    np.testing.assert_allclose(cells.fraction, 1.0 / 3.0)
    assert len(rows_used(units)) == 10


def test_an_exact_fit_anywhere_forbids_dividing_by_errors() -> None:
    panel = factor_panel(4, units=6)
    (unit,) = fit_units(panel, fitter.pools(panel), fitter.of(panel), most_placebos=9, rng=np.random.default_rng(0))
    assert fits_are_inexact(panel, [unit])
    unit.placebos.error[0] = 1e-12
    assert not fits_are_inexact(panel, [unit])


def test_a_single_donor_has_nobody_to_be_fitted_by_but_the_treated() -> None:
    panel = factor_panel(1, units=2)
    pools, rng = fitter.pools(panel), np.random.default_rng(0)
    made = [
        fit_units(panel, pools, fitter.of(panel), most_placebos=9, with_treated=shared, rng=rng)[0].placebos.gaps
        for shared in (False, True)
    ]
    assert made[0].shape == (0, 36)
    treated, donor = (panel.outcome[rows][0] for rows in (~panel.never_treated, panel.never_treated))
    np.testing.assert_allclose(made[1], [donor - treated], atol=SAME)

"""Normal equations of the effects, against dense regressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.did_system import System, absorb, pseudo_inverse, sum_to_zero
from evalkit.numerics.panel_moments import gather, moments
from evalkit.vocabulary import NEVER, FloatArray

ROUNDING = 1e-8  # dense normal equations of some 60 columns, solved in another order
RIDGE = 3.0


@dataclass(frozen=True)
class Dense:
    """The regression with all its columns, whitened."""

    flat: FloatArray
    covariates: FloatArray
    cells: FloatArray
    outcome: FloatArray
    log_det: float


def made(missing: float = 0.15, seed: int = 1) -> Sample:
    rng = np.random.default_rng(seed)
    start = rng.permutation(np.repeat([3, 4, NEVER], 8))
    outcome = rng.standard_normal((24, 6)) + rng.standard_normal((24, 1)) + np.arange(6.0)
    outcome[rng.random((24, 6)) < missing] = np.nan
    return prepare(outcome, rng.standard_normal((24, 6, 2)), np.array([0, 1, 2, 3, 4, 6]), start, 0)


def system_of(sample: Sample, rho: FloatArray, nuisance: bool) -> System:
    layout = sample.layout
    blocks = gather(sample.series, layout.used, layout.group, layout.n_groups)
    return absorb(moments(blocks, sample.time, rho), layout.effects, layout.leads if nuisance else None, RIDGE)


def dense_of(sample: Sample, rho: float, nuisance: bool) -> Dense:
    layout = sample.layout
    unit, period = np.nonzero(layout.used)
    columns = [np.eye(24)[unit], np.eye(6)[period][:, 1:]]
    if nuisance:
        codes = layout.codes(layout.leads)[unit, period]
        columns.append(np.where((codes >= 0)[:, None], sum_to_zero(layout.leads)[codes], 0.0))
    flat = np.hstack(columns)
    flat = flat[:, flat.any(axis=0)]
    codes = layout.codes(layout.effects)[unit, period]
    cells = np.where((codes >= 0)[:, None], np.eye(len(layout.effects))[codes], 0.0)
    time = sample.time[period]
    same = unit[:, None] == unit[None, :]
    lag = np.abs(time[:, None] - time[None, :])
    correlation = np.where(same, np.power(rho, lag) if rho else lag == 0, 0.0)
    root: FloatArray = np.asarray(np.linalg.inv(np.linalg.cholesky(correlation)), dtype=np.float64)
    values = sample.series[unit, period]
    log_det = -0.5 * float(np.linalg.slogdet(correlation)[1])
    return Dense(root @ flat, root @ values[:, 1:], root @ cells, root @ values[:, 0], log_det)


@pytest.mark.parametrize("nuisance", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_effects_match_the_dense_ridge_regression(rho: float, missing: float, nuisance: bool) -> None:
    sample = made(missing)
    dense = dense_of(sample, rho, nuisance)
    size = len(sample.layout.effects)
    design = np.hstack([dense.cells, dense.covariates, dense.flat])
    penalty = np.zeros(design.shape[1])
    penalty[size : size + 2] = 1.0 / RIDGE**2
    expected = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ dense.outcome)
    residual = dense.outcome - design @ expected
    effects, squares, degrees = system_of(sample, np.array([rho]), nuisance).least_squares()
    np.testing.assert_allclose(effects, expected[:size], atol=ROUNDING)
    assert squares == pytest.approx(residual @ residual + expected @ (penalty * expected), abs=ROUNDING)
    assert degrees == len(dense.outcome) - dense.flat.shape[1] - size


@pytest.mark.parametrize("nuisance", [False, True])
def test_likelihoods_at_two_autocorrelations_differ_as_the_dense_ones_do(nuisance: bool) -> None:
    sample, rho = made(), np.array([0.1, 0.7])

    def dense_log_det(value: float) -> float:
        dense = dense_of(sample, value, nuisance)
        absorbed = np.hstack([dense.flat, dense.covariates])
        matrix = absorbed.T @ absorbed
        matrix[-2:, -2:] += np.eye(2) / RIDGE**2
        return dense.log_det - 0.5 * float(np.linalg.slogdet(matrix)[1])

    found = system_of(sample, rho, nuisance).log_det
    assert found[1] - found[0] == pytest.approx(dense_log_det(0.7) - dense_log_det(0.1), abs=ROUNDING)


def test_dividing_the_outcome_divides_the_effects() -> None:
    system = system_of(made(), np.zeros(1), nuisance=False)
    effects, squares, degrees = system.least_squares()
    halved, quartered, same = system.scaled(2.0).least_squares()
    np.testing.assert_allclose(halved, effects / 2.0)
    assert quartered == pytest.approx(squares / 4.0)
    assert same == degrees


def test_an_empty_direction_is_left_out_whatever_the_scale() -> None:
    column = np.array([1.0, 2.0, 2.0])
    wide = np.stack([column, 1e8 * np.array([2.0, 1.0, 0.0]), 3.0 * column], axis=1)
    inverse, rank = pseudo_inverse(wide.T @ wide)
    assert rank == 2
    np.testing.assert_allclose(wide @ inverse @ (wide.T @ column), column, atol=1e-6)


def test_contrasts_sum_to_zero_within_cohorts() -> None:
    leads = made().layout.leads
    contrast = sum_to_zero(leads)
    assert contrast.shape == (len(leads), len(leads) - 2)
    for g in (0, 1):
        assert not contrast[leads.group == g].sum(axis=0).any()

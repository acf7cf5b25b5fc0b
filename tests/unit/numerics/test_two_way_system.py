"""The two-way system by types, against the same regression with every row and dummy written out."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.panel_ols import panel_ols_coefficient
from evalkit.numerics.two_way_system import System, set_up, unit_scores, with_influence
from evalkit.numerics.unit_types import UnitTypes, sort_into_types
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

EXACT = 1e-9
N, T = 90, 6


def made(seed: int = 0) -> tuple[FloatArray, FloatArray, IntArray, BoolArray, FloatArray]:
    rng = np.random.default_rng(seed)
    start = np.where(np.arange(N) < 70, rng.integers(2, 5, N), 99)
    usable = rng.random((N, T)) > 0.1
    weight = np.repeat(rng.uniform(1.0, 3.0, N)[:, None], T, axis=1)
    return rng.standard_normal((N, T)), rng.standard_normal((N, T)), start, usable, weight


def dummies(types: UnitTypes) -> FloatArray:
    since = np.arange(T) - types.start[:, None]
    return np.stack([(since == e).astype(float) for e in (0, 1, 2)])


def by_hand(system: System, y: FloatArray, z: FloatArray, regressors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(k,) coefficients and (N, k) plain influence functions from the full design with all dummies."""
    types = system.types
    weight = np.zeros((N, T))
    weight[types.order] = types.scale[:, None] * system.weight[types.code]
    table = np.zeros((len(regressors), N, T))
    table[:, types.order] = regressors[:, types.code]
    unit, period = np.nonzero(weight > 0.0)
    x = np.column_stack([*(column[unit, period] for column in table), z[unit, period]])
    effects = np.column_stack([np.eye(N)[unit], np.eye(T)[period]])
    root = np.sqrt(weight[unit, period])[:, None]
    x = x - effects @ np.linalg.lstsq(effects * root, x * root, rcond=None)[0]
    response = y[unit, period]
    response = response - effects @ np.linalg.lstsq(effects * root, response[:, None] * root, rcond=None)[0][:, 0]
    bread = np.linalg.inv((x * root).T @ (x * root))
    b = bread @ ((x * root).T @ (response * root[:, 0]))
    scores = np.zeros((N, x.shape[1]))
    np.add.at(scores, unit, x * (weight[unit, period] * (response - x @ b))[:, None])
    return b, scores @ bread


@pytest.mark.parametrize("left_out", [False, True])
def test_coefficients_and_influence_equal_the_full_design(left_out: bool) -> None:
    y, z, start, usable, weight = made()
    types = sort_into_types([y, z], start, usable, weight)
    regressors = dummies(types)
    included = (np.arange(T) - types.start[:, None] != -1) if left_out else None
    system = set_up(types, regressors, included)
    expected, psi = by_hand(system, y, z, regressors)
    np.testing.assert_allclose(system.coefficient(), expected, atol=EXACT)
    np.testing.assert_allclose(panel_ols_coefficient(system, [y, z], regressors), expected, atol=EXACT)
    scores = unit_scores([with_influence(system, system.coefficient(), system.bread)], None)
    np.testing.assert_allclose(scores.matrix(), psi[scores.codes()], atol=EXACT)
    cluster = np.arange(N) // 4
    summed = unit_scores([with_influence(system, system.coefficient(), system.bread)], cluster).covariance()
    by_cluster = np.zeros((cluster.max() + 1, psi.shape[1]))
    np.add.at(by_cluster, cluster, psi)
    np.testing.assert_allclose(summed, by_cluster.T @ by_cluster, atol=EXACT)


def test_squared_residuals_equal_those_of_the_rows() -> None:
    y, z, start, usable, _ = made()
    types = sort_into_types([y, z], start, usable)
    system = set_up(types, dummies(types), squares=True)
    b = system.coefficient()
    code, inside = types.code, types.weight[types.code] > 0.0
    centred = [np.where(inside, d - ((d * inside).sum(axis=1) / inside.sum(axis=1))[:, None], 0.0)
               for d in types.deviation]  # fmt: skip
    error = np.where(inside, centred[0] - b[-1] * centred[1] + system.residual(b)[code], 0.0)
    np.testing.assert_allclose(system.squared_residuals(b), (error**2).sum(), rtol=EXACT)


def test_absorbed_and_collinear_regressors_are_left_out() -> None:
    y, _, start, usable, _ = made()
    constant = np.repeat(np.arange(float(N))[:, None], T, axis=1)
    types = sort_into_types([y, constant], start, usable)
    one = dummies(types)[:1]
    system = set_up(types, np.concatenate([one, 2.0 * one, np.ones_like(one)]))
    assert system.keep.tolist() == [True, False, False, False]
    assert system.coefficient()[1:].tolist() == [0.0, 0.0, 0.0]


def test_a_unit_left_with_one_cell_is_left_out_of_the_counts() -> None:
    y, _, start, usable, _ = made()
    usable[:] = True
    types = sort_into_types([y], start, usable)
    included = np.ones((len(types), T), dtype=bool)
    included[0, 1:] = False
    system = set_up(types, dummies(types), included)
    assert system.n_units == N - types.count[0]
    assert system.n_cells == T * (N - types.count[0])
    assert len(system.units) == system.n_units

"""Two-way fixed effects by types of units: normal equations, residuals and unit scores, linear in the panel.

With regressors that are functions of the type d and the period, X_dt, and covariates Z_it, the weighted two-way
demeaning of units is that of type means plus the units' deviations from them: period effects move with the means
alone. So X'X needs D x T cells, X'y type means, and a unit's score x_d'e_i is a product of its own series with a
small table (Frisch and Waugh 1933; Lovell 1963). No array of rows x regressors is formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.demean import two_way_demean
from evalkit.numerics.least_squares import independent_columns, inverse_on
from evalkit.numerics.unit_scores import ScoreBlock, Scores
from evalkit.numerics.unit_types import UnitTypes
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

ABSORBED = 1e-9
"""Share of a regressor's spread that must survive demeaning for it to be estimable."""
OWN_BLOCK = 64
"""Types with fewer units are multiplied out together: a matrix product each would cost more than it saves."""


@dataclass(frozen=True, slots=True)
class System:
    """The normal equations of one regression on K shared regressors and p covariates.

    Attributes
    ----------
    types
        The units.
    weight
        (D, T) cell weights of this regression; 0 for cells left out.
    regressors
        (K, D, T) shared regressors, demeaned by unit and period.
    response
        (D, T) type means of the response, demeaned.
    covariates
        (p, D, T) type means of the covariates, demeaned.
    within
        (1 + p, 1 + p) cross products of the units' deviations (response first), unit means taken out; only
        the covariates' rows are filled unless asked for.
    gram, moment
        (K + p, K + p) and (K + p,) weighted cross products with each other and with the response.
    keep
        (K + p,) regressors that neither the effects nor the regressors before them explain.
    """

    types: UnitTypes
    weight: FloatArray
    regressors: FloatArray
    response: FloatArray
    covariates: FloatArray
    within: FloatArray
    gram: FloatArray
    moment: FloatArray
    keep: BoolArray

    @property
    def cell(self) -> FloatArray:
        """(D, T) summed weights of the units in a cell."""
        return self.types.size[:, None] * self.weight

    @property
    def bread(self) -> FloatArray:
        """(K + p, K + p) inverse of the cross products; 0 for regressors left out."""
        return inverse_on(self.gram, self.keep)

    @property
    def n_cells(self) -> int:
        """Rows that enter."""
        return int(self.types.count @ (self.weight > 0.0).sum(axis=1))

    @property
    def n_units(self) -> int:
        """Units with a row that enters."""
        return int(self.types.count[(self.weight > 0.0).any(axis=1)].sum())

    @property
    def n_periods(self) -> int:
        """Periods with a row that enters."""
        return int((self.weight > 0.0).any(axis=0).sum())

    @property
    def units(self) -> IntArray:
        """Positions of the units that enter among the caller's."""
        enters = (self.weight > 0.0).any(axis=1)
        return self.types.order[np.repeat(enters, self.types.count)]

    def coefficient(self) -> FloatArray:
        """(K + p,) least-squares coefficients; 0 for regressors left out."""
        return np.asarray(self.bread @ self.moment)

    def residual(self, coefficient: FloatArray) -> FloatArray:
        """(D, T) type means of the residuals; 0 in cells left out."""
        columns = np.concatenate([self.regressors, self.covariates])
        return np.asarray(self.response - np.tensordot(coefficient, columns, axes=1))

    def squared_residuals(self, coefficient: FloatArray) -> float:
        """Weighted sum of squared residuals."""
        slope = np.concatenate([[1.0], -coefficient[len(self.regressors) :]])
        between = float((self.cell * self.residual(coefficient) ** 2).sum())
        return between + float(slope @ self.within @ slope)


def set_up(
    types: UnitTypes, regressors: FloatArray, included: BoolArray | None = None, *, squares: bool = False
) -> System:
    """Take unit and period effects out and form the normal equations.

    Parameters
    ----------
    types
        Units with response and covariates.
    regressors
        (K, D, T) shared regressors.
    included
        (D, T) cells that enter; all by default. A unit left with one cell carries no information and is left out.
    squares
        Also sum the response's own squares, which homoskedastic errors need.

    Examples
    --------
    >>> from evalkit.numerics.unit_types import sort_into_types
    >>> y = np.array([[0.0, 3.0], [0.0, 1.0], [0.0, 1.0]])
    >>> types = sort_into_types([y], np.array([2, 9, 9]), np.ones((3, 2), bool))
    >>> system = set_up(types, (np.array([1, 2]) >= types.start[:, None]).astype(float)[None])
    >>> system.coefficient().round(12).tolist()
    [2.0]
    """
    weight = types.weight if included is None else np.where(included, types.weight, 0.0)
    weight = np.where((weight > 0.0).sum(axis=1, keepdims=True) > 1, weight, 0.0)
    cell = types.size[:, None] * weight
    n_shared = len(regressors)
    tables = two_way_demean(np.concatenate([regressors, types.mean]), cell)
    shared, response, covariates = tables[:n_shared], tables[n_shared], tables[n_shared + 1 :]
    within = _within(types, weight) if len(covariates) or squares else np.zeros((1, 1))
    columns = np.concatenate([shared, covariates])
    weighted = (columns * cell).reshape(len(columns), -1)
    gram = weighted @ columns.reshape(len(columns), -1).T
    moment = weighted @ response.ravel()
    gram[n_shared:, n_shared:] += within[1:, 1:]
    moment[n_shared:] += within[0, 1:]
    raw = np.concatenate([np.einsum("kdt,kdt,dt->k", regressors, regressors, cell), types.squares])
    absorbed = np.diag(gram) <= ABSORBED**2 * raw
    left = np.where(absorbed[:, None] | absorbed[None, :], 0.0, gram)
    return System(types, weight, shared, response, covariates, within, gram, moment, independent_columns(left))


def _within(types: UnitTypes, weight: FloatArray) -> FloatArray:
    """(1 + p, 1 + p) weighted cross products of the deviations, each unit centred on its cells that enter."""
    total = np.zeros((len(types.deviation), len(types.deviation)))
    code = types.code
    for rows in pieces(slice(0, len(types.order))):
        centred = _centred(types.deviation[:, rows], weight[code[rows]])
        total += np.einsum("ait,bit,it,i->ab", centred, centred, weight[code[rows]], types.scale[rows], optimize=True)
    return total


def _centred(series: FloatArray, weight: FloatArray) -> FloatArray:
    """(m, n, T) series less each row's weighted mean."""
    total = weight.sum(axis=-1)
    mean = (series * weight).sum(axis=-1) / np.where(total > 0.0, total, 1.0)
    return np.asarray(series - mean[..., None])


@dataclass(frozen=True, slots=True)
class Fitted:
    """A regression, and what turns the residuals of a unit into its influence on k effects.

    psi_i = sum_t s_i w_dt on_cells_dt e_it + (sum_t s_i w_dt z_it e_it)' on_covariates.

    Attributes
    ----------
    system
        The normal equations.
    coefficient
        (K + p,).
    on_cells
        (k, D, T) influence of a cell's residual; sums to 0 over a unit's weighted cells.
    on_covariates
        (p, k) influence of the covariates' scores.
    """

    system: System
    coefficient: FloatArray
    on_cells: FloatArray
    on_covariates: FloatArray


def with_influence(system: System, coefficient: FloatArray, bread: FloatArray) -> Fitted:
    """Influence of the scores x'e through a (K + p, k) bread, which may hold some columns only."""
    n_shared = len(system.regressors)
    on_cells = np.tensordot(bread[:n_shared].T, system.regressors, axes=1)
    return Fitted(system, coefficient, on_cells, bread[n_shared:])


def unit_scores(fits: Sequence[Fitted], cluster: IntArray | None) -> Scores:
    """Influence functions of several regressions of the same units, side by side.

    Demeaned regressors sum to 0 over a unit's cells, so its own mean may stay in: psi is the product of the unit's
    raw deviations, and a constant, with tables of its type.

    Parameters
    ----------
    fits
        Regressions on the same :class:`UnitTypes`.
    cluster
        (N,) cluster codes of the caller's units; None where units are their own clusters.
    """
    types = fits[0].system.types
    count, blocks = types.count, []
    own = np.flatnonzero(count >= OWN_BLOCK)
    loading = _loading(fits, own)
    for place, d in enumerate(own):
        rows = slice(int(types.edges[d]), int(types.edges[d + 1]))
        blocks.append(ScoreBlock(types.order[rows], _series(fits, rows), loading[place]))
    few = np.flatnonzero(np.repeat(count < OWN_BLOCK, count))
    if few.size:
        width = sum(len(fit.on_cells) for fit in fits)
        psi, code = np.empty((few.size, width)), types.code
        for part in pieces(slice(0, few.size)):
            found, inverse = np.unique(code[few[part]], return_inverse=True)
            psi[part] = np.einsum("iq,iqk->ik", _series(fits, few[part]), _loading(fits, found)[inverse])
        blocks.append(ScoreBlock(types.order[few], psi, np.eye(width)))
    return Scores(tuple(blocks), cluster)


def _series(fits: Sequence[Fitted], rows: slice | IntArray) -> FloatArray:
    """(n, q) what a unit brings to its influence functions: its deviations, 1, and its covariates' scores."""
    types = fits[0].system.types
    deviation = types.deviation[:, rows]
    m, n, n_periods = deviation.shape
    extra = sum(len(fit.system.covariates) for fit in fits)
    series = np.empty((n, m * n_periods + 1 + extra))
    series[:, : m * n_periods] = deviation.transpose(1, 0, 2).reshape(n, -1)
    series[:, m * n_periods] = 1.0
    place = m * n_periods + 1
    if extra:
        code = types.code[rows]
        for fit in fits:
            p = len(fit.system.covariates)
            z, e = demeaned_rows(fit, rows)
            series[:, place : place + p] = np.einsum("pit,it,it->ip", z, e, fit.system.weight[code])
            place += p
    if (types.scale != 1.0).any():
        series *= types.scale[rows][:, None]
    return series


def demeaned_rows(fit: Fitted, rows: slice | IntArray) -> tuple[FloatArray, FloatArray]:
    """(p, n, T) demeaned covariates and (n, T) residuals of some units; meaningless where the weight is 0."""
    system = fit.system
    code = system.types.code[rows]
    centred = _centred(system.types.deviation[:, rows], system.weight[code])
    slope = fit.coefficient[len(system.regressors) :]
    error = centred[0] - np.tensordot(slope, centred[1:], axes=1) + system.residual(fit.coefficient)[code]
    return centred[1:] + system.covariates[:, code], np.asarray(error)


def cell_influence(fit: Fitted, period: int, covariates: FloatArray, error: FloatArray) -> FloatArray:
    """(n, k) influence of the units' cells of one period, given their :func:`demeaned_rows`."""
    system = fit.system
    code = system.types.code
    factor = system.types.scale * system.weight[code, period] * error[:, period]
    on_cell = fit.on_cells[:, :, period].T[code] + covariates[:, :, period].T @ fit.on_covariates
    return np.asarray(factor[:, None] * on_cell)


def _loading(fits: Sequence[Fitted], chosen: IntArray) -> FloatArray:
    """(d, q, k) tables that turn `_series` into influence functions, for some types."""
    types = fits[0].system.types
    m, _, n_periods = types.deviation.shape
    extra = sum(len(fit.system.covariates) for fit in fits)
    width = sum(len(fit.on_cells) for fit in fits)
    table = np.zeros((len(chosen), m * n_periods + 1 + extra, width))
    column, row = 0, m * n_periods + 1
    for fit in fits:
        system = fit.system
        columns = slice(column, column + len(fit.on_cells))
        on_periods = (fit.on_cells[:, chosen] * system.weight[chosen]).transpose(1, 2, 0)
        slope = np.concatenate([[1.0], -fit.coefficient[len(system.regressors) :]])
        for place, factor in enumerate(slope):
            table[:, place * n_periods : (place + 1) * n_periods, columns] = factor * on_periods
        error = system.residual(fit.coefficient)[chosen]
        table[:, m * n_periods, columns] = np.einsum("dt,dtc->dc", error, on_periods)
        p = len(system.covariates)
        table[:, row : row + p, columns] = fit.on_covariates
        column, row = columns.stop, row + p
    return table

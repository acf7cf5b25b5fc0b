"""Regression on cohorts, periods and covariates whose slopes differ by cohort and by period.

The index of unit i of group h in period t is z_it'(f_t + a_h), z_it = (1, x_it): with canonical links the extended
two-way model of Wooldridge (2021, 2023) restricted to untreated rows. Every sum that a fit needs is one of q x q
moments by group and period, q = 1 + covariates: rows are read once an iteration, and without covariates not even that,
as sums of outcomes and sizes by group and period suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.canonical import Family
from evalkit.numerics.least_squares import independent_columns, inverse_on
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

MAX_STEPS = 60
MAX_HALVINGS = 40
STEP_TOLERANCE = 1e-8
"""Newton's error after a step of size s is of order s squared."""
FLAT = 1e-13
"""Relative change of the likelihood that rounding can make."""
ROUNDING = 1e-12
"""Relative, of a sum of as many ones as there are rows."""
FAR = 30.0
"""Indexes that a step may reach: e^30 times the mean, or as little of it, is no estimate but a missing maximum."""


@dataclass(frozen=True, slots=True)
class CohortRows:
    """Rows of N units over T periods in H groups.

    Attributes
    ----------
    response, size
        (N, T) weight times outcome and weight times exposure (or weight alone); 0 where a row is not used.
    covariates
        (p, N, T), 0 where a row is not used.
    groups
        Positions of the units of each group.
    """

    response: FloatArray
    size: FloatArray
    covariates: FloatArray
    groups: tuple[IntArray, ...]

    @property
    def n_slopes(self) -> int:
        """Q: a constant and p slopes."""
        return 1 + len(self.covariates)

    @property
    def shape(self) -> tuple[int, int]:
        """Groups and periods."""
        return len(self.groups), int(self.response.shape[1])

    def totals(self, values: FloatArray) -> FloatArray:
        """(H, T) sums of (N, T) values within groups."""
        return np.stack([values[units].sum(axis=0) for units in self.groups])


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums by group and period at one index.

    Attributes
    ----------
    value
        (H, T) log quasi-likelihood.
    gradient
        (H, T, q) sum of z (y - mean).
    information
        (H, T, q, q) sum of z z' times the variance.
    """

    value: FloatArray
    gradient: FloatArray
    information: FloatArray


class MomentSums:
    """Moments of the rows at any index; without covariates from a table that is summed once."""

    def __init__(self, rows: CohortRows, family: Family) -> None:
        self.rows, self.family = rows, family
        self.response = rows.totals(rows.response)
        self.size = rows.totals(rows.size)

    def at(self, index: FloatArray, cells: BoolArray) -> Moments:
        """Moments of some cells.

        Parameters
        ----------
        index
            (H, T, q) coefficients of z in each cell.
        cells
            (H, T); moments of the others are 0.
        """
        if self.rows.n_slopes > 1:
            return self._from_rows(index, cells)
        eta = index[:, :, 0]
        response, size = np.where(cells, self.response, 0.0), np.where(cells, self.size, 0.0)
        value, mean, slope = _weighted(self.family, eta, response, size)
        return Moments(value, (response - mean)[:, :, None], slope[:, :, None, None])

    def _from_rows(self, index: FloatArray, cells: BoolArray) -> Moments:
        shape, q = self.rows.shape, self.rows.n_slopes
        found = Moments(np.zeros(shape), np.zeros((*shape, q)), np.zeros((*shape, q, q)))
        for group, units in enumerate(self.rows.groups):
            columns = np.flatnonzero(cells[group])
            if columns.size == 0:
                continue
            span = slice(int(columns[0]), int(columns[-1]) + 1)
            for piece in pieces(slice(0, len(units))):
                self._add_block(found, group, units[piece], span, index[group, span])
        outside = ~cells
        found.value[outside], found.gradient[outside], found.information[outside] = 0.0, 0.0, 0.0
        return found

    def _add_block(self, found: Moments, group: int, units: IntArray, span: slice, index: FloatArray) -> None:
        response, size = self.rows.response[units, span], self.rows.size[units, span]
        x = self.rows.covariates[:, units, span]
        value, mean, slope = _weighted(self.family, linear_index(index, x), response, size)
        residual = response - mean
        found.value[group, span] += value.sum(axis=0)
        found.gradient[group, span, 0] += residual.sum(axis=0)
        found.information[group, span, 0, 0] += slope.sum(axis=0)
        for k, own in enumerate(x, start=1):
            found.gradient[group, span, k] += (residual * own).sum(axis=0)
            weighted = slope * own
            found.information[group, span, k, 0] += weighted.sum(axis=0)
            found.information[group, span, 0, k] = found.information[group, span, k, 0]
            for m in range(1, k + 1):
                found.information[group, span, k, m] += (weighted * x[m - 1]).sum(axis=0)
                found.information[group, span, m, k] = found.information[group, span, k, m]


def linear_index(index: FloatArray, x: FloatArray) -> FloatArray:
    """(n, T) index of units from (T, q) coefficients and (p, n, T) covariates."""
    eta = np.broadcast_to(index[:, 0], (x.shape[1], len(index))).copy()
    for k, own in enumerate(x, start=1):
        eta += index[:, k] * own
    return eta


def _weighted(
    family: Family, eta: FloatArray, response: FloatArray, size: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log quasi-likelihood, mean and information of each row, or of each cell in sum; all 0 where the size is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = response * eta - size * family.cumulant(eta)
        mean, slope = size * family.mean(eta), size * family.slope(eta)
    if np.isfinite(value).all():
        return value, mean, slope
    used = size > 0.0
    return np.where(used, value, 0.0), np.where(used, mean, 0.0), np.where(used, slope, 0.0)


@dataclass(frozen=True, slots=True)
class CohortFit:
    """Coefficients, and how they answer to scores.

    Attributes
    ----------
    index
        (H, T, q) f_t + a_h.
    cells
        (H, T) cells whose rows were fitted.
    informs
        (H,) groups whose rows inform the periods' coefficients.
    response
        ((T + H) q, (T + H) q) matrix B: the error of (f, a) is B times the summed scores.
    jacobian
        Of the same size, J: derivative of the summed scores, so that B is its inverse where it has one.
    n_parameters
        Coefficients that are identified.
    """

    index: FloatArray
    cells: BoolArray
    informs: BoolArray
    response: FloatArray
    jacobian: FloatArray
    n_parameters: int

    def gradients(self, group: IntArray, column: IntArray, by_index: FloatArray) -> tuple[FloatArray, BoolArray]:
        """How K functions of one cell's index each answer to scores, and whether the data identify them.

        Parameters
        ----------
        group, column
            (K,) cells.
        by_index
            (K, q) derivative of each with respect to its cell's index coefficients.

        Returns
        -------
        (K, T + H, q) array
            Derivative with respect to the summed scores of every period, then of every group.
        (K,) bool array
            False where the derivative leaves the row space of the fit.
        """
        n_groups, n_periods, q = self.index.shape
        rows = np.zeros((len(group), n_periods + n_groups, q))
        place = np.arange(len(group))
        rows[place, column] = by_index
        rows[place, n_periods + group] = by_index
        flat = rows.reshape(len(group), -1)
        answer = flat @ self.response
        scale = np.abs(flat).max(axis=1, initial=0.0)
        missed = np.abs(answer @ self.jacobian - flat).max(axis=1, initial=0.0)
        return answer.reshape(rows.shape), np.asarray(missed <= IDENTIFIED * np.where(scale > 0.0, scale, 1.0))


IDENTIFIED = 1e-6
"""Relative: what rounding leaves of a derivative inside the row space is some 1e-10, and what is outside is near 1."""


def fit_jointly(sums: MomentSums, cells: BoolArray) -> CohortFit | None:
    """Fit f and a to all rows of the cells at once; the last group with rows has no coefficients of its own.

    Returns
    -------
    CohortFit or None
        None when the likelihood has no maximum.

    Examples
    --------
    >>> from evalkit.numerics.canonical import FAMILIES
    >>> y = np.array([[1.0, 2.0, 4.0], [3.0, 6.0, 9.0]])
    >>> rows = CohortRows(y, np.ones((2, 3)), np.empty((0, 2, 3)), (np.array([1]), np.array([0])))
    >>> fit = fit_jointly(MomentSums(rows, FAMILIES["poisson"]), np.array([[True, True, False], [True] * 3]))
    >>> np.exp(fit.index[0, :, 0]).round(6).tolist()
    [3.0, 6.0, 12.0]
    """
    n_groups, n_periods = cells.shape
    own: BoolArray = np.asarray(cells.any(axis=1))
    own[np.flatnonzero(own)[-1]] = False
    free = np.concatenate([cells.any(axis=0), own])
    found = _maximize(sums, cells, free, np.zeros((n_periods + n_groups, sums.rows.n_slopes)))
    if found is None:
        return None
    coefficient, moments = found
    slots = np.repeat(free, sums.rows.n_slopes)
    jacobian = np.where(slots[:, None] & slots[None, :], _information(moments), 0.0)
    inverse, count = _inverse(jacobian, slots)
    return CohortFit(
        _by_cell(coefficient, n_periods), cells, np.ones(n_groups, dtype=bool), inverse, jacobian, count
    )  # fmt: skip


def fit_against(sums: MomentSums, cells: BoolArray, comparison: int) -> CohortFit | None:
    """Fit f to the rows of one group alone, then a_h to the rows of each other group, given f.

    Returns
    -------
    CohortFit or None
        None when a likelihood has no maximum.
    """
    n_groups, n_periods = cells.shape
    q = sums.rows.n_slopes
    is_comparison: BoolArray = np.arange(n_groups) == comparison
    first, second = cells & is_comparison[:, None], cells & ~is_comparison[:, None]
    periods = np.concatenate([first.any(axis=0), np.zeros(n_groups, dtype=bool)])
    groups = np.concatenate([np.zeros(n_periods, dtype=bool), second.any(axis=1)])
    found = _maximize(sums, first, periods, np.zeros((n_periods + n_groups, q)))
    if found is None:
        return None
    coefficient, own = found
    found = _maximize(sums, second, groups, coefficient)
    if found is None:
        return None
    coefficient, others = found
    by_period, by_group = np.repeat(periods, q), np.repeat(groups, q)
    a_inverse, a_count = _inverse(_information(own), by_period)
    information = _information(others)
    d_inverse, d_count = _inverse(information, by_group)
    across = np.where(by_group[:, None] & by_period[None, :], information, 0.0)
    jacobian = np.where(by_period[:, None] & by_period[None, :], _information(own), 0.0) + across
    jacobian += np.where(by_group[:, None] & by_group[None, :], information, 0.0)
    response = a_inverse + d_inverse - d_inverse @ across @ a_inverse
    return CohortFit(
        _by_cell(coefficient, n_periods), cells, is_comparison, response, jacobian, a_count + d_count
    )  # fmt: skip


def fit_cells(sums: MomentSums, cells: BoolArray) -> FloatArray:
    """(H, T, q) coefficients of each cell's own regression; 0 slopes where its covariates do not vary.

    Where a cell's likelihood has no maximum the steps end at a flat stretch, whose residuals are those of the limit.
    """
    q = sums.rows.n_slopes
    index = np.zeros((*cells.shape, q))
    total = np.where(cells, sums.size, 1.0)
    bounded = sums.response / np.where(total > 0.0, total, 1.0)
    if sums.family.has_lower:
        bounded = np.clip(bounded, 1e-12, sums.family.upper - 1e-12)
    index[:, :, 0] = np.where(cells, sums.family.link(bounded), 0.0)
    here = sums.at(index, cells)
    for _ in range(1 if sums.family.is_linear else MAX_STEPS):
        step = np.einsum("htkl,htl->htk", np.linalg.pinv(here.information, rcond=1e-10, hermitian=True), here.gradient)
        after = sums.at(index + step, cells)
        for _ in range(MAX_HALVINGS):
            worse = ~(after.value >= here.value - FLAT * np.abs(here.value))
            if not worse.any():
                break
            step[worse] /= 2.0
            after = sums.at(index + step, cells)
        index = index + step
        flat = np.abs(after.value - here.value) <= FLAT * np.abs(here.value)
        here = after
        if np.abs(step).max(initial=0.0) < STEP_TOLERANCE or flat.all():
            break
    return index


def with_maximum(sums: MomentSums, cells: BoolArray, comparison: int | None) -> BoolArray:
    """(H, T) cells whose groups and periods hold both events and their absence, so that finite effects fit them.

    A group or period without a single event (for shares also: with nothing else) would have an effect of minus (plus)
    infinity: its rows carry no information on the others (Correia, Guimaraes and Zylkin 2021) and are left out. So are
    those of periods in which the group that informs them has no row.

    Parameters
    ----------
    sums
        Of all rows.
    cells
        (H, T) rows to be fitted.
    comparison
        The group that alone informs the periods; None where all do.
    """
    if not sums.family.has_lower:
        # a period in which the comparison group has no row has no coefficient: nothing can be measured from it
        return cells if comparison is None else cells & cells[comparison]
    informs = np.ones(len(cells), dtype=bool) if comparison is None else np.arange(len(cells)) == comparison
    kept = cells.copy()
    while True:
        before = kept.copy()
        kept &= _inside(sums, kept & informs[:, None], axis=0)[None, :]
        others = kept if comparison is None else kept & ~informs[:, None]
        good = _inside(sums, others, axis=1)
        kept &= (good if comparison is None else good | informs)[:, None]
        if np.array_equal(before, kept):
            return kept


def _inside(sums: MomentSums, cells: BoolArray, axis: int) -> BoolArray:
    events = np.where(cells, sums.response, 0.0).sum(axis=axis)
    if np.isinf(sums.family.upper):
        return np.asarray(events > 0.0)
    most = sums.family.upper * np.where(cells, sums.size, 0.0).sum(axis=axis)
    return np.asarray((events > 0.0) & (events < most * (1.0 - ROUNDING)))


def _by_cell(coefficient: FloatArray, n_periods: int) -> FloatArray:
    return np.asarray(coefficient[None, :n_periods] + coefficient[n_periods:, None])


def _maximize(
    sums: MomentSums, cells: BoolArray, free: BoolArray, start: FloatArray
) -> tuple[FloatArray, Moments] | None:
    """Newton's method over the free ones of the T + H coefficient vectors, from `start`; the others stay."""
    n_periods = cells.shape[1]
    coefficient = start.copy()
    slots = np.repeat(free, sums.rows.n_slopes)
    if not sums.family.is_linear:
        _start(sums, cells, free, coefficient)
    here = sums.at(_by_cell(coefficient, n_periods), cells)
    if not cells.any():
        return coefficient, here
    for _ in range(MAX_STEPS):
        inverse, _count = _inverse(_information(here), slots)
        gradient = np.concatenate([here.gradient.sum(axis=0), here.gradient.sum(axis=1)])
        step = (inverse @ gradient.ravel()).reshape(coefficient.shape)
        if sums.family.is_linear:
            coefficient = coefficient + step
            return coefficient, here
        value = here.value.sum()
        for _ in range(MAX_HALVINGS):
            after = sums.at(_by_cell(coefficient + step, n_periods), cells)
            if after.value.sum() >= value - FLAT * np.abs(here.value).sum():
                break
            step = step / 2.0
        coefficient, here = coefficient + step, after
        if np.abs(coefficient - start).max() > FAR + np.abs(_levels(sums, cells)).max():
            return None
        if np.abs(step).max() < STEP_TOLERANCE:
            return coefficient, here
    return None


def _levels(sums: MomentSums, cells: BoolArray) -> FloatArray:
    """Index of the mean of all rows: the scale on which coefficients are far or near."""
    mean = np.where(cells, sums.response, 0.0).sum() / max(np.where(cells, sums.size, 0.0).sum(), 1e-300)
    return np.asarray(sums.family.link(np.array([np.clip(mean, 1e-12, sums.family.upper - 1e-12)])))


def _start(sums: MomentSums, cells: BoolArray, free: BoolArray, coefficient: FloatArray) -> None:
    """Index of each period's mean, or of each group's over what the periods already say."""
    n_periods = cells.shape[1]
    response, size = np.where(cells, sums.response, 0.0), np.where(cells, sums.size, 0.0)
    if free[:n_periods].any():
        mean = response.sum(axis=0) / np.where(size.sum(axis=0) > 0.0, size.sum(axis=0), 1.0)
        index = sums.family.link(np.clip(mean, 1e-12, sums.family.upper - 1e-12))
        coefficient[:n_periods, 0] = np.where(free[:n_periods], index, coefficient[:n_periods, 0])
        return
    fitted = (size * sums.family.mean(coefficient[None, :n_periods, 0])).sum(axis=1)
    if np.isinf(sums.family.upper):
        ratio = response.sum(axis=1) / np.where(fitted > 0.0, fitted, 1.0)
        own = free[n_periods:]
        coefficient[n_periods:, 0] = np.where(own, np.log(np.where(own, ratio, 1.0)), 0.0)


def _information(moments: Moments) -> FloatArray:
    """((T + H) q,) square matrix of the cells' information."""
    n_groups, n_periods, q = moments.gradient.shape
    whole = np.zeros((n_periods + n_groups, q, n_periods + n_groups, q))
    t, h = np.arange(n_periods), np.arange(n_groups)
    whole[t, :, t, :] = moments.information.sum(axis=0)
    whole[n_periods + h, :, n_periods + h, :] = moments.information.sum(axis=1)
    whole[:n_periods, :, n_periods:, :] = moments.information.transpose(1, 2, 0, 3)
    whole[n_periods:, :, :n_periods, :] = moments.information.transpose(0, 2, 1, 3)
    size = (n_periods + n_groups) * q
    return whole.reshape(size, size)


def _inverse(information: FloatArray, free: BoolArray) -> tuple[FloatArray, int]:
    """Generalized inverse on the free coefficients that are identified, 0 elsewhere, and their number."""
    keep = np.zeros(len(free), dtype=np.bool_)
    places = np.flatnonzero(free)
    if places.size == 0:
        return np.zeros_like(information), 0
    keep[places] = independent_columns(information[np.ix_(places, places)])
    if not keep.any():
        return np.zeros_like(information), 0
    return inverse_on(information, keep), int(keep.sum())


def group_positions(group: IntArray, n_groups: int) -> tuple[IntArray, ...]:
    """Positions of the units of each group.

    Examples
    --------
    >>> [units.tolist() for units in group_positions(np.array([1, 0, 1, -1]), 2)]
    [[1], [0, 2]]
    """
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(n_groups + 1))
    return tuple(np.asarray(order[low:high]) for low, high in pairwise(edges))

"""Gaps of treated units fitted one by one, their placebos in space, and the cells and errors made of them.

An estimator supplies one function: how a unit's series without the programme is made from its donors. Everything else
(placebos, cells, covariance) is the same for all estimators of this kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.aggregate import Cells
from evalkit.data.donor_pool import Pool
from evalkit.data.panel import Panel
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

EXACT_FIT: Final = 1e-6
"""Root mean squared error before the start, relative to the outcome's spread, below which a fit counts as exact."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """One unit by its donors.

    Attributes
    ----------
    weights
        (J,) of the donors.
    path
        (P,) the unit's series without the programme.
    """

    weights: FloatArray
    path: FloatArray


Fitter = Callable[[Pool, int, IntArray], Fitted]
"""Pool (periods), row of the unit that is fitted, rows of its donors -> the fit."""


@dataclass(frozen=True, slots=True)
class Placebos:
    """Donors fitted by the other donors, as if each had been treated.

    Attributes
    ----------
    donors
        (M,) rows of the panel.
    gaps
        (M, P) observed less fitted.
    error
        (M,) root mean squared gap over the fitted periods.
    """

    donors: IntArray
    gaps: FloatArray
    error: FloatArray


@dataclass(frozen=True, slots=True)
class UnitGaps:
    """A treated unit's gaps.

    Attributes
    ----------
    pool
        Its donors and periods.
    weights
        (J,) of the donors.
    gap
        (P,) observed less fitted.
    error
        Root mean squared gap over the fitted periods (RMSPE).
    placebos
        Those of its donors; empty where none were asked for.
    """

    pool: Pool
    weights: FloatArray
    gap: FloatArray
    error: float
    placebos: Placebos

    @property
    def effect(self) -> float:
        """Mean gap under treatment."""
        return float(self.gap[self.pool.post].mean())


def fit_units(
    panel: Panel,
    pools: Sequence[Pool],
    fitter: Fitter,
    *,
    most_placebos: int,
    with_treated: bool = False,
    rng: np.random.Generator,
) -> tuple[UnitGaps, ...]:
    """Fit each treated unit, and each donor as if it had been treated.

    Parameters
    ----------
    panel, pools, fitter
        What is fitted, and how.
    most_placebos
        Donors that are fitted in turn; a random choice where a pool has more.
    with_treated
        Let placebos use the treated unit as a donor.
    rng
        For that choice.
    """
    known: dict[tuple[object, ...], Placebos] = {}
    found = []
    for pool in pools:
        fitted = fitter(pool, pool.unit, pool.donors)
        gap = pool.treated_series(panel.outcome) - fitted.path
        key = (pool.group, pool.unit) if with_treated else pool.group
        if key not in known:
            known[key] = _placebos(panel, pool, fitter, most_placebos, with_treated, rng)
        found.append(UnitGaps(pool, fitted.weights, gap, _error(gap, pool.fit), known[key]))
    return tuple(found)


def _placebos(
    panel: Panel, pool: Pool, fitter: Fitter, most: int, with_treated: bool, rng: np.random.Generator
) -> Placebos:
    chosen = pool.donors
    if len(chosen) > most:
        chosen = chosen[np.sort(rng.choice(len(chosen), most, replace=False))]  # by place: names decide nothing
    if len(pool.donors) < 2 and not with_treated:
        chosen = chosen[:0]
    gaps = np.empty((len(chosen), len(pool.columns)))
    extra = [pool.unit] if with_treated else []
    for row, donor in enumerate(chosen):
        others = np.concatenate([pool.donors[pool.donors != donor], np.array(extra, dtype=np.int64)])
        gaps[row] = panel.outcome[donor, pool.columns] - fitter(pool, int(donor), others).path
    error = np.sqrt((gaps[:, pool.fit] ** 2).mean(axis=1))
    return Placebos(chosen, gaps, error)


def _error(gap: FloatArray, fit: BoolArray) -> float:
    return float(np.sqrt((gap[fit] ** 2).mean()))


def fits_are_inexact(panel: Panel, units: Sequence[UnitGaps]) -> bool:
    """Whether all errors before the start are above rounding, so that gaps may be divided by them."""
    errors = np.concatenate([[unit.error for unit in units], *[unit.placebos.error for unit in units]])
    return bool(errors.min() > EXACT_FIT * spread_before(panel, units))


def spread_before(panel: Panel, units: Sequence[UnitGaps]) -> float:
    """Standard deviation of the outcome over fitted periods of the treated and their donors."""
    values = []
    for pool in {unit.pool.group: unit.pool for unit in units}.values():
        rows = np.append(pool.donors, pool.unit)
        values.append(panel.outcome[np.ix_(rows, pool.columns[pool.fit])].ravel())
    return float(np.concatenate(values).std())


def cells_of(panel: Panel, units: Sequence[UnitGaps]) -> Cells:
    """Cells by unit and period: gaps before the start too, so that observed less effect is the fit in every period."""
    starts = np.array([unit.pool.start for unit in units])
    cohorts, sizes = np.unique(starts, return_counts=True)
    size_of = dict(zip(cohorts.tolist(), sizes.tolist(), strict=True))
    each = [len(unit.gap) for unit in units]
    columns = np.concatenate([unit.pool.columns for unit in units])
    cohort = np.repeat(starts, each)
    period = panel.time[columns]
    count = sum(each)
    return Cells(
        cohort=cohort,
        period=period,
        event_time=period - cohort,
        estimate=np.concatenate([unit.gap for unit in units]),
        observed=np.concatenate([unit.pool.treated_series(panel.outcome) for unit in units]),
        n_treated=np.ones(count, dtype=np.int64),
        is_reference=np.zeros(count, dtype=np.bool_),
        share_cohorts=cohorts,
        shares=sizes / len(rows_used(units)),
        unit=np.repeat(np.arange(len(units)), each),
        fraction=np.repeat([1.0 / size_of[unit.pool.start] for unit in units], each),
    )


def rows_used(units: Sequence[UnitGaps]) -> IntArray:
    """Rows of the panel that take part: treated and donors."""
    return np.unique(np.concatenate([np.append(unit.pool.donors, unit.pool.unit) for unit in units]))


def shared_donors(units: Sequence[UnitGaps]) -> FloatArray:
    """(N, N) correlation of the treated units' errors that comes of fitting them by the same donors.

    With errors of equal variance and independent between places, a unit's gap has the errors of the unit less those of
    its donors, by
    weight: two units share ``w_i . w_k`` of variance, and each has ``1 + w_i . w_i``.
    """
    rows = np.unique(np.concatenate([unit.pool.donors for unit in units]))
    weights = np.zeros((len(units), len(rows)))
    for place, unit in enumerate(units):
        weights[place, np.searchsorted(rows, unit.pool.donors)] = unit.weights
    product = np.eye(len(units)) + weights @ weights.T
    size = np.sqrt(np.diag(product))
    correlation: FloatArray = product / np.outer(size, size)
    return correlation


def sampling_of(units: Sequence[UnitGaps], *, scaled: bool, n_shares: int) -> Sampling:
    """Errors from the placebos: what donors show where nothing happened is what chance does to the treated.

    The covariance of a unit's gaps is the mean cross product of its placebos' gaps, each brought to the unit's own
    error
    before the start where `scaled`. Between units it is that of the same donors, times the correlation that shared
    donors
    bring. Cohort shares are taken as known.
    """
    donors = np.unique(np.concatenate([unit.placebos.donors for unit in units]))
    noise = [_noise(unit, donors, scaled) for unit in units]
    each = np.repeat(np.arange(len(units)), [block.shape[1] for block in noise])
    together = np.hstack(noise)
    count = together.shape[1]
    covariance = np.zeros((count + n_shares, count + n_shares))
    correlation = shared_donors(units)
    covariance[:count, :count] = (together.T @ together) * correlation[np.ix_(each, each)]

    def influence() -> FloatArray:
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        psi = np.concatenate([together * root[each, place] for place in range(len(units))])
        return np.hstack([psi, np.zeros((len(psi), n_shares))])

    return Sampling(
        covariance=covariance,
        n_clusters=len(rows_used(units)),
        influence_of=influence,
        degrees_of_freedom=float(max(1, min(len(unit.placebos.donors) for unit in units))),
        correction="placebos in space",
    )


def _noise(unit: UnitGaps, donors: IntArray, scaled: bool) -> FloatArray:
    """(D, P) gaps of the unit's placebos whose cross product is its covariance; 0 for donors that it has not."""
    gaps, count = unit.placebos.gaps, len(unit.placebos.donors)
    noise = np.zeros((len(donors), gaps.shape[1]))
    if scaled:
        gaps = gaps * (unit.error / unit.placebos.error)[:, None]
    noise[np.searchsorted(donors, unit.placebos.donors)] = gaps / np.sqrt(count)
    return noise

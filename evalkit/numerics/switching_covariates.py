"""Outcomes less what covariates explain of their changes, and what estimating that adds to the errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evalkit.numerics.switching_pairs import Group, PairFit
from evalkit.numerics.switching_sample import SwitchingSample
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

RANK = 1e-9
"""Share of the largest singular value below which a combination of covariates does not vary."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """Slopes of outcome changes on covariate changes, by period-one dose.

    Attributes
    ----------
    value
        (Q, p) theta_d; 0 where changes of covariates do not vary.
    influence
        (n, p) contribution of each unit to the error of its own dose's slopes.
    rank
        (Q,) combinations of covariates that vary.
    absorbed
        (p,) covariates whose changes vary at no dose.
    """

    value: FloatArray
    influence: FloatArray
    rank: IntArray
    absorbed: BoolArray


def fit_slopes(sample: SwitchingSample, covariates: FloatArray, *, never: bool = False) -> Slopes:
    """Regress changes from one period to the next on those of covariates, with an effect of each period.

    By period-one dose, among units that have not reacted yet (web appendix, section 1.2).

    Parameters
    ----------
    sample
        The units.
    covariates
        (p, T, n) of the same units and periods; 0 where not usable.
    never
        Only units that do not react in any period.
    """
    q, (p, periods, n) = sample.n_levels, covariates.shape
    moments, products = np.zeros((q, p, p)), np.zeros((q, p))
    parts: list[tuple[slice, FloatArray, FloatArray, FloatArray]] = []
    for period in range(1, periods):
        rows = sample.not_before(periods if never else period + 1)
        level = sample.level[rows]
        weight = np.ones(len(level)) if sample.weight is None else sample.weight[period, rows].copy()
        if sample.usable is not None:
            weight *= sample.usable[period, rows] & sample.usable[period - 1, rows]
        mass = np.bincount(level, weight, q).astype(np.float64)[level]
        y = _within(sample.outcome[period, rows] - sample.outcome[period - 1, rows], weight, mass, level, q)
        x = np.stack([
            _within(each[period, rows] - each[period - 1, rows], weight, mass, level, q) for each in covariates
        ])  # fmt: skip
        for one in range(p):
            products[:, one] += np.bincount(level, weight * x[one] * y, q)
            for other in range(p):
                moments[:, one, other] += np.bincount(level, weight * x[one] * x[other], q)
        parts.append((rows, weight, x, y))
    inverse = np.linalg.pinv(moments, rcond=RANK, hermitian=True)
    value = np.einsum("qjk,qk->qj", inverse, products)
    score = np.zeros((n, p))
    for rows, weight, x, y in parts:
        left = weight * (y - (value[sample.level[rows]].T * x).sum(axis=0))
        score[rows] += (left * x).T
    influence = np.einsum("njk,nk->nj", inverse[sample.level], score)
    largest = max(float(np.abs(moments).max(initial=0.0)), 1.0)
    rank = np.linalg.matrix_rank(moments, tol=RANK * largest, hermitian=True)
    absorbed = np.asarray(np.einsum("qjj->qj", moments).max(axis=0) <= RANK * largest)
    return Slopes(value, influence, rank.astype(np.int64), absorbed)


def _within(values: FloatArray, weight: FloatArray, mass: FloatArray, level: IntArray, q: int) -> FloatArray:
    """Values less their weighted mean by period-one dose; 0 where the weight is."""
    sums = np.bincount(level, weight * values, q)[level]
    centred: FloatArray = np.where(weight > 0.0, values - np.divide(sums, mass, where=mass > 0.0, out=sums), 0.0)
    return centred


def adjusted(sample: SwitchingSample, covariates: FloatArray, slopes: Slopes) -> SwitchingSample:
    """The sample with theta_d' X taken from its outcomes; what was observed is kept in `shown`."""
    explained = np.zeros(sample.outcome.shape)
    for number, each in enumerate(covariates):
        explained += slopes.value[sample.level, number] * each
    return replace(sample, outcome=sample.outcome - explained, shown=sample.outcome)


def gaps_of_covariates(
    sample: SwitchingSample, covariates: FloatArray, fits: tuple[PairFit, ...], allowed: BoolArray
) -> FloatArray:
    """(P, Q, p) each pair's total with a covariate in place of the outcome: how totals move with the slopes."""
    found = np.zeros((len(fits), sample.n_levels, len(covariates)))
    for number, each in enumerate(covariates):
        as_outcome = replace(sample, outcome=each)
        for place, fit in enumerate(fits):
            compared = Group.of(as_outcome, fit.pair, sample.not_before(fit.pair.until + 1))
            mean = compared.tally(compared.level, sample.n_levels)
            changed = Group.of(as_outcome, fit.pair, sample.of_cohort(fit.pair.cohort))
            counts = allowed[changed.rows] & (mean.mass[changed.level] > 0.0)
            signed = changed.full_weight() * counts * sample.sign[changed.rows]
            found[place, :, number] = np.bincount(
                changed.level, signed * (changed.gap - mean.mean[changed.level]), sample.n_levels
            )
    return found

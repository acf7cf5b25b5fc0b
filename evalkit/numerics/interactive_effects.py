"""Untreated outcomes of treated units from common factors, or from a completed matrix; effects by cohort and period.

Xu (2017), generalized synthetic control: factors from comparison units, loadings from each treated unit's own periods
before the start. Gobillon and Magnac (2016): factors from all untreated cells. Athey et al. (2021): matrix completion.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from evalkit.numerics.demean import two_way_demean
from evalkit.numerics.low_rank import MOST_STEPS, TIGHT, LowRank, factors_of, fit_low_rank
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Source = Literal["comparison", "untreated"]
LOOSE: Final = 1e-5
"""Tolerance of fits that only choose a rank or a penalty."""
FEW_STEPS: Final = 500
MOST_ROUNDS: Final = 500
"""Rounds between slopes and factors."""


@dataclass(frozen=True, slots=True)
class FactorSample:
    """Units used, as arrays.

    Attributes
    ----------
    outcome
        (n, T); NaN where not observed.
    covariates
        (p, n, T).
    known
        (n, T) observed and untreated: what models are fitted to.
    comparison
        (N_co,) rows of never-treated units.
    cohorts
        G arrays of rows of treated units.
    before
        (G, T) True in periods before the cohort's start, less anticipation.
    cluster
        (n,) codes 0 .. C-1.
    """

    outcome: FloatArray
    covariates: FloatArray
    known: BoolArray
    comparison: IntArray
    cohorts: tuple[IntArray, ...]
    before: BoolArray
    cluster: IntArray

    @property
    def treated(self) -> IntArray:
        """Rows of all treated units."""
        return np.concatenate(self.cohorts)

    @property
    def observed(self) -> BoolArray:
        """(n, T)."""
        return ~np.isnan(self.outcome)

    def keep(self, rows: IntArray) -> FactorSample:
        """Some units, in this order; cohorts may come out empty."""
        place = np.full(len(self.outcome), -1)
        place[rows] = np.arange(len(rows))
        held = [place[own] for own in (self.comparison, *self.cohorts)]
        held = [own[own >= 0] for own in held]
        return FactorSample(
            self.outcome[rows], self.covariates[:, rows], self.known[rows], held[0], tuple(held[1:]), self.before,
            self.cluster[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """What untreated outcomes are made of, besides unit and period effects.

    Attributes
    ----------
    rank
        Number of factors; None for matrix completion.
    mu
        Penalty of matrix completion.
    source
        Cells that factors come from; matrix completion always uses all untreated ones.
    """

    rank: int | None = None
    mu: float = 0.0
    source: Source = "comparison"


@dataclass(frozen=True, slots=True)
class Untreated:
    """Fitted untreated outcomes.

    Attributes
    ----------
    fitted
        (n, T), covariates included.
    slopes
        (p,).
    factors
        (T, r); (T, 0) in matrix completion.
    settled
        Whether the iterations came to rest.
    """

    fitted: FloatArray
    slopes: FloatArray
    factors: FloatArray
    settled: bool = True


def fit_untreated(
    sample: FactorSample,
    model: Model,
    start: Untreated | None = None,
    *,
    tolerance: float = TIGHT,
    most_steps: int = MOST_STEPS,
) -> Untreated:
    """Fit the model to known cells; `start` is a fit of the same rows to begin from."""
    slopes = np.zeros(len(sample.covariates)) if start is None else start.slopes
    low: LowRank | None = None
    at_rest = False
    rows = _fitted_to(sample, model)
    known = sample.known[rows]
    covariates = np.where(known, sample.covariates[:, rows], 0.0)
    within = two_way_demean(covariates, known.astype(np.float64)) if len(slopes) else covariates
    flat = within.reshape(len(slopes), known.size)
    inverse = np.linalg.pinv(flat @ flat.T, rcond=1e-10, hermitian=True) if len(slopes) else np.empty((0, 0))
    for _ in range(MOST_ROUNDS):
        rest = np.where(known, sample.outcome[rows], 0.0) - np.tensordot(slopes, covariates, axes=1)
        begin = _begin(sample, rows, start, low)
        low = fit_low_rank(
            rest, known, rank=model.rank, mu=model.mu, start=begin, tolerance=tolerance, most_steps=most_steps
        )
        at_rest = not len(slopes)
        if at_rest:
            break
        errors = np.where(known, rest - low.fitted, 0.0)
        moved = inverse @ np.einsum("pit,it->p", within, errors)
        slopes = slopes + moved
        size = np.sqrt(np.einsum("pn,pn->p", flat, flat) / max(int(known.sum()), 1))
        at_rest = float(np.abs(moved * size).max()) <= max(tolerance, 1e-10) * float(np.std(rest[known]))
        if at_rest:
            break
    if low is None:  # pragma: no cover - there always is a first round
        raise ValueError("the model was never fitted")
    return _everywhere(sample, model, rows, replace(low, settled=low.settled and at_rest), slopes)


def _fitted_to(sample: FactorSample, model: Model) -> IntArray:
    if model.rank is not None and model.source == "comparison":
        return sample.comparison
    return np.arange(len(sample.outcome))


def _begin(sample: FactorSample, rows: IntArray, start: Untreated | None, low: LowRank | None) -> FloatArray | None:
    """Fit without covariates to start from: the last one, or that of a sample with a unit more or less."""
    if low is not None:
        return low.fitted
    if start is None:
        return None
    return np.asarray(
        start.fitted[rows] - np.tensordot(start.slopes, np.nan_to_num(sample.covariates[:, rows]), axes=1)
    )


def _everywhere(sample: FactorSample, model: Model, rows: IntArray, low: LowRank, slopes: FloatArray) -> Untreated:
    """Add covariates back; with factors from comparison units, give treated units loadings of their own."""
    linear = np.tensordot(slopes, sample.covariates, axes=1)
    factors = factors_of(low.low_rank, model.rank or 0)
    if len(rows) == len(sample.outcome):
        return Untreated(low.fitted + linear, slopes, factors, low.settled)
    fitted = np.empty(sample.outcome.shape)
    fitted[rows] = low.fitted
    design = np.column_stack([np.ones(len(low.period)), factors])
    for own, known in _by_pattern(sample, sample.treated):
        loadings = np.linalg.pinv(design[known]) @ (sample.outcome - linear - low.period)[np.ix_(own, known)].T
        fitted[own] = (design @ loadings).T + low.period
    return Untreated(fitted + linear, slopes, factors, low.settled)


def _by_pattern(sample: FactorSample, rows: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Units with the same known periods together."""
    patterns, code = np.unique(sample.known[rows], axis=0, return_inverse=True)
    return [(rows[code.ravel() == k], np.flatnonzero(pattern)) for k, pattern in enumerate(patterns)]


def cell_effects(sample: FactorSample, untreated: Untreated) -> FloatArray:
    """(G, T) mean of observed less fitted over each cohort's observed units; NaN where there are none."""
    gap = np.where(sample.observed, sample.outcome - untreated.fitted, 0.0)
    seen = np.stack([sample.observed[rows].sum(axis=0) for rows in sample.cohorts])
    total = np.stack([gap[rows].sum(axis=0) for rows in sample.cohorts])
    return np.asarray(np.divide(total, seen, out=np.full(total.shape, np.nan), where=seen > 0))


def left_out_errors(sample: FactorSample, rank: int) -> float:
    """Mean squared error of treated units' known periods, each left out of its loadings (Xu 2017, Algorithm 1)."""
    fit = fit_untreated(sample, Model(rank))
    design = np.column_stack([np.ones(sample.outcome.shape[1]), fit.factors])
    total, count = 0.0, 0
    for own, known in _by_pattern(sample, sample.treated):
        used = design[known]
        leverage = np.einsum("tk,kt->t", used, np.linalg.pinv(used))
        if (leverage > 1.0 - 1e-8).any():
            return np.inf
        errors = (sample.outcome - fit.fitted)[np.ix_(own, known)] / (1.0 - leverage)
        total, count = total + float((errors**2).sum()), count + errors.size
    return total / count


def held_out_error(sample: FactorSample, model: Model, folds: IntArray, start: Untreated | None = None) -> float:
    """Mean squared error of known cells, a fold at a time left out of the fit.

    Parameters
    ----------
    sample, model
        What is fitted.
    folds
        (n, T) fold of each cell.
    start
        Fit to start from.
    """
    total, count = 0.0, 0
    for fold in np.unique(folds):
        out = sample.known & (folds == fold)
        rest = sample.known & ~out
        # A cell whose unit or period has no other known cell cannot be foretold by any model.
        out &= rest.any(axis=1, keepdims=True) & rest.any(axis=0)
        fit = fit_untreated(
            replace(sample, known=sample.known & ~out), model, start, tolerance=LOOSE, most_steps=FEW_STEPS
        )
        total += float(((sample.outcome - fit.fitted)[out] ** 2).sum())
        count += int(out.sum())
    return total / max(count, 1)

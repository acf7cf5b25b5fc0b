"""Cross-validation and replicates of interactive fixed effects and matrix completion."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from evalkit.numerics.interactive_effects import (
    FactorSample,
    Model,
    Source,
    Untreated,
    cell_effects,
    fit_untreated,
    held_out_error,
    left_out_errors,
)
from evalkit.numerics.low_rank import additive, largest_mu
from evalkit.numerics.placements import by_content, placements
from evalkit.vocabulary import FloatArray, IntArray

FOLDS: Final = 5
WORTH: Final = 0.01
"""Share by which a further factor must lower the error to be taken."""
PENALTIES: Final = 12
SMALLEST: Final = 0.01
"""Least penalty tried, relative to the one at which nothing is left."""
MOST_LEFT_OUT: Final = 400
"""Clusters above which the jackknife leaves out groups of them."""
GROUPS: Final = 200


def choose_rank(sample: FactorSample, most: int, source: Source) -> tuple[int, tuple[float, ...]]:
    """Number of factors by cross-validation, and the mean squared errors of 0, 1, ... factors.

    With factors from comparison units each known period of the treated is left out in turn (Xu 2017, Algorithm 1); else
    cells are left out in five folds. A factor more must lower the error by 1 %.
    """
    errors = []
    for rank in range(most + 1):
        if source == "comparison":
            errors.append(left_out_errors(sample, rank))
        else:
            errors.append(held_out_error(sample, Model(rank, source=source), folds_of(sample)))
        if min(errors[:-2], default=np.inf) < min(errors[-2:]):  # two factors more have made it worse
            break
    best = 0
    for rank, error in enumerate(errors):
        if error < (1.0 - WORTH) * errors[best]:
            best = rank
    return best, tuple(errors)


def choose_mu(sample: FactorSample) -> float:
    """Penalty of least held-out error over five folds, among twelve from the largest useful one down."""
    folds = folds_of(sample)
    top = largest_mu(np.where(sample.known, sample.outcome, 0.0), sample.known)
    if top == 0.0:
        return 0.0
    grid = top * np.geomspace(1.0, SMALLEST, PENALTIES)
    errors = [held_out_error(sample, Model(mu=float(mu)), folds) for mu in grid]
    return float(grid[int(np.argmin(errors))])


def folds_of(sample: FactorSample) -> IntArray:
    """(n, T) folds along diagonals, units ordered by what unit and period effects leave of their outcomes."""
    rest = np.where(sample.known, sample.outcome, 0.0)
    rest = np.where(sample.known, rest - additive(rest, sample.known), 0.0)
    place = np.empty(len(rest), dtype=np.int64)
    place[by_content(rest)] = np.arange(len(rest))
    return np.asarray((place[:, None] + np.arange(rest.shape[1])) % FOLDS)


def jackknife(sample: FactorSample, model: Model, whole: Untreated) -> FloatArray:
    """(C, G T + G) cells and shares without one cluster at a time, everything but the model's size fitted anew.

    Above 400 clusters, 200 groups of them are left out instead.
    """
    group = _groups(sample)
    found = []
    for code in range(int(group.max()) + 1):
        rows = np.flatnonzero(group != code)
        rest = sample.keep(rows)
        start = Untreated(whole.fitted[rows], whole.slopes, whole.factors)
        found.append(_flat(rest, fit_untreated(rest, model, start)))
    return np.stack(found)


def _groups(sample: FactorSample) -> IntArray:
    n_clusters = int(sample.cluster.max()) + 1
    if n_clusters <= MOST_LEFT_OUT:
        return sample.cluster
    order = by_content(np.nan_to_num(sample.outcome))
    first = np.unique(sample.cluster[order], return_index=True)[1]
    place = np.empty(n_clusters, dtype=np.int64)
    place[np.argsort(first)] = np.arange(n_clusters) % GROUPS
    return np.asarray(place[sample.cluster])


def placebos(sample: FactorSample, model: Model, whole: Untreated, draws: int, rng: np.random.Generator) -> FloatArray:
    """(R, G T + G) cells with the cohorts' starts given to comparison units, the treated left out; shares unchanged."""
    sizes = [len(rows) for rows in sample.cohorts]
    shares = np.array(sizes) / len(sample.outcome)
    own = sample.keep(sample.comparison)
    fitted = whole.fitted[sample.comparison]
    order = by_content(np.nan_to_num(own.outcome))
    found = []
    for plan in placements(len(order), sizes, draws, rng):
        cohorts = tuple(np.sort(order[chosen]) for chosen in plan)
        known = own.known.copy()
        for rows, before in zip(cohorts, sample.before, strict=True):
            known[rows] &= before
        others = np.setdiff1d(np.arange(len(order)), np.concatenate(cohorts))
        moved = replace(own, known=known, comparison=others, cohorts=cohorts)
        start = Untreated(fitted, whole.slopes, whole.factors)
        found.append(np.concatenate([cell_effects(moved, fit_untreated(moved, model, start)).ravel(), shares]))
    return np.stack(found)


def _flat(sample: FactorSample, untreated: Untreated) -> FloatArray:
    shares = np.array([len(rows) for rows in sample.cohorts]) / len(sample.outcome)
    return np.concatenate([cell_effects(sample, untreated).ravel(), shares])

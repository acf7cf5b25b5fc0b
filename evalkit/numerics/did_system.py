"""Normal equations of the cell effects once unit effects, period effects and covariates are absorbed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from evalkit.numerics.did_layout import CellTable
from evalkit.numerics.panel_moments import Moments
from evalkit.vocabulary import FloatArray

RANK_TOLERANCE = 1e-9
"""Share of the largest eigenvalue below which a direction of the absorbed block counts as empty."""


@dataclass(frozen=True, slots=True)
class System:
    """Likelihood of K cell effects theta given sigma, at each of J autocorrelations.

    log p(y | theta, sigma) = log_det - degrees/2 log sigma^2
    - (residual - 2 score' theta + theta' information theta) / (2 sigma^2)

    Attributes
    ----------
    rho
        (J,).
    information
        (J, K, K).
    score
        (J, K).
    residual
        (J,).
    log_det
        (J,).
    degrees
        Observations less absorbed directions.
    """

    rho: FloatArray
    information: FloatArray
    score: FloatArray
    residual: FloatArray
    log_det: FloatArray
    degrees: int

    def least_squares(self, j: int = 0) -> tuple[FloatArray, float, int]:
        """Effects without a prior, their residual sum of squares and degrees of freedom."""
        inverse, rank = pseudo_inverse(self.information[j])
        effects = inverse @ self.score[j]
        return effects, float(max(self.residual[j] - self.score[j] @ effects, 0.0)), self.degrees - rank

    def scaled(self, by: float) -> System:
        """The same system for outcomes divided by `by`."""
        return System(
            self.rho, self.information, self.score / by, self.residual / by**2, self.log_det, self.degrees
        )  # fmt: skip


def absorb(
    moments: Moments,
    cells: CellTable,
    nuisance: CellTable | None = None,
    covariate_scale: float = 10.0,
) -> System:
    """Integrate out period effects, nuisance cells and covariates.

    Parameters
    ----------
    moments
        Series 0 is the outcome, the others are covariates at sd 1.
    cells
        Cells whose effects are kept.
    nuisance
        Cells with free effects that sum to zero within each cohort (pre-periods of treated cohorts, when
        only never-treated units may inform the period effects). Flat prior.
    covariate_scale
        Prior sd of a covariate's coefficient, in residual sds (a ridge penalty).
    """
    contrast = np.zeros((0, 0)) if nuisance is None else sum_to_zero(nuisance)
    parts = [absorb_at(moments, j, cells, nuisance, contrast, covariate_scale) for j in range(len(moments.rho))]
    return System(
        moments.rho,
        np.stack([part.information for part in parts]),
        np.stack([part.score for part in parts]),
        np.array([part.residual for part in parts]),
        moments.log_det + np.array([part.log_det for part in parts]),
        moments.n_observations - moments.n_units - min(part.rank for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Absorbed:
    """The system at one value of the hyperparameters, and what draws of the absorbed coefficients need.

    Attributes
    ----------
    information, score, residual
        (K, K), (K,) and a number, as in :class:`System`.
    log_det
        Of the absorbed block alone.
    rank
        Absorbed directions with a flat prior.
    coefficients
        (A,) of periods (0 for the reference), nuisance contrasts and covariates where all effects are 0.
    by_effect
        (A, K) what an effect of 1 takes off them.
    root
        (A, r) with root root' their covariance given the effects, in units of the errors' variance.
    """

    information: FloatArray
    score: FloatArray
    residual: float
    log_det: float
    rank: int
    coefficients: FloatArray
    by_effect: FloatArray
    root: FloatArray

    def coefficient_draws(self, effects: FloatArray, spread: FloatArray, rng: np.random.Generator) -> FloatArray:
        """(D, A) absorbed coefficients given (D, K) effects; `spread` (D,) is the errors' sd."""
        noise = rng.standard_normal((len(effects), self.root.shape[1])) @ self.root.T
        return np.asarray(self.coefficients - effects @ self.by_effect.T + spread[:, None] * noise)


def absorb_at(
    moments: Moments, j: int, cells: CellTable, nuisance: CellTable | None, contrast: FloatArray, scale: float
) -> Absorbed:
    """Integrate out period effects, nuisance contrasts and covariates at the j-th value; see :func:`absorb`."""
    blocks, score, cross = moments.information[j], moments.score[j], moments.cross[j]
    matrix, coupling, target = _absorbed_block(blocks, score, cross, cells, nuisance, contrast)
    n_covariates = cross.shape[0] - 1
    # A period effect is a difference from one period: without its column the block has full rank.
    reference = int(np.argmax(np.diag(blocks.sum(axis=0))))
    kept = np.delete(np.arange(len(matrix)), reference)
    penalized = len(matrix) - n_covariates + np.arange(n_covariates)
    matrix[penalized, penalized] += 1.0 / scale**2
    root, rank, log_det = _inverse_root(matrix[np.ix_(kept, kept)])
    full = np.zeros((len(matrix), root.shape[1]))
    full[kept] = root
    solved = full @ (root.T @ coupling[kept])
    information = _between(blocks, cells, cells) - coupling.T @ solved
    coefficients = full @ (root.T @ target[kept])
    return Absorbed(
        (information + information.T) / 2.0,
        score[cells.group, cells.column, 0] - solved.T @ target,
        float(cross[0, 0] - target @ coefficients),
        -0.5 * log_det,
        rank - n_covariates,
        coefficients,
        solved,
        full,
    )


def _absorbed_block(
    blocks: FloatArray,
    score: FloatArray,
    cross: FloatArray,
    cells: CellTable,
    nuisance: CellTable | None,
    contrast: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Inner products of what is absorbed (periods, nuisance contrasts, covariates): with itself, cells, outcome."""
    by_period = score.sum(axis=0)
    sizes = (by_period.shape[0], contrast.shape[1], cross.shape[0] - 1)
    periods, middle, last = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:2])
    matrix = np.zeros((sum(sizes), sum(sizes)))
    matrix[np.ix_(periods, periods)] = blocks.sum(axis=0)
    matrix[np.ix_(last, periods)] = by_period[:, 1:].T
    matrix[np.ix_(last, last)] = cross[1:, 1:]
    coupling = np.zeros((sum(sizes), len(cells)))
    coupling[periods] = blocks[cells.group, :, cells.column].T
    coupling[last] = score[cells.group, cells.column, 1:].T
    target = np.zeros(sum(sizes))
    target[periods], target[last] = by_period[:, 0], cross[1:, 0]
    if nuisance is not None:
        matrix[np.ix_(middle, periods)] = contrast.T @ blocks[nuisance.group, nuisance.column]
        matrix[np.ix_(middle, middle)] = contrast.T @ _between(blocks, nuisance, nuisance) @ contrast
        matrix[np.ix_(last, middle)] = (contrast.T @ score[nuisance.group, nuisance.column, 1:]).T
        coupling[middle] = contrast.T @ _between(blocks, nuisance, cells)
        target[middle] = contrast.T @ score[nuisance.group, nuisance.column, 0]
    lower = np.tril(matrix)
    return lower + np.tril(matrix, -1).T, coupling, target


def pseudo_inverse(matrix: FloatArray) -> tuple[FloatArray, int]:
    """Inverse of a symmetric, non-negative definite matrix on its own range, and its rank.

    Examples
    --------
    >>> inverse, rank = pseudo_inverse(np.diag([2.0, 0.0]))
    >>> inverse.round(6).tolist(), rank
    ([[0.5, 0.0], [0.0, 0.0]], 1)
    """
    root, rank, _ = _inverse_root(matrix)
    return root @ root.T, rank


def _inverse_root(matrix: FloatArray) -> tuple[FloatArray, int, float]:
    """Root of the inverse on the range, rank, and log of the product of the non-zero eigenvalues.

    The matrix is brought to unit diagonal first, so that the scale of a covariate does not decide its rank.
    """
    diagonal = np.sqrt(np.clip(np.diag(matrix), 0.0, None))
    unit = np.where(diagonal > 0.0, diagonal, 1.0)
    matrix = matrix / unit[:, None] / unit[None, :]
    factor, failed = linalg.lapack.dpotrf(matrix, lower=1)
    # A pivot far above the tolerance on eigenvalues says that there is none near zero.
    if len(matrix) and not failed and np.diag(factor).min() ** 2 > np.sqrt(RANK_TOLERANCE) * len(matrix):
        inverse, _ = linalg.lapack.dtrtri(factor, lower=1)
        log_det = 2.0 * float(np.log(np.diag(factor)).sum() + np.log(unit).sum())
        return np.tril(inverse).T / unit[:, None], len(matrix), log_det
    values, vectors = np.linalg.eigh(matrix)
    keep = values > RANK_TOLERANCE * max(float(values[-1]), 0.0)
    root = vectors[:, keep] / np.sqrt(values[keep]) / unit[:, None]
    log_det = float(np.log(values[keep]).sum() + 2.0 * np.log(unit).sum())
    return root, int(keep.sum()), log_det


def _between(blocks: FloatArray, rows: CellTable, columns: CellTable) -> FloatArray:
    """Inner products of cell indicators: zero between cohorts, which share no unit. Cells are sorted by cohort."""
    products = np.zeros((len(rows), len(columns)))
    ends = np.arange(len(blocks) + 1)
    down, across = np.searchsorted(rows.group, ends).tolist(), np.searchsorted(columns.group, ends).tolist()
    for g, block in enumerate(blocks):
        top, low, left, right = down[g], down[g + 1], across[g], across[g + 1]
        if top < low and left < right:
            products[top:low, left:right] = block[rows.column[top:low]][:, columns.column[left:right]]
    return products


def sum_to_zero(cells: CellTable) -> FloatArray:
    """(K, K - G) contrasts: effects of a cohort's cells that sum to zero."""
    size = len(cells)
    last = np.array([np.flatnonzero(cells.group == g)[-1] for g in cells.group])
    free = np.flatnonzero(last != np.arange(size))
    contrast = np.zeros((size, len(free)))
    contrast[free, np.arange(len(free))] = 1.0
    contrast[last[free], np.arange(len(free))] = -1.0
    return contrast

"""Effects of treated cells on the outcome's own scale, against a mean that untreated rows predict.

ATT(g, t) is the mean over the treated rows of a cell of y_it - mu_it, mu_it the untreated mean at the rows' own
covariates: with a canonical link that is what the pooled regression with all its dummies and interactions gives
(Wooldridge 2023), since a cell with coefficients of its own adds nothing to the others'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.numerics.cohort_glm import CohortFit, MomentSums, fit_cells, linear_index
from evalkit.numerics.unit_scores import ScoreBlock
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Scale = Literal["natural", "ratio"]


@dataclass(frozen=True, slots=True)
class CellEffects:
    """Effects of K cells.

    Attributes
    ----------
    group, column
        (K,) position of the cell's group and period.
    estimate
        (K,) difference of means, or the log of their ratio.
    expected
        (K,) mean outcome that untreated rows predict.
    identified
        (K,) False where untreated rows say nothing about the cell's mean.
    answer
        (K, T + H, q) derivative with respect to summed scores.
    own
        (K,) loading of a row's own part.
    """

    group: IntArray
    column: IntArray
    estimate: FloatArray
    expected: FloatArray
    identified: BoolArray
    answer: FloatArray
    own: FloatArray

    def select(self, keep: BoolArray) -> CellEffects:
        """Some of the cells."""
        return CellEffects(
            self.group[keep], self.column[keep], self.estimate[keep], self.expected[keep], self.identified[keep],
            self.answer[keep], self.own[keep],
        )  # fmt: skip


def cell_effects(
    sums: MomentSums, weight: FloatArray, fit: CohortFit, group: IntArray, column: IntArray, scale: Scale
) -> CellEffects:
    """Compare the outcomes of cells with their untreated means.

    Parameters
    ----------
    sums
        Of all rows, treated ones included.
    weight
        (H, T) summed weights of each cell.
    fit
        To untreated rows.
    group, column
        (K,) cells to report.
    scale
        ``natural``: differences of means; ``ratio``: logs of ratios of means.

    Examples
    --------
    >>> from evalkit.numerics.canonical import FAMILIES
    >>> from evalkit.numerics.cohort_glm import CohortRows, fit_jointly
    >>> y = np.array([[1.0, 2.0, 4.0], [3.0, 6.0, 9.0]])
    >>> rows = CohortRows(y, np.ones((2, 3)), np.empty((0, 2, 3)), (np.array([1]), np.array([0])))
    >>> sums = MomentSums(rows, FAMILIES["poisson"])
    >>> fit = fit_jointly(sums, np.array([[True, True, False], [True] * 3]))
    >>> cell_effects(sums, np.ones((2, 3)), fit, np.array([0]), np.array([2]), "natural").estimate.round(6).tolist()
    [-3.0]
    """
    reported = np.zeros(fit.cells.shape, dtype=bool)
    reported[group, column] = True
    moments = sums.at(fit.index, reported)
    gap, slope = moments.gradient[group, column, 0], moments.information[group, column, :, 0]
    total, observed = weight[group, column], sums.response[group, column]
    expected = observed - gap
    divisor = total if scale == "natural" else expected
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = gap / total if scale == "natural" else np.log(observed / expected)
        answer, identified = fit.gradients(group, column, -slope / divisor[:, None])
        return CellEffects(group, column, estimate, expected / total, identified, answer, 1.0 / divisor)


def effect_blocks(
    sums: MomentSums,
    weight: FloatArray,
    fit: CohortFit,
    effects: CellEffects,
    *,
    scale: Scale,
    means_known: bool,
) -> tuple[ScoreBlock, ...]:
    """Scores and loadings of the effects, one block a group with rows in the fit or a cell among the effects.

    A row's own part in its cell's effect is its distance from it (y_it - mu_it - ATT, times the weight), which takes
    units as drawn from their cohort, covariates and all; with `means_known` it is the residual of the cell's own
    regression, which takes the covariates as given.

    Parameters
    ----------
    sums
        Of all rows, treated ones included.
    weight
        (N, T) weights of the rows, 0 where not used.
    fit, effects
        Of the same rows.
    scale
        Of the effects.
    means_known
        Take covariate means and exposures as given.
    """
    rows = sums.rows
    n_periods, q = rows.shape[1], rows.n_slopes
    reported = np.zeros(fit.cells.shape, dtype=bool)
    reported[effects.group, effects.column] = True
    center = np.zeros(fit.cells.shape)
    center[effects.group, effects.column] = effects.estimate
    own_index = fit_cells(sums, reported) if means_known else None
    blocks = []
    for group, units in enumerate(rows.groups):
        mine = np.flatnonzero(effects.group == group)
        if not (fit.cells[group].any() or mine.size):
            continue
        response, x = rows.response[units], rows.covariates[:, units]
        mean = _means(sums, fit.index[group], rows.size[units], x)
        columns = np.flatnonzero(reported[group])
        around = center[group, columns]
        if own_index is not None and columns.size:
            within = response - _means(sums, own_index[group], rows.size[units], x)
            part = within[:, columns] * (np.exp(-around) if scale == "ratio" else 1.0)
        elif scale == "natural":
            part = response[:, columns] - mean[:, columns] - weight[np.ix_(units, columns)] * around
        else:
            part = response[:, columns] * np.exp(-around) - mean[:, columns]
        residual = np.subtract(response, mean, out=response)
        residual[:, ~fit.cells[group]] = 0.0
        scores = residual[:, :, None] if q == 1 else np.empty((len(units), n_periods, q))
        for k, values in enumerate(x, start=1):
            scores[:, :, 0] = residual
            scores[:, :, k] = residual * values
        loading = fit.informs[group] * effects.answer[:, :n_periods] + effects.answer[:, n_periods + group][:, None]
        loading = np.where(fit.cells[group][:, None], loading, 0.0)
        loads = loading.reshape(len(effects.group), -1).T.copy()
        own = np.zeros((n_periods, len(effects.group)))
        own[effects.column[mine], mine] = effects.own[mine]
        if (fit.cells[group] & reported[group]).any():
            flat = np.hstack([scores.reshape(len(units), -1), part])
            blocks.append(ScoreBlock(units, flat, np.vstack([loads, own[columns]])))
            continue
        scores[:, columns, 0] = part  # a column holds fitted rows or a reported cell, never both
        scores[:, columns, 1:] = 0.0
        loads[::q] += own
        blocks.append(ScoreBlock(units, scores.reshape(len(units), -1), loads))
    return tuple(blocks)


def _means(sums: MomentSums, index: FloatArray, size: FloatArray, x: FloatArray) -> FloatArray:
    """(n, T) fitted means times the rows' sizes, in place of the sizes."""
    size *= sums.family.mean(linear_index(index, x) if len(x) else index[:, 0])
    return size

"""Effects by imputation: what treated rows show beyond the outcome imputed from untreated rows.

Unit and period effects and slopes come from untreated rows alone (Borusyak, Jaravel and Spiess 2024,
Theorem 2): tau_it = y_it - alpha_i - lambda_t - x_it' gamma, averaged within cells of cohort and period.
With least-squares weights v_it of a cell, the conservative variance (their section 4.3) is
sum_c (sum_{it in c} v_it e_it)^2, e_it the residual of untreated rows, and of treated rows
tau_it less an average over the cell. Residuals of untreated rows sum to zero within units,
so a cell's sum needs only a unit's residuals by period, never the N T x K weights.

Gardner's two stages (2022) have the same effects: the second stage regresses tau_it on treatment. Its variance, by
the method of moments, adds the first stage's error to the second stage's residual; with one coefficient a cell that
residual is tau_it less the cell's mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evalkit.numerics.did_layout import UNTREATED, CellTable, Layout
from evalkit.numerics.period_effects import TwoWayFit, fit_two_way, unit_shares
from evalkit.numerics.saturated import Slopes, residual_scores, solve_slopes
from evalkit.numerics.unit_scores import ScoreBlock
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Variance = Literal["borusyak_jaravel_spiess", "gardner"]


@dataclass(frozen=True, slots=True)
class Imputed:
    """Effects by cell and what their covariance needs.

    Attributes
    ----------
    effect
        (K,) weighted mean of tau_it within each cell of the layout; NaN where no row can be imputed.
    slopes
        Of the covariates.
    blocks
        Scores and loadings of the K cells, one block a cohort and one for units that stay untreated.
    not_imputed
        Treated rows whose period no untreated row links with the unit's untreated periods.
    n_units
        (K,) units behind each effect.
    """

    effect: FloatArray
    slopes: Slopes
    blocks: tuple[ScoreBlock, ...]
    not_imputed: int
    n_units: IntArray


def impute(
    outcome: FloatArray,
    covariates: FloatArray,
    weights: FloatArray,
    layout: Layout,
    cluster: IntArray | None,
    *,
    variance: Variance = "borusyak_jaravel_spiess",
    level: IntArray | None = None,
) -> Imputed:
    """Impute treated rows and average within the effect cells of a layout.

    Parameters
    ----------
    outcome, covariates
        (N, T) and (p, N, T).
    weights
        (N, T) sampling weights, positive where `layout.used`.
    layout
        Rows and cells.
    cluster
        (N,) cluster codes; None where units are their own.
    variance
        Which average over a cell its treated rows are measured from: ``borusyak_jaravel_spiess`` or ``gardner``.
    level
        (N,) codes of the groups that share one level effect; None where each unit has its own. Influence functions
        then hold for sums over such groups, not for single units.

    Examples
    --------
    >>> from evalkit.numerics.did_layout import lay_out
    >>> outcome = np.array([[0.0, 1.0, 5.0], [2.0, 3.0, 4.0]])
    >>> layout = lay_out(np.ones((2, 3), bool), np.arange(3), np.array([2, 9]))
    >>> impute(outcome, np.empty((0, 2, 3)), np.ones((2, 3)), layout, None).effect.round(9).tolist()
    [3.0]
    """
    codes = layout.codes(layout.effects)
    treated = codes != UNTREATED
    untreated = np.where(layout.used & ~treated, weights, 0.0)
    series = np.concatenate([outcome[None], covariates])
    fit, shares = _fit_levels(series, untreated, level)
    total = (np.nan_to_num(covariates) ** 2 * untreated).sum(axis=(1, 2))
    slopes = solve_slopes([fit.residual], [untreated], total)
    known = treated & _linked(fit, untreated, level)
    gap = np.where(known, series - fit.unit[:, :, None] - fit.period[:, None, :], 0.0)
    effect_of_row = gap[0] - np.tensordot(slopes.coefficient, gap[1:], axes=1)
    cells = _CellMeans(np.where(known, codes, UNTREATED), np.where(known, weights, 0.0), layout.effects)
    effect = cells.mean(effect_of_row)
    scores = residual_scores(fit.residual, untreated, slopes)
    average = np.nan_to_num(effect) if variance == "gardner" else cells.cluster_mean(effect_of_row, cluster)
    rest = cells.share * (effect_of_row - cells.spread(average))
    covariate_gap = (
        np.stack([cells.mean(values) for values in gap[1:]]) if len(covariates) else np.empty((0, len(effect)))
    )
    loading = np.vstack([
        -fit.inverse @ cells.period_contrasts(shares, layout),
        -slopes.inverse @ np.nan_to_num(covariate_gap),
    ])  # fmt: skip
    blocks = []
    for group in np.unique(layout.group[layout.group >= 0]):
        units = np.flatnonzero(layout.group == group)
        own = np.zeros((outcome.shape[1], len(effect)))
        mine = np.flatnonzero(layout.effects.group == group)
        own[layout.effects.column[mine], mine] = 1.0
        block_scores = np.hstack([scores[units], rest[units]]) if mine.size else scores[units]
        blocks.append(ScoreBlock(units, block_scores, np.vstack([loading, own]) if mine.size else loading))
    return Imputed(effect, slopes, tuple(blocks), int((treated & ~known).sum()), cells.n_units)


def _fit_levels(series: FloatArray, untreated: FloatArray, level: IntArray | None) -> tuple[TwoWayFit, FloatArray]:
    """Fit level and period effects to untreated rows; also the (N, T) shares of periods in each unit's level.

    With one level effect for several units, least squares needs only their means by period.
    """
    if level is None:
        return fit_two_way(series, untreated), unit_shares(untreated)
    total = _sums(untreated, level)
    means = np.stack([_sums(np.where(untreated > 0.0, values, 0.0) * untreated, level) for values in series])
    fit = fit_two_way(means / np.where(total > 0.0, total, 1.0), total)
    expected = fit.unit[:, level, None] + fit.period[:, None, :]
    residual = np.where(untreated > 0.0, series - expected, 0.0)
    return replace(fit, unit=fit.unit[:, level], residual=residual), unit_shares(total)[level]


def _sums(values: FloatArray, level: IntArray) -> FloatArray:
    """(L, T) sums of (N, T) values within levels."""
    summed = np.zeros((int(level.max()) + 1, values.shape[1]))
    np.add.at(summed, level, values)
    return summed


def _linked(fit: TwoWayFit, untreated: FloatArray, level: IntArray | None) -> BoolArray:
    """(N, T) whether untreated rows of a unit (of its level) and others' link the period with the unit."""
    own = untreated if level is None else _sums(untreated, level)[level]
    home = fit.component[(own > 0.0).argmax(axis=1)]
    somebody: BoolArray = np.asarray((own > 0.0).any(axis=0))
    has_untreated: BoolArray = np.asarray((own > 0.0).any(axis=1))
    return np.asarray((fit.component == home[:, None]) & somebody & has_untreated[:, None])


class _CellMeans:
    """Weighted means over the rows of K cells; a cell's rows lie in one period and one cohort."""

    def __init__(self, codes: IntArray, weights: FloatArray, table: CellTable) -> None:
        self.inside: BoolArray = np.asarray(codes != UNTREATED)
        self.table = table
        self.rows = codes[self.inside]
        self.total = np.bincount(self.rows, weights=weights[self.inside], minlength=len(table))
        self.n_units: IntArray = np.bincount(self.rows, minlength=len(table)).astype(np.int64)
        #: (N, T) weight of each row within its cell; 0 outside
        self.share: FloatArray = np.where(self.inside, weights, 0.0)
        self.share[self.inside] /= self.total[self.rows]

    def mean(self, values: FloatArray) -> FloatArray:
        """(K,) weighted means; NaN for cells without rows."""
        summed = np.bincount(self.rows, weights=(self.share * values)[self.inside], minlength=len(self.table))
        return np.where(self.n_units > 0, summed, np.nan)

    def spread(self, by_cell: FloatArray) -> FloatArray:
        """(N, T) the cell's value in each of its rows; 0 outside."""
        out = np.zeros(self.share.shape)
        out[self.inside] = by_cell[self.rows]
        return out

    def cluster_mean(self, values: FloatArray, cluster: IntArray | None) -> FloatArray:
        """(K,) the average effect that the variance leaves out: sum_c v_c (v tau)_c / sum_c v_c^2.

        Sums v_c and (v tau)_c run over the rows of a cell in one cluster.

        Without weights, and with clusters of one size within the cell, it is the cell's mean.
        """
        units = np.nonzero(self.inside)[0]
        codes = units if cluster is None else cluster[units]
        key, pair = np.unique(self.rows * (codes.max(initial=0) + 1) + codes, return_inverse=True)
        cell = key // (codes.max(initial=0) + 1)
        v = np.bincount(pair, weights=self.share[self.inside])
        v_tau = np.bincount(pair, weights=(self.share * values)[self.inside])
        top = np.bincount(cell, weights=v * v_tau, minlength=len(self.table))
        bottom = np.bincount(cell, weights=v * v, minlength=len(self.table))
        return np.asarray(top / np.where(bottom > 0.0, bottom, 1.0))

    def period_contrasts(self, shares: FloatArray, layout: Layout) -> FloatArray:
        """(T, K) coefficients of the period effects in each cell: its own less those in the units' own means."""
        contrasts = np.zeros((shares.shape[1], len(self.table)))
        for group in np.unique(self.table.group):
            units = layout.group == group
            mine = np.flatnonzero((self.table.group == group) & (self.n_units > 0))
            columns = self.table.column[mine]
            contrasts[:, mine] = -(shares[units].T @ self.share[np.ix_(units, columns)])
            contrasts[columns, mine] += 1.0
        return contrasts

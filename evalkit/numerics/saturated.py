"""The saturated two-way regression: unit and period effects, and one effect a cohort and period.

With all cohort-by-period dummies but one a cohort, the regression falls apart: every cohort has its own
period effects, and a cell's coefficient is a contrast of the cohort's period effects less the same
contrast of the comparison group's (Sun and Abraham 2021, section 4; Frisch-Waugh-Lovell). Only the
covariates' slopes are common. So T x T sums a cohort replace the N T x K design matrix, exactly,
also with weights and missing rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.least_squares import independent_columns, inverse_on
from evalkit.numerics.period_effects import TwoWayFit, fit_two_way
from evalkit.numerics.unit_scores import ScoreBlock
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

ABSORBED = 1e-18
"""Share of a covariate's sum of squares below which unit and period effects have taken it in (1e-9 of its spread)."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """Common coefficients of p covariates.

    Attributes
    ----------
    kept
        (p,) covariates with variation of their own; the coefficient of the others is 0.
    coefficient
        (p,).
    inverse
        (p, p) inverse of X'WX on the covariates kept, 0 elsewhere.
    """

    kept: BoolArray
    coefficient: FloatArray
    inverse: FloatArray


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """Period effects of one group of units.

    Attributes
    ----------
    units
        (n,) positions in the panel.
    period
        (T,) period effects of the outcome, covariates taken out.
    covariates
        (p, T) period effects of the covariates.
    inverse, component
        (T, T) and (T,) as in :class:`~evalkit.numerics.period_effects.TwoWayFit`.
    scores
        (n, T + p) weighted residuals by period, then the covariates' scores.
    """

    units: IntArray
    period: FloatArray
    covariates: FloatArray
    inverse: FloatArray
    component: IntArray
    scores: FloatArray


@dataclass(frozen=True, slots=True)
class Contrast:
    """One effect: a combination of the periods of one cohort that sums to 0.

    Attributes
    ----------
    group
        Position of the cohort among the treated groups.
    periods
        (T,) e.g. 1 at the cell's period and -1 at the reference.
    """

    group: int
    periods: FloatArray


@dataclass(frozen=True, slots=True)
class Saturated:
    """The fit: profiles of the comparison group and of each cohort, and the slopes."""

    comparison: GroupProfile
    cohorts: tuple[GroupProfile, ...]
    slopes: Slopes

    def is_estimable(self, contrast: Contrast) -> bool:
        """Whether the periods of a contrast are linked in the cohort and in the comparison group."""
        periods = np.flatnonzero(contrast.periods)
        return all(
            len(np.unique(profile.component[periods])) <= 1
            for profile in (self.cohorts[contrast.group], self.comparison)
        )

    def effects(self, contrasts: Sequence[Contrast]) -> FloatArray:
        """(K,) coefficients."""
        return np.array(
            [c.periods @ (self.cohorts[c.group].period - self.comparison.period) for c in contrasts], dtype=np.float64
        )

    def score_blocks(self, contrasts: Sequence[Contrast]) -> tuple[ScoreBlock, ...]:
        """Scores and loadings of the K coefficients: the comparison group, then the cohorts."""
        n_periods, n_covariates = len(self.comparison.period), len(self.slopes.kept)
        against = np.zeros((n_periods + n_covariates, len(contrasts)))
        own = [np.zeros_like(against) for _ in self.cohorts]
        for column, contrast in enumerate(contrasts):
            cohort = self.cohorts[contrast.group]
            gap = (cohort.covariates - self.comparison.covariates) @ contrast.periods
            through_slopes = -self.slopes.inverse @ gap
            for loading in (against, *own):
                loading[n_periods:, column] = through_slopes
            against[:n_periods, column] = -self.comparison.inverse @ contrast.periods
            own[contrast.group][:n_periods, column] = cohort.inverse @ contrast.periods
        profiles = (self.comparison, *self.cohorts)
        return tuple(
            ScoreBlock(profile.units, profile.scores, loading)
            for profile, loading in zip(profiles, (against, *own), strict=True)
        )


def fit_saturated(
    outcome: FloatArray,
    covariates: FloatArray,
    weights: FloatArray | None,
    *,
    comparison: IntArray,
    cohorts: Sequence[IntArray],
) -> Saturated:
    """Fit the saturated regression.

    Parameters
    ----------
    outcome
        (N, T).
    covariates
        (p, N, T).
    weights
        (N, T), 0 where not used; None when all is observed with weight 1.
    comparison, cohorts
        Positions of the units of the comparison group and of each cohort.

    Examples
    --------
    >>> outcome = np.array([[0.0, 1.0, 2.0], [4.0, 5.0, 9.0]])
    >>> fit = fit_saturated(outcome, np.empty((0, 2, 3)), None, comparison=np.array([0]), cohorts=[np.array([1])])
    >>> fit.effects([Contrast(0, np.array([0.0, -1.0, 1.0]))]).round(9).tolist()
    [3.0]
    """
    groups = (comparison, *cohorts)
    fits: list[TwoWayFit] = []
    for units in groups:
        series = np.concatenate([outcome[None, units], covariates[:, units]])
        fits.append(fit_two_way(series, None if weights is None else weights[units]))
    within = [None if weights is None else weights[units] for units in groups]
    slopes = solve_slopes([fit.residual for fit in fits], within, _sums_of_squares(covariates, weights))
    profiles = tuple(
        GroupProfile(
            units,
            fit.period[0] - slopes.coefficient @ fit.period[1:],
            fit.period[1:],
            fit.inverse,
            fit.component,
            residual_scores(fit.residual, weight, slopes),
        )
        for units, fit, weight in zip(groups, fits, within, strict=True)
    )
    return Saturated(profiles[0], profiles[1:], slopes)


def solve_slopes(residuals: Sequence[FloatArray], weights: Sequence[FloatArray | None], total: FloatArray) -> Slopes:
    """Slopes from outcome and covariates whose unit and period effects are taken out.

    Parameters
    ----------
    residuals
        Arrays (1 + p, n, T): the outcome, then the covariates, a group each.
    weights
        (n, T) a group; None for ones.
    total
        (p,) sums of squares of the covariates before the effects were taken out.
    """
    gram = np.zeros((len(total) + 1, len(total) + 1))
    for residual, weight in zip(residuals, weights, strict=True):
        flat = residual.reshape(len(residual), -1)
        gram += flat @ (flat if weight is None else flat * weight.ravel()).T
    own = gram[1:, 1:]
    kept = np.diag(own) > ABSORBED * total
    kept[kept] = independent_columns(own[np.ix_(kept, kept)])
    inverse = inverse_on(own, kept) if kept.any() else np.zeros_like(own)
    return Slopes(kept, inverse @ gram[1:, 0], inverse)


def residual_scores(residual: FloatArray, weights: FloatArray | None, slopes: Slopes) -> FloatArray:
    """(n, T + p) weighted residuals of the outcome by period, and their products with the covariates.

    Parameters
    ----------
    residual
        (1 + p, n, T) as in :func:`solve_slopes`.
    weights
        (n, T); None for ones.
    slopes
        The coefficients.
    """
    left: FloatArray = residual[0]
    if slopes.kept.any():
        left = left - np.tensordot(slopes.coefficient, residual[1:], axes=1)
    if weights is not None:
        left = left * weights
    if len(residual) == 1:
        return left
    return np.hstack([left, np.einsum("pit,it->ip", residual[1:], left)])


def _sums_of_squares(covariates: FloatArray, weights: FloatArray | None) -> FloatArray:
    """(p,) weighted sums of squares."""
    squares: FloatArray = np.nan_to_num(covariates) ** 2
    return np.asarray((squares if weights is None else squares * weights).sum(axis=(1, 2)))

"""Two-period ATTs, several at a time: doubly robust, inverse-probability and outcome regression.

Formulas of Sant'Anna and Zhao (2020), eqs. 2.5 to 2.7 and 3.1 to 3.4, in the traditional form (logit by
maximum likelihood, least squares) that R `DRDID` calls ``drdid_panel``, ``std_ipw_did_panel``
and ``reg_did_panel``. All contrasts that share a treated arm, a comparison arm and regressors
are solved at once: one logit, one factorization, and cross-products with every outcome column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evalkit.numerics.blocks import column_major
from evalkit.numerics.least_squares import cross_products, independent_columns, inverse_on
from evalkit.numerics.logit import fit_logit, scores
from evalkit.vocabulary import BoolArray, FloatArray

Method = Literal["dr", "ipw", "reg"]
Failure = Literal["no_treated_units", "too_few_comparison_units", "covariates_without_support", "no_overlap"]

OVERLAP_LIMIT = 0.999
"""No overlap when a fitted score reaches it: the rule of R `did`."""
TRIMMED_FROM = 0.995
"""Comparison units whose score reaches it get no weight: the rule of R `DRDID`."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of a comparison: n units, p regressors, T outcome columns.

    Attributes
    ----------
    X
        (n, p) regressors, constant first.
    weight
        (n,) sampling weights; 0 leaves a unit out.
    outcome
        (n, T) outcomes; finite also where the weight is 0.
    """

    X: FloatArray
    weight: FloatArray
    outcome: FloatArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Cross-products of one or several arms: those of disjoint arms add up.

    Attributes
    ----------
    gram, moment
        (p, p) X'WX and (p, T) X'WY.
    count
        Units with weight.
    """

    gram: FloatArray
    moment: FloatArray
    count: int

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.gram + other.gram, self.moment + other.moment, self.count + other.count)


def moments_of(arm: Arm) -> Moments:
    """Cross-products of one arm."""
    return Moments(*cross_products(arm.X, arm.weight, arm.outcome), int(np.count_nonzero(arm.weight)))


@dataclass(frozen=True, slots=True)
class Contrasts:
    """m effects with what their influence functions need.

    Attributes
    ----------
    effect
        (m,) ATTs.
    contrast
        (T, m) columns with 1 at the period, -1 at the base period.
    beta
        (p, m) outcome regression of the comparison arm; 0 for ``ipw``.
    gamma
        (p,) propensity score; None for ``reg``.
    treated_total, comparison_total
        Sums of the arms' weights, the comparison arm's after reweighting.
    treated_mean, comparison_mean
        (m,) weighted mean residuals of the arms.
    from_regression
        (p,) the comparison arm's x'from_regression is the estimated regression's influence.
    from_score
        (p, m) same for the estimated propensity score.
    kept
        (p,) regressors that are not collinear in this comparison.
    """

    effect: FloatArray
    contrast: FloatArray
    beta: FloatArray
    gamma: FloatArray | None
    treated_total: float
    treated_mean: FloatArray
    comparison_total: float
    comparison_mean: FloatArray
    from_regression: FloatArray
    from_score: FloatArray
    kept: BoolArray

    def treated_influence(self, arm: Arm) -> FloatArray:
        """(n, m) influence functions of treated units, divided by the sample size."""
        residual = self._residual(arm)
        residual -= self.treated_mean
        residual *= (arm.weight / self.treated_total)[:, None]
        if self.gamma is not None:
            miss = arm.weight * (1.0 - scores(arm.X, self.gamma))
            residual -= column_major(arm.X * miss[:, None], self.from_score)
        return residual

    def comparison_influence(self, arm: Arm) -> FloatArray:
        """(n, m) influence functions of comparison units, divided by the sample size."""
        residual = self._residual(arm)
        factor = arm.weight * (arm.X @ self.from_regression)
        if self.gamma is None:
            residual *= factor[:, None]
            return residual
        fitted = scores(arm.X, self.gamma)
        share = _reweighted(arm.weight, fitted) / self.comparison_total
        residual *= (factor - share)[:, None]
        terms = np.vstack([self.comparison_mean, self.from_score])
        residual += column_major(np.column_stack([share, arm.X * (arm.weight * fitted)[:, None]]), terms)
        return residual

    def _residual(self, arm: Arm) -> FloatArray:
        """(n, m) contrasts of the outcome less their regression."""
        residual = column_major(arm.outcome, self.contrast)
        residual -= column_major(arm.X, self.beta)
        return residual


def fit_contrasts(
    treated: Arm,
    comparison: Arm,
    contrast: FloatArray,
    method: Method,
    start: FloatArray | None = None,
    moments: tuple[Moments, Moments] | None = None,
) -> Contrasts | Failure:
    """Estimate m two-period ATTs of one treated arm against one comparison arm.

    Parameters
    ----------
    treated, comparison
        The arms.
    contrast
        (T, m) columns with 1 at the period and -1 at the base period.
    method
        ``dr``, ``ipw`` or ``reg``.
    start
        (p,) first guess of the propensity score's coefficients.
    moments
        Of the treated and the comparison arm, where they are known.

    Returns
    -------
    Contrasts or Failure
        A failure is a word for why these cells have no estimate.
    """
    on_treated, on_comparison = moments or (moments_of(treated), moments_of(comparison))
    gram, moment = on_comparison.gram, on_comparison.moment
    treated_gram, treated_moment = on_treated.gram, on_treated.moment
    total = float(treated_gram[0, 0])
    if not total > 0.0:
        return "no_treated_units"
    kept = independent_columns(gram + treated_gram)
    constant_only = np.count_nonzero(kept) == 1
    with_regression, with_score = method != "ipw" or constant_only, method != "reg" and not constant_only
    if on_comparison.count <= np.count_nonzero(kept):
        return "too_few_comparison_units"
    if with_regression and not independent_columns(gram)[kept].all():
        return "covariates_without_support"

    bread = inverse_on(gram, kept) if with_regression else np.zeros_like(gram)
    beta = bread @ (moment @ contrast)
    treated_X = treated_gram[0]
    treated_mean = (treated_moment[0] @ contrast - treated_X @ beta) / total
    base = Contrasts(
        effect=treated_mean,
        contrast=contrast,
        beta=beta,
        gamma=None,
        treated_total=total,
        treated_mean=treated_mean,
        comparison_total=1.0,
        comparison_mean=np.zeros_like(treated_mean),
        from_regression=-bread @ (treated_X / total),
        from_score=np.zeros_like(beta),
        kept=kept,
    )
    return _reweight(base, treated, comparison, bread, start) if with_score else base


def _reweight(
    base: Contrasts, treated: Arm, comparison: Arm, bread: FloatArray, start: FloatArray | None
) -> Contrasts | Failure:
    """Subtract the comparison arm's mean residual, reweighted by the odds of the propensity score."""
    kept = base.kept
    every = bool(kept.all())
    fit = fit_logit(
        treated.X if every else treated.X[:, kept],
        treated.weight,
        comparison.X if every else comparison.X[:, kept],
        comparison.weight,
        None if start is None else start[kept],
    )
    if fit is None or not fit.largest < OVERLAP_LIMIT:
        return "no_overlap"
    gamma = np.zeros(len(kept))
    gamma[kept] = fit.gamma
    odds = _reweighted(comparison.weight, scores(comparison.X, gamma))
    odds_gram, odds_moment = cross_products(comparison.X, odds, comparison.outcome)
    odds_total = float(odds_gram[0, 0])
    if not odds_total > 0.0:
        return "no_overlap"
    sum_X = odds_gram[0]
    mean = (odds_moment[0] @ base.contrast - sum_X @ base.beta) / odds_total
    slope = odds_moment @ base.contrast - odds_gram @ base.beta - np.outer(sum_X, mean)
    from_score = np.zeros_like(slope)
    from_score[kept] = fit.information_inverse @ (slope[kept] / odds_total)
    return replace(
        base,
        effect=base.treated_mean - mean,
        gamma=gamma,
        comparison_total=odds_total,
        comparison_mean=mean,
        from_regression=base.from_regression + bread @ (sum_X / odds_total),
        from_score=from_score,
    )


def _reweighted(weight: FloatArray, fitted: FloatArray) -> FloatArray:
    """(n,) weights that make the comparison arm look like the treated arm: w p / (1 - p), trimmed."""
    odds = 1.0 - fitted
    np.divide(fitted, odds, out=odds)
    odds *= weight
    odds[fitted >= TRIMMED_FROM] = 0.0
    return odds

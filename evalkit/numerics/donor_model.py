"""A treated series as a weighted average of donors plus errors: its likelihood in matrices, and its gaps from draws.

    y_t = a + x_t' w + u_t,    u iid N(0, sigma^2), or u_t = rho u_{t-1} + sigma e_t    (t before the start)

As weights sum to 1, y - X w = -(X - y 1') w: a level or a period effect that all share cancels before anything is
squared. The intercept is flat and integrated out. `sigma` is the sd of the innovations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from scipy import linalg

from evalkit.numerics.simplex_posterior import WeightProblems
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

RHO_GRID: Final = np.tanh(np.linspace(-1.0, 2.2, 25))
"""Values of rho, uniform a priori between -0.76 and 0.98: each has the mass of its spacing."""
LOG_TWO_PI: Final = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Series:
    """One treated unit, or the mean of several, beside its donors.

    Attributes
    ----------
    own
        (T,) outcome.
    donors
        (T, J).
    time
        (T,) ordinals, increasing.
    fit
        (T,) periods that the weights are fitted to; all others come later.
    predictors
        (Q, 1 + J) further rows to be matched, own value first, already in the outcome's unit.
    """

    own: FloatArray
    donors: FloatArray
    time: IntArray
    fit: BoolArray
    predictors: FloatArray

    @cached_property
    def distance(self) -> FloatArray:
        """(n, J) donors less own, in the fitted periods."""
        return np.asarray((self.donors - self.own[:, None])[self.fit])

    @cached_property
    def unit_sd(self) -> float:
        """Scale of the errors' prior: what the gap to the donors' plain mean changes by from period to period.

        It knows no level and no common shock, so that the prior means the same wherever the treated unit stands.
        0 where nothing ever changes.
        """
        gap = self.distance.mean(axis=1)
        changes = np.diff(gap) / np.sqrt(np.diff(self.time[self.fit]))
        return float(np.sqrt((changes**2).mean() / 2.0))


@dataclass(frozen=True)
class ErrorModel:
    """Correlation of the errors of a series at each value of rho, in units of the innovations.

    Attributes
    ----------
    rhos
        (G,); a single 0 for independent errors.
    log_prior
        (G,).
    intercept
        Whether a flat intercept is integrated out.
    """

    rhos: FloatArray
    log_prior: FloatArray
    intercept: bool

    @classmethod
    def of(cls, *, autoregressive: bool, intercept: bool) -> ErrorModel:
        """Independent or AR(1) errors."""
        if not autoregressive:
            return cls(np.zeros(1), np.zeros(1), intercept)
        return cls(RHO_GRID, np.log1p(-(RHO_GRID**2)), intercept)  # tanh spaces its values by 1 - rho^2

    def roots(self, series: Series) -> FloatArray:
        """(G, n, n) lower Cholesky factors of rho^|s - t| / (1 - rho^2) over the fitted periods."""
        when = series.time[series.fit]
        lag = np.abs(when[:, None] - when[None, :])
        if len(self.rhos) == 1:
            return np.eye(len(when))[None]
        return np.stack([np.linalg.cholesky(_power(rho, lag) / (1.0 - rho * rho)) for rho in self.rhos])

    def forms(self, series: Series, unit: float) -> tuple[FloatArray, FloatArray]:
        """(G, J, J) matrices of the misfit in `unit`, and (G,) log determinants."""
        distance = series.distance / unit
        extra = (series.predictors[:, 1:] - series.predictors[:, :1]) / unit
        found, determinants = [], []
        for root in self.roots(series):
            white = linalg.solve_triangular(root, distance, lower=True)
            determinant = 2.0 * float(np.log(np.diag(root)).sum())
            if self.intercept:
                ones = linalg.solve_triangular(root, np.ones(len(root)), lower=True)
                information = float(ones @ ones)
                white = white - np.outer(ones, ones @ white) / information
                determinant += float(np.log(information))
            found.append(white.T @ white + extra.T @ extra)
            determinants.append(determinant)
        return np.stack(found), np.array(determinants)


def _power(rho: float, lag: IntArray) -> FloatArray:
    """rho^lag, with a sign that follows odd lags."""
    size: FloatArray = np.abs(rho) ** lag
    return np.where((lag % 2 == 1) & (rho < 0.0), -size, size)


@dataclass(frozen=True)
class Batch:
    """Series that share the number of donors, their problems, and how donors were ordered for the sampler."""

    series: tuple[Series, ...]
    errors: ErrorModel
    problems: WeightProblems
    unit: FloatArray
    order: IntArray

    @classmethod
    def of(cls, series: Sequence[Series], errors: ErrorModel, *, sigma_scale: float, prior_only: bool = False) -> Batch:
        """Matrices of each series; donors ordered by how near they are, so that no name decides a draw."""
        unit = np.array([sigma_scale * each.unit_sd for each in series])
        forms, determinants, watched, orders = [], [], [], []
        for each, scale in zip(series, unit, strict=True):
            form, determinant = errors.forms(each, float(scale))
            order = np.argsort(np.diag(form[0]), kind="stable")
            later = each.donors[~each.fit] - (each.donors[each.fit].mean(axis=0) if errors.intercept else 0.0)
            forms.append(form[:, order[:, None], order])
            determinants.append(determinant)
            watched.append((later.mean(axis=0)[order] / scale)[:, None])
            orders.append(order)
        rows = np.array([each.fit.sum() - errors.intercept + len(each.predictors) for each in series], dtype=np.float64)
        used = 0.0 if prior_only else 1.0
        problems = WeightProblems(
            forms=used * np.stack(forms),
            log_determinant=used * np.stack(determinants),
            log_prior=errors.log_prior,
            rows=used * rows,
            watched=np.stack(watched),
        )
        return cls(tuple(series), errors, problems, unit, np.stack(orders))

    def restored(self, weights: FloatArray) -> FloatArray:
        """(P, ..., J) weights in the donors' own order."""
        found = np.empty_like(weights)
        for problem, order in enumerate(self.order):
            found[problem][..., order] = weights[problem]
        return found


@dataclass(frozen=True)
class Draws:
    """Draws of one series' parameters.

    Attributes
    ----------
    weights
        (S, J) in the donors' own order.
    sigma
        (S,) in the outcome's unit.
    rho
        (S,) index of the value.
    """

    weights: FloatArray
    sigma: FloatArray
    rho: IntArray


@dataclass(frozen=True)
class Gaps:
    """What follows from draws for one series.

    Attributes
    ----------
    effect
        (S, T) observed less a draw of what it would have been, errors included in every period.
    expected
        (S, T) the same without errors.
    replicated
        (S, n) new data in the fitted periods.
    log_likelihood
        (S, n) of each fitted period given those before it.
    intercept
        (S,).
    """

    effect: FloatArray
    expected: FloatArray
    replicated: FloatArray
    log_likelihood: FloatArray
    intercept: FloatArray


def gaps_of(series: Series, errors: ErrorModel, draws: Draws, rng: np.random.Generator) -> Gaps:
    """Gaps between the series and its counterfactual.

    Before the start the errors of the counterfactual are fresh: would gaps like those seen arise by chance? After it
    they continue from the last fitted period's (for AR(1) errors), which is what a forecast knows.
    """
    fitted = series.own - draws.weights @ series.donors.T
    size, n = len(fitted), int(series.fit.sum())
    roots = errors.roots(series)
    intercept = np.zeros(size)
    misfit = fitted[:, series.fit]
    fresh, innovations, log_scale = (np.empty((size, n)) for _ in range(3))
    normal = rng.standard_normal((size, n))
    normal_intercept = rng.standard_normal(size)
    for node, root in enumerate(roots):
        mine = np.flatnonzero(draws.rho == node)
        if not mine.size:
            continue
        if errors.intercept:
            ones = linalg.solve_triangular(root, np.ones(n), lower=True)
            information = float(ones @ ones)
            pull = linalg.solve_triangular(root, ones, lower=True, trans="T") / information
            spread = draws.sigma[mine] / np.sqrt(information)
            intercept[mine] = misfit[mine] @ pull + spread * normal_intercept[mine]
        left = misfit[mine] - intercept[mine, None]
        innovations[mine] = linalg.solve_triangular(root, left.T, lower=True).T / draws.sigma[mine, None]
        log_scale[mine] = np.log(draws.sigma[mine])[:, None] + np.log(np.diag(root))
        fresh[mine] = draws.sigma[mine, None] * (normal[mine] @ root.T)
    expected = fitted - intercept[:, None]
    effect = expected.copy()
    effect[:, series.fit] -= fresh
    effect[:, ~series.fit] -= _forecast(series, errors, draws, expected, rng)
    counterfactual = series.own - expected
    return Gaps(
        effect=effect,
        expected=expected,
        replicated=counterfactual[:, series.fit] + fresh,
        log_likelihood=-0.5 * LOG_TWO_PI - log_scale - 0.5 * innovations**2,
        intercept=intercept,
    )


def _forecast(
    series: Series, errors: ErrorModel, draws: Draws, expected: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """(S, T - n) errors after the fitted periods, which start from the last one's."""
    later = np.flatnonzero(~series.fit)
    normal = rng.standard_normal((len(expected), len(later)))
    rho = errors.rhos[draws.rho]
    last, when = expected[:, np.flatnonzero(series.fit)[-1]], int(series.time[series.fit][-1])
    found = np.empty_like(normal)
    for column, place in enumerate(later):
        step = int(series.time[place]) - when
        kept = rho**step
        spread = np.sqrt((1.0 - rho ** (2 * step)) / (1.0 - rho * rho))
        last = kept * last + draws.sigma * spread * normal[:, column]
        when = int(series.time[place])
        found[:, column] = last
    return found


def prior_predictive(
    series: Series, errors: ErrorModel, concentration: float, unit: float, count: int, rng: np.random.Generator
) -> FloatArray | None:
    """(R, n) data that the priors imply in the fitted periods; None with an intercept, whose prior is flat."""
    if errors.intercept:
        return None
    gamma = np.maximum(rng.standard_gamma(concentration, (count, series.donors.shape[1])), 1e-300)
    weights = gamma / gamma.sum(axis=1, keepdims=True)
    sigma = unit * np.abs(rng.standard_cauchy(count))
    prior = np.exp(errors.log_prior - errors.log_prior.max())
    rho = rng.choice(len(prior), size=count, p=prior / prior.sum())
    roots = errors.roots(series)
    normal = rng.standard_normal((count, int(series.fit.sum())))
    noise = np.stack([roots[node] @ one for node, one in zip(rho, normal, strict=True)])
    return np.asarray(weights @ series.donors[series.fit].T + sigma[:, None] * noise)

"""Gibbs sampler of a structural series whose states and coefficients are integrated out where it matters.

For what the exact engine cannot enumerate: selection among many regressors (George and McCulloch 1997, with the states
marginalized as in Scott and Varian 2014), the regularized horseshoe, and Student-t noise. Ratios, selections and
the coefficients' scale are drawn with states, coefficients and noise variance integrated out, so that they do not
wait for one another; the rest follows from closed forms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special

from evalkit.numerics.structural import Smoother, Trend, half_cauchy, smoother
from evalkit.numerics.structural_exact import FARTHEST, SCALE_NODES, Coefficients, Drawn
from evalkit.numerics.structural_regression import PRIOR_DEGREES, Series, conjugate
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

THIN: Final = 3
"""Sweeps between draws that are kept; more where weights or local scales mix slowly."""
STEP: Final = 0.8
"""First sd of a move of the scores; adapted during warm-up to `ACCEPTANCE`."""
ACCEPTANCE: Final = 0.35
SLAB: Final = 10.0
"""Prior sd, in sds of the unexplained change, beyond which the horseshoe lets no coefficient escape."""
DEGREES: Final = np.array([2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 25.0, 50.0])
"""Degrees of freedom of Student-t noise that are told apart; their prior is Gamma(2, 0.1) (Juarez and Steel 2010)."""
LOG_DEGREES: Final = np.log(DEGREES) - 0.1 * DEGREES + np.log(np.gradient(DEGREES))

Kind = Literal["spike_and_slab", "horseshoe"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sampled and for how long.

    Attributes
    ----------
    kind
        Prior of the learned coefficients.
    heavy_tails
        Student-t instead of Gaussian noise.
    draws, tune, chains
        Kept and warm-up draws a chain; chains.
    """

    kind: Kind
    heavy_tails: bool
    draws: int
    tune: int
    chains: int


def draw_gibbs(series: Series, trend: Trend, prior: Coefficients, plan: Plan, *, rng: np.random.Generator) -> Drawn:
    """Draw from the joint posterior, chains one after the other.

    Raises
    ------
    FloatingPointError
        When the used periods cannot tell the states.
    """
    kept = [_Chain(series, trend, prior, plan, each).run() for each in rng.spawn(plan.chains)]
    columns = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
    scores, sigma, beta, variances, scale, log_hyper, weights, degrees = columns
    if plan.heavy_tails:
        point = np.arange(len(scores), dtype=np.int64)
    else:
        point = np.unique(scores, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return Drawn(
        trend.shape(scores), scores, point, sigma, beta, variances, scale, log_hyper, float("nan"),
        weights if plan.heavy_tails else None, degrees if plan.heavy_tails else None,
    )  # fmt: skip


class _Chain:
    """One chain; everything that changes is an attribute."""

    def __init__(self, series: Series, trend: Trend, prior: Coefficients, plan: Plan, rng: np.random.Generator) -> None:
        self.series, self.trend, self.prior, self.plan, self.rng = series, trend, prior, plan, rng
        self.periods = series.fitted_periods
        self.joined = series.joined(self.periods)
        self.used = series.used[: self.periods]
        self.rows = int(self.used.sum()) - trend.flat
        self.learned: IntArray = np.flatnonzero(series.learned).astype(np.int64)
        width = len(self.learned)
        self.expected = min(prior.expected, width)
        nodes = np.linspace(-FARTHEST, FARTHEST, SCALE_NODES)
        self.scales = half_cauchy(nodes, prior.scale) ** 2
        self.log_scales = -0.5 * nodes**2
        self.chance = min(1.0, prior.expected / max(width, 1))
        self.included: BoolArray = self.rng.random(width) < self.chance
        self.scale = prior.scale**2
        self.local, self.local_aux = np.ones(width), np.ones(width)
        self.least_global = self._global_scale(width)
        self.common, self.common_aux = self.least_global**2, 1.0
        self.weights = self.used.copy()
        self.degrees = 10.0
        self.step = STEP
        self.thin = THIN * (1 + int(plan.heavy_tails) + 2 * int(plan.kind == "horseshoe"))
        self.scores = 0.5 * self.rng.standard_normal(trend.scores)
        self.smooth, self.moments, self.change = self._at(self.scores)
        self.sigma, self.beta = 1.0, np.zeros(len(series.fixed))

    def _global_scale(self, width: int) -> float:
        """Piironen and Vehtari (2017), eq. 3.12: the scale at which `expected` regressors matter."""
        if self.expected >= width:
            return self.prior.scale
        return self.prior.scale * self.expected / (width - self.expected) / float(np.sqrt(max(self.rows, 1)))

    def run(self) -> tuple[FloatArray, ...]:
        """Kept draws: scores, sigma, beta, v, scale, log hyperprior, weights, degrees of freedom."""
        for sweep in range(self.plan.tune):
            accepted = self._sweep()
            self.step *= float(np.exp((accepted - ACCEPTANCE) / (1.0 + sweep) ** 0.6))
        kept: list[tuple[object, ...]] = []
        for _ in range(self.plan.draws):
            for _ in range(self.thin):
                self._sweep()
            scale = np.sqrt(self.scale if self.plan.kind == "spike_and_slab" else self.common)
            kept.append(
                (self.scores, self.sigma, self.beta, self._variances(), scale, self._log_hyper(), self.weights,
                 self.degrees)
            )  # fmt: skip
        return tuple(np.array(column, dtype=np.float64) for column in zip(*kept, strict=True))

    def _sweep(self) -> float:
        accepted = self._draw_scores()
        if self.plan.kind == "spike_and_slab" and len(self.learned):
            if self.chance < 1.0:
                self._draw_selection()
            self._draw_scale()
        self._draw_regression()
        if self.plan.kind == "horseshoe":
            self._draw_horseshoe()
        if self.plan.heavy_tails:
            self._draw_weights()
        return accepted

    def _at(self, scores: FloatArray) -> tuple[Smoother, FloatArray, float]:
        shape = self.trend.shape(scores[None])
        smooth = smoother(self.trend, shape, 0, self.weights)
        return smooth, smooth.moments(self.joined), float(shape.change[0])

    def _variances(self) -> FloatArray:
        """(k,) v_j."""
        values = np.where(self.series.learned, 0.0, self.series.fixed)
        if self.plan.kind == "horseshoe":
            values[self.learned] = 1.0 / (1.0 / (self.common * self.local) + 1.0 / SLAB**2)
        else:
            values[self.learned] = self.scale * self.included
        return values

    def _log_marginal(self, smooth: Smoother, moments: FloatArray, change: float, variances: FloatArray) -> float:
        kept = variances > 0.0
        rows = np.append(np.flatnonzero(kept), len(variances))
        found = conjugate(
            moments[np.ix_(rows, rows)], np.array(smooth.log_det), np.array(change), variances[kept], self.rows
        )
        return float(found.log_marginal)

    def _draw_scores(self) -> float:
        """Random walk with states, coefficients and noise variance integrated out; returns the acceptance."""
        variances = self._variances()
        proposed = self.scores + self.step * self.rng.standard_normal(len(self.scores))
        there = self._at(proposed)
        gain = self._log_marginal(*there, variances) - 0.5 * float(proposed @ proposed)
        gain -= self._log_marginal(self.smooth, self.moments, self.change, variances) - 0.5 * float(
            self.scores @ self.scores
        )
        if np.log(self.rng.random()) < gain:
            self.scores = proposed
            self.smooth, self.moments, self.change = there
        return min(1.0, float(np.exp(min(gain, 0.0))))

    def _draw_selection(self) -> None:
        """Every indicator in random order, coefficients integrated out, by the sweep operator (Beaton 1964)."""
        fixed = np.flatnonzero(~self.series.learned)
        table = self.moments.copy()
        diagonal = np.arange(len(table) - 1)
        prior = np.where(self.series.learned, self.scale, self.series.fixed) * self.change
        table[diagonal, diagonal] += 1.0 / prior
        for j in (*fixed, *self.learned[self.included]):
            _sweep_in(table, int(j))
        base = PRIOR_DEGREES / (2.0 * self.change)
        power = (PRIOR_DEGREES + self.rows) / 2.0
        odds = np.log(self.chance) - np.log1p(-self.chance)
        thresholds = special.logit(np.clip(self.rng.random(len(self.learned)), 1e-12, 1.0 - 1e-12))
        for place in self.rng.permutation(len(self.learned)):
            j = int(self.learned[place])
            inside = bool(self.included[place])
            rate = base + max(table[-1, -1], 0.0) / 2.0
            if inside:  # after sweeping, the pivot is -1 / s and the last column holds beta
                pivot = -1.0 / table[j, j]
                explained = table[j, -1] ** 2 * pivot
                with_it, without = rate, rate + explained / 2.0
            else:
                pivot = table[j, j]
                explained = table[j, -1] ** 2 / pivot
                with_it, without = max(rate - explained / 2.0, base), rate
            gain = odds - 0.5 * np.log(pivot * prior[j]) + power * (np.log(without) - np.log(with_it))
            wanted = thresholds[place] < gain
            if wanted != inside:
                (_sweep_in if wanted else _sweep_out)(table, j)
                self.included[place] = wanted

    def _draw_scale(self) -> None:
        """The coefficients' common scale on the grid of the exact engine, coefficients integrated out."""
        chosen = self.learned[self.included]
        fixed = np.flatnonzero(~self.series.learned)
        kept = np.concatenate([fixed, chosen])
        variances = np.empty((SCALE_NODES, len(kept)))
        variances[:, : len(fixed)] = self.series.fixed[fixed]
        variances[:, len(fixed) :] = self.scales[:, None]
        rows = np.append(kept, len(self.series.fixed))
        moments = np.broadcast_to(self.moments[np.ix_(rows, rows)], (SCALE_NODES, len(rows), len(rows)))
        flat = np.ones(SCALE_NODES)
        value = conjugate(moments, 0.0 * flat, self.change * flat, variances, self.rows).log_marginal + self.log_scales
        mass = np.cumsum(np.exp(value - value.max()))
        self.scale = float(self.scales[int(np.searchsorted(mass, self.rng.random() * mass[-1]))])

    def _draw_regression(self) -> None:
        variances = self._variances()
        kept = variances > 0.0
        rows = np.append(np.flatnonzero(kept), len(variances))
        found = conjugate(
            self.moments[np.ix_(rows, rows)], np.array(0.0), np.array(self.change), variances[kept], self.rows
        )
        variance, beta = found.draw(self.rng)
        self.sigma = float(np.sqrt(variance))
        self.beta = np.zeros(len(variances))
        self.beta[kept] = beta

    def _draw_horseshoe(self) -> None:
        """Scales by inverse gammas (Makalic and Schmidt 2016), with the slab of Nishimura and Suchard (2022)."""
        size = self.beta[self.learned] ** 2 / (2.0 * self.sigma**2 * self.change)
        gamma = self.rng.standard_gamma
        width = len(self.learned)
        self.local = (1.0 / self.local_aux + size / self.common) / gamma(1.0, width)
        self.local_aux = (1.0 + 1.0 / self.local) / gamma(1.0, width)
        self.common = float((1.0 / self.common_aux + (size / self.local).sum()) / gamma((width + 1.0) / 2.0))
        self.common_aux = float((1.0 / self.least_global**2 + 1.0 / self.common) / gamma(1.0))

    def _draw_weights(self) -> None:
        """Student-t noise as a scale mixture: one weight a period, and the degrees of freedom."""
        normal = self.rng.standard_normal((self.periods * self.trend.states, 1))
        residual = self.joined[:, -1] - self.joined[:, :-1] @ self.beta
        signal = self.smooth.signal(residual[:, None])[:, 0] + self.sigma * self.smooth.noise(normal)[:, 0]
        passing = 1.0 - float(self.trend.shape(self.scores[None]).share[0])
        known = self.used > 0.0
        surprise = (residual - signal)[known] ** 2 / (self.sigma**2 * passing)
        self.degrees = self._draw_degrees(surprise)
        weights = self.rng.standard_gamma((self.degrees + 1.0) / 2.0, len(surprise)) / ((self.degrees + surprise) / 2.0)
        self.weights = self.used.copy()
        self.weights[known] = weights
        self.smooth, self.moments, self.change = self._at(self.scores)

    def _draw_degrees(self, surprise: FloatArray) -> float:
        """Degrees of freedom given squared errors (n,) in units of the noise, the weights integrated out."""
        power = (DEGREES + 1.0) / 2.0
        value = special.gammaln(power) - special.gammaln(DEGREES / 2.0) - 0.5 * np.log(DEGREES)
        value = len(surprise) * value - power * np.log1p(surprise[:, None] / DEGREES).sum(axis=0) + LOG_DEGREES
        mass = np.cumsum(np.exp(value - value.max()))
        return float(DEGREES[int(np.searchsorted(mass, self.rng.random() * mass[-1]))])

    def _log_hyper(self) -> float:
        """Log prior of selection and scales, up to a constant."""
        value = 0.0
        if self.plan.kind == "horseshoe":
            value -= float(np.log1p(self.local).sum() + np.log1p(self.common / self.least_global**2))
            value -= float(0.5 * np.log1p(self.common * self.local / SLAB**2).sum())
        elif len(self.learned):
            value -= float(np.log1p(self.scale / self.prior.scale**2))
            if self.chance < 1.0:
                count = int(self.included.sum())
                value += count * np.log(self.chance) + (len(self.included) - count) * np.log1p(-self.chance)
        if self.plan.heavy_tails:
            value += float(np.log(self.degrees) - 0.1 * self.degrees)
        return value


def _sweep_in(table: FloatArray, j: int) -> None:
    """Take column j into the regression: the pivot becomes -1 / s."""
    row = table[j].copy()
    pivot = row[j]
    table -= np.outer(row, row / pivot)
    table[j] = table[:, j] = row / pivot
    table[j, j] = -1.0 / pivot


def _sweep_out(table: FloatArray, j: int) -> None:
    """Take column j out again."""
    row = table[j].copy()
    pivot = row[j]
    table -= np.outer(row, row / pivot)
    table[j] = table[:, j] = -row / pivot
    table[j, j] = -1.0 / pivot

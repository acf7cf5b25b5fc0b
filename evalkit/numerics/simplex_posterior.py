"""The posterior of donor weights: tempered populations of walkers, then sweeps until the draws pass their gates.

Model of one treated unit, D (n, J) the donors' outcomes less its own before the start (rows whitened, the intercept
projected out), all in units of `unit_sd`:

    D w ~ N(0, sigma^2 I),    w ~ Dirichlet(alpha, ..., alpha),    sigma ~ HalfCauchy(1),

with the variance integrated out given the half-Cauchy's own mixing variable (Gelman 2006), and the AR(1) coefficient
rho on a grid that only H = D'D and a determinant depend on. Each population starts from independent draws of the prior
and is cooled to the posterior by sequential Monte Carlo (Del Moral, Doucet and Jasra 2006), so that sets of donors
keep the mass that the data give them, and does not get stuck in the first that fits. Populations know nothing of each
other: they serve as chains, and R-hat between them shows what cooling and moves have missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.chain_figures import ChainFigures, chain_figures
from evalkit.numerics.simplex_moves import FLOOR, Choice, Walkers, exchange, follow_ridge
from evalkit.vocabulary import FloatArray, IntArray

KEPT_SHARE: Final = 0.6
"""Effective share of a population that a cooling step leaves."""
BISECTIONS: Final = 40
SETTLING: Final = 2
"""Sweeps after cooling before the first draws are kept."""
FIRST_ROUND: Final = 4
"""Snapshots before the gates are first looked at."""
RHAT_AIMED_AT, SIZE_AIMED_AT = 1.008, 500.0
"""Stricter than the gates (1.01 and 400), because stopping as soon as they are met would flatter the figures."""
LARGEST_HISTORY: Final = 4e7
"""Numbers kept over all snapshots (320 MB); longer histories are thinned."""
EXCHANGES: Final[tuple[Choice, ...]] = ("by_size", "by_size_then_uniform", "uniform")


@dataclass(frozen=True, slots=True)
class WeightProblems:
    """P treated units that share J donors.

    Attributes
    ----------
    forms
        (P, G, J, J) D'D at each of G values of rho.
    log_determinant
        (P, G) of the errors' correlation matrix, the intercept's information included.
    log_prior
        (G,) of the values of rho.
    rows
        (P,) rows of D less the coefficients projected out.
    watched
        (P, J, Q) linear functions of the weights that must converge too.
    """

    forms: FloatArray
    log_determinant: FloatArray
    log_prior: FloatArray
    rows: FloatArray
    watched: FloatArray


@dataclass(frozen=True, slots=True)
class Effort:
    """How many populations, of how many walkers, and the most snapshots of them that are kept."""

    populations: int
    walkers: int
    most_snapshots: int


@dataclass(frozen=True, slots=True)
class WeightDraws:
    """Draws of P problems, C chains of S draws.

    Attributes
    ----------
    weights
        (P, C, S, J).
    sigma
        (P, C, S) in units of the problem's scale.
    rho
        (P, C, S) index of the value of rho.
    figures
        Worst R-hat and effective sizes of weights, sigma, rho and what is watched, over all problems; None where
        nobody asked.
    temperatures
        Steps of cooling.
    """

    weights: FloatArray
    sigma: FloatArray
    rho: IntArray
    figures: ChainFigures | None
    temperatures: int


@dataclass(slots=True)
class _Population:
    """All walkers of all problems: W = P x C x N, problem by problem, population by population."""

    problems: WeightProblems
    walkers: Walkers
    rho: IntArray
    mixing: FloatArray
    shape: tuple[int, int, int]
    rng: np.random.Generator

    def sweep(self) -> None:
        """Redraw everything once."""
        self._refresh()
        self._mix_scale()
        donors = self.walkers.weights.shape[1]
        for step in range(max(6, donors // 4)):
            exchange(self.walkers, EXCHANGES[step % len(EXCHANGES)], self.rng)
        for _ in range(min(max(6, round(0.8 * donors)), 60) if donors > 2 else 0):
            follow_ridge(self.walkers, self.rng)

    def _refresh(self) -> None:
        """Recompute H w exactly, and draw rho given the weights."""
        state, (problems, populations, size) = self.walkers, self.shape
        state.weights /= state.weights.sum(axis=1, keepdims=True)
        by_problem = state.weights.reshape(problems, populations * size, -1)
        nodes = self.problems.forms.shape[1]
        misfits = np.empty((len(self.rho), nodes))
        for node in range(nodes):
            product = (by_problem @ self.problems.forms[:, node]).reshape(state.weights.shape)
            misfits[:, node] = np.einsum("wj,wj->w", product, state.weights)
            mine = slice(None) if nodes == 1 else self.rho == node
            state.product[mine] = product[mine]
        if nodes > 1:
            log_density = self.problems.log_prior - 0.5 * state.heat[:, None] * self._each(
                self.problems.log_determinant
            )
            log_density = log_density - state.exponent[:, None] * np.log(
                state.scale[:, None] + state.heat[:, None] * misfits
            )
            self.rho = np.argmax(log_density + self.rng.gumbel(size=log_density.shape), axis=1)
            state.form_of = np.repeat(np.arange(problems), populations * size) * nodes + self.rho
            for node in range(nodes):
                mine = self.rho == node
                product = (by_problem @ self.problems.forms[:, node]).reshape(state.weights.shape)
                state.product[mine] = product[mine]
        state.misfit = misfits[np.arange(len(self.rho)), self.rho]

    def _mix_scale(self) -> None:
        """Draw the half-Cauchy's mixing variable: sigma^2 | a ~ IG(1/2, 1/a), a ~ IG(1/2, 1), S = 2 / a."""
        precision = 1.0 / self.variances()
        self.mixing = (1.0 + precision) / np.maximum(self.rng.standard_gamma(1.0, len(precision)), FLOOR)
        self.walkers.scale = 2.0 / self.mixing

    def variances(self) -> FloatArray:
        """(W,) draws of sigma^2 given the weights."""
        state = self.walkers
        rate = 0.5 * (state.scale + state.heat * state.misfit)
        return np.asarray(rate / np.maximum(self.rng.standard_gamma(state.exponent), FLOOR))

    def _each(self, of_problem: FloatArray) -> FloatArray:
        """The row of its problem for each walker."""
        return np.repeat(of_problem, self.shape[1] * self.shape[2], axis=0)

    def log_tempered(self, heat: FloatArray) -> FloatArray:
        """(W,) log likelihood to the power `heat` (P,), sigma integrated out, up to constants."""
        state = self.walkers
        by_walker = self._each(heat)
        exponent = 0.5 * (1.0 + by_walker * self._each(self.problems.rows))
        row = np.repeat(np.arange(self.shape[0]), self.shape[1] * self.shape[2])
        determinant = self.problems.log_determinant[row, self.rho]
        return np.asarray(-exponent * np.log(state.scale + by_walker * state.misfit) - 0.5 * by_walker * determinant)

    def cool(self, heat: FloatArray) -> FloatArray:
        """Raise the likelihood's power as far as `KEPT_SHARE` allows, and resample; returns the new powers (P,)."""
        before = self.log_tempered(heat)
        problems = self.shape[0]

        def share(new: FloatArray) -> FloatArray:
            log_weight = (self.log_tempered(new) - before).reshape(problems, -1)
            weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
            return np.asarray(weight.sum(axis=1) ** 2 / (weight * weight).sum(axis=1) / weight.shape[1])

        low, high = heat.copy(), np.ones(problems)
        at_once = share(high) >= KEPT_SHARE
        for _ in range(0 if at_once.all() else BISECTIONS):
            middle = 0.5 * (low + high)
            enough = share(middle) >= KEPT_SHARE
            low, high = np.where(enough, middle, low), np.where(enough, high, middle)
        new = np.where(at_once, 1.0, np.maximum(low, heat + 1e-12))
        self._resample(self.log_tempered(new) - before, moving=new > heat)
        self.walkers.heat = self._each(new)
        self.walkers.exponent = 0.5 * (1.0 + self.walkers.heat * self._each(self.problems.rows))
        return new

    def _resample(self, log_weight: FloatArray, moving: np.typing.NDArray[np.bool_]) -> None:
        """Systematic resampling within each population; copies stand side by side, so that they show as correlation."""
        problems, populations, size = self.shape
        rows = log_weight.reshape(problems * populations, size)
        weight = np.exp(rows - rows.max(axis=1, keepdims=True))
        cumulated = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
        place = (np.arange(size) + self.rng.random((len(rows), 1))) / size
        index = np.stack([np.searchsorted(row, at) for row, at in zip(cumulated, place, strict=True)])
        index = np.minimum(index, size - 1)
        still = ~np.repeat(moving, populations)
        index[still] = np.arange(size)
        chosen = (index + size * np.arange(len(rows))[:, None]).ravel()
        state = self.walkers
        for name in ("weights", "product", "misfit", "scale", "form_of"):
            setattr(state, name, getattr(state, name)[chosen])
        self.rho, self.mixing = self.rho[chosen], self.mixing[chosen]


def sample_weights(
    problems: WeightProblems,
    concentration: FloatArray,
    effort: Effort,
    rng: np.random.Generator,
    *,
    judged: bool = True,
) -> WeightDraws:
    """Draw the posterior of weights, sigma and rho.

    Parameters
    ----------
    problems
        The data.
    concentration
        (P,) alpha of each problem's Dirichlet prior.
    effort
        Populations (the chains), walkers in each, and the most snapshots kept. Snapshots are taken until R-hat and
        effective sizes pass with a margin, or there are as many as allowed.
    rng
        Source of randomness.
    judged
        False stops after the first round, without figures: for pictures, not for results.
    """
    population = _from_prior(problems, concentration, effort, rng)
    heat, temperatures = np.zeros(len(concentration)), 0
    while (heat < 1.0).any():
        heat = population.cool(heat)
        population.sweep()
        temperatures += 1
    for _ in range(SETTLING):
        population.sweep()
    history = _History(problems, effort)
    while True:
        for _ in range(FIRST_ROUND):
            population.sweep()
            history.add(population)
        if not judged:
            return WeightDraws(*history.stacked(), figures=None, temperatures=temperatures)
        figures = history.figures()
        good = figures.rhat_max <= RHAT_AIMED_AT and min(figures.ess_bulk_min, figures.ess_tail_min) >= SIZE_AIMED_AT
        if good or history.taken >= effort.most_snapshots:
            return WeightDraws(*history.stacked(), figures=figures, temperatures=temperatures)


def _from_prior(
    problems: WeightProblems, concentration: FloatArray, effort: Effort, rng: np.random.Generator
) -> _Population:
    count, nodes, donors = problems.forms.shape[:3]
    shape = (count, effort.populations, effort.walkers)
    total = count * effort.populations * effort.walkers
    alpha = np.repeat(concentration, effort.populations * effort.walkers)
    gamma = np.maximum(rng.standard_gamma(np.broadcast_to(alpha[:, None], (total, donors))), FLOOR)
    mixing = 1.0 / np.maximum(rng.standard_gamma(0.5, total), FLOOR)
    prior = np.exp(problems.log_prior - problems.log_prior.max())
    rho = rng.choice(nodes, size=total, p=prior / prior.sum())
    owner = np.repeat(np.arange(count), effort.populations * effort.walkers)
    walkers = Walkers(
        forms=problems.forms.reshape(count * nodes, donors, donors),
        form_of=owner * nodes + rho,
        concentration=alpha,
        heat=np.zeros(total),
        exponent=np.full(total, 0.5),
        scale=2.0 / mixing,
        weights=gamma / gamma.sum(axis=1, keepdims=True),
        product=np.zeros((total, donors)),
        misfit=np.zeros(total),
    )
    population = _Population(problems, walkers, rho, mixing, shape, rng)
    for form in np.unique(walkers.form_of):
        mine = walkers.form_of == form
        walkers.product[mine] = walkers.weights[mine] @ walkers.forms[form]
    walkers.misfit = np.einsum("wj,wj->w", walkers.product, walkers.weights)
    return population


class _History:
    """Snapshots of a population, thinned evenly once they would fill the memory."""

    def __init__(self, problems: WeightProblems, effort: Effort) -> None:
        count, _, donors = problems.forms.shape[:3]
        size = count * effort.populations * effort.walkers * donors
        self.problems = problems
        self.most = max(FIRST_ROUND, int(LARGEST_HISTORY // size))
        self.taken = 0
        self.step = 1
        self._kept: list[tuple[FloatArray, FloatArray, IntArray]] = []

    def add(self, population: _Population) -> None:
        """Keep the walkers' places, every `step` times."""
        self.taken += 1
        if self.taken % self.step:
            return
        shape = population.shape
        weights = population.walkers.weights / population.walkers.weights.sum(axis=1, keepdims=True)
        sigma = np.sqrt(population.variances())
        self._kept.append((weights.reshape(*shape, -1), sigma.reshape(shape), population.rho.reshape(shape).copy()))
        if len(self._kept) > self.most:
            self._kept, self.step = self._kept[1::2], 2 * self.step

    def stacked(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """(P, C, S, ...) with the snapshots of a walker side by side: what they share shows as autocorrelation."""
        parts = [np.stack(each, axis=3) for each in zip(*self._kept, strict=True)]
        problems, populations, walkers, snapshots = parts[1].shape
        draws = walkers * snapshots
        weights = parts[0].reshape(problems, populations, draws, -1)
        return weights, parts[1].reshape(problems, populations, draws), parts[2].reshape(problems, populations, draws)

    def figures(self) -> ChainFigures:
        """Worst figures over problems and quantities."""
        weights, sigma, rho = self.stacked()
        found = [
            chain_figures(np.concatenate([w, np.log(s)[..., None], r[..., None].astype(np.float64), w @ q], axis=2))
            for w, s, r, q in zip(weights, sigma, rho, self.problems.watched, strict=True)
        ]
        return ChainFigures(
            max(each.rhat_max for each in found), min(e.ess_bulk_min for e in found), min(e.ess_tail_min for e in found)
        )  # fmt: skip

"""Exact posterior of a Gaussian hierarchical difference-in-differences model.

Given the ratios r of the variance components to the residual variance and the autocorrelation, effects and
residual variance are conjugate (normal, inverse gamma): their posterior and the marginal likelihood are
closed forms. The two to four parameters left are sampled by importance, so every draw is independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.numerics.did_layout import CellTable
from evalkit.numerics.did_system import System
from evalkit.numerics.importance import sample_posterior
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

PRIOR_DEGREES = 4.0
"""nu_0: the prior on sigma^2 weighs as much as this many observations."""
COARSE_NODES, FINE_NODES, MAX_REFINEMENTS = 15, 25, 6
LOG_RANGE = 15.0
"""Log density below the mode at which the autocorrelation's nodes end."""
FARTHEST = 30.0
"""Normal scores beyond this have a tail probability of 0 in floating point; their prior density is 0 as well."""
AT_ONCE = 512
"""Points whose matrices are formed together: bounds memory at AT_ONCE x q^2 numbers."""


@dataclass(frozen=True, slots=True)
class Structure:
    """How K effects are built: theta = basis gamma + d.

    gamma_j ~ N(0, (sigma s_j)^2), where s_j is `fixed_scale[j]` or, for columns of a pooled group, the
    group's ratio r ~ HalfNormal(scale). d_k ~ N(0, (sigma r_cell)^2), r_cell learned where `has_cell_group`
    and `fixed_cell` otherwise.

    Attributes
    ----------
    basis
        (K, q).
    group
        (q,) position in `group_names` of the column's ratio; -1 where the scale is fixed.
    fixed_scale
        (q,) prior sd in residual sds; NaN where it is learned.
    group_names, group_scales
        Names and half-normal scales of the learned ratios; ``cell``, where present, is last.
    fixed_cell
        Sd of the cells' own deviations where it is not learned.
    """

    basis: FloatArray
    group: IntArray
    fixed_scale: FloatArray
    group_names: tuple[str, ...]
    group_scales: tuple[float, ...]
    fixed_cell: float = 0.0

    @property
    def has_cell_group(self) -> bool:
        """Whether cells deviate from the sum of their parts."""
        return "cell" in self.group_names


@dataclass(frozen=True, slots=True)
class ExactDraws:
    """S independent draws, in units of the outcome.

    Attributes
    ----------
    effects
        (S, K).
    sigma
        (S,) marginal sd of the errors.
    ratios
        (S, R) learned sds divided by sigma.
    rho
        (S,).
    gamma
        (S, q) coefficients of the basis.
    effective_size
        Of the importance sample behind the draws; at most the number of draws.
    """

    effects: FloatArray
    sigma: FloatArray
    ratios: FloatArray
    rho: FloatArray
    gamma: FloatArray
    effective_size: float


def pooled_structure(
    cells: CellTable,
    *,
    overall: float,
    event_time: float,
    cohort: float,
    cell: float,
    subgroup: tuple[IntArray, float] | None = None,
) -> Structure:
    """Cells under treatment: overall effect + line in event time + event-time, cohort and cell deviations.

    Effects late after the start are the least certain. Were all pooled towards one mean, growing effects would
    be pulled down more at their end than up at their start; the line keeps their average where it is. Its
    slope has prior sd `event_time` a period. Event-time and cohort deviations sum to zero. A
    part that the design cannot tell from the others is left out: cohorts when there is one, event times when
    there is one, cell deviations when cohorts or event times are left out. Anticipation cells (event
    time below 0) are free: nothing suggests that they resemble effects under treatment. With `subgroup`, the (K,) codes
    of the cells and a scale, subgroups deviate as cohorts do.
    """
    after = cells.event_time >= 0
    columns: list[FloatArray] = []
    group: list[int] = []
    scales: list[float] = []
    names: list[str] = []
    widths: list[float] = []
    if after.any():
        columns.append(after[:, None].astype(np.float64))
        group.append(-1)
        scales.append(overall)
    line = np.where(after, cells.event_time - cells.event_time[after].mean(), 0.0) if after.any() else np.zeros(0)
    if line.any():
        columns.append(line[:, None])
        group.append(-1)
        scales.append(event_time)
    parts = [("event_time", cells.event_time, event_time), ("cohort", cells.cohort, cohort)]
    parts += [] if subgroup is None else [("subgroup", *subgroup)]
    for name, labels, width in parts:
        block = _zero_sum_columns(labels, after)
        if block.shape[1]:
            columns.append(block)
            group.extend([len(names)] * block.shape[1])
            scales.extend([np.nan] * block.shape[1])
            names.append(name)
            widths.append(width)
    if len(names) > 1:
        names.append("cell")
        widths.append(cell)
    free = np.eye(len(cells))[:, ~after]
    columns.append(free)
    group.extend([-1] * free.shape[1])
    scales.extend([overall] * free.shape[1])
    return Structure(
        np.hstack(columns), np.array(group, dtype=np.int64), np.array(scales), tuple(names), tuple(widths)
    )  # fmt: skip


def free_structure(size: int, scale: float) -> Structure:
    """Every effect on its own, prior sd `scale` residual sds: nothing is pooled."""
    return Structure(np.zeros((size, 0)), np.zeros(0, dtype=np.int64), np.zeros(0), (), (), scale)


def zero_sum_structure(cells: CellTable, scale: float) -> Structure:
    """Effects that sum to zero within cohorts, covariance (scale sigma)^2 (I - 1 1' / L) over a cohort's L cells.

    What :func:`free_structure` gives once each cohort's mean is taken off, without the direction that unit
    effects make redundant: a sampler that sees that direction crawls along it.
    """
    blocks = []
    for g in np.unique(cells.group):
        rows = np.flatnonzero(cells.group == g)
        block = np.zeros((len(cells), len(rows) - 1))
        block[rows] = _helmert(len(rows))
        blocks.append(block)
    basis = np.hstack(blocks)
    width = basis.shape[1]
    return Structure(basis, np.full(width, -1, dtype=np.int64), np.full(width, scale), (), ())


def half_normal_of(u: FloatArray, scale: float) -> FloatArray:
    """Map standard normal scores to HalfNormal(scale) by their distribution functions.

    Examples
    --------
    >>> half_normal_of(np.array([0.0]), 1.0).round(4).tolist()
    [0.6745]
    """
    u = np.clip(u, -FARTHEST, FARTHEST)
    low = special.erfinv(special.ndtr(np.minimum(u, 0.0)))
    high = special.erfcinv(special.ndtr(-np.maximum(u, 0.0)))
    return np.asarray(scale * np.sqrt(2.0) * np.where(u < 0.0, low, high))


def autocorrelation_of(u: FloatArray, low: float = -1.0, high: float = 1.0) -> FloatArray:
    """Map standard normal scores to the prior p(rho) proportional to 1 - rho^2 on [low, high].

    Its distribution function is the cubic (2 + 3 rho - rho^3) / 4, which a third of an angle inverts.

    Examples
    --------
    >>> (autocorrelation_of(np.array([-30.0, 0.0, 30.0])).round(12) + 0.0).tolist()
    [-1.0, 0.0, 1.0]
    """
    below, above = ((2.0 + 3.0 * rho - rho**3) / 4.0 for rho in (low, high))
    share = below + special.ndtr(u) * (above - below)
    return np.asarray(-2.0 * np.sin(np.arcsin(np.clip(1.0 - 2.0 * share, -1.0, 1.0)) / 3.0))


def draw_exact(system: System, structure: Structure, *, size: int, points: int, rng: np.random.Generator) -> ExactDraws:
    """Draw effects and variance components from their joint posterior.

    Parameters
    ----------
    system
        Normal equations, the outcome divided by a residual sd (the prior of sigma^2 is
        inverse gamma with mean 2 and shape nu_0 / 2). With J > 1 autocorrelations they are equally spaced
        nodes in increasing order, beyond which the prior is cut off: a point uses the node nearest to its rho.
    structure
        Prior of the effects.
    size
        S draws.
    points
        Of the importance sample.
    rng
        Source of randomness.
    """
    posterior = _Posterior(system, structure)
    if posterior.dim == 0:
        positions = np.zeros(size, dtype=np.int64)
        scores, effective = np.zeros((1, 0)), float(size)
    else:
        sample = sample_posterior(posterior.log_marginal, posterior.dim, points, rng)
        scores, effective = sample.points, min(sample.effective_size, float(size))
        positions = sample.resample(size, rng)
    return posterior.conditional_draws(scores[positions], effective, rng)


def autocorrelation_nodes(build: Callable[[FloatArray], System], structure: Structure) -> System:
    """Place the nodes of the autocorrelation where the posterior has its mass.

    Parameters
    ----------
    build
        Makes the system at given autocorrelations.
    structure
        Prior of the effects; its ratios are held at their prior quartiles and median while nodes are placed.

    Returns
    -------
    System
        At `FINE_NODES` equally spaced values that span all but about exp(-LOG_RANGE) of the mass. A rule with
        equal steps below half a posterior sd integrates a smooth density to many digits.
    """
    low, high = -0.95, 0.99
    for _ in range(MAX_REFINEMENTS):
        nodes = np.linspace(low, high, COARSE_NODES)
        posterior = _Posterior(build(nodes), structure)
        value = np.log1p(-(nodes**2)) + posterior.profile(np.array([-0.6745, 0.0, 0.6745]))
        inside = np.flatnonzero(value > value.max() - LOG_RANGE)
        low, high = nodes[max(inside[0] - 1, 0)], nodes[min(inside[-1] + 1, COARSE_NODES - 1)]
        if len(inside) >= COARSE_NODES // 3:
            break
    return build(np.linspace(low, high, FINE_NODES))


class _Posterior:
    """Rotates the system once for each autocorrelation, so that a point costs K q^2 flops."""

    def __init__(self, system: System, structure: Structure) -> None:
        self.system, self.structure = system, structure
        self.n_ratios = len(structure.group_names)
        self.has_rho = len(system.rho) > 1
        self.dim = self.n_ratios + int(self.has_rho)
        values, self.vectors = np.linalg.eigh(system.information)
        self.values = np.clip(values, 0.0, None)
        self.score = np.einsum("jkl,jk->jl", self.vectors, system.score)
        self.basis = np.einsum("jkl,kq->jlq", self.vectors, structure.basis)
        rows, columns = np.tril_indices(structure.basis.shape[1])
        self.lower = (rows, columns)
        self.products = self.basis[:, :, rows] * self.basis[:, :, columns]
        self.edges = (system.rho[1:] + system.rho[:-1]) / 2.0
        half_step = (system.rho[1] - system.rho[0]) / 2.0 if self.has_rho else 0.0
        self.span = (max(system.rho[0] - half_step, -1.0), min(system.rho[-1] + half_step, 1.0))
        self.shape = (PRIOR_DEGREES + system.degrees) / 2.0

    def ratios(self, u: FloatArray) -> FloatArray:
        """(M, R) learned ratios."""
        scales = self.structure.group_scales
        ratios = np.empty((len(u), self.n_ratios))
        for i, scale in enumerate(scales):
            ratios[:, i] = half_normal_of(u[:, i], scale)
        return ratios

    def nodes(self, u: FloatArray) -> IntArray:
        """(M,) node of the autocorrelation that each point uses."""
        if not self.has_rho:
            return np.zeros(len(u), dtype=np.int64)
        return np.searchsorted(self.edges, autocorrelation_of(u[:, -1], *self.span)).astype(np.int64)

    def log_marginal(self, u: FloatArray) -> FloatArray:
        """(M,) log p(y | ratios, rho), effects and sigma integrated out."""
        ratios, nodes = self.ratios(u), self.nodes(u)
        value = np.empty(len(u))
        for j in np.unique(nodes):
            rows = np.flatnonzero(nodes == j)
            for start in range(0, len(rows), AT_ONCE):
                chosen = rows[start : start + AT_ONCE]
                _, _, rate, log_det = self._conditional(ratios[chosen], int(j))
                value[chosen] = self.system.log_det[j] - log_det / 2.0 - self.shape * np.log(rate)
        return value

    def profile(self, scores: FloatArray) -> FloatArray:
        """(J,) largest log marginal at each autocorrelation, all ratios at one of the given scores."""
        ratios = self.ratios(np.repeat(scores[:, None], max(self.n_ratios, 1), axis=1))
        value = np.empty(len(self.system.rho))
        for j in range(len(value)):
            _, _, rate, log_det = self._conditional(ratios, j)
            value[j] = self.system.log_det[j] + np.max(-log_det / 2.0 - self.shape * np.log(rate))
        return value

    def _conditional(self, ratios: FloatArray, j: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Cholesky factor and mean of the scaled gamma, rate of sigma^2, log determinant; (M, ...)."""
        cell, scale = self._scales(ratios)
        shrink = 1.0 / (1.0 + self.values[j] * cell[:, None] ** 2)
        residual = self.system.residual[j] - (cell[:, None] ** 2 * shrink) @ self.score[j] ** 2
        size = self.structure.basis.shape[1]
        information = np.empty((len(ratios), size, size))
        information[:, self.lower[0], self.lower[1]] = (self.values[j] * shrink) @ self.products[j]
        information[:, self.lower[1], self.lower[0]] = information[:, self.lower[0], self.lower[1]]
        information *= scale[:, :, None] * scale[:, None, :]
        information[:, np.arange(size), np.arange(size)] += 1.0
        factor = np.linalg.cholesky(information)
        target = scale * ((shrink * self.score[j]) @ self.basis[j])
        mean = np.linalg.solve(information, target[:, :, None])[:, :, 0]
        explained = np.sum(target * mean, axis=1)
        rate = PRIOR_DEGREES / 2.0 + np.clip(residual - explained, 0.0, None) / 2.0
        log_det = 2.0 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1) - np.log(shrink).sum(axis=1)
        return np.asarray(factor), np.asarray(mean), np.asarray(rate), np.asarray(log_det)

    def _scales(self, ratios: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M,) sd of the cell deviations and (M, q) sds of gamma, both in residual sds."""
        structure = self.structure
        cell = ratios[:, -1] if structure.has_cell_group else np.full(len(ratios), structure.fixed_cell)
        learned = structure.group >= 0
        scale = np.where(learned, 0.0, structure.fixed_scale) + np.zeros((len(ratios), 1))
        scale[:, learned] = ratios[:, structure.group[learned]]
        return cell, scale

    def conditional_draws(self, u: FloatArray, effective: float, rng: np.random.Generator) -> ExactDraws:
        """One draw of sigma, gamma and the effects at each point."""
        size, (n_cells, width) = len(u), self.structure.basis.shape
        ratios, nodes = self.ratios(u), self.nodes(u)
        sigma = np.sqrt(1.0 / rng.standard_gamma(self.shape, size))
        normal, deviation = rng.standard_normal((size, width)), rng.standard_normal((size, n_cells))
        gamma, effects = np.empty((size, width)), np.empty((size, n_cells))
        for j in np.unique(nodes):
            rows = np.flatnonzero(nodes == j)
            for start in range(0, len(rows), AT_ONCE):
                m = rows[start : start + AT_ONCE]
                factor, mean, rate, _ = self._conditional(ratios[m], int(j))
                cell, scale = self._scales(ratios[m])
                sigma[m] *= np.sqrt(rate)
                noise = np.linalg.solve(factor.transpose(0, 2, 1), normal[m][:, :, None])[:, :, 0]
                gamma[m] = scale * (mean + sigma[m, None] * noise)
                rotated = gamma[m] @ self.basis[j].T
                spread = cell[:, None] / np.sqrt(1.0 + self.values[j] * cell[:, None] ** 2)
                rotated += spread**2 * (self.score[j] - self.values[j] * rotated)
                rotated += sigma[m, None] * spread * deviation[m]
                effects[m] = rotated @ self.vectors[j].T
        return ExactDraws(effects, sigma, ratios, self.system.rho[nodes], gamma, effective)


def _zero_sum_columns(labels: IntArray, among: BoolArray) -> FloatArray:
    """(K, L - 1) columns whose iid coefficients give effects of L labels that sum to zero.

    With iid N(0, s^2) coefficients the L effects have covariance s^2 (I - 1 1' / L): PyMC's ZeroSumNormal.
    """
    levels = np.unique(labels[among])
    size = len(levels)
    if size < 2:
        return np.zeros((len(labels), 0))
    indicator = ((labels[:, None] == levels[None, :]) & among[:, None]).astype(np.float64)
    return np.asarray(indicator @ _helmert(size))


def _helmert(size: int) -> FloatArray:
    """(L, L - 1) orthonormal columns that sum to zero."""
    columns = np.zeros((size, size - 1))
    for i in range(1, size):
        columns[:i, i - 1] = 1.0 / np.sqrt(i * (i + 1.0))
        columns[i, i - 1] = -i / np.sqrt(i * (i + 1.0))
    return columns

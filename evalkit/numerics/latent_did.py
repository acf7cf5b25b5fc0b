"""Counts and shares without a Markov chain: Laplace proposals given the variance components, made exact by weights.

    g(E y_it) = offset_it + alpha_i + lambda_t + (theta_{g,e} + delta_i) D_it + x_it' beta
    alpha_i ~ N(cohort level, spread^2); effects as in the Gaussian model

Given the few variance components the other parameters have a log-concave posterior, close to a normal where rows
are many. They are drawn from that normal (Rue, Martino and Chopin 2009), and the ratio of the posterior to it, computed
exactly, weighs each draw: the answer is that of the model, not of the approximation, and the effective sample size
with the shape of the weights' tail tells whether the approximation was good enough to be mended so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from evalkit.errors import Reason
from evalkit.numerics.did_rows import Rows
from evalkit.numerics.hierarchical_did import Structure, half_normal_of
from evalkit.numerics.response_families import ResponseFamily, log_density, slope_and_weight, starting_index
from evalkit.vocabulary import FloatArray

LEVEL_SCALE = 5.0
"""Prior sd of cohort levels, period effects and nuisance cells on the log or logit scale: a factor of 150."""
SPREAD_SCALE = 2.0
"""Half-normal scale of the sd of units within a cohort."""
DISPERSION_SCALE = 1.0
MAX_STEPS, MAX_HALVINGS = 30, 12
CLOSE = 1e-3
"""Squared length of a Newton step, in posterior sds, at which the mode is near enough for a proposal."""


@dataclass(frozen=True, slots=True)
class Mode:
    """Normal approximation at one value of the variance components.

    Attributes
    ----------
    center
        (p,) standard normal coefficients at the mode.
    root
        (p, p) Cholesky factor of their precision.
    scale
        (p,) what multiplies them.
    log_marginal
        Laplace's approximation of the data's.
    """

    center: FloatArray
    root: FloatArray
    scale: FloatArray
    log_marginal: float


class LatentCounts:
    """A `LatentModel` of the importance sampler: variance components by importance, the rest by Laplace proposals.

    Components in order: ratios of the structure, the spread of units within cohorts, the sd of units' own deviations
    and the dispersion of the negative binomial, where they are there. All have half-normal priors.
    """

    def __init__(
        self,
        rows: Rows,
        structure: Structure,
        *,
        family: ResponseFamily,
        covariate_scale: float,
        site_scale: float | None,
    ) -> None:
        self.rows, self.structure, self.family, self.trials = rows, structure, family, rows.trials
        self.n_units, self.n_periods = len(rows.group), int(rows.period.max()) + 1
        self.n_cells, self.width = structure.basis.shape
        self.n_own = self.n_cells if structure.has_cell_group or structure.fixed_cell else 0
        self.n_sites = 0 if site_scale is None else int(rows.site.max())
        self.extra = np.hstack([rows.nuisance, rows.covariates])
        self.covariate_scale = covariate_scale
        self.names = [f"ratio_{name}" for name in structure.group_names] + ["spread"]
        self.scales = [*structure.group_scales, SPREAD_SCALE]
        if site_scale is not None:
            self.names, self.scales = [*self.names, "site"], [*self.scales, site_scale]
        if family == "negative_binomial":
            self.names, self.scales = [*self.names, "dispersion"], [*self.scales, DISPERSION_SCALE]
        self.base = self._base()
        self._lay_out()
        self.reference = starting_index(family, rows.outcome, rows.trials)

    @property
    def dim(self) -> int:
        """Variance components."""
        return len(self.names)

    def _base(self) -> FloatArray:
        """(n,) offset and the overall level around which cohort levels have their prior."""
        rows = self.rows
        if self.family == "binomial":
            share = (rows.outcome.sum() + 0.5) / (self.trials.sum() + 1.0)
            return np.asarray(rows.offset + np.log(share / (1.0 - share)))
        return np.asarray(rows.offset + np.log((rows.outcome.sum() + 0.5) / np.exp(rows.offset).sum()))

    def _lay_out(self) -> None:
        """Atoms (units, periods, cells, sites, further columns) and the pairs of them that a row joins."""
        rows, n = self.rows, len(self.rows.outcome)
        sizes = [self.n_units, self.n_periods, self.n_cells, self.n_sites, self.extra.shape[1]]
        self.atoms = np.cumsum([0, *sizes])
        every = np.arange(n)
        parts = [(every, rows.unit, np.ones(n)), (every, self.atoms[1] + rows.period, np.ones(n))]
        inside = np.flatnonzero(rows.cell < self.n_cells)
        parts.append((inside, self.atoms[2] + rows.cell[inside], np.ones(len(inside))))
        if self.n_sites:
            inside = np.flatnonzero(rows.site < self.n_sites)
            parts.append((inside, self.atoms[3] + rows.site[inside], np.ones(len(inside))))
        for k in range(self.extra.shape[1]):
            inside = np.flatnonzero(self.extra[:, k])
            parts.append((inside, np.full(len(inside), self.atoms[4] + k), self.extra[inside, k]))
        row, atom, value = (np.concatenate(column) for column in zip(*parts, strict=True))
        self.design = sparse.csr_array((value, (row, atom)), shape=(n, int(self.atoms[-1])))
        pairs = []
        for one in parts:
            for other in parts:
                _, left, right = np.intersect1d(one[0], other[0], return_indices=True)
                pairs.append((one[0][left], one[1][left], other[1][right], one[2][left] * other[2][right]))
        self.pair_row, first, second, self.pair_value = (np.concatenate(column) for column in zip(*pairs, strict=True))
        code, self.pair_code = np.unique(first * self.atoms[-1] + second, return_inverse=True)
        self.pair_at = np.divmod(code, self.atoms[-1])
        self.cohort = (rows.group[:, None] == np.arange(int(rows.group.max()) + 1)[None, :]).astype(np.float64)
        self.columns = np.cumsum(
            [0, self.cohort.shape[1], self.n_units, self.n_periods, self.width, self.n_own, self.n_sites, sizes[4]]
        )

    def _gram(self, weight: FloatArray) -> FloatArray:
        """(p_a, p_a) sums of weighted products of atoms."""
        gram = np.zeros((self.atoms[-1], self.atoms[-1]))
        gram[self.pair_at] = np.bincount(self.pair_code, weights=weight[self.pair_row] * self.pair_value)
        return gram

    def _onto(self, atoms: FloatArray) -> FloatArray:
        """(..., p) from (..., p_a): what the coefficients multiply, summed over atoms."""
        unit, period, cell, site, extra = (atoms[..., a:b] for a, b in zip(self.atoms, self.atoms[1:], strict=False))
        parts = [unit @ self.cohort, unit, period, cell @ self.structure.basis]
        parts += [cell] if self.n_own else []
        return np.concatenate([*parts, site, extra], axis=-1)

    def by_atom(self, coefficients: FloatArray) -> FloatArray:
        """(..., p_a) from (..., p) scaled coefficients."""
        cohort, unit, period, basis, own, site, extra = (
            coefficients[..., a:b] for a, b in zip(self.columns, self.columns[1:], strict=False)
        )
        cell = basis @ self.structure.basis.T
        if self.n_own:
            cell = cell + own
        return np.concatenate([cohort @ self.cohort.T + unit, period, cell, site, extra], axis=-1)

    def index(self, coefficients: FloatArray) -> FloatArray:
        """(..., n) linear index at (..., p) scaled coefficients."""
        return np.asarray(self.base + (self.design @ self.by_atom(coefficients).T).T)

    def components(self, point: FloatArray) -> dict[str, float]:
        """Values of the variance components by name."""
        return {
            name: float(half_normal_of(np.array([u]), scale)[0])
            for name, u, scale in zip(self.names, point, self.scales, strict=True)
        }

    def scale_of(self, value: dict[str, float]) -> FloatArray:
        """(p,) what multiplies each standard normal coefficient."""
        structure = self.structure
        basis = np.where(structure.group >= 0, 0.0, structure.fixed_scale)
        for i, name in enumerate(structure.group_names):
            basis[structure.group == i] = value[f"ratio_{name}"]
        n_nuisance = self.rows.nuisance.shape[1]
        return np.concatenate(
            [
                np.full(self.cohort.shape[1], LEVEL_SCALE),
                np.full(self.n_units, value["spread"]),
                np.full(self.n_periods, LEVEL_SCALE),
                basis,
                np.full(self.n_own, value.get("ratio_cell", structure.fixed_cell)),
                np.full(self.n_sites, value.get("site", 0.0)),
                np.full(n_nuisance, LEVEL_SCALE),
                np.full(self.extra.shape[1] - n_nuisance, self.covariate_scale),
            ]
        )

    def mode(self, point: FloatArray) -> Mode:
        """Newton's method from the last mode found, halved where a step does not climb."""
        value = self.components(point)
        scale, dispersion = self.scale_of(value), value.get("dispersion", 0.0)
        index, height = self.reference, -np.inf
        center: FloatArray | None = None
        for _ in range(MAX_STEPS):
            slope, weight = slope_and_weight(self.family, self.rows.outcome, index, self.trials, dispersion)
            gram = self._onto(self._onto(self._gram(weight)).T)
            precision = scale[:, None] * gram * scale[None, :]
            precision[np.diag_indices(len(scale))] += 1.0
            root = np.asarray(np.linalg.cholesky(precision), dtype=np.float64)
            working = slope + weight * (index - self.base)
            target = scale * self._onto(self.design.T @ working)
            found = linalg.cho_solve((root, True), target, check_finite=False)
            step = np.inf if center is None else float(np.sum((root.T @ (found - center)) ** 2))
            center, index, height = self._climb(center, found, height, scale, dispersion)
            if step < CLOSE:
                break
        if center is None:  # pragma: no cover - there always is a first step
            raise FloatingPointError(Reason("no step of Newton's method was taken"))
        self.reference = index
        log_marginal = height - float(np.log(np.diag(root)).sum())
        return Mode(center, root, scale, log_marginal)

    def _climb(
        self, before: FloatArray | None, found: FloatArray, height: float, scale: FloatArray, dispersion: float
    ) -> tuple[FloatArray, FloatArray, float]:
        for _ in range(MAX_HALVINGS):
            index = self.index(scale * found)
            reached = self._height(found, index, dispersion)
            if before is None or reached >= height - CLOSE:
                return found, index, reached
            found = (found + before) / 2.0
        return found, index, reached

    def _height(self, coefficient: FloatArray, index: FloatArray, dispersion: float) -> float:
        likelihood = log_density(self.family, self.rows.outcome, index, self.trials, dispersion).sum()
        return float(likelihood - 0.5 * coefficient @ coefficient)

    def log_marginal(self, points: FloatArray) -> FloatArray:
        """(M,) Laplace's approximation at each point."""
        return np.array([self.mode(point).log_marginal for point in points])

    def draw(
        self, points: FloatArray, each: int, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
        """Draws from the normal at each point's mode, and the log of the posterior over it."""
        log_marginal, addition = np.empty(len(points)), np.empty((len(points), each))
        drawn = {name: np.empty((len(points), each)) for name in self.names}
        coefficients = np.empty((len(points), each, int(self.columns[-1])))
        for m, point in enumerate(points):
            mode, value = self.mode(point), self.components(point)
            normal = rng.standard_normal((each, len(mode.center)))
            moved = linalg.solve_triangular(mode.root, normal.T, lower=True, trans=1, check_finite=False).T
            standard = mode.center + moved
            coefficients[m] = mode.scale * standard
            index = self.index(coefficients[m])
            dispersion = value.get("dispersion", 0.0)
            likelihood = log_density(self.family, self.rows.outcome, index, self.trials, dispersion).sum(axis=1)
            posterior = likelihood - 0.5 * np.sum(standard**2, axis=1)
            proposal = float(np.log(np.diag(mode.root)).sum()) - 0.5 * np.sum(normal**2, axis=1)
            log_marginal[m] = mode.log_marginal
            addition[m] = posterior - proposal - mode.log_marginal
            for name in self.names:
                drawn[name][m] = value[name]
        return log_marginal, addition, {**drawn, "coefficients": coefficients}

    def parts(self, coefficients: FloatArray) -> dict[str, FloatArray]:
        """Effects (S, K), the basis' coefficients (S, q) and units' own deviations (S, U) at (S, p) coefficients."""
        a = self.columns
        gamma = coefficients[:, a[3] : a[4]]
        effects = gamma @ self.structure.basis.T
        if self.n_own:
            effects = effects + coefficients[:, a[4] : a[5]]
        return {"effects": effects, "gamma": gamma, "site": coefficients[:, a[5] : a[6]]}

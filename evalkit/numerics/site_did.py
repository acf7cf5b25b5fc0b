"""Exact posterior of the Gaussian model with effects of single units, noise of known variance, or both.

    y_it = alpha_i + lambda_t + (theta_{g,e} + delta_i) D_it + x_it' beta + u_it + v_it
    delta_i ~ N(0, site^2),   u_i ~ AR(1) with sd sigma,   v_it ~ N(0, omega^2 noise_it), noise_it known

Given the variance components all is Gaussian: unit levels, period effects, covariates and deviations are integrated out
in closed form, so the likelihood costs the same for 100 and for 100,000 units of the same kind. The components left are
sampled by importance, and everything else is drawn from its conditional posterior: draws are independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg, special, stats

from evalkit.numerics.did_layout import UNTREATED, CellTable
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.did_system import Absorbed, absorb_at, sum_to_zero
from evalkit.numerics.hierarchical_did import PRIOR_DEGREES, Structure, autocorrelation_of, half_normal_of
from evalkit.numerics.panel_moments import Moments
from evalkit.numerics.unit_classes import ErrorLaw, UnitClasses, class_moments, classify, project, unit_precision
from evalkit.vocabulary import FloatArray

FARTHEST = 0.999
"""Autocorrelations beyond this one are taken for it: errors would be as good as a unit's level."""
SMALLEST_TAIL = 1e-300
"""Tail probability at which a chi-square quantile is cut off."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of known relative variance.

    Attributes
    ----------
    variance
        (N, T) relative variances: squared standard errors, or 1 / n for a mean of n persons.
    within
        (m, m) cross products of the series within units and periods, summed over persons; None where the noise is
        known absolutely (omega = 1).
    degrees
        Persons less units and periods behind `within`.
    """

    variance: FloatArray
    within: FloatArray | None = None
    degrees: int = 0


@dataclass(frozen=True, slots=True)
class Conditional:
    """What is known at one value of the variance components.

    Attributes
    ----------
    law
        Of the errors, in the unit of the priors.
    absorbed
        System of the cell effects.
    scale, cell
        (q,) sds of the basis' coefficients, and the sd of the cells' own deviations.
    root, mean
        (d, d) Cholesky factor of the coefficients' precision and (d,) their mean.
    rate
        Of the inverse gamma posterior of sigma^2; NaN where sigma is among the components.
    log_marginal
        Of the data.
    """

    law: ErrorLaw
    absorbed: Absorbed
    scale: FloatArray
    cell: float
    root: FloatArray
    mean: FloatArray
    rate: float
    log_marginal: float


class SiteModel:
    """Log likelihood of the variance components, and draws of all else: a `LatentModel` of the importance sampler.

    Components in order, each with prior N(0, 1) after a transformation: ratios of the structure, the sd of unit
    deviations, rho, and under noise sigma and (where it is learned) omega. Without noise sigma^2 is conjugate
    and all sds are ratios to it; with noise the unit of all priors is the residual sd of the unpooled fit.
    """

    def __init__(
        self,
        sample: Sample,
        cells: CellTable,
        nuisance: CellTable | None,
        structure: Structure,
        *,
        scale: float,
        site_scale: float | None,
        autoregressive: bool,
        covariate_scale: float,
        noise: Noise | None = None,
    ) -> None:
        layout = sample.layout
        self.cells, self.nuisance, self.structure, self.time = cells, nuisance, structure, sample.time
        self.site_scale, self.autoregressive, self.covariate_scale = site_scale, autoregressive, covariate_scale
        self.contrast = np.zeros((0, 0)) if nuisance is None else sum_to_zero(nuisance)
        self.codes = layout.codes(cells)
        acting = np.append(cells.event_time >= 0, False)[self.codes] & (self.codes != UNTREATED)
        series = sample.series.copy()
        series[:, :, 0] /= scale
        self.series, self.noise = series, None
        if noise is not None:
            within = noise.within if noise.within is None else _scaled_within(noise.within, scale)
            unit = scale**2 if noise.within is None else 1.0
            self.noise = replace(noise, variance=noise.variance / unit, within=within)
        self.classes: UnitClasses = classify(
            series, layout.used, acting & (site_scale is not None), layout.group, sample.time,
            None if self.noise is None else self.noise.variance,
        )  # fmt: skip
        self.n_groups = layout.n_groups
        self.acting = (acting & layout.used).astype(np.float64)
        self._absorbed: dict[ErrorLaw, Absorbed] = {}
        self.n_cell = len(cells) if structure.has_cell_group or structure.fixed_cell else 0
        self.sites = np.flatnonzero((acting & layout.used).any(axis=1) & (layout.group >= 0))
        self.names = [f"ratio_{name}" for name in structure.group_names]
        self.names += ["site"] if site_scale is not None else []
        self.names += ["rho"] if autoregressive else []
        self.names += [] if self.noise is None else ["sigma"]
        self.names += ["omega"] if self.noise is not None and self.noise.within is not None else []

    @property
    def dim(self) -> int:
        """Variance components."""
        return len(self.names)

    def log_marginal(self, points: FloatArray) -> FloatArray:
        """(M,) log likelihood at each point."""
        return np.array([self.conditional(point).log_marginal for point in points])

    def draw(
        self, points: FloatArray, each: int, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
        """`each` draws at each point; they are exact, so nothing is added to the log weights."""
        log_marginal = np.empty(len(points))
        rows: list[dict[str, FloatArray]] = []
        for m, point in enumerate(points):
            found = self.conditional(point)
            log_marginal[m] = found.log_marginal
            rows.append(self._draws(found, self.components(point), each, rng))
        values = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return log_marginal, np.zeros((len(points), each)), values

    def components(self, point: FloatArray) -> dict[str, float]:
        """Values of the variance components, by name, and the law of errors they make."""
        value = dict(zip(self.names, (half_normal_of(point, 1.0) * self._half_normal_scales).tolist(), strict=True))
        for name, u in zip(self.names, point, strict=True):
            if name == "rho":
                value[name] = float(np.clip(autocorrelation_of(np.array([u]))[0], -FARTHEST, FARTHEST))
            elif name == "omega":
                value[name] = self._omega(float(u))
        return value

    @cached_property
    def _half_normal_scales(self) -> FloatArray:
        """(d,) of the components' priors; 1 for those that are not half-normal."""
        known = {f"ratio_{name}": scale for name, scale in zip(
            self.structure.group_names, self.structure.group_scales, strict=True
        )}  # fmt: skip
        known["site"] = float(self.site_scale or 0.0)
        return np.array([known.get(name, 1.0) for name in self.names])

    def _omega(self, u: float) -> float:
        """Sd of persons within units and periods: its posterior from their spread alone, p(omega^2) flat in its log."""
        if self.noise is None or self.noise.within is None:  # pragma: no cover - asked of persons alone
            raise ValueError("omega is learned from persons")
        tail = np.clip(special.ndtr(-u), SMALLEST_TAIL, 1.0 - 1e-16)
        return float(np.sqrt(_unexplained(self.noise.within) / stats.chi2.isf(tail, self.noise.degrees)))

    def law(self, value: dict[str, float]) -> ErrorLaw:
        """The law of errors at these components."""
        omega = value.get("omega", 1.0) if self.noise is not None else 0.0
        shock = value["sigma"] ** 2 if self.noise is not None else 1.0
        return ErrorLaw(value.get("rho", 0.0), shock, omega**2, value.get("site", 0.0))

    def moments(self, law: ErrorLaw) -> Moments:
        """Sums over units under this law; persons' spread within units and periods added."""
        sums = class_moments(self.classes, self.time, law, self.n_groups)
        if self.noise is None or self.noise.within is None:
            return sums
        within = self.noise.within / law.noise
        within[0, 0] -= _unexplained(self.noise.within) / law.noise  # already in the prior of omega
        return replace(sums, cross=sums.cross + within)

    def conditional(self, point: FloatArray) -> Conditional:
        """Integrate out all but the variance components."""
        value = self.components(point)
        law = self.law(value)
        sums = self.moments(law)
        absorbed = absorb_at(sums, 0, self.cells, self.nuisance, self.contrast, self.covariate_scale)
        scale, cell = self._scales(value)
        root = np.asarray(np.linalg.cholesky(self._precision(absorbed.information, scale, cell)), dtype=np.float64)
        score = np.concatenate(
            [scale * (self.structure.basis.T @ absorbed.score), cell * absorbed.score[: self.n_cell]]
        )
        target = linalg.solve_triangular(root, score, lower=True, check_finite=False)
        mean: FloatArray = linalg.solve_triangular(root, target, lower=True, trans=1, check_finite=False)
        left = max(absorbed.residual - float(target @ target), 0.0)
        fixed = float(sums.log_det[0]) + absorbed.log_det - float(np.log(np.diag(root)).sum())
        if self.noise is not None:
            return Conditional(law, absorbed, scale, cell, root, mean, np.nan, fixed - left / 2.0)
        rate = (PRIOR_DEGREES + left) / 2.0
        shape = self.shape(sums, absorbed)
        return Conditional(law, absorbed, scale, cell, root, mean, rate, fixed - shape * float(np.log(rate)))

    def shape(self, sums: Moments, absorbed: Absorbed) -> float:
        """Of the inverse gamma posterior of sigma^2."""
        return (PRIOR_DEGREES + sums.n_observations - sums.n_units - absorbed.rank) / 2.0

    def _scales(self, value: dict[str, float]) -> tuple[FloatArray, float]:
        """(q,) sds of the basis' coefficients, and the sd of the cells' own deviations."""
        structure = self.structure
        ratios = np.array([value[f"ratio_{name}"] for name in structure.group_names])
        learned = structure.group >= 0
        scale = np.where(learned, 0.0, structure.fixed_scale)
        scale[learned] = ratios[structure.group[learned]]
        return scale, float(ratios[-1]) if structure.has_cell_group else structure.fixed_cell

    def _precision(self, information: FloatArray, scale: FloatArray, cell: float) -> FloatArray:
        """Of the standard normal coefficients: those of the basis, then the cells' own."""
        basis = self.structure.basis * scale
        width = basis.shape[1]
        onto = information @ basis
        precision = np.empty((width + self.n_cell, width + self.n_cell))
        precision[:width, :width] = basis.T @ onto
        precision[width:, :width] = cell * onto[: self.n_cell]
        precision[:width, width:] = precision[width:, :width].T
        precision[width:, width:] = cell**2 * information[: self.n_cell, : self.n_cell]
        precision[np.diag_indices(len(precision))] += 1.0
        return precision

    def _draws(
        self, found: Conditional, value: dict[str, float], each: int, rng: np.random.Generator
    ) -> dict[str, FloatArray]:
        if self.noise is None:
            rows = self.classes.n_observations - int(self.classes.count.sum()) - found.absorbed.rank
            spread = np.sqrt(found.rate / rng.standard_gamma((PRIOR_DEGREES + rows) / 2.0, each))
            sigma = spread
        else:
            spread, sigma = np.ones(each), np.full(each, value["sigma"])
        normal = rng.standard_normal((each, len(found.mean)))
        noise = linalg.solve_triangular(found.root, normal.T, lower=True, trans=1, check_finite=False).T
        coefficient = found.mean + spread[:, None] * noise
        width = self.structure.basis.shape[1]
        gamma = coefficient[:, :width] * found.scale
        effects = gamma @ self.structure.basis.T
        effects[:, : self.n_cell] += found.cell * coefficient[:, width:]
        absorbed = found.absorbed.coefficient_draws(effects, spread, rng)
        drawn = {"effects": effects, "gamma": gamma, "sigma": sigma, "unit": spread, "absorbed": absorbed}
        for name in self.names:
            if name.startswith("ratio_"):
                drawn[f"sd_{name.removeprefix('ratio_')}"] = value[name] * spread
            elif name in ("rho", "omega"):
                drawn[name] = np.full(each, value[name])
        if self.site_scale is not None:
            drawn["sd_site"] = value["site"] * spread
            drawn["site"] = self.deviations(found.law, effects, absorbed, spread, rng)
        return drawn

    def deviations(
        self, law: ErrorLaw, effects: FloatArray, absorbed: FloatArray, spread: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(D, U) deviations of single units given all but their levels."""
        alone = replace(law, site=0.0)
        projection, _ = project(unit_precision(self.classes, self.time, alone)[0])
        member = self.classes.member[self.sites]
        weight = np.einsum("cst,ct->cs", projection, self.classes.slope)
        information = np.einsum("ct,ct->c", weight, self.classes.slope)[member]
        left = self.series[self.sites, :, 0] - self.fitted(effects, absorbed, self.sites)
        score = np.einsum("ut,dut->du", weight[member], left)
        shrink = law.site**2 / (1.0 + law.site**2 * information)
        noise = rng.standard_normal(score.shape)
        return np.asarray(shrink * score + spread[:, None] * np.sqrt(shrink) * noise)

    def absorbed_draws(
        self, law: ErrorLaw, effects: FloatArray, spread: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """(D, A) period effects, nuisance contrasts and covariates given (D, K) effects, for errors of one law."""
        if law not in self._absorbed:
            sums = self.moments(law)
            self._absorbed[law] = absorb_at(
                sums, 0, self.cells, self.nuisance, self.contrast, self.covariate_scale
            )  # fmt: skip
        return self._absorbed[law].coefficient_draws(effects, spread, rng)

    def fitted(self, effects: FloatArray, absorbed: FloatArray, units: np.typing.NDArray[np.int64]) -> FloatArray:
        """(D, U, T) mean of the series but for the units' levels and deviations."""
        n_periods, n_nuisance = len(self.time), self.contrast.shape[1]
        padded = np.hstack([effects, np.zeros((len(effects), 1))])
        mean = absorbed[:, None, :n_periods] + padded[:, self.codes[units]]
        if self.nuisance is not None:
            free = absorbed[:, n_periods : n_periods + n_nuisance] @ self.contrast.T
            extra = np.hstack([free, np.zeros((len(free), 1))])
            mean = mean + extra[:, _codes_of(self.nuisance, self.codes.shape, self.classes, units)]
        beta = absorbed[:, n_periods + n_nuisance :]
        return np.asarray(mean + np.einsum("utp,dp->dut", self.series[units, :, 1:], beta))


def _codes_of(
    cells: CellTable, shape: tuple[int, ...], classes: UnitClasses, units: np.typing.NDArray[np.int64]
) -> np.typing.NDArray[np.int64]:
    """(U, T) position of each row's cell; -1 where it has none."""
    lookup = np.full((int(classes.group.max()) + 1, shape[1]), UNTREATED, dtype=np.int64)
    inside = cells.group < len(lookup)
    lookup[cells.group[inside], cells.column[inside]] = np.flatnonzero(inside)
    return np.where(classes.mask[classes.member[units]], lookup[classes.group[classes.member[units]]], UNTREATED)


def _scaled_within(within: FloatArray, scale: float) -> FloatArray:
    by = np.ones(len(within))
    by[0] = 1.0 / scale
    return np.asarray(within * by[:, None] * by[None, :])


def _unexplained(within: FloatArray) -> float:
    """Sum of squares of the outcome that covariates leave within units and periods."""
    if len(within) == 1:
        return float(within[0, 0])
    explained = within[0, 1:] @ np.linalg.lstsq(within[1:, 1:], within[1:, 0])[0]
    return float(within[0, 0] - explained)

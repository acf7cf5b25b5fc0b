"""The hierarchical difference-in-differences model written in PyMC, for all families.

The same priors as the exact engine, with unit and period effects written out: an independent
check on it for Gaussian outcomes, and the only engine for the other families.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.numerics.did_rows import Rows
from evalkit.numerics.hierarchical_did import PRIOR_DEGREES, Structure
from evalkit.numerics.sampler import without_blas_warning
from evalkit.vocabulary import IntArray

if TYPE_CHECKING:
    import pymc as pm

LOG_LINK = ("poisson", "negative_binomial")
"""Families whose effects are log rate ratios."""
ON_LINK = (*LOG_LINK, "binomial")
"""Families with priors on the scale of the link: log rates or log odds."""
WIDE = 30.0
"""Prior sd, in residual sds, of unit and period effects around the unit means: as good as flat."""
LOG_WIDE = 5.0
"""The same on the log scale, where 5 is a factor of 150."""
LOG_SPREAD = 2.0
"""Half-normal scale of the sd of units within a cohort, on the log scale."""


def build(
    rows: Rows,
    structure: Structure,
    *,
    family: str,
    autoregressive: bool,
    covariate_scale: float,
    site_scale: float | None = None,
) -> pm.Model:
    """Write the model.

    Parameters
    ----------
    rows
        Data, free of missing values.
    structure
        Prior of the effects.
    family
        ``gaussian``, ``student_t``, ``poisson``, ``negative_binomial`` or ``binomial``.
    autoregressive
        AR(1) errors (Gaussian only).
    covariate_scale
        Prior sd of a covariate's coefficient.
    site_scale
        Half-normal scale of the sd of units' own deviations; None without them.

    Raises
    ------
    ValueError
        When a value is missing: PyMC would make it a parameter without a word.
    """
    import pymc as pm

    for name in ("outcome", "nuisance", "covariates", "offset"):
        if not np.isfinite(getattr(rows, name)).all():
            raise ValueError(f"rows.{name} holds missing or infinite values")
    log_link = family in ON_LINK
    with without_blas_warning(), pm.Model() as model:
        sigma: Any = 1.0 if log_link else _sigma(pm)
        effects = _effects(pm, structure, sigma)
        mean = _unit_and_period(pm, rows, family) + pm.math.concatenate([effects, np.zeros(1)])[rows.cell]
        if site_scale is not None:
            spread = pm.Deterministic("sd_site", pm.HalfNormal("ratio_site", site_scale) * sigma)
            site = pm.Deterministic("site", spread * pm.Normal("z_site", 0.0, 1.0, shape=int(rows.site.max())))
            mean = mean + pm.math.concatenate([site, np.zeros(1)])[rows.site]
        if rows.nuisance.shape[1]:
            free = pm.Normal("nuisance", 0.0, LOG_WIDE if log_link else WIDE, shape=rows.nuisance.shape[1])
            mean = mean + rows.nuisance @ free
        if rows.covariates.shape[1]:
            beta = pm.Normal("beta", 0.0, 1.0, shape=rows.covariates.shape[1])
            mean = mean + rows.covariates @ (covariate_scale * sigma * beta)
        _likelihood(pm, rows, mean, sigma, family, autoregressive)
    return model


def _sigma(pm: Any) -> Any:
    """Residual sd: sigma^2 inverse gamma with shape and rate nu_0 / 2, as in the exact engine."""
    variance = pm.InverseGamma("variance", PRIOR_DEGREES / 2.0, PRIOR_DEGREES / 2.0)
    return pm.Deterministic("sigma", pm.math.sqrt(variance))


def _effects(pm: Any, structure: Structure, sigma: Any) -> Any:
    """Effects, non-centred: standard normal coefficients times learned and fixed scales."""
    n_cells, width = structure.basis.shape
    effects: Any = np.zeros(n_cells)
    if width:
        coefficient = pm.Normal("z", 0.0, 1.0, shape=width)
        effects = structure.basis @ (np.where(structure.group >= 0, 0.0, structure.fixed_scale) * coefficient)
    for index, (name, scale) in enumerate(zip(structure.group_names, structure.group_scales, strict=True)):
        ratio = pm.HalfNormal(f"ratio_{name}", scale)
        pm.Deterministic(f"sd_{name}", ratio * sigma)
        if name == "cell":
            effects = effects + ratio * pm.Normal("z_cell", 0.0, 1.0, shape=n_cells)
        else:
            columns = np.flatnonzero(structure.group == index)
            effects = effects + ratio * (structure.basis[:, columns] @ coefficient[columns])
    if structure.fixed_cell:
        effects = effects + structure.fixed_cell * pm.Normal("z_cell", 0.0, 1.0, shape=n_cells)
    return pm.Deterministic("effects", effects * sigma)


def _unit_and_period(pm: Any, rows: Rows, family: str) -> Any:
    """Unit and period effects.

    Counts: units vary around their cohort's level, so that a unit without events has a finite effect and
    yet no assumption ties a cohort's level to its treatment (Mundlak 1978).
    """
    log_link = family in ON_LINK
    n_periods = int(rows.period.max()) + 1
    period = pm.ZeroSumNormal("period", LOG_WIDE if log_link else WIDE, shape=n_periods)
    if not log_link:
        return pm.Normal("unit", 0.0, WIDE, shape=len(rows.group))[rows.unit] + period[rows.period]
    if family == "binomial":
        share = (rows.outcome.sum() + 0.5) / (rows.trials.sum() + 1.0)
        level = np.log(share / (1.0 - share))
    else:
        level = np.log(rows.outcome.sum() / np.exp(rows.offset).sum())
    cohort = pm.Normal("cohort", level, LOG_WIDE, shape=int(rows.group.max()) + 1)
    spread = pm.HalfNormal("sd_unit", LOG_SPREAD)
    unit = pm.Normal("unit", cohort[rows.group], spread, shape=len(rows.group))
    return rows.offset + unit[rows.unit] + period[rows.period]


def _likelihood(pm: Any, rows: Rows, mean: Any, sigma: Any, family: str, autoregressive: bool) -> None:
    if family == "gaussian" and autoregressive:
        position = pm.Beta("rho_unit", 2.0, 2.0)
        rho = pm.Deterministic("rho", 2.0 * position - 1.0)
        # A unit's first row has gap 0: it is drawn from the stationary law, with no row before it.
        first = rows.gap == 0
        phi = pm.math.switch(first, 0.0, _power(pm, rho, rows.gap))
        residual = rows.outcome - mean
        expected = mean + phi * residual[rows.previous]
        pm.Normal("outcome", expected, sigma * pm.math.sqrt(1.0 - phi**2), observed=rows.outcome)
    elif family == "gaussian":
        pm.Normal("outcome", mean, sigma, observed=rows.outcome)
    elif family == "student_t":
        tail = pm.Gamma("tail", 2.0, 0.1)
        degrees = pm.Deterministic("degrees", 2.0 + tail)
        pm.StudentT("outcome", nu=degrees, mu=mean, sigma=sigma, observed=rows.outcome)
    elif family == "poisson":
        pm.Poisson("outcome", pm.math.exp(mean), observed=rows.outcome.astype(np.int64))
    elif family == "binomial":
        pm.Binomial("outcome", n=rows.trials.astype(np.int64), logit_p=mean, observed=rows.outcome.astype(np.int64))
    else:
        dispersion = pm.HalfNormal("dispersion", 1.0)
        pm.NegativeBinomial(
            "outcome", mu=pm.math.exp(mean), alpha=dispersion**-2, observed=rows.outcome.astype(np.int64)
        )


def _power(pm: Any, rho: Any, gap: IntArray) -> Any:
    """rho^gap for whole gaps, by multiplication: the gradient of a power of a negative number is undefined."""
    product = 1.0
    for step in range(int(gap.max(initial=0))):
        product = product * pm.math.switch(gap > step, rho, 1.0)
    return product

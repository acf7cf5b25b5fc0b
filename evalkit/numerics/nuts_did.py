"""From prepared series to NUTS draws of effects and leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evalkit.numerics.did_layout import CellTable
from evalkit.numerics.did_rows import Rows, long_rows
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.exact_did import Priors, independent_scale, untreated_rows
from evalkit.numerics.hierarchical_did import Structure, zero_sum_structure
from evalkit.numerics.pymc_did import ON_LINK, build
from evalkit.numerics.response_families import percentage_points
from evalkit.numerics.sampler import Chains, SamplerSettings, run
from evalkit.vocabulary import FloatArray


def sample_effects(
    sample: Sample,
    priors: Priors,
    settings: SamplerSettings,
    *,
    family: str,
    counts: FloatArray | None = None,
    offset: FloatArray | None = None,
    trials: FloatArray | None = None,
    autoregressive: bool,
    never_treated_only: bool,
    structure: Structure | None = None,
    sites: bool = False,
) -> Chains:
    """Sample the effects under treatment, in units of the outcome or, for counts, on the log scale.

    Parameters
    ----------
    sample
        Rows, series and cells.
    priors
        Scales.
    settings
        Of the sampler.
    family
        ``gaussian``, ``student_t``, ``poisson`` or ``negative_binomial``.
    counts, offset
        (N, T) outcome as observed and log exposure; used by the families of counts and shares alone.
    trials
        (N, T) of which the outcome counts the successes, for the binomial.
    autoregressive, never_treated_only
        As in the exact engine.
    structure
        Prior of the effects, where it is not that of `priors` for these cells.
    sites
        Give each treated unit a deviation of its own.
    """
    cells = sample.layout.effects
    nuisance = sample.layout.leads if never_treated_only else None
    structure = structure or priors.structure(cells)
    return _sample(
        sample, cells, nuisance, structure, priors, settings, family, counts, offset, trials, autoregressive, sites
    )  # fmt: skip


def sample_leads(
    sample: Sample,
    cells: CellTable,
    priors: Priors,
    settings: SamplerSettings,
    *,
    family: str,
    counts: FloatArray | None = None,
    offset: FloatArray | None = None,
    trials: FloatArray | None = None,
) -> Chains:
    """Sample the leads from untreated rows alone, each as the difference from its cohort's mean over them."""
    rows = untreated_rows(sample)
    structure = zero_sum_structure(cells, priors.overall)
    return _sample(rows, cells, None, structure, priors, settings, family, counts, offset, trials, False)


def _sample(
    sample: Sample,
    cells: CellTable,
    nuisance: CellTable | None,
    structure: Structure,
    priors: Priors,
    settings: SamplerSettings,
    family: str,
    counts: FloatArray | None,
    offset: FloatArray | None,
    trials: FloatArray | None,
    autoregressive: bool,
    sites: bool = False,
) -> Chains:
    on_link = family in ON_LINK
    scale = 1.0 if on_link else independent_scale(sample, cells, nuisance, priors)
    outcome = sample.series[:, :, 0] / scale if counts is None or not on_link else counts
    offset = np.zeros_like(outcome) if offset is None or not on_link else offset
    rows = long_rows(sample, outcome, offset, cells, nuisance, trials)
    model = build(
        rows, structure, family=family, autoregressive=autoregressive, covariate_scale=priors.covariate,
        site_scale=priors.site if sites else None,
    )  # fmt: skip
    sds = [f"sd_{name}" for name in structure.group_names]
    names = ["effects", *sds, *(["site", "sd_site"] if sites else []), *_own_parameters(family, autoregressive)]
    if family == "binomial":
        names += ["unit", "period", *_present(rows)]
    chains = run(model, names, settings)
    if family == "binomial":
        chains = _with_response(chains, rows, priors.covariate, sites)
    in_units = {"effects", "sigma", "site", "sd_site", *sds}
    return replace(
        chains, draws={name: value * scale if name in in_units else value for name, value in chains.draws.items()}
    )


def _own_parameters(family: str, autoregressive: bool) -> tuple[str, ...]:
    return {
        "gaussian": ("sigma", "rho") if autoregressive else ("sigma",),
        "student_t": ("sigma", "degrees"),
        "poisson": (),
        "negative_binomial": ("dispersion",),
        "binomial": (),
    }[family]


def _present(rows: Rows) -> list[str]:
    """Names of the further coefficients that the model has."""
    return [name for name, columns in (("nuisance", rows.nuisance), ("beta", rows.covariates)) if columns.shape[1]]


def _with_response(chains: Chains, rows: Rows, covariate_scale: float, sites: bool) -> Chains:
    """Add draws of the treated rows' changes in percentage points; drop the levels they were made from."""
    drawn = dict(chains.draws)
    inside = np.flatnonzero(rows.cell < drawn["effects"].shape[-1])
    effect = drawn["effects"][..., rows.cell[inside]]
    if sites:
        own = np.concatenate([drawn["site"], np.zeros((*drawn["site"].shape[:2], 1))], axis=2)
        effect = effect + own[..., rows.site[inside]]
    index = rows.offset[inside] + drawn.pop("unit")[..., rows.unit[inside]] + effect
    index = index + drawn.pop("period")[..., rows.period[inside]]
    if "nuisance" in drawn:
        index = index + drawn.pop("nuisance") @ rows.nuisance[inside].T
    if "beta" in drawn:
        index = index + covariate_scale * drawn.pop("beta") @ rows.covariates[inside].T
    return replace(chains, draws={**drawn, "response": percentage_points(index, effect)})

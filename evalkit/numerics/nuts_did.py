"""From prepared series to NUTS draws of effects and leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evalkit.numerics.did_layout import CellTable
from evalkit.numerics.did_rows import long_rows
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.exact_did import Priors, independent_scale, untreated_rows
from evalkit.numerics.hierarchical_did import Structure, zero_sum_structure
from evalkit.numerics.pymc_did import LOG_LINK, build
from evalkit.numerics.sampler import Chains, SamplerSettings, run
from evalkit.vocabulary import FloatArray


def sample_effects(
    sample: Sample,
    priors: Priors,
    settings: SamplerSettings,
    *,
    family: str,
    counts: FloatArray,
    offset: FloatArray,
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
        (N, T) outcome as observed and log exposure; used by the count families alone.
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
        sample, cells, nuisance, structure, priors, settings, family, counts, offset, autoregressive, sites
    )  # fmt: skip


def sample_leads(
    sample: Sample,
    cells: CellTable,
    priors: Priors,
    settings: SamplerSettings,
    *,
    family: str,
    counts: FloatArray,
    offset: FloatArray,
) -> Chains:
    """Sample the leads from untreated rows alone, each as the difference from its cohort's mean over them."""
    rows = untreated_rows(sample)
    structure = zero_sum_structure(cells, priors.overall)
    return _sample(rows, cells, None, structure, priors, settings, family, counts, offset, False)


def _sample(
    sample: Sample,
    cells: CellTable,
    nuisance: CellTable | None,
    structure: Structure,
    priors: Priors,
    settings: SamplerSettings,
    family: str,
    counts: FloatArray,
    offset: FloatArray,
    autoregressive: bool,
    sites: bool = False,
) -> Chains:
    log_link = family in LOG_LINK
    scale = 1.0 if log_link else independent_scale(sample, cells, nuisance, priors)
    outcome = counts if log_link else sample.series[:, :, 0] / scale
    rows = long_rows(sample, outcome, offset if log_link else np.zeros_like(outcome), cells, nuisance)
    model = build(
        rows, structure, family=family, autoregressive=autoregressive, covariate_scale=priors.covariate,
        site_scale=priors.site if sites else None,
    )  # fmt: skip
    sds = [f"sd_{name}" for name in structure.group_names]
    names = ["effects", *sds, *(["site", "sd_site"] if sites else []), *_own_parameters(family, autoregressive)]
    chains = run(model, names, settings)
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
    }[family]

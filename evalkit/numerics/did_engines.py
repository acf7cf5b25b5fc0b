"""The engines of `bayesian_did`, each returning draws of effects and figures for the gates in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from evalkit.numerics.did_cells import acting_units, with_deviations
from evalkit.numerics.did_layout import CellTable, Layout
from evalkit.numerics.did_predictive import Replay, Terms, log_prior, replay_gaussian, replay_responses
from evalkit.numerics.did_rows import Rows, long_rows
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.exact_did import (
    Priors,
    centred_within,
    effect_draws,
    independent_scale,
    lead_draws,
    untreated_rows,
)
from evalkit.numerics.hierarchical_did import ExactDraws, Structure, free_structure
from evalkit.numerics.importance import LatentDraws, sample_latent
from evalkit.numerics.latent_did import SPREAD_SCALE, LatentCounts
from evalkit.numerics.posterior_draws import split_rhat
from evalkit.numerics.response_families import ResponseFamily, percentage_points
from evalkit.numerics.sampler import Chains
from evalkit.numerics.site_did import Noise, SiteModel
from evalkit.vocabulary import FloatArray, IntArray

POINTS, EACH, ROUND, WANTED = 1_200, 5, 200, 420.0
"""Importance points of the variance components, draws at each, points of the rounds that place them, and the effective
size below which points are added."""

ENOUGH = 400.0
"""Effective size that the gates ask for."""
HEAVY_TAIL = 0.7
"""Shape of the weights' tail from which an effective size cannot be relied on (Vehtari et al. 2024)."""
AT_ONCE = 512
"""Draws whose rows are formed together."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the gates read; see :class:`evalkit.uncertainty.SamplerFigures`."""

    engine: str
    n_chains: int
    n_draws: int
    divergences: int
    rhat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    energy_bfmi_min: float | None = None

    def worst(self, other: Figures) -> Figures:
        """Figures of two runs as one: the gates judge the worse of each."""
        return replace(
            self,
            divergences=self.divergences + other.divergences,
            rhat_max=max(self.rhat_max, other.rhat_max),
            ess_bulk_min=min(self.ess_bulk_min, other.ess_bulk_min),
            ess_tail_min=min(self.ess_tail_min, other.ess_tail_min),
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """S draws, chains one after the other.

    Attributes
    ----------
    effects
        (S, K) of the table's cells, on the scale of the model, in units of the outcome for Gaussian families.
    figures
        For the gates.
    parameters
        By name, each (chain, draw, ...).
    gamma
        (S, q) coefficients of the structure's basis; None where they are not kept.
    sites, site
        (U,) units with a deviation of their own, and (S, U) draws of it; None without.
    response
        (S, n) effects of the treated rows on the scale of the outcome, where it differs from the model's.
    replay
        Makes replicated data and pointwise densities of chosen draws; None where nothing for it was kept.
    log_prior
        (S,) log density of the parameters at the top of the hierarchy; None likewise.
    """

    effects: FloatArray
    figures: Figures
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)
    gamma: FloatArray | None = None
    sites: IntArray | None = None
    site: FloatArray | None = None
    response: FloatArray | None = None
    replay: Replay | None = None
    log_prior: FloatArray | None = None

    def sd(self) -> dict[str, FloatArray]:
        """(S,) sds of the parts that vary, by the part's name."""
        marked = {name: value for name, value in self.parameters.items() if name.startswith("sd_")}
        return {name.removeprefix("sd_"): value.reshape(-1) for name, value in marked.items()}


def exact(
    sample: Sample,
    priors: Priors,
    structure: Structure,
    *,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    never_treated_only: bool,
    outcome: FloatArray,
    prior_only: bool = False,
    log_link: bool = False,
) -> Drawn:
    """Gaussian effects of whole cohorts; with `prior_only` those of any family, on the log scale where `log_link`."""
    drawn = effect_draws(
        sample, priors, size=size, rng=rng, autoregressive=autoregressive, never_treated_only=never_treated_only,
        prior_only=prior_only, structure=structure,
    )  # fmt: skip
    unit = np.ones_like(drawn.sigma) if log_link else drawn.sigma
    parameters = {f"sd_{name}": drawn.ratios[:, i] * unit for i, name in enumerate(structure.group_names)}
    if not log_link:
        parameters["sigma"] = drawn.sigma
    if autoregressive:
        parameters["rho"] = drawn.rho
    found = _independent(drawn, unit, parameters, prior_only)
    if prior_only:
        return found
    nuisance = sample.layout.leads if never_treated_only else None
    scale = independent_scale(sample, sample.layout.effects, nuisance, priors)
    in_prior = {"effects": drawn.effects / scale, "sigma": drawn.sigma / scale, "unit": drawn.sigma / scale}
    in_prior |= {"rho": drawn.rho} if autoregressive else {}

    def replay(chosen: IntArray, rng: np.random.Generator) -> Terms:
        model = _model(sample, priors, structure, nuisance, scale, autoregressive, sites=False, noise=None)
        return replay_gaussian(model, in_prior, swept_off(sample, outcome), scale)(chosen, rng)

    errors = {"variance": (drawn.sigma / scale) ** 2, **({"rho": drawn.rho} if autoregressive else {})}
    density = log_prior(structure, drawn.gamma, found.sd(), _scales(structure, priors), drawn.sigma, errors)
    return replace(found, replay=replay, log_prior=density)


def exact_leads(
    sample: Sample,
    cells: CellTable,
    priors: Priors,
    *,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    prior_only: bool = False,
    log_link: bool = False,
) -> Drawn:
    """Gaussian leads, each less its cohort's mean."""
    drawn = lead_draws(
        sample, cells, priors, size=size, rng=rng, autoregressive=autoregressive, prior_only=prior_only
    )  # fmt: skip
    unit = np.ones_like(drawn.sigma) if log_link else drawn.sigma
    return _independent(drawn, unit, {}, prior_only)


def site_effects(
    sample: Sample,
    priors: Priors,
    structure: Structure,
    *,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    never_treated_only: bool,
    outcome: FloatArray,
    sites: bool,
    noise: Noise | None,
) -> Drawn:
    """Gaussian effects with deviations of single units, noise of known variance, or both."""
    nuisance = sample.layout.leads if never_treated_only else None
    scale = independent_scale(sample, sample.layout.effects, nuisance, priors)
    model = _model(sample, priors, structure, nuisance, scale, autoregressive, sites=sites, noise=noise)
    found = sample_latent(model, size=size, points=POINTS, each=EACH, rng=rng, round_size=ROUND, wanted=WANTED)
    value = found.values
    names = [name for name in value if name.startswith("sd_") or name in ("sigma", "rho", "omega")]
    in_units = {name: value[name] * (1.0 if name == "rho" else scale) for name in names}
    if noise is not None and noise.within is None:
        in_units.pop("omega", None)
    parameters = {name: draws[None, :] for name, draws in in_units.items()}
    errors = {"half_normal": value["sigma"]} if noise is not None else {"variance": value["sigma"] ** 2}
    errors |= {"rho": value["rho"]} if autoregressive else {}
    sds = {name.removeprefix("sd_"): value[name] for name in value if name.startswith("sd_")}
    return Drawn(
        value["effects"] * scale,
        _importance_figures(found, value["effects"]),
        parameters,
        value["gamma"] * scale,
        model.sites if sites else None,
        value["site"] * scale if sites else None,
        replay=replay_gaussian(model, value, swept_off(sample, outcome), scale),
        log_prior=log_prior(structure, value["gamma"], sds, _scales(structure, priors), value["unit"], errors),
    )


def _model(
    sample: Sample,
    priors: Priors,
    structure: Structure,
    nuisance: CellTable | None,
    scale: float,
    autoregressive: bool,
    *,
    sites: bool,
    noise: Noise | None,
) -> SiteModel:
    return SiteModel(
        sample, sample.layout.effects, nuisance, structure, scale=scale, site_scale=priors.site if sites else None,
        autoregressive=autoregressive, covariate_scale=priors.covariate, noise=noise,
    )  # fmt: skip


def _scales(structure: Structure, priors: Priors) -> dict[str, float]:
    """Half-normal scales of the sds by name."""
    named = dict(zip(structure.group_names, structure.group_scales, strict=True))
    return {**named, "site": priors.site, "unit": SPREAD_SCALE}


def swept_off(sample: Sample, outcome: FloatArray) -> FloatArray:
    """(N, T) what was taken off the outcome before the fit."""
    return np.where(sample.layout.used, outcome - sample.series[:, :, 0], 0.0)


def noisy_leads(
    sample: Sample,
    cells: CellTable,
    priors: Priors,
    *,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    noise: Noise,
) -> Drawn:
    """Leads from untreated rows under noise of known variance, each less its cohort's mean."""
    rows = untreated_rows(sample)
    scale = independent_scale(rows, cells, None, priors)
    model = SiteModel(
        rows, cells, None, free_structure(len(cells), priors.overall), scale=scale, site_scale=None,
        autoregressive=autoregressive, covariate_scale=priors.covariate, noise=noise,
    )  # fmt: skip
    found = sample_latent(model, size=size, points=POINTS, each=EACH, rng=rng, round_size=ROUND, wanted=WANTED)
    effects = centred_within(found.values["effects"], cells) * scale
    return Drawn(effects, _importance_figures(found, effects))


def prior_sites(drawn: Drawn, sites: IntArray, scale: float, unit: FloatArray, rng: np.random.Generator) -> Drawn:
    """Draws from the prior with deviations of single units added; `unit` (S,) is what the prior's scale counts."""
    sd = scale * np.abs(rng.standard_normal(len(drawn.effects))) * unit
    site = sd[:, None] * rng.standard_normal((len(sd), len(sites)))
    return replace(drawn, parameters={**drawn.parameters, "sd_site": sd[None, :]}, sites=sites, site=site)


def _importance_figures(found: LatentDraws, draws: FloatArray) -> Figures:
    effective = found.effective_size
    return Figures("importance", 1, len(draws), 0, split_rhat(draws), effective, effective)


def _independent(drawn: ExactDraws, unit: FloatArray, parameters: dict[str, FloatArray], prior_only: bool) -> Drawn:
    by = (unit / drawn.sigma)[:, None]
    draws = drawn.effects * by
    figures = Figures(
        "prior" if prior_only else "exact", 1, len(draws), 0, split_rhat(draws),
        drawn.effective_size, drawn.effective_size,
    )  # fmt: skip
    saved = {name: value[None, :] for name, value in parameters.items()}
    return Drawn(draws, figures, saved, drawn.gamma * by)


@dataclass(frozen=True, slots=True)
class Responses:
    """Counts or successes as they were observed.

    Attributes
    ----------
    family
        Of their law.
    outcome, offset, trials
        (N, T); log exposure of counts, trials of shares.
    """

    family: ResponseFamily
    outcome: FloatArray
    offset: FloatArray
    trials: FloatArray


def weighted_effects(
    sample: Sample,
    priors: Priors,
    structure: Structure,
    cells: CellTable,
    nuisance: CellTable | None,
    responses: Responses,
    *,
    size: int,
    rng: np.random.Generator,
    sites: bool,
) -> Drawn:
    """Effects on counts and shares by Laplace proposals and importance weights, on the scale of the link."""
    rows = long_rows(sample, responses.outcome, responses.offset, cells, nuisance, responses.trials)
    unit = np.nonzero(sample.layout.used)[0]
    model = LatentCounts(
        rows, structure, family=responses.family,
        covariate_scale=priors.covariate, site_scale=priors.site if sites else None,
    )  # fmt: skip
    found = sample_latent(model, size=size, points=POINTS, each=EACH, rng=rng, round_size=ROUND, wanted=WANTED)
    value = found.values
    part = model.parts(value["coefficients"])
    # An effective size whose weights have too heavy a tail cannot be relied on: it counts as none.
    effective = found.effective_size if found.tail_shape < HEAVY_TAIL else 0.0
    renamed = {"spread": "sd_unit", "site": "sd_site", "dispersion": "dispersion"}
    named = {renamed.get(name, f"sd_{name.removeprefix('ratio_')}"): value[name][None, :] for name in model.names}
    acting = np.flatnonzero(np.append(cells.event_time >= 0, False)[rows.cell])
    dispersion = value.get("dispersion", np.zeros(size))
    sds = {name.removeprefix("sd_"): draws[0] for name, draws in named.items() if name.startswith("sd_")}
    density = log_prior(
        structure, part["gamma"], sds, _scales(structure, priors), np.ones(size), {"half_normal": dispersion}
    )
    drawn = Drawn(
        part["effects"],
        Figures("importance", 1, size, 0, split_rhat(part["effects"]), effective, effective),
        named,
        part["gamma"],
        np.unique(unit[acting]) if sites else None,
        part["site"] if sites else None,
        replay=replay_responses(
            model, value["coefficients"], dispersion, 100.0 if responses.family == "binomial" else 0.0
        ),
        log_prior=density,
    )
    if responses.family != "binomial":
        return drawn
    return replace(drawn, response=shares_changed(model, rows, value["coefficients"], part, sites))


def shares_changed(
    model: LatentCounts, rows: Rows, coefficients: FloatArray, part: Mapping[str, FloatArray], sites: bool
) -> FloatArray:
    """(S, n) percentage points by which each treated row's share differs from what it would be without its effect."""
    inside = np.flatnonzero(rows.cell < model.n_cells)
    response = np.empty((len(coefficients), len(inside)))
    for start in range(0, len(coefficients), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        effect = part["effects"][some][:, rows.cell[inside]]
        if sites:
            padded = np.hstack([part["site"][some], np.zeros((len(effect), 1))])
            effect = effect + padded[:, rows.site[inside]]
        response[some] = percentage_points(model.index(coefficients[some])[:, inside], effect)
    return response


def of_chains(chains: Chains, sample: Sample, sites: bool) -> Drawn:
    """Draws of NUTS in the same shape."""
    effects = chains.draws["effects"]
    own = {"effects", "gamma", "site", "response"}
    parameters = {name: value for name, value in chains.draws.items() if name not in own}
    figures = Figures(
        chains.engine, effects.shape[0], effects.shape[1], chains.divergences, chains.rhat_max, chains.ess_bulk_min,
        chains.ess_tail_min, chains.energy_bfmi_min,
    )  # fmt: skip
    flat = {name: chains.draws[name].reshape(-1, chains.draws[name].shape[-1]) for name in own & set(chains.draws)}
    layout = sample.layout
    units = np.flatnonzero(acting_units(layout, layout.effects)) if sites else None
    return Drawn(flat["effects"], figures, parameters, flat.get("gamma"), units, flat.get("site"), flat.get("response"))


def rows_of(drawn: Drawn, layout: Layout) -> FloatArray:
    """(S, n) effects of the treated rows, or (S, K) of the cells where rows of a cell share theirs."""
    return on_link(drawn, layout) if drawn.response is None else drawn.response


def on_link(drawn: Drawn, layout: Layout) -> FloatArray:
    """The same on the scale of the model."""
    if drawn.site is None or drawn.sites is None:
        return drawn.effects
    return with_deviations(layout, layout.effects, drawn.effects, drawn.sites, drawn.site)

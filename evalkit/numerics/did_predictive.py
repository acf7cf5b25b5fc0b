"""Replicated data and pointwise log densities of the Bayesian difference-in-differences model, for its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evalkit.numerics.did_rows import Rows
from evalkit.numerics.hierarchical_did import PRIOR_DEGREES, Structure
from evalkit.numerics.latent_did import LatentCounts
from evalkit.numerics.response_families import ResponseFamily, log_density, replicate
from evalkit.numerics.site_did import SiteModel
from evalkit.numerics.unit_classes import ErrorLaw, unit_precision
from evalkit.vocabulary import FloatArray, IntArray

MOST_TERMS = 2_000_000
"""Draws times observations of the pointwise densities kept."""
MOST_DRAWS, MOST_REPLICATED = 400, 200
MOST_OBSERVATIONS = 20_000
"""Beyond it no terms are kept: pictures of so many rows say nothing that their means do not."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of S draws and n observations.

    Attributes
    ----------
    replicated
        (R, n).
    log_likelihood
        (S, n); under autocorrelated errors the density of each observation given those of its unit before it.
    """

    replicated: FloatArray
    log_likelihood: FloatArray


Replay = Callable[[IntArray, np.random.Generator], Terms]
"""Maps positions of draws to their terms."""


def thinned(n_draws: int, n_observations: int) -> IntArray:
    """Positions of the draws whose terms are kept, at equal steps."""
    size = min(MOST_TERMS // max(n_observations, 1), MOST_DRAWS, n_draws)
    return np.linspace(0, n_draws - 1, size).astype(np.int64)


def replay_gaussian(model: SiteModel, draws: Mapping[str, FloatArray], base: FloatArray, scale: float) -> Replay:
    """Terms of the Gaussian model; levels and, where they were not kept, period effects are drawn given the rest.

    Parameters
    ----------
    model
        The model, in units of its priors.
    draws
        (S, ...) effects, spread of the errors (`unit`), and where they are there site, absorbed, rho, sigma, omega and
        sd_site, in the same units.
    base
        (N, T) what was swept off the outcome.
    scale
        Unit of the outcome in those of the priors.
    """

    def terms(chosen: IntArray, rng: np.random.Generator) -> Terms:
        classes = model.classes
        units = np.flatnonzero(classes.member >= 0)
        mask = classes.mask[classes.member[units]]
        density, copies = np.empty((len(chosen), int(mask.sum()))), np.empty((len(chosen), int(mask.sum())))
        for rows, law in _laws(model, draws, chosen):
            s, spread = chosen[rows], draws["unit"][chosen[rows]]
            absorbed = (
                draws["absorbed"][s]
                if "absorbed" in draws
                else model.absorbed_draws(law, draws["effects"][s], spread, rng)
            )
            mean = model.fitted(draws["effects"][s], absorbed, units)
            if "site" in draws:
                own = np.zeros((len(s), len(classes.member)))
                own[:, model.sites] = draws["site"][s]
                mean = mean + own[:, units, None] * model.acting[units]
            one, again = _unit_terms(model, mean, replace(law, site=0.0), spread, units, rng)
            density[rows] = one[:, mask] - np.log(scale)
            copies[rows] = scale * again[:, mask] + base[units][mask]
        kept = np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_REPLICATED)).astype(np.int64)
        return Terms(copies[kept], density)

    return terms


def _laws(model: SiteModel, draws: Mapping[str, FloatArray], chosen: IntArray) -> Iterator[tuple[IntArray, ErrorLaw]]:
    """Positions among the chosen draws that share a law of errors, and the law."""
    columns = {name: draws[name][chosen] for name in ("rho", "omega") if name in draws}
    if model.noise is not None:
        columns["sigma"] = draws["sigma"][chosen]
    if "sd_site" in draws:
        columns["site"] = np.round(draws["sd_site"][chosen] / draws["unit"][chosen], 12)
    if not columns:
        yield np.arange(len(chosen)), model.law({})
        return
    values, inverse = np.unique(np.stack(list(columns.values()), axis=1), axis=0, return_inverse=True)
    for k, value in enumerate(values):
        law = model.law(dict(zip(columns, map(float, value), strict=True)))
        yield np.flatnonzero(inverse.reshape(-1) == k), law


def _unit_terms(
    model: SiteModel,
    mean: FloatArray,
    law: ErrorLaw,
    spread: FloatArray,
    units: IntArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """(D, U, T) log densities, each unit's level drawn given the rest, and replicated series."""
    classes = model.classes
    precision, _ = unit_precision(classes, model.time, law)
    member = classes.member[units]
    mask = classes.mask[member]
    left = np.where(mask, model.series[units, :, 0] - mean, 0.0)
    weight = precision.sum(axis=2)[member]
    total = weight.sum(axis=1)
    noise = spread[:, None] * rng.standard_normal(left.shape[:2])
    fitted = np.sum(weight * left, axis=2) / total
    level = fitted + noise / np.sqrt(total)
    error = np.where(mask, left - level[:, :, None], 0.0)
    # P = U U' with U upper triangular: U' e are innovations, each given the periods before it.
    padded = precision + np.where(classes.mask, 0.0, 1.0)[:, :, None] * np.eye(len(model.time))
    root = np.linalg.cholesky(padded[:, ::-1, ::-1])[:, ::-1, ::-1][member]
    innovation = np.einsum("uts,dut->dus", root, error) / spread[:, None, None]
    diagonal = np.log(np.diagonal(root, axis1=1, axis2=2)) - np.log(spread)[:, None, None]
    density = diagonal - 0.5 * innovation**2 - 0.5 * np.log(2.0 * np.pi)
    normal = rng.standard_normal(error.shape).transpose(1, 2, 0)
    shock = np.linalg.solve(root.transpose(0, 2, 1), normal).transpose(2, 0, 1)
    # Levels are flat, so the likelihood speaks of deviations from them: these are replicated, around the fitted level.
    shock = shock - (np.sum(weight * shock, axis=2) / total)[:, :, None]
    return density, mean + fitted[:, :, None] + spread[:, None, None] * shock


def replay_responses(model: LatentCounts, coefficients: FloatArray, dispersion: FloatArray, reported: float) -> Replay:
    """Terms of counts and shares; `reported` multiplies shares of trials, 0 leaves counts as they are."""

    def terms(chosen: IntArray, rng: np.random.Generator) -> Terms:
        index = model.index(coefficients[chosen])
        return response_terms(model.rows, model.family, index, dispersion[chosen], reported, rng)

    return terms


def response_terms(
    rows: Rows,
    family: ResponseFamily,
    index: FloatArray,
    dispersion: FloatArray,
    reported: float,
    rng: np.random.Generator,
) -> Terms:
    """Terms of counts and shares at (S, n) indexes."""
    density = np.stack(
        [
            log_density(family, rows.outcome, one, rows.trials, float(each))
            for one, each in zip(index, dispersion, strict=True)
        ]
    )
    every = np.linspace(0, len(index) - 1, min(len(index), MOST_REPLICATED)).astype(np.int64)
    again = replicate(family, index[every], rows.trials, dispersion[every], rng)
    return Terms(again * reported / rows.trials if reported else again, density)


def log_prior(
    structure: Structure,
    gamma: FloatArray,
    sds: Mapping[str, FloatArray],
    scales: Mapping[str, float],
    unit: FloatArray,
    errors: Mapping[str, FloatArray],
) -> FloatArray:
    """(S,) log density of the parameters at the top of the hierarchy: overall effect, slope, sds, errors.

    Deviations of cohorts, event times and places are left out: they are what the sds describe (Kallioinen et al.
    2023, section 2.4). All in units of the outcome; `unit` (S,) is what the priors' scales count.
    """
    fixed = structure.group < 0
    scale = unit[:, None] * structure.fixed_scale[fixed]
    total = np.sum(-0.5 * (gamma[:, fixed] / scale) ** 2 - np.log(unit)[:, None], axis=1)
    for name, sd in sds.items():
        total = total - 0.5 * (sd / unit / scales[name]) ** 2
    if "rho" in errors:
        total = total + np.log1p(-(errors["rho"] ** 2))
    if "variance" in errors:
        total = (
            total - (PRIOR_DEGREES / 2.0 + 1.0) * np.log(errors["variance"]) - PRIOR_DEGREES / 2.0 / errors["variance"]
        )
    if "half_normal" in errors:
        total = total - 0.5 * errors["half_normal"] ** 2
    return np.asarray(total)

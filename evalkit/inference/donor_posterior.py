"""Posterior draws of donors' weights and of gaps, for every treated series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.inference.donor_targets import Target
from evalkit.numerics.chain_figures import ChainFigures, chain_figures
from evalkit.numerics.donor_model import Batch, Draws, ErrorModel, Gaps, gaps_of, prior_predictive
from evalkit.numerics.effect_pooling import move_to, pool
from evalkit.numerics.simplex_posterior import Effort, sample_weights
from evalkit.uncertainty import Predictive
from evalkit.vocabulary import FloatArray

KEPT: Final = 1_000
"""Draws kept a chain: those that are reported, judged and saved."""
REPLICATED: Final = 400
MOST_LIKELIHOODS: Final = 4_000_000
SMALLEST: Final = 1e-300


@dataclass(frozen=True)
class Priors:
    """Of one run over all targets.

    Attributes
    ----------
    concentration
        Of each target's Dirichlet prior.
    errors
        Independent or AR(1), with or without intercept.
    sigma_scale
        Scale of the half-Cauchy prior of the errors' sd, in units of the series' own.
    pooling_scale
        Scale of the half-Cauchy prior of the spread of effects, in sds of the errors; None without pooling.
    """

    concentration: tuple[float, ...]
    errors: ErrorModel
    sigma_scale: float
    pooling_scale: float | None


@dataclass(frozen=True)
class Fit:
    """What was drawn.

    Attributes
    ----------
    draws, gaps
        Of each target.
    effects
        (S, T) of each target, pooled where pooling is on.
    spread
        (S,) tau of the pooling; None without it.
    figures
        Worst over weights, sigma, rho and gaps of all targets; None where nobody asked.
    chains
        Equal parts of the S draws.
    """

    draws: tuple[Draws, ...]
    gaps: tuple[Gaps, ...]
    effects: tuple[FloatArray, ...]
    spread: FloatArray | None
    figures: ChainFigures | None
    chains: int


def sample_targets(
    targets: Sequence[Target],
    priors: Priors,
    effort: Effort,
    rng: np.random.Generator,
    *,
    prior_only: bool = False,
    judged: bool = True,
) -> Fit:
    """Draw weights and gaps of all targets; those with the same number of donors at once."""
    counts = np.array([len(target.pool.donors) for target in targets])
    found: dict[int, Draws] = {}
    for count in np.unique(counts):
        rows = [int(row) for row in np.flatnonzero(counts == count)]
        series = [targets[row].series for row in rows]
        batch = Batch.of(series, priors.errors, sigma_scale=priors.sigma_scale, prior_only=prior_only)
        drawn = sample_weights(batch.problems, np.array(priors.concentration)[rows], effort, rng, judged=judged)
        weights = batch.restored(drawn.weights)
        few = np.linspace(0, weights.shape[2] - 1, min(weights.shape[2], KEPT)).astype(np.int64)
        for place, row in enumerate(rows):
            found[row] = Draws(
                weights=weights[place][:, few].reshape(-1, int(count)),
                sigma=(batch.unit[place] * drawn.sigma[place][:, few]).ravel(),
                rho=drawn.rho[place][:, few].ravel(),
            )
    draws = tuple(found[row] for row in range(len(targets)))
    gaps = tuple(gaps_of(target.series, priors.errors, each, rng) for target, each in zip(targets, draws, strict=True))
    worst = _worst(draws, gaps, effort.populations) if judged else None
    effects, spread = pool_effects(targets, draws, gaps, None if prior_only else priors.pooling_scale, rng)
    return Fit(draws, gaps, effects, spread, worst, effort.populations)


def _worst(draws: Sequence[Draws], gaps: Sequence[Gaps], chains: int) -> ChainFigures:
    found = [_judged(each, gap, chains) for each, gap in zip(draws, gaps, strict=True)]
    return ChainFigures(
        max(each.rhat_max for each in found),
        min(each.ess_bulk_min for each in found),
        min(each.ess_tail_min for each in found),
    )


def _judged(draws: Draws, gaps: Gaps, chains: int) -> ChainFigures:
    """Weights, sigma, rho, intercept, and gaps with and without errors."""
    columns = [
        draws.weights,
        np.log(draws.sigma)[:, None],
        draws.rho[:, None].astype(np.float64),
        gaps.intercept[:, None],
        gaps.expected,
        gaps.effect,
    ]
    every = np.hstack(columns)
    return chain_figures(every.reshape(chains, -1, every.shape[1]))


def pool_effects(
    targets: Sequence[Target],
    draws: Sequence[Draws],
    gaps: Sequence[Gaps],
    pooling_scale: float | None,
    rng: np.random.Generator,
) -> tuple[tuple[FloatArray, ...], FloatArray | None]:
    """Effects whose means over treated periods are shrunk towards a common one."""
    effects = tuple(gap.effect for gap in gaps)
    if pooling_scale is None or len(targets) < 2:
        return effects, None
    means = np.stack([each @ target.over for each, target in zip(effects, targets, strict=True)], axis=1)
    scale = pooling_scale * float(np.mean([each.sigma.mean() for each in draws]))
    drawn = pool(means.mean(axis=0), means.var(axis=0, ddof=1), scale, len(means), rng)
    moved = tuple(
        np.where(target.pool.post, move_to(each, target.over, drawn.effects[:, place]), each)
        for place, (each, target) in enumerate(zip(effects, targets, strict=True))
    )
    return moved, drawn.spread


def predictive_of(targets: Sequence[Target], fit: Fit, priors: Priors, rng: np.random.Generator) -> Predictive:
    """What the checks of a Bayesian model read, over the fitted periods of all targets."""
    series = [target.series for target in targets]
    size = len(fit.effects[0])
    counts = [int(each.fit.sum()) for each in series]
    thinned = np.linspace(0, size - 1, min(size, MOST_LIKELIHOODS // sum(counts))).astype(np.int64)
    few = np.linspace(0, size - 1, min(size, REPLICATED)).astype(np.int64)
    units = [priors.sigma_scale * each.unit_sd for each in series]
    log_prior = np.zeros(len(thinned))
    for each, alpha, unit in zip(fit.draws, priors.concentration, units, strict=True):
        log_prior += (alpha - 1.0) * np.log(np.maximum(each.weights[thinned], SMALLEST)).sum(axis=1)
        log_prior += priors.errors.log_prior[each.rho[thinned]] - np.log1p((each.sigma[thinned] / unit) ** 2)
    drawn = [
        prior_predictive(each, priors.errors, alpha, unit, len(few), rng)
        for each, alpha, unit in zip(series, priors.concentration, units, strict=True)
    ]
    proper = [each for each in drawn if each is not None]
    return Predictive(
        observed=np.concatenate([each.own[each.fit] for each in series]),
        replicated=np.hstack([gap.replicated[few] for gap in fit.gaps]),
        period=np.concatenate([each.time[each.fit] for each in series]),
        before=np.ones(sum(counts), dtype=np.bool_),
        log_likelihood=np.hstack([gap.log_likelihood[thinned] for gap in fit.gaps]),
        log_prior=log_prior,
        prior_replicated=np.hstack(proper) if len(proper) == len(series) else None,
        draws_of=thinned,
        series=np.repeat(np.arange(len(series)), counts),
    )

"""From prepared series to exact posterior draws of effects and leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evalkit.errors import Reason
from evalkit.numerics.did_layout import UNTREATED, CellTable, Layout
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.did_system import System, absorb
from evalkit.numerics.hierarchical_did import (
    ExactDraws,
    Structure,
    autocorrelation_nodes,
    draw_exact,
    free_structure,
    pooled_structure,
)
from evalkit.numerics.panel_moments import gather, moments
from evalkit.vocabulary import FloatArray, IntArray

PRIOR_NODES = np.linspace(-0.98, 0.98, 50)
"""Autocorrelations of a draw from the prior alone."""
POINTS_PER_DRAW = 2
"""Importance points for each draw kept: the weights then take little of the sample's worth."""
SMALLEST_RESIDUAL = 1e-6
"""Share of the spread before a step at which the spread after it counts as rounding (1e-12 in squares)."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Prior scales in residual sds (log scale for counts).

    Attributes
    ----------
    overall
        Sd of the overall effect, of each anticipation cell and of each lead.
    event_time, cohort, cell
        Scales of the half-normal priors of the sds of the deviations.
    covariate
        Sd of the coefficient of a covariate at sd 1 within units and periods.
    pooled
        Whether effects under treatment borrow from each other; if not, each has prior sd `overall`.
    site, subgroup
        Scales of the half-normal priors of the sds of single units' and of subgroups' deviations.
    """

    overall: float = 10.0
    event_time: float = 1.0
    cohort: float = 1.0
    cell: float = 1.0
    covariate: float = 10.0
    pooled: bool = True
    site: float = 1.0
    subgroup: float = 1.0

    def structure(self, cells: CellTable, subgroup: IntArray | None = None) -> Structure:
        """Prior of the effects of these cells; `subgroup` (K,) where they are of subgroups."""
        if not self.pooled:
            return free_structure(len(cells), self.overall)
        return pooled_structure(
            cells, overall=self.overall, event_time=self.event_time, cohort=self.cohort, cell=self.cell,
            subgroup=None if subgroup is None else (subgroup, self.subgroup),
        )  # fmt: skip


def effect_draws(
    sample: Sample,
    priors: Priors,
    *,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    never_treated_only: bool = False,
    prior_only: bool = False,
    structure: Structure | None = None,
) -> ExactDraws:
    """Draw the effects under treatment, in units of the outcome.

    Parameters
    ----------
    sample
        Rows, series and cells.
    priors
        Scales.
    size, rng
        Number of draws, and where they come from.
    autoregressive
        AR(1) errors within units; independent otherwise.
    never_treated_only
        Let the pre-periods of treated cohorts run freely around their mean, so that only never-treated
        units inform the period effects.
    prior_only
        Leave the likelihood out.
    structure
        Prior of the effects, where it is not that of `priors` for these cells.
    """
    cells = sample.layout.effects
    nuisance = sample.layout.leads if never_treated_only else None
    return _draw(
        sample, cells, nuisance, priors, structure or priors.structure(cells), size, rng, autoregressive, prior_only
    )


def lead_cells(layout: Layout) -> CellTable:
    """Untreated cells whose difference from their cohort's mean is identified.

    Cohorts need two such cells. Where no unit stays untreated, the last cohort serves as comparison.
    """
    leads = layout.leads
    has_never = bool((layout.group == len(layout.cohorts)).any())
    several = np.bincount(leads.group, minlength=len(layout.cohorts))[leads.group] > 1
    keep = several & (has_never | (leads.group < len(layout.cohorts) - 1))
    return CellTable(**{name: getattr(leads, name)[keep] for name in CellTable.__slots__})


def lead_draws(
    sample: Sample,
    cells: CellTable,
    priors: Priors,
    *,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    prior_only: bool = False,
) -> ExactDraws:
    """Draw the leads from untreated rows alone, each as the difference from its cohort's mean over them.

    Under independent errors leads estimated from untreated rows are uncorrelated with effects estimated by
    imputation (Borusyak, Jaravel and Spiess 2024, Proposition 9), so the two may be drawn apart.
    Nothing is pooled: shrinking leads would hide what they are there to show.
    """
    structure = free_structure(len(cells), priors.overall)
    draws = _draw(untreated_rows(sample), cells, None, priors, structure, size, rng, autoregressive, prior_only)
    return replace(draws, effects=centred_within(draws.effects, cells))


def untreated_rows(sample: Sample) -> Sample:
    """The sample without rows under treatment or anticipation."""
    layout = sample.layout
    untreated = layout.used & (layout.codes(layout.effects) == UNTREATED)
    return replace(sample, layout=replace(layout, used=untreated))


def centred_within(draws: FloatArray, cells: CellTable) -> FloatArray:
    """(..., K) draws less their mean over the cells of the same cohort."""
    same = (cells.group[:, None] == cells.group[None, :]).astype(np.float64)
    return np.asarray(draws - draws @ (same / same.sum(axis=0)))


def independent_scale(sample: Sample, cells: CellTable, nuisance: CellTable | None, priors: Priors) -> float:
    """Residual sd of the sample without pooling and with independent errors: the unit of all priors.

    Raises
    ------
    FloatingPointError
        When the outcome does not vary once unit and period effects are taken out.
    """
    return _residual_scale(_builder(sample, cells, nuisance, priors)(np.zeros(1)), sample)


def _residual_scale(system: System, sample: Sample) -> float:
    _, squares, degrees = system.least_squares()
    spread = np.sqrt(max(float(system.residual[0]), 0.0) / max(system.degrees, 1))
    if spread <= SMALLEST_RESIDUAL * np.sqrt(np.mean(sample.series[:, :, 0][sample.layout.used] ** 2)):
        raise FloatingPointError(Reason("the outcome does not vary once unit and period effects are taken out"))
    residual = np.sqrt(squares / degrees) if degrees > 0 else 0.0
    return float(residual if residual > SMALLEST_RESIDUAL * spread else spread)


def _builder(
    sample: Sample, cells: CellTable, nuisance: CellTable | None, priors: Priors
) -> Callable[[FloatArray], System]:
    """Gather the sums once; return a function that makes the system at given autocorrelations."""
    layout = sample.layout
    blocks = gather(sample.series, layout.used, layout.group, layout.n_groups)
    return lambda rho: absorb(moments(blocks, sample.time, rho), cells, nuisance, priors.covariate)


def _draw(
    sample: Sample,
    cells: CellTable,
    nuisance: CellTable | None,
    priors: Priors,
    structure: Structure,
    size: int,
    rng: np.random.Generator,
    autoregressive: bool,
    prior_only: bool,
) -> ExactDraws:
    build = _builder(sample, cells, nuisance, priors)
    independent = build(np.zeros(1))
    scale = _residual_scale(independent, sample)
    if prior_only:
        system = _empty(len(cells), PRIOR_NODES if autoregressive else np.zeros(1))
    elif autoregressive:
        system = autocorrelation_nodes(lambda rho: build(rho).scaled(scale), structure)
    else:
        system = independent.scaled(scale)
    draws = draw_exact(system, structure, size=size, points=POINTS_PER_DRAW * size, rng=rng)
    return replace(draws, effects=draws.effects * scale, sigma=draws.sigma * scale, gamma=draws.gamma * scale)


def _empty(size: int, rho: FloatArray) -> System:
    """A likelihood that says nothing."""
    count = len(rho)
    return System(
        rho, np.zeros((count, size, size)), np.zeros((count, size)), np.zeros(count), np.zeros(count), 0
    )  # fmt: skip

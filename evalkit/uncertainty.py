"""Joint uncertainty of an estimate: influence functions (frequentist) or draws (Bayesian)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evalkit.vocabulary import FloatArray

Multiplier = Literal["gaussian", "rademacher", "mammen", "webb"]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How multiplier draws are made: their law and their number."""

    multiplier: Multiplier
    n_draws: int


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling uncertainty of K cells and G cohort shares, in that order.

    Influence functions are kept in the scale in which the covariance is their plain cross
    product: ``psi.T @ psi``, with psi (n_clusters, K + G) summed within clusters.

    Attributes
    ----------
    covariance
        (K + G, K + G), small-sample correction included.
    n_clusters
        Independent clusters behind it.
    influence_of
        Returns psi, computed when asked for; None where the estimator has only a covariance.
        Its cross product equals `covariance`, correction included.
    degrees_of_freedom
        Of the t reference distribution; None for the normal.
    correction
        In words, e.g. ``"none"`` or ``"CR1: C/(C-1) (N-1)/(N-K)"``.
    bootstrap
        Set where standard errors and bands come from multiplier draws, None for analytical errors.
    degrees_of
        Instead of one number: maps (K + G, L) combinations of cells and shares to their (L,) degrees of
        freedom, infinite where a combination is 0 by construction.
    """

    covariance: FloatArray
    n_clusters: int
    influence_of: Callable[[], FloatArray] | None = None
    degrees_of_freedom: float | None = None
    correction: str = "none"
    bootstrap: Bootstrap | None = None
    degrees_of: Callable[[FloatArray], FloatArray] | None = None


@dataclass(frozen=True, slots=True)
class SamplerFigures:
    """What the sampler's gates are judged by (Vehtari et al. 2021)."""

    engine: str
    n_chains: int
    n_draws: int
    divergences: int
    rhat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    energy_bfmi_min: float | None = None


@dataclass(frozen=True, slots=True)
class Posterior:
    """Posterior draws of K cells.

    Attributes
    ----------
    draws
        (S, K) draws of the cell effects, chains one after the other.
    sampler
        Figures for the gates.
    parameters
        Further parameters by name, each (chain, draw, ...), saved with the run.
    """

    draws: FloatArray
    sampler: SamplerFigures
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)


def multipliers(kind: Multiplier, shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Draw multipliers with mean 0 and variance 1.

    Parameters
    ----------
    kind
        ``gaussian``; ``rademacher`` (-1, 1); ``mammen`` (Mammen 1993, two points); ``webb``
        (Webb 2023, six points, for few clusters).
    shape
        (n_draws, n_clusters).
    rng
        Source of randomness.
    """
    if kind == "gaussian":
        return rng.standard_normal(shape)
    if kind == "rademacher":
        signs: FloatArray = rng.integers(0, 2, shape).astype(np.float64) * 2.0 - 1.0
        return signs
    if kind == "mammen":
        root5 = np.sqrt(5.0)
        low, high = (1.0 - root5) / 2.0, (1.0 + root5) / 2.0
        two_points: FloatArray = np.where(rng.random(shape) < (root5 + 1.0) / (2.0 * root5), low, high)
        return two_points
    points = np.sqrt(np.array([1.5, 1.0, 0.5]))
    drawn: FloatArray = rng.choice(np.concatenate([-points, points]), size=shape)
    return drawn

"""Joint uncertainty of an estimate: influence functions (frequentist) or draws (Bayesian)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, InferenceMethod, IntArray, OwnMethod

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
class Predictive:
    """What the checks of a Bayesian model read: replicated data and the terms of its density.

    Attributes
    ----------
    observed
        (n,) observations that the likelihood was evaluated on, as analysed.
    replicated
        (R, n) draws of the same observations from the posterior predictive distribution.
    period
        (n,) ordinals.
    before
        (n,) True before any treatment of the observation's unit.
    log_likelihood
        (S, n) of each observation at each posterior draw; None where it is not computed.
    log_prior
        (S,) log density of the parameters that carry a prior, at the same draws; None where it is not computed.
    prior_replicated
        (R', n) draws of the observations from the prior predictive distribution; None where it is not proper.
    draws_of
        (S,) rows of :attr:`Posterior.draws` that `log_likelihood` and `log_prior` belong to; None for all, in order.
    series
        (n,) index of the unit that each observation is of, for the autocorrelation of errors; None where all are of
        one series.
    contrast
        Words and (n,) weights of the statistic that the effect is computed from; None for treated observations less
        the others or, where the model saw the time before the start alone, its last quarter less the rest.
    """

    observed: FloatArray
    replicated: FloatArray
    period: IntArray
    before: BoolArray
    log_likelihood: FloatArray | None = None
    log_prior: FloatArray | None = None
    prior_replicated: FloatArray | None = None
    draws_of: IntArray | None = None
    series: IntArray | None = None
    contrast: tuple[str, FloatArray] | None = None


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
    predictive
        What posterior and prior predictive checks read; never written to a file. None where the model has none.
    """

    draws: FloatArray
    sampler: SamplerFigures
    parameters: Mapping[str, FloatArray] = field(default_factory=dict)
    predictive: Predictive | None = None


@dataclass(frozen=True, slots=True)
class OwnInterval:
    """Interval and p-value of the overall effect that an estimator's own design calls for.

    Attributes
    ----------
    method
        E.g. ``placebo_in_space`` for a synthetic control, ``hac`` for an interrupted time series.
    low, high, level
        In the unit of the outcome as analysed.
    p_value
        Two-sided, of "the effect is 0"; NaN where the method has none.
    smallest_p
        The least p-value that any data could have given; None where it has no bound.
    degrees_of_freedom
        Of a t reference; None without one.
    details
        Further figures by name.
    """

    method: OwnMethod
    low: float
    high: float
    level: float
    p_value: float = float("nan")
    smallest_p: float | None = None
    degrees_of_freedom: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reported:
    """The interval and p-value that a study reports for an overall effect, and by which method.

    Attributes
    ----------
    method
        ``clustered`` is the estimate's own interval, ``credible`` that of a posterior; ``none`` where no method
        applies: the numbers are then the estimate's own and must not be relied on.
    low, high, level
        In the unit of the outcome as analysed.
    p_value
        Two-sided, of "the effect is 0"; None for a posterior.
    smallest_p
        The least p-value that any data could have given; None where it has no bound.
    degrees_of_freedom
        Of a t reference; None without one.
    n_treated_clusters, n_clusters
        Clusters with a unit that starts within the window; clusters in all, always-treated ones left out.
    clustered_low, clustered_high, clustered_p
        The estimate's own, for comparison.
    details
        Further figures of the method by name.
    asked
        Whether the study asked for this method.
    passed_over
        Methods above it in the table, each with the reason why it was not taken.
    """

    method: InferenceMethod
    low: float
    high: float
    level: float
    p_value: float | None
    n_treated_clusters: int
    n_clusters: int
    clustered_low: float
    clustered_high: float
    clustered_p: float | None
    smallest_p: float | None = None
    degrees_of_freedom: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    asked: bool = False
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def replaces_clustered(self) -> bool:
        """Whether the interval is another than the estimate's own."""
        return self.method not in ("clustered", "credible", "none")


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

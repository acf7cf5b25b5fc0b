"""Joint uncertainty of an estimate: influence functions (frequentist) or draws (Bayesian)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from evalkit.vocabulary import BoolArray, FloatArray, InferenceMethod, IntArray, OwnMethod

Multiplier = Literal["gaussian", "rademacher", "mammen", "webb"]
MULTIPLIER_BLOCK = 2_048
"""Clusters whose multipliers are drawn at a time: 999 draws for all of 100,000 would fill 800 MB."""
DOUBLE_UP_TO = 4_096
"""Clusters up to which signs are summed in double precision. Above, each block is summed in single precision, an error
of some 1e-6 of the standard error, where 999 draws leave 2e-2; blocks are added up in double precision."""


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
    influence_blocks
        Yields psi in blocks of rows, each with the places of its columns (the others are 0): what multiplier draws
        need, in the memory of a block. None where `influence_of` has to do.
    """

    covariance: FloatArray
    n_clusters: int
    influence_of: Callable[[], FloatArray] | None = None
    degrees_of_freedom: float | None = None
    correction: str = "none"
    bootstrap: Bootstrap | None = None
    degrees_of: Callable[[FloatArray], FloatArray] | None = None
    influence_blocks: Callable[[], Iterator[tuple[IntArray, FloatArray]]] | None = None


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
    uncalibrated
        Whether ``none`` is for the estimator's sake: its intervals are known to hold less often than they say.
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
    uncalibrated: bool = False

    @property
    def replaces_clustered(self) -> bool:
        """Whether the interval is another than the estimate's own."""
        return self.method not in ("clustered", "credible", "none")


def signs(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """Draw -1 and 1 with equal probability, eight from each random byte.

    Examples
    --------
    >>> drawn = signs((3, 10), np.random.default_rng(0))
    >>> drawn.shape, np.unique(drawn).tolist()
    ((3, 10), [-1, 1])
    """
    octets = np.frombuffer(rng.bytes(shape[0] * -(-shape[1] // 8)), dtype=np.uint8).reshape(shape[0], -1)
    drawn = np.unpackbits(octets, axis=1, count=shape[1]).view(np.int8)
    drawn += drawn
    drawn -= 1
    return drawn


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
        return signs(shape, rng).astype(np.float64)
    if kind == "mammen":
        root5 = np.sqrt(5.0)
        low, high = (1.0 - root5) / 2.0, (1.0 + root5) / 2.0
        two_points: FloatArray = np.where(rng.random(shape) < (root5 + 1.0) / (2.0 * root5), low, high)
        return two_points
    points = np.sqrt(np.array([1.5, 1.0, 0.5]))
    drawn: FloatArray = rng.choice(np.concatenate([-points, points]), size=shape)
    return drawn


def multiplied(sampling: Sampling, gradient: FloatArray, bootstrap: Bootstrap, seed: int) -> FloatArray:
    """(B, L) multiplier draws of combinations of cells and shares.

    One seed gives the same multipliers whatever the combinations are.

    Parameters
    ----------
    sampling
        With `influence_of` or `influence_blocks`.
    gradient
        (K + G, L) combinations.
    bootstrap, seed
        Law, number and seed of the draws.
    """
    rng = np.random.default_rng(seed)
    draws = np.zeros((bootstrap.n_draws, gradient.shape[1]))
    single = bootstrap.multiplier == "rademacher" and sampling.n_clusters > DOUBLE_UP_TO
    for columns, psi in _blocks(sampling):
        wide = psi.shape[1] > gradient.shape[1]  # whichever has fewer columns is multiplied
        block = psi @ gradient[columns] if wide else psi
        add = _signed if single else _weighted
        sums = add(block, bootstrap, rng)
        draws += sums if wide else sums @ gradient[columns]
    return draws


def _blocks(sampling: Sampling) -> Iterator[tuple[IntArray, FloatArray]]:
    """Blocks of psi of at most `MULTIPLIER_BLOCK` rows, and the places of their columns."""
    if sampling.influence_blocks is not None:
        found = sampling.influence_blocks()
    elif sampling.influence_of is not None:
        whole = sampling.influence_of()
        found = iter([(np.arange(whole.shape[1]), whole)])
    else:
        raise ValueError("multiplier draws need influence functions")
    for columns, psi in found:
        for start in range(0, len(psi), MULTIPLIER_BLOCK):
            yield columns, psi[start : start + MULTIPLIER_BLOCK]


def _weighted(block: FloatArray, bootstrap: Bootstrap, rng: np.random.Generator) -> FloatArray:
    """(B, columns) sums of a block of influence functions times multipliers."""
    sums: FloatArray = multipliers(bootstrap.multiplier, (bootstrap.n_draws, len(block)), rng) @ block
    return sums


def _signed(block: FloatArray, bootstrap: Bootstrap, rng: np.random.Generator) -> FloatArray:
    """The same for signs, in single precision; columns are scaled first, so that no unit of measurement overflows."""
    scale = np.sqrt(np.einsum("ij,ij->j", block, block))
    scale[scale == 0.0] = 1.0
    scaled: npt.NDArray[np.float32] = (block / scale).astype(np.float32)
    sums = signs((bootstrap.n_draws, len(block)), rng).astype(np.float32) @ scaled
    return np.asarray(sums * scale)

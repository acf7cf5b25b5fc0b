"""Quasi-likelihoods with the canonical link, whose fits reproduce the observed sums (Wooldridge 2023, section 2).

With index eta, response y and size m (an exposure, or 1) the log quasi-likelihood of a row is y eta - m b(eta), its
mean m b'(eta) and its information m b''(eta). Only the mean need be right: nothing else of the distribution is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special

from evalkit.vocabulary import FloatArray

FamilyName = Literal["linear", "poisson", "logit"]
Map = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Family:
    """b, b', b'' and the link.

    Attributes
    ----------
    cumulant, mean, slope
        b, b' and b'' of the index.
    link
        From a mean to its index.
    upper
        Largest mean; infinite where there is none.
    has_lower
        Whether means have 0 as a bound that no finite index reaches.
    """

    name: FamilyName
    cumulant: Map
    mean: Map
    slope: Map
    link: Map
    upper: float
    has_lower: bool

    @property
    def is_linear(self) -> bool:
        """Whether one Newton step is exact."""
        return self.name == "linear"


def _exp(index: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):  # an infinite mean makes the step too long, and it is halved
        return np.asarray(np.exp(index))


def _expit(index: FloatArray) -> FloatArray:
    return np.asarray(special.expit(index))


def _expit_slope(index: FloatArray) -> FloatArray:
    fitted = _expit(index)
    return fitted * (1.0 - fitted)


def _log(mean: FloatArray) -> FloatArray:
    return np.asarray(np.log(mean))


def _logit(mean: FloatArray) -> FloatArray:
    return np.asarray(special.logit(mean))


FAMILIES: Final[dict[FamilyName, Family]] = {
    "linear": Family("linear", lambda e: e * e / 2.0, lambda e: e, np.ones_like, lambda m: m, np.inf, False),
    "poisson": Family("poisson", _exp, _exp, _exp, _log, np.inf, True),
    "logit": Family("logit", lambda e: np.logaddexp(0.0, e), _expit, _expit_slope, _logit, 1.0, True),
}

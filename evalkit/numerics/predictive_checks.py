"""Statistics of data, observed and replicated by a model, and how far apart the two lie.

A posterior predictive p-value is the share of replicated data sets whose statistic is at least the observed one
(Gelman, Meng and Stern 1996); ties count half, so that counts give no p-value of 1 by being whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

FEWEST_PAIRS: Final = 8
"""Neighbouring observations below which an autocorrelation says nothing."""
LAST_SHARE: Final = 0.25
"""Of the periods before the start that stand in for the time after it, where no observation after it was fitted."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One statistic of the observed data beside those of R replicated data sets.

    Attributes
    ----------
    name
        In words.
    observed
        Of the data.
    replicated
        (R,).
    own
        Whether the effect is computed from it.
    """

    name: str
    observed: float
    replicated: FloatArray
    own: bool = False

    @property
    def p(self) -> float:
        """Share of replications at least as large, ties counted half."""
        return float(np.mean(self.replicated > self.observed) + 0.5 * np.mean(self.replicated == self.observed))

    def inside(self, level: float) -> bool:
        """Whether the observed value lies within the central `level` of the replications."""
        low, high = self.central(level)
        return bool(low <= self.observed <= high)

    def central(self, level: float) -> tuple[float, float]:
        """Ends of the central `level` of the replications."""
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(self.replicated, [tail, 1.0 - tail])
        return float(low), float(high)


def compare(
    observed: FloatArray,
    replicated: FloatArray,
    period: IntArray,
    *,
    series: IntArray | None = None,
    contrast: tuple[str, FloatArray] | None = None,
    fitted: bool = True,
) -> tuple[Compared, ...]:
    """Mean, standard deviation, largest value, autocorrelation, and the effect's own statistic.

    The autocorrelation is that of what is left when the model's expectation is taken away, so that trend and
    season, which the model is given, do not hide a wrong model of the errors. A prior has no expectation worth
    taking away, and around the mean every season that goes up and down smoothly has more autocorrelation than
    one drawn month by month: of a prior it is left out.

    Parameters
    ----------
    observed
        (n,).
    replicated
        (R, n).
    period
        (n,) ordinals.
    series
        (n,) which series an observation belongs to; None where all are of one, or where that is not known.
    contrast
        Words and (n,) weights of the statistic that the effect is computed from.
    fitted
        Whether the model has seen the data: replications of a posterior, not of a prior.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = compare(rng.standard_normal(60), rng.standard_normal((200, 60)), np.arange(60))
    >>> [each.name for each in found]
    ['mean', 'spread', 'largest value', 'memory from one period to the next']
    """
    both = np.vstack([observed, replicated])
    table = {"mean": both.mean(axis=1), "spread": both.std(axis=1), "largest value": both.max(axis=1)}
    pairs = neighbours(period, series)
    if fitted and len(pairs[0]) >= FEWEST_PAIRS:
        table["memory from one period to the next"] = _autocorrelation(both - replicated.mean(axis=0), pairs)
    found = [Compared(name, float(values[0]), values[1:]) for name, values in table.items()]
    if contrast is not None:
        name, weights = contrast
        values = both @ weights
        found.append(Compared(name, float(values[0]), values[1:], own=True))
    return tuple(found)


def neighbours(period: IntArray, series: IntArray | None) -> tuple[IntArray, IntArray]:
    """Positions of observations of one series in one period and in the next.

    Examples
    --------
    >>> first, second = neighbours(np.array([2, 1, 4]), None)
    >>> first.tolist(), second.tolist()
    ([1], [0])
    """
    if series is None:
        if len(np.unique(period)) < len(period):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        series = np.zeros_like(period)
    order = np.lexsort((period, series))
    first, second = order[:-1], order[1:]
    adjacent = (series[first] == series[second]) & (period[second] == period[first] + 1)
    return first[adjacent].astype(np.int64), second[adjacent].astype(np.int64)


def own_contrast(period: IntArray, before: BoolArray) -> tuple[str, FloatArray] | None:
    """The statistic an effect is computed from, where the model does not name it.

    Treated observations less the others where both were fitted. A model of the time before the start has only the
    latter: the last quarter of the periods then takes the place of the time after a start, which is what the effect
    would have been read from, had the programme started there. None where there are too few periods.

    Examples
    --------
    >>> own_contrast(np.arange(8), np.ones(8, dtype=bool))[1].round(3).tolist()
    [-0.167, -0.167, -0.167, -0.167, -0.167, -0.167, 0.5, 0.5]
    """
    if before.all():
        periods = np.unique(period)
        count = int(LAST_SHARE * len(periods))
        if count < 1:
            return None
        late = period >= periods[-count]
        return "last quarter before the start less the rest", _difference(late)
    if not before.any():
        return None
    return "treated observations less the others", _difference(~before)


def _difference(later: BoolArray) -> FloatArray:
    return np.asarray(later / later.sum() - ~later / (~later).sum())


def _autocorrelation(left: FloatArray, pairs: tuple[IntArray, IntArray]) -> FloatArray:
    """(R,) lag-one correlations; 0 where nothing varies."""
    first, second = pairs
    total = (left**2).mean(axis=1)
    product = (left[:, first] * left[:, second]).mean(axis=1)
    return np.asarray(np.divide(product, total, out=np.zeros_like(total), where=total > 0.0))

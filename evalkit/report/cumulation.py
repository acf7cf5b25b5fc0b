"""Running sums of the effects since the start, with the interval of each sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from evalkit.estimate import Aggregation
from evalkit.evidence.natural import Link
from evalkit.vocabulary import FloatArray


@dataclass(frozen=True, slots=True)
class Cumulated:
    """(L,) sums up to each row of an event study; NaN before the start and behind a gap."""

    value: FloatArray
    low: FloatArray
    high: FloatArray


def cumulate(rows: Aggregation, link: Link) -> Cumulated:
    """Add up effects from event time 0 on, in the outcome's own unit.

    Draws are added up one by one; for a frequentist estimate the sum is a linear map of the effects, so its
    variance comes from their joint covariance. Under a log link with observed level L an effect theta is
    L (1 - exp(-theta)) in the outcome's unit, to first order around the estimate.

    Parameters
    ----------
    rows
        An event study.
    link
        How the analysed scale relates to the outcome; sums of log outcomes mean nothing and stay NaN.

    Returns
    -------
    Cumulated
        Sums stop at the first event time that is missing.
    """
    count = len(rows.labels)
    value, low, high = (np.full(count, np.nan) for _ in range(3))
    chosen = _in_a_row(rows)
    if link == "log_outcome" or not chosen.size:
        return Cumulated(value, low, high)
    effect, level = rows.estimate[chosen], rows.observed[chosen]
    tail = (1.0 - rows.level) / 2.0
    if rows.draws is not None:
        draws = np.cumsum(_natural(rows.draws[:, chosen], level, link), axis=1)
        value[chosen] = draws.mean(axis=0)
        low[chosen], high[chosen] = np.quantile(draws, [tail, 1.0 - tail], axis=0)
        return Cumulated(value, low, high)
    slope = level * np.exp(-effect) if link == "log_link" else np.ones(len(chosen))
    summed = np.tril(np.ones((len(chosen), len(chosen)))) * slope
    variance = np.einsum("ij,jk,ik->i", summed, rows.covariance[np.ix_(chosen, chosen)], summed)
    degrees = rows.degrees_of_freedom
    critical = float((stats.norm if degrees is None else stats.t(degrees)).ppf(1.0 - tail))
    value[chosen] = np.cumsum(_natural(effect, level, link))
    width = critical * np.sqrt(np.clip(variance, 0.0, None))
    low[chosen], high[chosen] = value[chosen] - width, value[chosen] + width
    return Cumulated(value, low, high)


def _natural(effect: FloatArray, level: FloatArray, link: Link) -> FloatArray:
    return np.asarray(level * -np.expm1(-effect) if link == "log_link" else effect)


def _in_a_row(rows: Aggregation) -> np.typing.NDArray[np.int64]:
    """Positions of event times 0, 1, 2, ... up to the first that is missing or has no effect."""
    place = {int(label): i for i, label in enumerate(rows.labels)}
    found: list[int] = []
    while len(found) in place and np.isfinite(rows.estimate[place[len(found)]]):
        found.append(place[len(found)])
    return np.array(found, dtype=np.int64)

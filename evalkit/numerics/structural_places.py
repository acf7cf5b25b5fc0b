"""Counterfactual paths of one or several treated places, each fitted by itself, their surprises moving together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.kalman import one_step
from evalkit.numerics.series_design import Prepared
from evalkit.numerics.structural import Trend
from evalkit.numerics.structural_density import REPLICATES, Replicated, replicate
from evalkit.numerics.structural_exact import Coefficients, Drawn
from evalkit.numerics.structural_paths import draw_expected
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

LARGEST_CORRELATION: Final = 0.95


@dataclass(frozen=True, slots=True)
class Place:
    """A treated place and the draws of its parameters.

    Attributes
    ----------
    start
        First treated period (ordinal).
    outcome
        (T,) as analysed; NaN where unknown.
    effect
        (T,) periods whose effect is reported.
    prepared, prior, drawn
        What was fitted, under which prior of the coefficients, and the draws.
    rng
        Randomness of this place alone, so that no other place moves its draws.
    left_out
        Regressors that do not vary before the start.
    season
        Periods in the season; whether it was taken out; pairs of waves, None for free effects.
    """

    start: int
    name: str
    outcome: FloatArray
    effect: BoolArray
    prepared: Prepared
    prior: Coefficients
    drawn: Drawn
    rng: np.random.Generator
    left_out: tuple[str, ...]
    season: tuple[int | None, bool, int | None]

    @property
    def shown(self) -> BoolArray:
        """(T,) periods with a cell: fitted ones and those with an effect."""
        return (self.prepared.series.used > 0.0) | self.effect


@dataclass(frozen=True, slots=True)
class Densities:
    """What the checks read of one place, in the outcome's unit; see :class:`evalkit.uncertainty.Predictive`."""

    periods: IntArray
    observed: FloatArray
    replicated: FloatArray
    prior: FloatArray
    log_likelihood: FloatArray
    log_prior: FloatArray


def correlation_of_surprises(places: Sequence[Place], trend: Trend) -> float:
    """Mean correlation between places of the errors of foretelling a period from those before it, at least 0.

    Parameters are held at posterior medians. 0 for one place, or where no two are seen in the same periods.
    """
    if len(places) < 2:
        return 0.0
    rows = []
    for place in places:
        series, drawn = place.prepared.series, place.drawn
        middle = np.array([np.argsort(drawn.shape.level)[len(drawn) // 2]])
        residual = np.where(series.used > 0.0, series.outcome - series.columns @ drawn.beta.mean(axis=0), np.nan)
        rows.append(one_step(trend, drawn.shape.take(middle), residual[None]).standardized(drawn.sigma[middle])[0])
    known = ~np.isnan(rows)
    surprises = np.nan_to_num(rows)
    count = known.sum(axis=0)
    pairs = float((count**2 - count).sum())
    if pairs == 0.0:
        return 0.0
    products = float((surprises.sum(axis=0) ** 2 - (surprises**2).sum(axis=0)).sum()) / pairs
    size = float((surprises**2).sum() / known.sum())
    return float(np.clip(products / size, 0.0, LARGEST_CORRELATION)) if size > 0.0 else 0.0


def normals(rng: np.random.Generator, draws: int, periods: int, states: int) -> tuple[FloatArray, FloatArray]:
    """Standard normals of the states (S, T x states) and of the noise (S, T)."""
    return rng.standard_normal((draws, periods * states)), rng.standard_normal((draws, periods))


def counterfactual(
    place: Place, trend: Trend, correlation: float, shared: tuple[FloatArray, FloatArray] | None
) -> tuple[FloatArray, FloatArray]:
    """(S, T) draws of the expected outcome without the programme, and of the outcome itself, noise included.

    Parameters
    ----------
    place, trend
        What was fitted.
    correlation, shared
        Of the normals with those of other places, and the part that all share; None for a single place.
    """
    drawn, periods = place.drawn, len(place.outcome)
    states, noise = normals(place.rng, len(drawn), periods, trend.states)
    if shared is not None:
        own, common = np.sqrt(1.0 - correlation), np.sqrt(correlation)
        states = own * states + common * shared[0]
        noise = own * noise + common * shared[1]
    expected = draw_expected(place.prepared.series, trend, drawn, states)
    noise *= (drawn.sigma * np.sqrt(1.0 - drawn.shape.share))[:, None]
    noise += expected
    center, unit = place.prepared.center, place.prepared.unit
    return center + unit * expected, center + unit * noise


def densities(place: Place, trend: Trend, predicted: FloatArray, rows: IntArray) -> Densities:
    """Replicated data, and log densities at the draws in `rows`, over fitted periods that do not start the filter."""
    prepared, drawn = place.prepared, place.drawn
    found: Replicated = replicate(prepared.series, trend, place.prior, drawn, rows, place.rng)
    kept = slice(trend.flat, None)
    periods = found.periods[kept]
    return Densities(
        periods,
        place.outcome[periods],
        predicted[:REPLICATES, periods],
        prepared.center + prepared.unit * found.prior[:, kept],
        found.log_likelihood[:, kept] - np.log(prepared.unit),
        found.log_prior,
    )

"""Counterfactual paths of one or several treated places, each fitted by itself, their surprises moving together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.kalman import one_step
from evalkit.numerics.structural import Trend
from evalkit.numerics.structural_counts import CountDraws, Counts, log_likelihood
from evalkit.numerics.structural_density import REPLICATES, prior_draws, replicate
from evalkit.numerics.structural_design import Prepared
from evalkit.numerics.structural_exact import Coefficients, Drawn
from evalkit.numerics.structural_paths import draw_expected
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

LARGEST_CORRELATION: Final = 0.95


@dataclass(frozen=True, slots=True)
class Place:
    """A treated place, prepared.

    Attributes
    ----------
    name, start
        Of the place; its first treated period (ordinal).
    outcome
        (T,) as analysed; NaN where unknown.
    effect
        (T,) periods whose effect is reported.
    prepared, prior
        What is fitted, under which prior of the coefficients.
    rng
        Randomness of this place alone, so that no other place moves its draws.
    left_out
        Regressors that do not vary before the start.
    season
        Periods in the season; whether it was taken out; pairs of waves, None for free effects.
    """

    name: str
    start: int
    outcome: FloatArray
    effect: BoolArray
    prepared: Prepared
    prior: Coefficients
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
    prior: FloatArray | None
    log_likelihood: FloatArray
    log_prior: FloatArray


@dataclass(frozen=True, slots=True)
class Foretold:
    """One place without its programme.

    Attributes
    ----------
    predicted
        (S, T) draws of the outcome, noise included.
    parameters
        (S,) draws by name.
    effective_size
        Of independent draws; NaN for chains.
    """

    place: Place
    predicted: FloatArray
    densities: Densities
    parameters: dict[str, FloatArray]
    effective_size: float


def foretell(
    places: Sequence[Place], drawn: Sequence[Drawn], trend: Trend, rows: IntArray, rng: np.random.Generator
) -> tuple[list[Foretold], float]:
    """Draw every place's outcome without the programme; and the correlation of the places' surprises.

    Parameters
    ----------
    places, drawn, trend
        What was fitted, and draws of the parameters.
    rows
        Draws whose densities are computed.
    rng
        Of what the places share.
    """
    correlation = correlation_of_surprises(places, drawn, trend)
    size, periods = len(drawn[0]), len(places[0].outcome)
    shared = normals(rng, size, periods, trend.states) if len(places) > 1 else None
    found = []
    for place, one in zip(places, drawn, strict=True):
        expected, predicted = counterfactual(place, one, trend, correlation, shared)
        found.append(
            Foretold(
                place,
                predicted,
                _densities(place, one, trend, expected, rows),
                _parameters(place, one, trend),
                one.effective_size,
            )
        )
    return found, correlation


def correlation_of_surprises(places: Sequence[Place], drawn: Sequence[Drawn], trend: Trend) -> float:
    """Mean correlation between places of the errors of foretelling a period from those before it, at least 0.

    Parameters are held at posterior means, ratios at those of the draw with the median level ratio. 0 for one
    place, or where no two are seen in the same periods.
    """
    if len(places) < 2:
        return 0.0
    rows = []
    for place, one in zip(places, drawn, strict=True):
        series = place.prepared.series
        middle = np.array([np.argsort(one.shape.level)[len(one) // 2]])
        residual = np.where(series.used > 0.0, series.outcome - series.columns @ one.beta.mean(axis=0), np.nan)
        rows.append(one_step(trend, one.shape.take(middle), residual[None]).standardized(one.sigma[middle])[0])
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
    place: Place, drawn: Drawn, trend: Trend, correlation: float, shared: tuple[FloatArray, FloatArray] | None
) -> tuple[FloatArray, FloatArray]:
    """(S, T) draws of the expected outcome without the programme, and of the outcome itself, noise included.

    Parameters
    ----------
    place, drawn, trend
        What was fitted.
    correlation, shared
        Of the normals with those of other places, and the part that all share; None for a single place.
    """
    states, noise = normals(place.rng, len(drawn), len(place.outcome), trend.states)
    if shared is not None:
        own, common = np.sqrt(1.0 - correlation), np.sqrt(correlation)
        states = own * states + common * shared[0]
        noise = own * noise + common * shared[1]
    expected = draw_expected(place.prepared.series, trend, drawn, states)
    noise *= (drawn.sigma * np.sqrt(1.0 - drawn.shape.share))[:, None]
    if drawn.degrees is not None:
        half = drawn.degrees[:, None] / 2.0
        noise *= np.sqrt(half / place.rng.standard_gamma(np.broadcast_to(half, noise.shape)))
    noise += expected
    center, unit = place.prepared.center, place.prepared.unit
    expected *= unit
    expected += center
    noise *= unit
    noise += center
    return expected, noise


def foretell_counts(place: Place, counts: Counts, drawn: CountDraws, trend: Trend, rows: IntArray) -> Foretold:
    """Counts of a place without the programme; densities are those of a count given the rate that has seen it."""
    predicted = drawn.predict(place.rng)
    series = counts.series
    periods = np.flatnonzero(series.used).astype(np.int64)
    observed = place.outcome[periods]
    index = drawn.index[np.ix_(rows, periods)]
    named = {"level_sd": drawn.level_sd}
    if trend.has_slope:
        named["slope_sd"] = drawn.slope_sd
    if drawn.dispersion.any():
        named["dispersion"] = drawn.dispersion
    for j in np.flatnonzero(series.learned):
        named[f"coefficient of {place.prepared.columns[j]}"] = drawn.beta[:, j] / place.prepared.divisors[j]
    density = log_likelihood(observed, index, drawn.dispersion[rows, None])
    densities = Densities(periods, observed, predicted[:REPLICATES, periods], None, density, drawn.log_prior[rows])
    return Foretold(place, predicted, densities, named, drawn.effective_size)


def _densities(place: Place, drawn: Drawn, trend: Trend, expected: FloatArray, rows: IntArray) -> Densities:
    """Replicated data, and log densities at the draws in `rows`, over fitted periods that do not start the filter."""
    prepared = place.prepared
    scaled = (expected - prepared.center) / prepared.unit
    found = replicate(prepared.series, trend, drawn, scaled, rows, place.rng)
    kept = slice(trend.flat, None)
    periods = found.periods[kept]
    prior = prior_draws(prepared.series, trend, place.prior, place.rng)[:, periods]
    return Densities(
        periods,
        place.outcome[periods],
        prepared.center + prepared.unit * found.replicated[:, kept],
        prepared.center + prepared.unit * prior,
        found.log_likelihood[:, kept] - np.log(prepared.unit),
        found.log_prior,
    )


def _parameters(place: Place, drawn: Drawn, trend: Trend) -> dict[str, FloatArray]:
    """(S,) draws by name, in the outcome's unit."""
    shape, unit = drawn.shape, place.prepared.unit
    named = {"sigma": drawn.sigma * unit, "level_sd": drawn.sigma * shape.level * unit}
    if drawn.degrees is not None:
        named["degrees_of_freedom"] = drawn.degrees
    if trend.has_slope:
        named["slope_sd"] = drawn.sigma * shape.slope * unit
    if trend.kind == "damped":
        named["damping"] = shape.damping
    if trend.autocorrelated:
        named |= {"autocorrelated_share": shape.share, "autocorrelation": shape.rho}
    prepared = place.prepared
    for j in np.flatnonzero(prepared.series.learned):
        named[f"coefficient of {prepared.columns[j]}"] = drawn.beta[:, j] * (unit / prepared.divisors[j])
    return named

"""Where a series goes from here: draws of its future values from a structural series model.

The model is that of :mod:`evalkit.numerics.structural`: a level that wanders, with a slope that dies out (Gardner and
McKenzie 1985 on why), a season, and passing noise. Measurements are modelled as they are or in logs, shares as
logits, counts as negative binomial around a log rate, or as logs of rates where all are large. Draws hold the noise of
single periods, what is not known of the parameters, and how far the level may wander.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special

from evalkit.errors import Reason
from evalkit.numerics.structural import Trend, TrendKind
from evalkit.numerics.structural_counts import Counts, draw_counts, first_index
from evalkit.numerics.structural_design import Column, prepare, seasonal_columns
from evalkit.numerics.structural_exact import Coefficients, draw_exact
from evalkit.numerics.structural_paths import draw_expected
from evalkit.numerics.structural_regression import Series
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Scale = Literal["identity", "log", "logit", "counts"]
_Inner = Literal["identity", "log", "logit", "log_rate"]
DRAWS: Final = 4_000
SLOPE_SCALE: Final = 0.1
"""Scale of the half-Cauchy prior of the slope's sd over the noise's: set by the coverage of simulated forecasts."""
FEWEST: Final = 8
"""Periods below which nothing is forecast."""
MANY: Final = 20.0
"""Events in every period from which on the log of a rate is as good as normal: the same answer, ten times as fast."""
MOST_COUNT_DRAWS: Final = 2_000
LEAST_EFFECTIVE: Final = 400.0
"""Effective number of draws below which a forecast is not shown."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Draws of every period, observed and future.

    Attributes
    ----------
    drawn
        (S, T) values of all periods: the observed ones are what they are; others are predicted.
    expected
        (S, T) the level and season beneath them, without the noise of a single period.
    effective_size
        Of the draws.
    """

    drawn: FloatArray
    expected: FloatArray
    effective_size: float


def forecast(
    value: FloatArray,
    exposure: FloatArray,
    *,
    scale: Scale,
    position: IntArray,
    season: int | None,
    trend: TrendKind = "damped",
    draws: int = DRAWS,
    rng: np.random.Generator,
) -> Forecast:
    """Draw the periods that are not observed.

    Parameters
    ----------
    value
        (T,) measurements, shares, or counts per exposure; NaN in future and missing periods.
    exposure
        (T,) what counts and shares are out of, in all periods; ones for measurements.
    scale
        On which the series is modelled: ``counts`` for counts, ``logit`` for shares, else as is or in logs.
    position
        (T,) place in the season.
    season
        Its length; None for none.
    trend
        ``damped``, ``local_level`` or ``local_linear``.
    draws
        S.
    rng
        Source of randomness.

    Raises
    ------
    FloatingPointError
        When there are fewer than 8 periods, when the series does not vary, or when the draws are too few in effect.
    """
    used = ~np.isnan(value)
    if int(used.sum()) < FEWEST:
        raise FloatingPointError(
            Reason("{count} periods are too few: {least} are the least", count=int(used.sum()), least=FEWEST)
        )
    columns = seasonal_columns(position, season, None) if season else []
    model = Trend(trend, slope_scale=SLOPE_SCALE)
    if scale == "counts" and float((value * exposure)[used].min()) < MANY:
        draws = min(draws, MOST_COUNT_DRAWS)
        found = _counts(value, exposure, used, columns, model, draws, rng)
    else:
        inner: _Inner = "log_rate" if scale == "counts" else scale
        found = _gaussian(value, exposure, used, columns, model, inner, draws, rng)
    if found.effective_size < min(LEAST_EFFECTIVE, draws / 10.0):
        raise FloatingPointError(Reason("the draws are worth {size:.0f} only", size=found.effective_size))
    return found


def _gaussian(
    value: FloatArray,
    exposure: FloatArray,
    used: BoolArray,
    columns: list[Column],
    trend: Trend,
    scale: _Inner,
    draws: int,
    rng: np.random.Generator,
) -> Forecast:
    """Measurements and shares, on a scale without bounds."""
    prepared = prepare(_forward(value, exposure, scale), used, columns)
    drawn = draw_exact(prepared.series, trend, Coefficients(), size=draws, rng=rng)
    periods = len(value)
    normal = rng.standard_normal((draws, periods * trend.states))
    expected = draw_expected(prepared.series, trend, drawn, normal)
    seen = expected + drawn.sigma[:, None] * rng.standard_normal(expected.shape)
    levels, values = (_back(prepared.center + prepared.unit * each, scale) for each in (expected, seen))
    values[:, used] = value[used]
    return Forecast(values, levels, drawn.effective_size)


def _counts(
    value: FloatArray,
    exposure: FloatArray,
    used: BoolArray,
    columns: list[Column],
    trend: Trend,
    draws: int,
    rng: np.random.Generator,
) -> Forecast:
    """Counts around a log rate."""
    count = np.where(used, np.rint(np.where(used, value, 0.0) * exposure), 0.0)
    prepared = prepare(np.where(used, first_index(count, exposure), np.nan), used, columns)
    scaled = prepared.series
    series = Series(scaled.outcome * prepared.unit, scaled.used, scaled.columns, scaled.fixed)
    counts = Counts(series, count, prepared.center + np.log(exposure), prepared.unit)
    found = draw_counts(counts, trend, "negative_binomial", 1.0, size=draws, rng=rng)
    values = found.predict(rng) / exposure
    values[:, used] = value[used]
    return Forecast(values, np.exp(found.index) / exposure, found.effective_size)


def _forward(value: FloatArray, exposure: FloatArray, scale: _Inner) -> FloatArray:
    if scale == "log":
        with np.errstate(invalid="ignore"):
            return np.log(value)
    if scale == "log_rate":
        return first_index(value * exposure, exposure)
    if scale == "logit":
        count = value * exposure
        return np.asarray(np.log((count + 0.5) / (exposure - count + 0.5)))
    return value


def _back(value: FloatArray, scale: _Inner) -> FloatArray:
    if scale in ("log", "log_rate"):
        return np.exp(value)
    return np.asarray(special.expit(value)) if scale == "logit" else value


def over_window(drawn: FloatArray, exposure: FloatArray, window: IntArray) -> FloatArray:
    """(S,) mean of the window's periods, weighted by exposure.

    Examples
    --------
    >>> over_window(np.array([[1.0, 2.0, 4.0]]), np.array([1.0, 1.0, 3.0]), np.array([1, 2])).tolist()
    [3.5]
    """
    weight = exposure[window]
    return np.asarray(drawn[:, window] @ weight / weight.sum())

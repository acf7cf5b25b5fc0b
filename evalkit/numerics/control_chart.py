"""Control charts: what a steady process varies by itself, and which points speak of something else.

The individuals chart (XmR) takes the spread of measurements from how far neighbours lie apart (Shewhart 1931; Wheeler
2000). Charts for counts (u) and shares (p) take it from the Poisson and binomial laws. Where counts vary more than
these laws allow, Laney's charts (2002) widen the limits by what neighbours show, sigma_z. All are written in one form,

    z_t = (x_t - c_t) / sigma_t,    limits c_t -/+ 3 sigma_t,

c_t the centre line and sigma_t the spread of one period's value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from scipy import stats

from evalkit.vocabulary import BoolArray, FloatArray

Kind = Literal["measurement", "count", "share"]
Rule = Literal["beyond_limits", "two_of_three", "run_of_eight", "trend_of_six"]
D2: Final = 2.0 / np.sqrt(np.pi)
"""Mean range of two standard normals, 1.128: the moving range over it estimates sigma."""
D3: Final = float(np.sqrt(2.0 - 4.0 / np.pi))
"""Standard deviation of that range, 0.853."""
SIGMAS: Final = 3.0
OVERDISPERSED: Final = 0.05
"""P-value of the dispersion test below which Laney's limits are taken."""
RULES: Final[tuple[Rule, ...]] = ("beyond_limits", "two_of_three", "run_of_eight")
"""Rules by default: false alarms every 122 periods on average (Champ and Woodall 1987, table 1)."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A control chart of T periods.

    Attributes
    ----------
    kind
        What the values are.
    value
        (T,) x_t, NaN where not observed: the measurement, count per exposure, or share.
    centre
        (T,) c_t; moves with the season where one is declared.
    spread
        (T,) sigma_t.
    moving_range
        (T,) |x_t - x_{t-1}| without season, NaN for the first and beside gaps. Of counts and shares, that of z.
    range_limit
        Upper limit of the moving range, D4 times its mean (3.267).
    sigma_z
        Laney's factor by which counts vary more than their law; 1 for measurements.
    widened
        Whether the limits were widened by `sigma_z`.
    dispersion_p
        P-value of the dispersion test over the baseline; NaN for measurements.
    baseline
        (T,) periods that centre and spread are taken from.
    """

    kind: Kind
    value: FloatArray
    centre: FloatArray
    spread: FloatArray
    moving_range: FloatArray
    range_limit: float
    sigma_z: float
    widened: bool
    dispersion_p: float
    baseline: BoolArray

    @property
    def z(self) -> FloatArray:
        """(T,) distance from the centre in sigmas."""
        return np.asarray((self.value - self.centre) / self.spread)

    @property
    def low(self) -> FloatArray:
        """(T,) lower limit; counts and shares have none below 0."""
        limit = self.centre - SIGMAS * self.spread
        return np.asarray(limit if self.kind == "measurement" else np.maximum(limit, 0.0))

    @property
    def high(self) -> FloatArray:
        """(T,) upper limit; a share has none above 1."""
        limit = self.centre + SIGMAS * self.spread
        return np.asarray(np.minimum(limit, 1.0) if self.kind == "share" else limit)


def measurements(value: FloatArray, baseline: BoolArray, season: FloatArray | None = None, seasons: int = 0) -> Chart:
    """Individuals chart: centre = mean, sigma = mean moving range / 1.128, over the baseline.

    Parameters
    ----------
    value
        (T,) NaN where not observed.
    baseline
        (T,) periods that the limits are taken from.
    season
        (T,) what the season adds; None for none.
    seasons
        Whole seasons that `season` was estimated from, which makes neighbours in the baseline look closer than they
        are: by sqrt(1 - 1/seasons).

    Examples
    --------
    >>> x = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    >>> chart = measurements(x, np.ones(10, dtype=bool))
    >>> round(float(chart.low[0]), 4), round(float(chart.centre[0]), 2), round(float(chart.high[0]), 4)
    (45.8176, 50.81, 55.8024)
    """
    added = np.zeros(len(value)) if season is None else season
    bare = value - added
    mean = float(np.mean(bare[baseline & ~np.isnan(bare)]))
    ranges = moving_ranges(bare)
    average = _mean_range(ranges, baseline) / _shrunk(seasons)
    limit = (1.0 + SIGMAS * D3 / D2) * average
    return Chart(
        "measurement", value, mean + added, np.full(len(value), average / D2), ranges, limit, 1.0, False,
        float("nan"), baseline,
    )  # fmt: skip


def events(
    count: FloatArray,
    exposure: FloatArray,
    baseline: BoolArray,
    *,
    kind: Literal["count", "share"],
    season: FloatArray | None = None,
    seasons: int = 0,
    laney: bool | None = None,
) -> Chart:
    """U or p chart; Laney's u' or p' where the baseline varies more than its law allows.

    Parameters
    ----------
    count, exposure
        (T,) events and what they are out of; NaN where not observed.
    baseline
        (T,) periods that centre and sigma_z are taken from.
    kind
        ``count`` (Poisson) or ``share`` (binomial; `exposure` counts all, with and without the event).
    season
        (T,) factor of the season; None for none.
    seasons
        Whole seasons that it was estimated from.
    laney
        Whether to widen the limits; None leaves it to the dispersion test over the baseline.

    Examples
    --------
    >>> defects = np.array([8.0, 7, 11, 3, 6, 11, 4, 4, 5, 8])
    >>> chart = events(defects, np.full(10, 200.0), np.ones(10, dtype=bool), kind="share")
    >>> round(float(chart.centre[0]), 4), round(float(chart.high[0]), 4)
    (0.0335, 0.0717)
    """
    factor = np.ones(len(count)) if season is None else season
    known = baseline & ~np.isnan(count) & (exposure > 0.0)
    rate = float(np.sum(count[known]) / np.sum(exposure[known] * factor[known]))
    value = np.divide(count, exposure, out=np.full(len(count), np.nan), where=exposure > 0.0)
    centre = rate * factor
    if kind == "share":
        centre = np.minimum(centre, 1.0)
    variance = centre * (1.0 - centre) if kind == "share" else centre
    spread = np.sqrt(np.divide(variance, exposure, out=np.full(len(count), np.nan), where=exposure > 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > 0.0, (value - centre) / spread, np.nan)
    ranges = moving_ranges(z)
    average = _mean_range(ranges, baseline) / _shrunk(seasons)
    sigma_z = average / D2
    used = z[known & ~np.isnan(z)]
    estimated = 1.0 if season is None else max(len(used) / max(seasons, 1), 1.0)
    dispersion_p = float(stats.chi2.sf(np.sum(used**2), max(len(used) - estimated, 1.0)))
    wide = (dispersion_p < OVERDISPERSED) if laney is None else laney
    wide = wide and sigma_z > 1.0
    return Chart(
        kind, value, centre, spread * (sigma_z if wide else 1.0), ranges, (1.0 + SIGMAS * D3 / D2) * average,
        sigma_z, wide, dispersion_p, baseline,
    )  # fmt: skip


def moving_ranges(value: FloatArray) -> FloatArray:
    """(T,) distance of each value from the one before it; NaN for the first and beside gaps.

    Examples
    --------
    >>> moving_ranges(np.array([1.0, 3.0, np.nan, 2.0])).tolist()
    [nan, 2.0, nan, nan]
    """
    return np.concatenate([[np.nan], np.abs(np.diff(value))])


def signals(chart: Chart, rules: tuple[Rule, ...] = RULES) -> dict[Rule, FloatArray]:
    """Which periods speak of a special cause, by rule: +1 above the centre, -1 below it, 0 for none.

    ``beyond_limits``: one value outside the limits. ``two_of_three``: two of three neighbours beyond 2 sigma on one
    side. ``run_of_eight``: eight in a row on one side. ``trend_of_six``: six in a row that go on rising or falling,
    the first of them counted (Nelson 1984, test 3). The period that completes a pattern is marked; a gap ends it.
    """
    found: dict[Rule, Callable[[FloatArray], FloatArray]] = {
        "beyond_limits": _beyond, "two_of_three": _two_of_three, "run_of_eight": _run, "trend_of_six": _trend,
    }  # fmt: skip
    z = chart.z
    bare = chart.value - chart.centre if chart.kind == "measurement" else z
    return {rule: found[rule](bare if rule == "trend_of_six" else z) for rule in rules}


def _beyond(z: FloatArray) -> FloatArray:
    return np.where(np.abs(z) > SIGMAS, np.sign(z), 0.0)


def _two_of_three(z: FloatArray) -> FloatArray:
    marks = np.zeros(len(z))
    for side in (1.0, -1.0):
        far = side * z > 2.0
        near = np.zeros(len(z), dtype=np.bool_)
        near[1:] |= far[:-1]
        near[2:] |= far[:-2] & ~np.isnan(z[1:-1])
        marks[far & near] = side
    return marks


def _run(z: FloatArray, length: int = 8) -> FloatArray:
    marks = np.zeros(len(z))
    for side in (1.0, -1.0):
        marks[_in_a_row(side * z > 0.0) >= length] = side
    return marks


def _trend(value: FloatArray, length: int = 6) -> FloatArray:
    marks = np.zeros(len(value))
    change = np.concatenate([[np.nan], np.diff(value)])
    for side in (1.0, -1.0):
        marks[_in_a_row(side * change > 0.0) >= length - 1] = side
    return marks


def _in_a_row(holds: BoolArray) -> FloatArray:
    """(T,) length of the unbroken row that ends at each period."""
    position = np.arange(len(holds))
    last = np.maximum.accumulate(np.where(holds, -1, position))
    return np.asarray(np.where(holds, position - last, 0), dtype=np.float64)


def _mean_range(ranges: FloatArray, baseline: BoolArray) -> float:
    """Mean moving range of neighbours that both lie in the baseline."""
    inside = baseline & np.concatenate([[False], baseline[:-1]]) & ~np.isnan(ranges)
    return float(np.mean(ranges[inside])) if inside.any() else float("nan")


def _shrunk(seasons: int) -> float:
    return float(np.sqrt(1.0 - 1.0 / seasons)) if seasons > 1 else 1.0


def without_season(chart: Chart, season: FloatArray) -> Chart:
    """The chart as it is drawn: the season taken out of values and limits, so that the centre line is straight.

    Parameters
    ----------
    chart
        With a centre that moves with the season.
    season
        (T,) what the season adds to measurements, or its factor for counts and shares.
    """
    if chart.kind == "measurement":
        return replace(chart, value=chart.value - season, centre=chart.centre - season)
    return replace(chart, value=chart.value / season, centre=chart.centre / season, spread=chart.spread / season)

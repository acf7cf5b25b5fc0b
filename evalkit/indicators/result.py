"""One indicator evaluated: its chart, where it stands, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from evalkit.errors import DataError, Reason
from evalkit.indicators.phrases import SENTENCES
from evalkit.indicators.series import Series, read_series
from evalkit.language import why
from evalkit.numerics.control_chart import Chart, Rule, events, measurements, signals, without_season
from evalkit.numerics.forecasting import Forecast, Scale, forecast, over_window
from evalkit.numerics.seasonal_factors import added, factors
from evalkit.study.indicator import IndicatorSpec
from evalkit.vocabulary import FloatArray

Status = Literal["reached", "missed", "under_way", "unknown"]
RECENT: Final = 3
"""Periods, up to the last one, in which a special cause counts as of now."""


@dataclass(frozen=True, slots=True)
class Level:
    """A mean over periods, in the unit of the measure.

    Attributes
    ----------
    value
        NaN where no period has data.
    first, last
        Positions it is over.
    periods
        With data.
    """

    value: float
    first: int
    last: int
    periods: int


@dataclass(frozen=True, slots=True)
class Signal:
    """One period that speaks of a special cause.

    Attributes
    ----------
    place
        Position of the period that completes the pattern.
    rule
        Which pattern.
    side
        +1 above the centre line, -1 below.
    wanted
        Whether that is the way the city wants.
    """

    place: int
    rule: Rule
    side: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """The level over the target's periods, foretold.

    Attributes
    ----------
    drawn
        (S,) draws of it, in the unit of the measure.
    paths
        (S, T) draws of all periods, in the unit of the measure.
    chance
        Share of draws that reach the target.
    low, middle, high
        Quantiles of `drawn`.
    effective_size
        Of the draws.
    """

    drawn: FloatArray
    paths: FloatArray
    chance: float
    low: float
    middle: float
    high: float
    effective_size: float


@dataclass(frozen=True, slots=True)
class Indicator:
    """Everything that is shown of one indicator.

    Attributes
    ----------
    spec, series
        What was asked, and the data.
    chart
        With the season in the centre line.
    season
        (T,) what it adds, or its factor; None without one.
    signals
        Special causes, in order of time.
    baseline, latest
        Levels, in the unit of the measure. `baseline` is the declared number where there is one.
    observed_baseline
        The mean of the baseline's periods, whatever was declared.
    outlook
        None where the target's periods have all been observed, or nothing can be foretold.
    no_outlook
        Why not; empty where there is one.
    status
        Whether the target was reached; ``under_way`` before its date, ``unknown`` where its periods lack data.
    """

    spec: IndicatorSpec
    series: Series
    chart: Chart
    season: FloatArray | None
    signals: tuple[Signal, ...]
    baseline: float
    observed_baseline: Level
    latest: Level
    outlook: Outlook | None
    no_outlook: str
    status: Status

    @property
    def drawn_chart(self) -> Chart:
        """The chart without its season, as people see it."""
        return self.chart if self.season is None else without_season(self.chart, self.season)

    @property
    def recent(self) -> tuple[Signal, ...]:
        """Special causes of the last periods."""
        last = self.series.timeline.observed - 1
        return tuple(each for each in self.signals if each.place > last - RECENT)

    @property
    def way_gone(self) -> float | None:
        """Share of the way from the baseline to the target; None where there is no way to go."""
        whole = self.spec.target.value - self.baseline
        return (self.latest.value - self.baseline) / whole if self.aims_higher is not None else None

    @property
    def aims_higher(self) -> bool | None:
        """Whether the target lies above the baseline; None where it is no better than the baseline."""
        whole = self.spec.target.value - self.baseline
        higher = self.spec.measure.direction == "higher_better"
        return higher if (whole > 0.0 if higher else whole < 0.0) else None

    @property
    def time_gone(self) -> float:
        """Share of the time from the end of the baseline to the target's date."""
        when = self.series.timeline
        return min((when.observed - 1 - when.baseline[1]) / (when.target - when.baseline[1]), 1.0)

    def reaches(self, value: FloatArray | float) -> np.typing.NDArray[np.bool_]:
        """Whether levels are as good as the target or better."""
        target = self.spec.target.value
        higher = self.spec.measure.direction == "higher_better"
        return np.asarray(np.asarray(value) >= target if higher else np.asarray(value) <= target)


def evaluate_indicator(spec: IndicatorSpec, *, data_root: Path, seed: int = 0) -> Indicator:
    """Read an indicator's data, draw up its chart and foretell it. Writes no files, logs nothing.

    Parameters
    ----------
    spec
        From :func:`evalkit.config.load_indicator`.
    data_root
        Folder of data files.
    seed
        Of the draws.

    Raises
    ------
    ConfigError, DataError
        As :func:`evalkit.indicators.series.read_series`.
    """
    return judge(spec, read_series(spec, data_root), seed=seed)


def judge(spec: IndicatorSpec, series: Series, *, seed: int = 0) -> Indicator:
    """The same from a series that was read before."""
    season = _season(spec, series)
    chart = _chart(spec, series, season)
    found = _signals(spec, chart)
    when = series.timeline
    observed_baseline = _level(spec, series, when.baseline[0], when.baseline[1])
    latest = _level(spec, series, max(when.observed - when.over, when.baseline[1] + 1), when.observed - 1)
    if not latest.periods:
        latest = _level(spec, series, max(when.observed - when.over, 0), when.observed - 1)
    made = Indicator(
        spec=spec, series=series, chart=chart, season=season, signals=found,
        baseline=observed_baseline.value if spec.baseline.value is None else spec.baseline.value,
        observed_baseline=observed_baseline, latest=latest, outlook=None, no_outlook="", status="under_way",
    )  # fmt: skip
    return _foretold(made, seed)


def _season(spec: IndicatorSpec, series: Series) -> FloatArray | None:
    when = series.timeline
    if when.season is None:
        return None
    place = when.position(when.observed)
    try:
        if spec.measure.kind == "measurement":
            return added(series.value, place, when.season, when.in_baseline)
        return factors(series.count, series.exposure, place, when.season, when.in_baseline)
    except ValueError as error:
        raise DataError(
            f"The season cannot be told: {error}.", next_step="Start the baseline earlier, or set season: false."
        ) from None


def _chart(spec: IndicatorSpec, series: Series, season: FloatArray | None) -> Chart:
    when, kind = series.timeline, spec.measure.kind
    first, last = when.baseline
    seasons = 0 if when.season is None else (last - first + 1) // when.season
    if kind == "measurement":
        return measurements(series.value, when.in_baseline, season, seasons)
    return events(
        series.count, series.exposure, when.in_baseline, kind=kind, season=season, seasons=seasons, laney=spec.laney
    )


def _signals(spec: IndicatorSpec, chart: Chart) -> tuple[Signal, ...]:
    higher = spec.measure.direction == "higher_better"
    found = [
        Signal(int(place), rule, int(marks[place]), (marks[place] > 0.0) == higher)
        for rule, marks in signals(chart, spec.rules).items()
        for place in np.flatnonzero(marks)
    ]
    return tuple(sorted(found, key=lambda each: (each.place, spec.rules.index(each.rule))))


def _level(spec: IndicatorSpec, series: Series, first: int, last: int) -> Level:
    """Mean over periods with data, weighted by exposure."""
    places = np.arange(first, last + 1)
    known = places[~np.isnan(series.value[places])]
    value = float("nan")
    if len(known):
        value = spec.measure.per * float(np.average(series.value[known], weights=series.exposure[known]))
    return Level(value, first, last, len(known))


def _foretold(found: Indicator, seed: int) -> Indicator:
    """With the outlook, or with the verdict where the target's periods lie in the past."""
    spec, series = found.spec, found.series
    when = series.timeline
    window = np.arange(when.target - when.over + 1, when.target + 1)
    if when.target < when.observed:
        level = _level(spec, series, int(window[0]), int(window[-1]))
        whole = level.periods == when.over
        status: Status = "unknown" if not whole else "reached" if bool(found.reaches(level.value)) else "missed"
        said = SENTENCES["date_passed" if whole else "date_without_data"]
        return _with(found, None, said, status, level if whole else found.latest)
    try:
        drawn, exposure = _drawn(spec, series, seed)
    except (FloatingPointError, np.linalg.LinAlgError) as error:
        return _with(
            found, None, SENTENCES["not_foretold"].format(reason=why(Reason.of(error))), "under_way", found.latest
        )
    level_draws = spec.measure.per * over_window(drawn.drawn, exposure, window)
    tail = (1.0 - spec.forecast.level) / 2.0
    low, middle, high = (float(each) for each in np.quantile(level_draws, [tail, 0.5, 1.0 - tail]))
    outlook = Outlook(
        level_draws, spec.measure.per * drawn.drawn, float(np.mean(found.reaches(level_draws))), low, middle, high,
        drawn.effective_size,
    )  # fmt: skip
    return _with(found, outlook, "", "under_way", found.latest)


def _with(found: Indicator, outlook: Outlook | None, why: str, status: Status, latest: Level) -> Indicator:
    return replace(found, outlook=outlook, no_outlook=why, status=status, latest=latest)


def _drawn(spec: IndicatorSpec, series: Series, seed: int) -> tuple[Forecast, FloatArray]:
    """Draws of all periods up to the target, and their exposures: those ahead are the mean of the last season's."""
    when = series.timeline
    ahead = when.total - when.observed
    recent = series.exposure[-(when.season or when.over or 1) :]
    known = recent[~np.isnan(recent)]
    usual = float(known.mean()) if len(known) else float(np.nanmean(series.exposure))
    exposure = np.concatenate([np.where(np.isnan(series.exposure), usual, series.exposure), np.full(ahead, usual)])
    if spec.measure.kind == "share":
        exposure = np.maximum(np.rint(exposure), 1.0)
    value = np.concatenate([series.value, np.full(ahead, np.nan)])
    found = forecast(
        value, exposure, scale=scale_of(spec), position=when.position(when.total), season=when.season,
        trend=spec.forecast.trend, draws=spec.forecast.draws, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return found, exposure


def scale_of(spec: IndicatorSpec) -> Scale:
    """Scale on which the indicator is foretold."""
    if spec.measure.kind == "count":
        return "counts"
    return "logit" if spec.measure.kind == "share" else spec.measure.scale

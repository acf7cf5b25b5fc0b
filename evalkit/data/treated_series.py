"""From a panel to the series of each treated place: its periods, and what else moves with it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from evalkit.data.calendar import Calendar
from evalkit.data.panel import Panel
from evalkit.data.seasons import CalendarEffect, calendar_columns, season_length, season_position
from evalkit.errors import ConfigError, DataError, DesignRefused, Reason
from evalkit.numerics.structural_design import SEASON_SD, STEP_SD, Column, seasonal_columns
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

TOO_MANY_PLACES = 2_000
"""Treated places beyond which fitting each by itself is not what one wants."""


@dataclass(frozen=True, slots=True)
class TreatedSeries:
    """One treated unit over the T consecutive periods of the window.

    Attributes
    ----------
    unit
        Row of the panel.
    start
        First treated period (ordinal).
    outcome, exposure
        (T,) NaN where unknown; exposure is 1 where the panel has none.
    fitted, effect
        (T,) periods that the model is fitted to, and periods with an effect of the programme to report: those
        of the anticipation window and those under treatment, less the donut.
    """

    unit: int
    start: int
    outcome: FloatArray
    exposure: FloatArray
    fitted: BoolArray
    effect: BoolArray

    @property
    def key(self) -> int:
        """A number made from the order of the fitted values: the same whatever the unit's name, scale or place."""
        order = np.argsort(np.round(np.nan_to_num(self.outcome[self.fitted]), 9), kind="stable")
        return zlib.crc32(order.astype(np.int64).tobytes())


def ordinals_of(panel: Panel) -> IntArray:
    """(T,) every ordinal from the first to the last period, those without data included."""
    return np.arange(panel.time[0], panel.time[-1] + 1, dtype=np.int64)


def on_grid(panel: Panel, values: FloatArray) -> FloatArray:
    """(N, T) values by consecutive ordinals; NaN in periods that no unit has."""
    ordinals = ordinals_of(panel)
    spread = np.full((len(values), len(ordinals)), np.nan)
    spread[:, panel.time - panel.time[0]] = values
    return spread


def treated_series(
    panel: Panel, *, anticipation: int, donut: tuple[int, int], covariates: tuple[str, ...], least: int
) -> tuple[list[TreatedSeries], list[str]]:
    """The series of the units that start within the window.

    Parameters
    ----------
    panel
        Of units followed over time.
    anticipation
        Periods before the start that are not fitted and whose effects are reported.
    donut
        Periods before the start, and from the start on, that are neither fitted nor reported.
    covariates
        Columns without which a period cannot be used.
    least
        Periods that must be left to fit.

    Returns
    -------
    tuple
        Series of the units that can be fitted; names of those that cannot.

    Raises
    ------
    DesignRefused
        When none can.
    """
    ordinals = ordinals_of(panel)
    outcome = on_grid(panel, panel.outcome)
    for name in covariates:
        outcome = np.where(np.isnan(on_grid(panel, panel.covariate(name))), np.nan, outcome)
    exposure = np.ones_like(outcome) if panel.exposure is None else on_grid(panel, panel.exposure)
    found: list[TreatedSeries] = []
    short: list[str] = []
    for unit in np.flatnonzero(~panel.never_treated & ~panel.always_treated):
        start = int(panel.first_treated[unit])
        known = ~np.isnan(outcome[unit])
        away = (ordinals < start - donut[0]) | (ordinals >= start + donut[1])
        fitted = known & away & (ordinals < start - anticipation)
        effect = known & away & (ordinals >= start - anticipation)
        if fitted.sum() < least or not (effect & (ordinals >= start)).any():
            short.append(str(panel.units[int(unit)]))
            continue
        found.append(TreatedSeries(int(unit), start, outcome[unit], exposure[unit], fitted, effect))
    if not found:
        raise DesignRefused(
            Reason("No treated unit has {least} usable periods before its start and one after it.", least=least),
            next_step="Add earlier periods, or shorten the anticipation window or the donut.",
        )
    if len(found) > TOO_MANY_PLACES:
        raise DesignRefused(
            Reason(
                "{count} treated units would each be fitted by itself; the limit is {most}.",
                count=len(found),
                most=TOO_MANY_PLACES,
            ),
            next_step="Use estimator=bayesian_did, which pools units, or average the units by place.",
        )
    return found, short


def comparison_columns(
    panel: Panel, *, averaged: bool, log_rate: bool = False, exposure: FloatArray | None = None
) -> list[Column]:
    """Columns of the never-treated units that are known in every period, or of their mean.

    With `log_rate` they are logs of (count + 1/2) over exposure; the mean is then that of all units together.
    """
    rows = on_grid(panel, panel.outcome)[panel.never_treated]
    known = ~np.isnan(rows[:, panel.time - panel.time[0]]).any(axis=1)
    rows = np.nan_to_num(rows[known])
    if not len(rows):
        return []
    size = np.ones_like(rows)
    if exposure is not None:
        size = on_grid(panel, exposure)[panel.never_treated][known]
        size = np.where(size > 0.0, size, 1.0)
    if averaged:
        joint = np.log((rows.sum(axis=0) + 0.5) / size.sum(axis=0)) if log_rate else rows.mean(axis=0)
        return [Column("mean of the comparison places", joint)]
    values = np.log((rows + 0.5) / size) if log_rate else rows
    names = panel.units[np.flatnonzero(panel.never_treated)[known]]
    return [Column(str(name), row) for name, row in zip(names, values, strict=True)]


def refuse_non_counts(panel: Panel, family: str) -> None:
    """Refuse an outcome that is no count, or an exposure that is not positive.

    Raises
    ------
    DesignRefused
        When the outcome as analysed is a logarithm.
    DataError
        Naming the first row.
    """
    if panel.transform == "log":
        raise DesignRefused(
            Reason("The {family} family needs counts, and the outcome as analysed is a logarithm.", family=family),
            next_step="Set transform: identity for this outcome, or family: gaussian.",
        )
    known = panel.observed
    wrong = known & ((panel.outcome < 0.0) | (panel.outcome != np.round(panel.outcome)))
    what, where = Reason("The {family} family needs counts (whole numbers from 0 up)", family=family), panel.outcome
    if panel.exposure is not None and not wrong.any():
        wrong = known & ~(np.isfinite(panel.exposure) & (panel.exposure > 0.0))
        what, where = Reason("Exposure must be a positive number"), panel.exposure
    if wrong.any():
        unit, period = np.argwhere(wrong)[0]
        raise DataError(
            Reason(
                "{what}; {count} rows are not, the first being unit '{unit}' in period {period}: {value:g}.",
                what=what,
                count=int(wrong.sum()),
                unit=panel.units[int(unit)],
                period=panel.calendar.text(int(panel.time[period])),
                value=where[unit, period],
            ),
            next_step="Use the column of counts and name the denominator as exposure, or set family: gaussian.",
        )


def closest_first(columns: list[Column], series: TreatedSeries) -> list[Column]:
    """Columns by how closely their changes go with the treated unit's: an order that names do not decide."""
    change = np.diff(series.outcome[series.fitted])

    def closeness(column: Column) -> float:
        moves = np.diff(column.values[series.fitted])
        spread = float(moves.std() * change.std())
        return -abs(float(((moves - moves.mean()) * (change - change.mean())).mean())) / spread if spread > 0.0 else 0.0

    return sorted(columns, key=closeness)


def covariate_columns(panel: Panel, unit: int, names: tuple[str, ...]) -> list[Column]:
    """Covariates of the treated unit itself."""
    return [Column(name, np.nan_to_num(on_grid(panel, panel.covariate(name))[unit])) for name in names]


def season_columns(
    calendar: Calendar, ordinals: IntArray, fitted: int, *, kind: str, length: int | None, harmonics: int
) -> tuple[list[Column], int | None, int | None]:
    """Columns of the season; its length; pairs of waves, None where each place in the season is free.

    ``auto`` takes free effects with three whole seasons to fit, waves with two, and none with fewer.
    """
    found = season_length(calendar) if length is None else length
    if found is None or kind == "none":
        if kind not in ("none", "auto"):
            raise ConfigError(
                Reason("seasonality is {kind}, and the calendar of these data has no season.", kind=kind),
                next_step="Set season_length to the periods after which the pattern repeats, or seasonality: none.",
            )
        return [], None, None
    if kind == "auto":
        if fitted < 2 * found:
            return [], found, None
        kind = "dummy" if fitted >= 3 * found else "harmonic"
    waves = None if kind == "dummy" else harmonics
    return seasonal_columns(season_position(calendar, ordinals, found), found, waves), found, waves


def date_columns(calendar: Calendar, ordinals: IntArray, effects: tuple[CalendarEffect, ...]) -> list[Column]:
    """Lengths of months and trading days, scaled to sd 1.

    Raises
    ------
    ConfigError
        Where the calendar has no dates.
    """
    values = calendar_columns(calendar, ordinals, effects)
    if values is None:
        raise ConfigError(
            Reason("calendar_effects need dates, and the periods of these data are numbers."),
            next_step="Give the period as a date, or set calendar_effects: [].",
        )
    spread = np.maximum(values.std(axis=0), 1e-12)
    return [Column(name, values[:, i] / spread[i], SEASON_SD) for i, name in enumerate(effects)]


def step_columns(panel: Panel, series: TreatedSeries, labels: tuple[str, ...]) -> list[Column]:
    """Lasting changes from earlier programmes on.

    Raises
    ------
    ConfigError
        For a label that no period has.
    DesignRefused
        When a programme starts where nothing before this one's start can tell its own change.
    """
    ordinals = ordinals_of(panel)
    found = []
    for label in labels:
        start = _ordinal_of(panel, label)
        after = ordinals >= start
        if not ((after & series.fitted).sum() >= 2 and (~after & series.fitted).sum() >= 2):
            raise DesignRefused(
                Reason(
                    "The programme of {label} cannot be told apart: it needs two fitted periods before it, and two "
                    "from it on that lie before the start in {period}.",
                    label=label,
                    period=panel.calendar.text(series.start),
                ),
                next_step="Leave it out of other_interventions and name it under assignment.concurrent_events.",
            )
        found.append(Column(f"since {label}", after.astype(np.float64), STEP_SD))
    return found


def _ordinal_of(panel: Panel, label: str) -> int:
    """Ordinal of the period with this label, or whose label begins with it."""
    texts = {int(ordinal): panel.calendar.text(int(ordinal)) for ordinal in ordinals_of(panel)}
    exact = [ordinal for ordinal, text in texts.items() if text == label]
    begins = exact or [ordinal for ordinal, text in texts.items() if text.startswith(label)]
    if not begins:
        first, last = texts[int(panel.time[0])], texts[int(panel.time[-1])]
        raise ConfigError(
            Reason("other_interventions names '{label}', and no period has that label.", label=label),
            allowed=f"labels from {first} to {last}, written like these",
            next_step="Correct the label.",
        )
    return begins[0]

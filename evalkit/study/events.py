"""`data.source` of kind events: which records there are, and how they become one row a unit and period."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from evalkit.study.part import Held, Identifier, Part

Operator = Literal[
    "equals",
    "not_equals",
    "in",
    "not_in",
    "at_least",
    "at_most",
    "above",
    "below",
    "starts_with",
    "is_missing",
    "is_present",
]
_COMPARES = ("at_least", "at_most", "above", "below")
_BARE = ("is_missing", "is_present")
Every = Literal["day", "week", "month", "quarter", "year", "fiscal_year"]
_HOURS = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0}


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is no time zone; write it as in the IANA list, e.g. America/Chicago") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


def _format(text: str) -> str:
    """A date format without anything that could end the text it stands in."""
    if not re.fullmatch(r"[%A-Za-z0-9 /.,:_-]+", text) or "%" not in text or re.search("%[zZ]", text):
        raise ValueError(
            "a date format has %Y, %m, %d, %H, %M, %S and marks between them, e.g. %d/%m/%Y %H:%M; "
            "a time zone is declared as 'zone'"
        )
    return text


def _moment(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Moment(Part):
    """A column that says when; its name alone where it holds timestamps, or text as YYYY-MM-DD.

    `formats` are tried in their order on text. `zone` is the time zone that the values are written in.
    """

    column: Identifier
    formats: Annotated[tuple[Annotated[str, AfterValidator(_format)], ...], BeforeValidator(_listed)] = ()
    zone: Zone | None = None

    @model_validator(mode="after")
    def _one_reading(self) -> Self:
        """Two formats that read 03/04 as March 4 and as April 3 would decide by accident."""
        blurred = [re.sub("%[md]", "%?", text) for text in self.formats]
        if len(set(blurred)) < len(set(self.formats)):
            raise ValueError("two formats differ only in the order of day and month, so one text has two readings")
        return self


When = Annotated[Moment, BeforeValidator(_moment)]


class Condition(Part):
    """A condition on one column; `value` or `values` are compared, never read as code."""

    column: Identifier
    operator: Operator
    value: Held | None = None
    values: Annotated[tuple[Held, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _what_the_operator_takes(self) -> Self:
        several, bare = self.operator in ("in", "not_in"), self.operator in _BARE
        if (self.values is None) == several or (self.value is None) != (several or bare):
            takes = "'values', a list" if several else "neither 'value' nor 'values'" if bare else "'value'"
            raise ValueError(f"the operator '{self.operator}' takes {takes}")
        if self.operator in _COMPARES and isinstance(self.value, str):
            raise ValueError(f"the operator '{self.operator}' compares numbers; put no quotes around the value")
        if isinstance(self.value, tuple) or any(isinstance(each, tuple) for each in self.values or ()):
            raise ValueError("a value is one number or text")
        if self.values is not None and len({isinstance(each, str) for each in self.values}) > 1:
            raise ValueError("the values are all numbers or all text")
        return self

    @property
    def compared(self) -> tuple[int | float | str, ...]:
        """The values that the column is compared with."""
        given = self.values if self.values is not None else () if self.value is None else (self.value,)
        return tuple(each for each in given if not isinstance(each, tuple))


class Database(Part):
    """A table; the database's address comes from an environment variable, never from a config."""

    url_env: Identifier
    table: Identifier


class Deduplicate(Part):
    """Rows that are one record: same values in `by`. Kept is the first or last one by the column `order`."""

    by: Annotated[tuple[Identifier, ...], BeforeValidator(_listed), Field(min_length=1)]
    order: Identifier
    keep: Literal["first", "last"] = "last"


class Geography(Part):
    """A table from the records' key (a tract, an address point) to the unit that the study follows."""

    path: Identifier
    key: Identifier
    unit: Identifier


class Place(Part):
    """The records' column that says where, and the table that puts it into a unit; without a table it is the unit."""

    column: Identifier
    table: Geography | None = None
    at_most_unmatched: Annotated[float, Field(ge=0, le=1)] = 0.02


class Recording(Part):
    """When recording was on: for all units (`since`, `until`), by unit from a table, or as the records show.

    A period counts as recorded where the recording covered all of it.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    path: Identifier | None = None
    unit: Identifier | None = None
    since_column: Identifier | None = None
    until_column: Identifier | None = None
    otherwise: Literal["first_and_last_record", "first_and_last_record_of_unit"] = "first_and_last_record"

    @model_validator(mode="after")
    def _a_table_has_columns(self) -> Self:
        columns = (self.since_column, self.until_column)
        if (self.path is None) != (self.unit is None) or (self.path is None) != (columns == (None, None)):
            raise ValueError("a table of recording needs 'path', 'unit', and 'since_column' or 'until_column'")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError(f"recording ends ({self.until}) before it begins ({self.since})")
        return self


class Measure(Part):
    """One column of the panel.

    ``count`` counts records (those that meet `where`); ``sum``, ``mean`` and ``median`` read `column`; ``share`` is the
    share of records that meet `where`; ``duration`` is the time until `end`, records without an end being censored at
    the extraction: its `statistic` is the Kaplan-Meier ``median``, or ``share_within`` the time `within`.
    """

    name: Identifier
    kind: Literal["count", "sum", "mean", "median", "share", "duration"]
    column: Identifier | None = None
    where: tuple[Condition, ...] = ()
    decimals: Annotated[int, Field(ge=0, le=9)] = 6
    end: When | None = None
    statistic: Literal["median", "share_within"] | None = None
    within: Annotated[float, Field(gt=0)] | None = None
    measured_in: Literal["minutes", "hours", "days"] = "days"

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        reads, lasts = self.kind in ("sum", "mean", "median"), self.kind == "duration"
        if reads != (self.column is not None):
            raise ValueError(f"'{self.kind}' {'needs' if reads else 'takes no'} 'column'")
        if self.kind == "share" and not self.where:
            raise ValueError("'share' needs 'where': the records that it is the share of")
        if lasts != (self.end is not None) or lasts != (self.statistic is not None):
            raise ValueError(f"'{self.kind}' {'needs' if lasts else 'takes no'} 'end' and 'statistic'")
        if (self.statistic == "share_within") != (self.within is not None):
            raise ValueError("'within' belongs to the statistic 'share_within'")
        return self

    @property
    def step(self) -> float:
        """Seconds that a duration is counted in: an hour for days, a minute for hours, a second for minutes."""
        return {"days": 3600.0, "hours": 60.0, "minutes": 1.0}[self.measured_in]

    @property
    def steps_in_one(self) -> float:
        """Steps in one of what it is measured in."""
        return _HOURS[self.measured_in] * 3600.0 / self.step


class Treatment(Part):
    """When units were treated: `starts` by unit, or a table. Units without a start are never treated.

    A start within a period counts from that period on, or from the first one that lies wholly after it.
    """

    starts: dict[Identifier, dt.date] = Field(default_factory=dict)
    path: Identifier | None = None
    unit: Identifier | None = None
    start: Identifier | None = None
    counts_from: Literal["period_of_start", "first_full_period"] = "period_of_start"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        table = [self.path, self.unit, self.start]
        if bool(self.starts) == (self.path is not None) or 0 < table.count(None) < len(table):
            raise ValueError("give 'starts' by unit, or a table: 'path', 'unit' and 'start'")
        return self


class Units(Part):
    """A table of all units: those without a record get their zeros by it. `columns` of it are carried over."""

    path: Identifier
    unit: Identifier
    columns: tuple[Identifier, ...] = ()


class Limits(Part):
    """Shares of records that may be unusable before the source is refused."""

    dates: Annotated[float, Field(ge=0, le=1)] = 0.001
    future: Annotated[float, Field(ge=0, le=1)] = 0.001
    durations: Annotated[float, Field(ge=0, le=1)] = 0.001
    numbers: Annotated[float, Field(ge=0, le=1)] = 0.001


class EventsSource(Part):
    """Records (calls, permits, incidents) that become one row a unit and period.

    Files: `path` may hold ``*`` and ``?``. `time` is when each happened, `recorded` when it was entered, `extracted`
    the day of the extract. `categories` are columns whose composition the quality report follows.
    """

    kind: Literal["events"]
    path: Identifier | None = None
    format: Literal["csv", "parquet"] | None = None
    encoding: Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    sha256: dict[Identifier, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(default_factory=dict)
    rows: Annotated[int, Field(ge=1)] | None = None
    database: Database | None = None
    time: When
    recorded: When | None = None
    extracted: dt.date | None = None
    time_zone: Zone | None = None
    every: Every
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12)] = 1
    place: Annotated[Place, BeforeValidator(_moment)]
    where: tuple[Condition, ...] = ()
    deduplicate: Deduplicate | None = None
    recording: Recording = Recording()
    measures: Annotated[tuple[Measure, ...], Field(min_length=1)]
    treatment: Treatment | None = None
    units: Units | None = None
    categories: tuple[Identifier, ...] = ()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _one_place_and_no_clash(self) -> Self:
        if (self.path is None) == (self.database is None):
            raise ValueError("name exactly one of 'path' (files) and 'database' (a table)")
        lasting = next((each.name for each in self.measures if each.kind == "duration"), None)
        if lasting is not None and self.extracted is None:
            raise ValueError(
                f"the duration '{lasting}' needs 'extracted', the day of the extract: records still open then are "
                f"censored there, and leaving them out would make every recent duration look short"
            )
        names = [each.name for each in self.measures] + list(() if self.units is None else self.units.columns)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is the name of more than one column of the panel")
        moments = [self.time, self.recorded, *(each.end for each in self.measures)]
        if self.time_zone is None and any(each is not None and each.zone is not None for each in moments):
            raise ValueError("a column with a 'zone' needs 'time_zone': the zone in which the city's days are counted")
        return self

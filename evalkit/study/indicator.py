"""What an indicator of performance is: the pydantic models of everything under `indicator.` in a config."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, model_validator

from evalkit.language import Language
from evalkit.study.part import Held, Identifier, Part, Text
from evalkit.study.spec import Derivation, Source
from evalkit.study.translations import IndicatorWords, require_percent_of
from evalkit.vocabulary import Direction

About = Literal["people", "places", "published"]
Rule = Literal["beyond_limits", "two_of_three", "run_of_eight", "trend_of_six"]
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _label(value: object) -> object:
    """A period may be written as a number where the data hold numbers: 2024."""
    if isinstance(value, bool):
        raise ValueError('must be a period such as "2024-03" or 2024')
    return str(value) if isinstance(value, int | float) else value


Label = Annotated[str, BeforeValidator(_label), Field(min_length=1)]
"""A period as written in a config; a month should be quoted, `"2024-03"`."""


class IndicatorData(Part):
    """Where the periods are, one row each or several that are added up.

    Attributes
    ----------
    source
        As of a study.
    period
        Column of periods: dates, whole years, decimal years.
    where
        Columns held at values; other rows are left out.
    derive
        ``running_period`` and ``constant`` derivations.
    restricted
        Whether the rows may not leave the city: counts are then of people, whatever `about` says.
    """

    source: Source
    period: Identifier
    where: dict[Identifier, Held | None] = Field(default_factory=dict)
    derive: tuple[Derivation, ...] = ()
    restricted: bool = False

    @property
    def held(self) -> dict[str, Held]:
        """Columns that are held at a value."""
        return {name: value for name, value in self.where.items() if value is not None}

    @model_validator(mode="after")
    def _no_treatment(self) -> Self:
        for each in self.derive:
            if each.kind not in ("running_period", "constant"):
                raise ValueError(f"an indicator has no treatment: it cannot derive '{each.kind}'")
        return self


class Measure(Part):
    """What is measured.

    Attributes
    ----------
    kind
        ``measurement``: one number a period (days until a permit, a temperature). ``count``: events, out of an exposure
        where there is one. ``share``: how many out of all.
    column
        The measurement, or how many.
    out_of
        Column of the exposure of a count, or of all of whom a share is taken.
    per
        Shown per so many of `out_of`: 100 for per cent.
    unit
        As read after a number.
    direction
        Which way is better.
    scale
        ``log`` for measurements above 0 whose changes are proportional.
    about
        Whom the counts count: ``people`` unless said otherwise; ``places``; or ``published`` where the source
        publishes the same numbers.
    people
        Column that counts the people behind a measurement.
    """

    kind: Literal["measurement", "count", "share"]
    column: Identifier
    out_of: Identifier | None = None
    per: Annotated[float, Field(gt=0)] = 1.0
    unit: Text
    direction: Direction
    scale: Literal["identity", "log"] = "identity"
    about: About = "people"
    people: Identifier | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.kind == "share" and self.out_of is None:
            raise ValueError("a share needs 'out_of': the column of all of whom it is taken")
        if self.kind == "measurement" and (self.out_of is not None or self.per != 1.0):
            raise ValueError("a measurement takes neither 'out_of' nor 'per': declare kind: count or share")
        if self.kind != "measurement" and self.scale == "log":
            raise ValueError("scale: log is for measurements; counts and shares have scales of their own")
        if self.kind == "count" and self.out_of is None and self.per != 1.0:
            raise ValueError("'per' needs 'out_of': per so many of what?")
        return self


class Baseline(Part):
    """From where improvement is counted, and what the chart's limits are taken from.

    Attributes
    ----------
    start, end
        First and last period.
    value
        Where the city has declared another number than the mean of these periods.
    """

    start: Label
    end: Label
    value: float | None = None


class Target(Part):
    """What is to be reached, and when.

    Attributes
    ----------
    value
        In the unit of the measure.
    date
        The period by whose end it is to be reached.
    over
        Periods, up to that date, over whose mean it is judged; a whole season where one is declared, else 1.
    """

    value: float
    date: Label
    over: Annotated[int, Field(ge=1)] | None = None


class Forecasting(Part):
    """How the series is continued.

    Attributes
    ----------
    trend
        ``damped``: a slope that dies out; ``local_level``: none; ``local_linear``: one that goes on.
    level
        Of the intervals.
    draws
        Of the predictive distribution.
    """

    trend: Literal["damped", "local_level", "local_linear"] = "damped"
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.9
    draws: Annotated[int, Field(ge=1000, le=100_000)] = 4000


class IndicatorSpec(Part):
    """One indicator of performance.

    Attributes
    ----------
    id, title, city, priority, owner
        Name of the file; what it is called; whose it is.
    description
        How it is measured and what it leaves out.
    note
        What a reader must know of baseline and target.
    season
        Periods after which a season repeats; ``true`` takes them from the calendar, ``false`` has none.
    rules
        Patterns that count as a special cause.
    laney
        Whether limits of counts and shares follow the variation seen; null leaves it to a test.
    translations
        Its words in further languages.
    """

    id: Identifier
    title: Text
    city: Text = ""
    priority: Identifier
    owner: Annotated[Text, Field(min_length=1)]
    description: Text = ""
    note: Text = ""
    measure: Measure
    data: IndicatorData
    baseline: Baseline
    target: Target
    season: StrictBool | Annotated[int, Field(ge=2)] = False
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)] = ("beyond_limits", "two_of_three", "run_of_eight")
    laney: bool | None = None
    forecast: Forecasting = Forecasting()
    translations: dict[Language, IndicatorWords] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not ID.fullmatch(self.id):
            raise ValueError("'id' names a folder: letters, digits, '_' and '-'")
        measure, target = self.measure, self.target.value
        if measure.kind != "measurement" and target < 0.0:
            raise ValueError(f"target.value is {target:g}, below 0, which no {measure.kind} can be")
        if measure.kind == "share" and target > measure.per:
            raise ValueError(f"target.value is {target:g}, above {measure.per:g}, the whole")
        if measure.scale == "log" and not target > 0.0:
            raise ValueError("target.value must be above 0 with scale: log")
        for words in self.translations.values():
            require_percent_of(words.unit, self.measure.unit, self.title)
        return self

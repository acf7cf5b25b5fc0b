"""An indicator as data: what `indicator.json` holds, validated when it is written and when it is read back."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from evalkit.evidence.disclosure import DisclosureRecord
from evalkit.indicators.json_schema import to_json
from evalkit.indicators.result import Indicator, Status
from evalkit.indicators.words import chart_name, remarks, sentences, short_label, window
from evalkit.language import Language, current
from evalkit.numerics.control_chart import Rule
from evalkit.study.indicator import IndicatorSpec
from evalkit.study.part import Part
from evalkit.study.told_measures import told_indicator
from evalkit.vocabulary import Direction

SCHEMA_VERSION: Literal["1.0.0"] = "1.0.0"
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class MeasureIdentity(Part):
    """Which run of which indicator."""

    id: str
    run_id: str
    config_sha: str
    data_sha: str | None
    git_sha: str | None
    evalkit_version: str
    created_at: dt.datetime
    language: Language = "en"


class LevelBlock(Part):
    """A mean over periods; `value` is None where none has data."""

    value: float | None
    first: str
    last: str
    periods: int


class SignalBlock(Part):
    """A period that speaks of a special cause."""

    period: str
    rule: Rule
    side: Literal[-1, 1]
    wanted: bool


class ChartBlock(Part):
    """The chart: its kind, what its limits rest on, and its signals."""

    kind: str
    centre: float
    sigma_z: float
    widened: bool
    dispersion_p: float | None
    season: int | None
    rules: tuple[Rule, ...]
    signals: tuple[SignalBlock, ...]


class OutlookBlock(Part):
    """The level over the target's periods, foretold; how sure one may be is the chance."""

    chance: Share
    value: float
    low: float
    high: float
    level: Share
    trend: str
    effective_size: float


class IndicatorDocument(Part):
    """All that is exported of an indicator, but the table of its periods."""

    schema_version: Literal["1.0.0"] = SCHEMA_VERSION
    kind: Literal["indicator"] = "indicator"
    identity: MeasureIdentity
    title: str
    city: str
    priority: str
    owner: str
    description: str
    note: str
    unit: str
    direction: Direction
    baseline: float
    baseline_declared: bool
    baseline_window: LevelBlock
    target: float
    target_date: str
    target_window: str
    latest: LevelBlock
    status: Status
    way_gone: float | None
    time_gone: float
    outlook: OutlookBlock | None
    no_outlook: str
    chart: ChartBlock
    sentences: dict[str, str]
    remarks: tuple[str, ...]
    source: str
    rows: int
    disclosure: dict[str, Any]

    def to_json(self) -> str:
        """As written to `indicator.json`, validated against the shipped JSON Schema."""
        return to_json(self, self.kind, SCHEMA_VERSION)


def config_sha(spec: Part, seed: int) -> str:
    """Hash of what was asked, the language of the answer included."""
    plain = json.dumps({"seed": seed, "language": current(), **spec.model_dump(mode="json")}, sort_keys=True)
    return f"sha256:{hashlib.sha256(plain.encode()).hexdigest()}"


def document(found: Indicator, identity: MeasureIdentity, record: DisclosureRecord) -> IndicatorDocument:
    """The document of a result whose table has passed the gate (`record`), in the language spoken."""
    found = replace(found, spec=told_indicator(found.spec))
    spec, when, outlook = found.spec, found.series.timeline, found.outlook
    way = found.way_gone
    return IndicatorDocument(
        identity=identity,
        **{name: getattr(spec, name) for name in ("title", "city", "priority", "owner", "description", "note")},
        unit=spec.measure.unit,
        direction=spec.measure.direction,
        baseline=found.baseline,
        baseline_declared=spec.baseline.value is not None,
        baseline_window=_block(found, found.observed_baseline),
        target=spec.target.value,
        target_date=short_label(spec.target.date),
        target_window=window(found, when.target - when.over + 1, when.target),
        latest=_block(found, found.latest),
        status=found.status,
        way_gone=None if way is None or np.isnan(way) else way,
        time_gone=found.time_gone,
        outlook=None if outlook is None else OutlookBlock(
            chance=outlook.chance, value=outlook.middle, low=outlook.low, high=outlook.high,
            level=spec.forecast.level, trend=spec.forecast.trend, effective_size=outlook.effective_size,
        ),
        no_outlook=found.no_outlook,
        chart=_chart(found),
        sentences=sentences(found),
        remarks=remarks(found),
        source=found.series.source,
        rows=found.series.rows,
        disclosure=record.to_dict(),
    )  # fmt: skip


def _block(found: Indicator, level: Any) -> LevelBlock:
    calendar = found.series.timeline.calendar
    return LevelBlock(
        value=level.value if level.periods else None,
        first=short_label(calendar.text(level.first)),
        last=short_label(calendar.text(level.last)),
        periods=level.periods,
    )


def _chart(found: Indicator) -> ChartBlock:
    chart, when = found.chart, found.series.timeline
    spec: IndicatorSpec = found.spec
    centre = found.drawn_chart.centre[when.baseline[0]]
    return ChartBlock(
        kind=chart_name(chart, has_exposure=spec.measure.out_of is not None),
        centre=spec.measure.per * float(centre),
        sigma_z=chart.sigma_z,
        widened=chart.widened,
        dispersion_p=None if np.isnan(chart.dispersion_p) else chart.dispersion_p,
        season=when.season,
        rules=spec.rules,
        signals=tuple(
            SignalBlock(
                period=short_label(when.calendar.text(each.place)), rule=each.rule, side=1 if each.side > 0 else -1,
                wanted=each.wanted,
            )
            for each in found.signals
        ),
    )  # fmt: skip

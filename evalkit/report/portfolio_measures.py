"""Indicators and equality trees in a portfolio: their rows on the page, and their tables as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from evalkit.evidence.disclosure import formula_safe
from evalkit.indicators.document import IndicatorDocument
from evalkit.indicators.equality_document import EqualityDocument, NodeBlock, Numbers
from evalkit.indicators.equality_words import score as score_text
from evalkit.indicators.equality_words import signed
from evalkit.indicators.phrases import PORTFOLIO, SHORT
from evalkit.indicators.words import number, short_chance
from evalkit.language import say
from evalkit.report.columns import Column
from evalkit.report.csv_file import typed
from evalkit.synthesis.portfolio import Portfolio

DASH: Final = "–"
INDICATORS_TABLE: Final = (
    Column("indicator", "string", "Id of the indicator."),
    Column("city", "string", "City."),
    Column("priority", "string", "Mayoral priority."),
    Column("title", "string", "Title."),
    Column("owner", "string", "Who answers for it."),
    Column("unit", "string", "Unit of all levels."),
    Column("direction", "string", "higher_better or lower_better."),
    Column("baseline", "number", "Level of the baseline."),
    Column("latest", "number", "Latest level."),
    Column("latest_until", "string", "Last period of it."),
    Column("target", "number", "Level to be reached."),
    Column("target_date", "string", "By when."),
    Column("status", "string", "under_way, reached, missed or unknown."),
    Column("chance", "number", "Of reaching the target, if things go on as they have; empty without a forecast."),
    Column("forecast", "number", "Median forecast of the target's periods."),
    Column("forecast_low", "number", "Lower end of the prediction interval."),
    Column("forecast_high", "number", "Upper end."),
    Column("last_signal", "string", "Last period with a special cause; empty without one."),
    Column("last_signal_wanted", "boolean", "Whether it went the wanted way."),
    Column("run", "string", "Id of the run."),
)
EQUALITY_TABLE: Final = (
    Column("tree", "string", "Id of the tree."),
    Column("city", "string", "City."),
    Column("priority", "string", "Mayoral priority."),
    Column("level", "string", "city, theme, topic or indicator."),
    Column("theme", "string", "Theme."),
    Column("topic", "string", "Topic."),
    Column("name", "string", "Name."),
    Column("year", "string", "Last year of data."),
    Column("score", "number", "1 to 100, approximate; empty where withheld."),
    Column("low", "number", "Lower end of its interval."),
    Column("high", "number", "Upper end."),
    Column("baseline", "string", "Year that change is counted from."),
    Column("change", "number", "Points since then; descriptive."),
    Column("change_low", "number", "Lower end of its interval."),
    Column("change_high", "number", "Upper end."),
    Column("target", "number", "Score to be reached."),
    Column("target_date", "string", "By when."),
    Column("needed", "number", "Points a year needed from now on."),
    Column("so_far", "number", "Points a year since the baseline."),
    Column("run", "string", "Id of the run."),
)


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """An indicator as the page shows it; `mark` is the class of its priority, that the filter looks for."""

    city: str
    title: str
    priority: str
    owner: str
    unit: str
    latest: str
    until: str
    baseline: str
    target: str
    date: str
    chance: str
    status: str
    signal: str
    page: str
    mark: str


@dataclass(frozen=True, slots=True)
class EqualityRow:
    """One level of a tree as the page shows it."""

    kind: str
    name: str
    score: str
    interval: str
    change: str
    target: str
    needed: str
    so_far: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree as the page shows it: the city and its themes."""

    city: str
    title: str
    year: str
    baseline: str
    sentence: str
    rows: tuple[EqualityRow, ...]
    page: str
    mark: str


def indicator_rows(
    portfolio: Portfolio, marks: Mapping[str, str], pages: Mapping[str, str]
) -> tuple[IndicatorRow, ...]:
    """Rows of all indicators; `pages` maps ``indicator/ID`` to a page of the site."""
    return tuple(
        IndicatorRow(
            city=each.city,
            title=each.title,
            priority=portfolio.priorities[each.priority],
            owner=each.owner,
            unit=each.unit,
            latest=DASH if each.latest.value is None else number(each.latest.value),
            until=each.latest.last,
            baseline=number(each.baseline),
            target=number(each.target),
            date=each.target_date,
            chance=DASH if each.outlook is None else short_chance(each.outlook.chance),
            status=SHORT.get(each.status, "") if each.outlook is None else "",
            signal=each.sentences["signal"],
            page=pages.get(f"indicator/{each.identity.id}", ""),
            mark=marks[each.priority],
        )
        for each in portfolio.indicators
    )


def trees(portfolio: Portfolio, marks: Mapping[str, str], pages: Mapping[str, str]) -> tuple[Tree, ...]:
    """All equality trees, city and themes; `pages` maps ``equality/ID`` to a page of the site."""
    return tuple(
        Tree(
            city=each.city or each.title,
            title=each.title,
            year=each.year,
            baseline=each.baseline,
            sentence=each.sentences["path"],
            rows=tuple(_tree_row(node) for node in each.nodes if node.kind in ("city", "theme")),
            page=pages.get(f"equality/{each.identity.id}", ""),
            mark=marks[each.priority],
        )
        for each in portfolio.equality
    )


def _tree_row(node: NodeBlock) -> EqualityRow:
    score, change, path = node.score, node.change, node.path
    withheld = PORTFOLIO["withheld"]
    return EqualityRow(
        kind=node.kind,
        name=node.name,
        score=withheld if score is None else score_text(score.value),
        interval="" if score is None else _span(score),
        change=DASH if change is None else _change(change),
        target=DASH if path is None else PORTFOLIO["by"].format(target=score_text(path.target), date=path.date),
        needed=DASH if path is None or path.needed is None else signed(path.needed),
        so_far=DASH if path is None else signed(path.so_far.value),
    )


def _span(score: Numbers) -> str:
    return say("{low} to {high}", low=score_text(score.low), high=score_text(score.high))


def _change(change: Numbers) -> str:
    return say(
        "{value} ({low} to {high})",
        value=signed(change.value),
        low=signed(change.low),
        high=signed(change.high),
    )


def indicators_table(portfolio: Portfolio) -> pd.DataFrame:
    """One row an indicator; columns as :data:`INDICATORS_TABLE`."""
    return typed([_indicator(each) for each in portfolio.indicators], INDICATORS_TABLE)


def equality_table(portfolio: Portfolio) -> pd.DataFrame:
    """One row for each level of each tree; columns as :data:`EQUALITY_TABLE`."""
    return typed([_level(each, node) for each in portfolio.equality for node in each.nodes], EQUALITY_TABLE)


def _indicator(each: IndicatorDocument) -> dict[str, Any]:
    outlook, signals = each.outlook, each.chart.signals
    row: dict[str, Any] = {
        "indicator": formula_safe(each.identity.id),
        **{name: formula_safe(getattr(each, name)) for name in ("city", "priority", "title", "owner", "unit")},
        "direction": each.direction,
        "baseline": each.baseline,
        "latest": each.latest.value,
        "latest_until": each.latest.last,
        "target": each.target,
        "target_date": formula_safe(each.target_date),
        "status": each.status,
        "run": each.identity.run_id,
    }
    if outlook is not None:
        row |= {"chance": outlook.chance, "forecast": outlook.value, "forecast_low": outlook.low,
                "forecast_high": outlook.high}  # fmt: skip
    if signals:
        row |= {"last_signal": signals[-1].period, "last_signal_wanted": signals[-1].wanted}
    return row


def _level(each: EqualityDocument, node: NodeBlock) -> dict[str, Any]:
    row: dict[str, Any] = {
        "tree": formula_safe(each.identity.id), "city": formula_safe(each.city),
        "priority": formula_safe(each.priority),
        "level": node.kind, "theme": formula_safe(node.theme), "topic": formula_safe(node.topic),
        "name": formula_safe(node.name), "year": each.year, "baseline": each.baseline, "run": each.identity.run_id,
    }  # fmt: skip
    if node.score is not None:
        row |= {"score": node.score.value, "low": node.score.low, "high": node.score.high}
    if node.change is not None:
        row |= {"change": node.change.value, "change_low": node.change.low, "change_high": node.change.high}
    if node.path is not None:
        row |= {"target": node.path.target, "target_date": formula_safe(node.path.date), "needed": node.path.needed,
                "so_far": node.path.so_far.value}  # fmt: skip
    return row

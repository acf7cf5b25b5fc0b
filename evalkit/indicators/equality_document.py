"""A tree of equality indicators as data: what `equality.json` holds, validated when written and when read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal

import pandas as pd

from evalkit.evidence.disclosure import DisclosureRecord, gate
from evalkit.indicators.document import MeasureIdentity
from evalkit.indicators.equality_result import Compared, Equality, Node, Ranged, few, policy_of
from evalkit.indicators.equality_told import told_tree
from evalkit.indicators.equality_words import path_words, remarks, sentences
from evalkit.indicators.json_schema import to_json
from evalkit.study.part import Part
from evalkit.study.told_measures import told_equality, told_group
from evalkit.vocabulary import Direction

SCHEMA_VERSION: Literal["1.1.0"] = "1.1.0"
"""1.1.0 adds `nodes.declared`; documents of 1.0.0 are read as well."""
SCORE_COLUMNS: Final = ("level", "theme", "topic", "name", "year", "score", "low", "high")
GAP_COLUMNS: Final = (
    "theme", "topic", "indicator", "year", "unit", "group", "value", "value_low", "value_high", "compared_with",
    "other", "other_low", "other_high", "gap", "gap_low", "gap_high", "ratio", "ratio_low", "ratio_high", "score",
    "score_low", "score_high",
)  # fmt: skip


class Numbers(Part):
    """A number with its interval."""

    value: float
    low: float
    high: float


class PathBlock(Part):
    """The way to a target."""

    target: float
    date: str
    years_left: float
    needed: float | None
    so_far: Numbers
    ahead: Numbers | None
    sentence: str


class NodeBlock(Part):
    """One level of the tree; scores are None where it is withheld.

    `declared` is the name in the config where `name` is a translation of it, so that levels can be told apart and
    followed across languages.
    """

    kind: Literal["city", "theme", "topic", "indicator"]
    name: str
    theme: str
    topic: str
    score: Numbers | None
    baseline_score: Numbers | None
    change: Numbers | None
    noise_score: float | None
    path: PathBlock | None
    withheld: bool
    unit: str = ""
    direction: Direction | None = None
    replaces: str = ""
    declared: str = ""


class EqualityDocument(Part):
    """All that is exported of a tree, but its tables."""

    schema_version: Literal["1.0.0", "1.1.0"] = SCHEMA_VERSION
    kind: Literal["equality"] = "equality"
    identity: MeasureIdentity
    title: str
    city: str
    priority: str
    owner: str
    description: str
    note: str
    year: str
    baseline: str
    level: float
    approximate: Literal[True] = True
    nodes: tuple[NodeBlock, ...]
    sentences: dict[str, str]
    remarks: tuple[str, ...]
    source: str
    rows: int
    disclosure: dict[str, Any]

    @property
    def top(self) -> NodeBlock:
        """The city."""
        return self.nodes[0]

    def to_json(self) -> str:
        """As written to `equality.json`, validated against the shipped JSON Schema."""
        return to_json(self, self.kind, SCHEMA_VERSION)


def tables(found: Equality) -> tuple[pd.DataFrame, pd.DataFrame, DisclosureRecord]:
    """Scores of every level and year, and the groups behind each indicator, through the disclosure gate.

    An indicator with a cell of few people has no numbers in either table, in no year, and is part of no average: what
    is left cannot give it away. The record counts such cells; text is made safe to open in a spreadsheet. Names are in
    the language spoken.
    """
    found = told_tree(found)
    scores = pd.DataFrame(
        [row for node in found.city.walk() for row in _score_rows(found, node)], columns=list(SCORE_COLUMNS)
    )
    gaps = pd.DataFrame(
        [row for node in found.city.walk() for row in _gap_rows(found, node)], columns=list(GAP_COLUMNS)
    )
    rules = replace(found.policy, reason=policy_of(found.spec).reason)  # in the language spoken
    shown = [
        gate(table, counts=[], min_cell=rules.min_cell, subject=rules.subject, reason=rules.reason)
        for table in (scores, gaps)
    ]
    cells = sorted(found.data.people)
    closed = tuple(place for place, cell in enumerate(cells) if few(rules, found.data.people[cell]))
    record = DisclosureRecord(
        rules.subject, rules.min_cell, rules.reason, len(cells), closed, (), (),
        sum(each[1].escaped for each in shown),
    )  # fmt: skip
    return shown[0][0], shown[1][0], record


def document(found: Equality, identity: MeasureIdentity, record: DisclosureRecord) -> EqualityDocument:
    """The document of a tree whose tables have passed the gate (`record`), in the language spoken."""
    spec, data = told_equality(found.spec), found.data
    shown = told_tree(found)
    pairs = zip(shown.city.walk(), found.city.walk(), strict=True)
    return EqualityDocument(
        identity=identity,
        **{name: getattr(spec, name) for name in ("title", "city", "priority", "owner", "description", "note")},
        year=str(data.now),
        baseline=str(data.baseline),
        level=spec.level,
        nodes=tuple(_block(shown, node, "" if node.name == own.name else own.name) for node, own in pairs),
        sentences=sentences(shown),
        remarks=remarks(shown),
        source=data.source,
        rows=data.rows,
        disclosure=record.to_dict(),
    )


def _block(found: Equality, node: Node, declared: str) -> NodeBlock:
    theme, topic = _parents(node)
    now, then = node.scores.get(found.data.now), node.scores.get(found.data.baseline)
    path = None
    if node.path is not None and now is not None:
        each = node.path
        path = PathBlock(
            target=each.target, date=each.date, years_left=each.years_left, needed=each.needed,
            so_far=_given(each.so_far), ahead=_numbers(each.ahead), sentence=path_words(each, now),
        )  # fmt: skip
    one = node.indicator
    return NodeBlock(
        kind=node.kind,
        name=node.name,
        theme=theme,
        topic=topic,
        score=_numbers(now),
        baseline_score=_numbers(then),
        change=_numbers(node.change),
        noise_score=node.noise_score,
        path=path,
        withheld=node.withheld,
        unit="" if one is None else one.unit,
        direction=None if one is None else one.direction,
        replaces="" if one is None or one.replaces is None else one.replaces.name,
        declared=declared,
    )


def _parents(node: Node) -> tuple[str, str]:
    theme, topic = (*node.parents, "", "")[:2]
    if node.kind == "theme":
        theme = node.name
    if node.kind == "topic":
        topic = node.name
    return theme, topic


def _given(value: Ranged) -> Numbers:
    return Numbers(value=value.value, low=value.low, high=value.high)


def _numbers(value: Ranged | None) -> Numbers | None:
    return None if value is None else _given(value)


def _score_rows(found: Equality, node: Node) -> list[dict[str, object]]:
    theme, topic = _parents(node)
    return [
        {
            "level": node.kind, "theme": theme, "topic": topic, "name": node.name,
            "year": str(year), "score": each.value, "low": each.low,
            "high": each.high,
        }
        for year, each in sorted(node.scores.items())
    ]  # fmt: skip


def _gap_rows(found: Equality, node: Node) -> list[dict[str, object]]:
    one = node.indicator
    if one is None:
        return []
    theme, topic = _parents(node)
    rows = []
    for year, each in sorted(node.compared.items()):
        row: dict[str, object] = {
            "theme": theme, "topic": topic, "indicator": node.name,
            "year": str(year), "unit": one.unit,
            "group": told_group(found.spec, one.groups[0]),
            "compared_with": told_group(found.spec, one.groups[1]) if len(one.groups) > 1 else "",
        }  # fmt: skip
        rows.append(row | _flat(each, node.scores[year]))
    return rows


def _flat(compared: Compared, score: Ranged) -> dict[str, float | None]:
    parts = {"value": compared.first, "other": compared.second, "gap": compared.gap, "ratio": compared.ratio,
             "score": score}  # fmt: skip
    flat: dict[str, float | None] = {}
    for name, numbers in parts.items():
        for suffix, field in (("", "value"), ("_low", "low"), ("_high", "high")):
            flat[name + suffix] = None if numbers is None else float(getattr(numbers, field))
    return flat

"""A tree of equality indicators evaluated: scores of every level and year, change, and the path to targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from evalkit.evidence.disclosure import Policy, small
from evalkit.evidence.standard import Standard, shipped
from evalkit.indicators.equality_data import EqualityData, Pair, read_equality, year_of
from evalkit.language import phrase
from evalkit.numerics.equality_score import percentage_scores, ratio_of, scores_of
from evalkit.numerics.score_draws import (
    average_interval,
    draw_levels,
    noise_alone,
    ratio_interval,
    score_interval,
)
from evalkit.study.equality import EqualityIndicator, EqualitySpec, ScoreTarget
from evalkit.vocabulary import FloatArray

Kind = Literal["city", "theme", "topic", "indicator"]
LEAST: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Ranged:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Two groups in one year.

    Attributes
    ----------
    first, second
        Levels, in the unit of the indicator. `second` is None for a percentage of the whole city.
    gap
        First less second.
    ratio
        Of the group observed to be larger over the other: its interval may reach below 1. None where a level is 0.
    """

    first: Ranged
    second: Ranged | None
    gap: Ranged | None
    ratio: Ranged | None


@dataclass(frozen=True, slots=True)
class Course:
    """The way to a target.

    Attributes
    ----------
    target, date
        Score and year.
    years_left
        From the last year of data.
    needed
        Points a year from now on.
    so_far
        Points a year since the baseline.
    ahead
        The score at the date if the pace so far goes on, within 1 and 100.
    """

    target: float
    date: str
    years_left: float
    needed: float | None
    so_far: Ranged
    ahead: Ranged | None


@dataclass(frozen=True, slots=True)
class Node:
    """One level of the tree.

    Attributes
    ----------
    kind, name, parents
        What it is, and the names above it, from the theme down.
    scores
        Year to score; years in which an indicator under it has no data are left out.
    change
        Of the score since the baseline; None where it is withheld.
    noise_score
        Mean score that samples as large as the last year's would have if all groups were equal.
    path
        To the target; None without one.
    compared
        Year to its two groups; of indicators alone.
    indicator
        As declared; None above.
    withheld
        Whether a group is too small to be shown; nothing of it is then part of any average.
    children
        One level below.
    """

    kind: Kind
    name: str
    parents: tuple[str, ...]
    scores: Mapping[int, Ranged]
    change: Ranged | None
    noise_score: float | None
    path: Course | None
    compared: Mapping[int, Compared]
    indicator: EqualityIndicator | None
    withheld: bool
    children: tuple[Node, ...]

    def walk(self) -> list[Node]:
        """The node and all below it, from the top."""
        return [self, *(node for child in self.children for node in child.walk())]


@dataclass(frozen=True, slots=True)
class Equality:
    """A tree with what it was asked for and read from."""

    spec: EqualitySpec
    data: EqualityData
    city: Node
    policy: Policy


def evaluate_equality(
    spec: EqualitySpec, *, data_root: Path, seed: int = 0, standard: Standard | None = None
) -> Equality:
    """Read a tree's data and score it. Writes no files, logs nothing.

    Raises
    ------
    ConfigError, DataError
        As :func:`evalkit.indicators.equality_data.read_equality`.
    """
    return score_tree(spec, read_equality(spec, data_root), seed=seed, standard=standard)


def policy_of(spec: EqualitySpec, standard: Standard | None = None) -> Policy:
    """Counts are of people, unless the source publishes the same numbers."""
    least = (standard or shipped()).disclosure.min_cell
    if spec.data.restricted:
        return Policy("persons", least, phrase("the source is restricted"))
    if spec.data.about == "published":
        return Policy("places", least, phrase("the source publishes the same numbers"))
    return Policy("persons", least, phrase("counts are of people"))


def few(rules: Policy, counts: Sequence[float]) -> bool:
    """Whether a cell must not be shown: one of its counts is of few people, or, of people, nothing counts them.

    Examples
    --------
    >>> rules = Policy("persons", 11, "counts are of people")
    >>> few(rules, (40, 200)), few(rules, (4, 200)), few(rules, ()), few(rules, (0, 200))
    (False, True, True, False)
    """
    if rules.subject != "persons":
        return False
    return not counts or any(np.isnan(count) or small(rules, count) for count in counts)


@dataclass(frozen=True, slots=True)
class _Scored:
    """A node and the draws of its scores by year; `noise` are scores under equality, in the last year."""

    node: Node
    draws: Mapping[int, FloatArray]
    noise: FloatArray | None


def score_tree(spec: EqualitySpec, data: EqualityData, *, seed: int = 0, standard: Standard | None = None) -> Equality:
    """The same from data that were read before."""
    rules = policy_of(spec, standard)
    maker = _Maker(spec, data, rules, np.random.default_rng(seed))
    themes = []
    for theme in spec.themes:
        topics = []
        for topic in theme.topics:
            leaves = [maker.leaf(each, (theme.name, topic.name)) for each in topic.indicators]
            topics.append(maker.average("topic", topic.name, (theme.name,), leaves, topic.target))
        themes.append(maker.average("theme", theme.name, (), topics, theme.target))
    city = maker.average("city", spec.city or spec.title, (), themes, spec.target)
    return Equality(spec, data, city.node, rules)


@dataclass(frozen=True, slots=True)
class _Maker:
    spec: EqualitySpec
    data: EqualityData
    rules: Policy
    rng: np.random.Generator

    def leaf(self, indicator: EqualityIndicator, parents: tuple[str, ...]) -> _Scored:
        """One indicator in every year with data of all its groups."""
        cells, groups = self.data.cells, indicator.groups
        years = [year for year in self.data.years if all((indicator.key, group, year) in cells for group in groups)]
        if self._small(indicator, years):
            return _Scored(
                self._node("indicator", indicator.name, parents, withheld=True, indicator=indicator), {}, None
            )
        drawn, scores, compared = {}, {}, {}
        for year in years:
            pairs = [cells[indicator.key, group, year] for group in groups]
            levels = [
                np.maximum(draw_levels(indicator.kind, *pair, self.spec.draws, self.rng), LEAST) for pair in pairs
            ]
            drawn[year], scores[year] = self._score(indicator, pairs, levels)
            compared[year] = self._compared(indicator, pairs, levels)
        noise = None
        last = [cells[indicator.key, group, self.data.now] for group in groups]
        if len(last) == 2:
            noise = noise_alone(indicator.kind, last[0], last[1], self.spec.draws, self.rng)
        node = self._node(
            "indicator", indicator.name, parents, scores=scores, change=self._change(scores, drawn),
            noise=noise, indicator=indicator, compared=compared,
        )  # fmt: skip
        return _Scored(node, drawn, noise)

    def average(
        self, kind: Kind, name: str, parents: tuple[str, ...], parts: Sequence[_Scored], target: ScoreTarget | None
    ) -> _Scored:
        """Mean of the parts that may be shown, in every year that all of them have."""
        kept = [part for part in parts if part.draws]
        children = tuple(part.node for part in parts)
        if not kept:
            return _Scored(self._node(kind, name, parents, withheld=True, children=children), {}, None)
        years = [year for year in self.data.years if all(year in part.draws for part in kept)]
        drawn = {year: np.mean([part.draws[year] for part in kept], axis=0) for year in years}
        scores = {}
        for year in years:
            value = float(np.mean([part.node.scores[year].value for part in kept]))
            low, high = average_interval(value, drawn[year], self.spec.level)
            scores[year] = Ranged(value, max(low, 1.0), min(high, 100.0))
        known = [part.noise for part in kept if part.noise is not None]
        noise = np.mean(known, axis=0) if known else None
        change = self._change(scores, drawn)
        node = self._node(
            kind, name, parents, scores=scores, change=change, noise=noise, children=children,
            path=None if target is None else self._path(target, scores, change),
        )  # fmt: skip
        return _Scored(node, drawn, noise)

    def _small(self, indicator: EqualityIndicator, years: Sequence[int]) -> bool:
        """Whether a cell counts few people, or, of people, nothing counts them: the gate is closed then."""
        counts = [self.data.people[indicator.key, group, year] for group in indicator.groups for year in years]
        return any(few(self.rules, each) for each in counts)

    def _score(
        self, indicator: EqualityIndicator, pairs: Sequence[Pair], levels: Sequence[FloatArray]
    ) -> tuple[FloatArray, Ranged]:
        """(S,) draws of the score, and the score with its interval."""
        if indicator.kind == "percentage":
            higher = indicator.direction == "higher_better"
            drawn = percentage_scores(levels[0], higher_better=higher)
            value = float(percentage_scores(np.array(pairs[0][0] / pairs[0][1]), higher_better=higher))
            tail = (1.0 - self.spec.level) / 2.0
            low, high = (float(each) for each in np.quantile(drawn, [tail, 1.0 - tail]))
            return drawn, Ranged(value, min(low, value), max(high, value))
        points = [max(_level(indicator, pair), 0.5 / pair[1] if indicator.kind != "measurement" else LEAST)
                  for pair in pairs]  # fmt: skip
        value = float(scores_of(np.array(points[0]), np.array(points[1])))
        low, high = score_interval(*ratio_interval(levels[0], levels[1], self.spec.level))
        return scores_of(levels[0], levels[1]), Ranged(value, min(low, value), max(high, value))

    def _compared(
        self, indicator: EqualityIndicator, pairs: Sequence[Pair], levels: Sequence[FloatArray]
    ) -> Compared:  # fmt: skip
        points = [indicator.per * _level(indicator, pair) for pair in pairs]
        shown = [self._ranged(point, indicator.per * drawn) for point, drawn in zip(points, levels, strict=True)]
        if len(points) == 1:
            return Compared(shown[0], None, None, None)
        gap = self._ranged(points[0] - points[1], indicator.per * (levels[0] - levels[1]))
        ratio = ratio_of(points[0], points[1])
        larger, smaller = levels if points[0] >= points[1] else levels[::-1]
        interval = ratio_interval(larger, smaller, self.spec.level)
        return Compared(shown[0], shown[1], gap, None if ratio is None else Ranged(ratio, *interval))

    def _ranged(self, value: float, drawn: FloatArray) -> Ranged:
        tail = (1.0 - self.spec.level) / 2.0
        low, high = (float(each) for each in np.quantile(drawn, [tail, 1.0 - tail]))
        return Ranged(value, min(low, value), max(high, value))

    def _change(self, scores: Mapping[int, Ranged], drawn: Mapping[int, FloatArray]) -> Ranged:
        first, last = self.data.baseline, self.data.now
        value = scores[last].value - scores[first].value
        return Ranged(value, *average_interval(value, drawn[last] - drawn[first], self.spec.level))

    def _path(self, target: ScoreTarget, scores: Mapping[int, Ranged], change: Ranged) -> Course:
        data = self.data
        left = float((year_of(target.date) or data.now) - data.now)
        gone = float(data.now - data.baseline)
        now = scores[data.now].value
        so_far = Ranged(change.value / gone, change.low / gone, change.high / gone)
        if left <= 0.0:
            return Course(target.score, target.date, left, None, so_far, None)
        ahead = [float(np.clip(now + left * pace, 1.0, 100.0)) for pace in (so_far.value, so_far.low, so_far.high)]
        needed = max((target.score - now) / left, 0.0)
        return Course(target.score, target.date, left, needed, so_far, Ranged(*ahead))

    def _node(
        self,
        kind: Kind,
        name: str,
        parents: tuple[str, ...],
        *,
        scores: Mapping[int, Ranged] | None = None,
        change: Ranged | None = None,
        noise: FloatArray | None = None,
        path: Course | None = None,
        compared: Mapping[int, Compared] | None = None,
        indicator: EqualityIndicator | None = None,
        withheld: bool = False,
        children: tuple[Node, ...] = (),
    ) -> Node:
        return Node(
            kind, name, parents, scores or {}, change, None if noise is None else float(noise.mean()), path,
            compared or {}, indicator, withheld, children,
        )  # fmt: skip


def _level(indicator: EqualityIndicator, pair: Pair) -> float:
    return pair[0] if indicator.kind == "measurement" else pair[0] / pair[1]

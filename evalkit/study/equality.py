"""What a tree of equality indicators is: the pydantic models of everything under `equality.` in a config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evalkit.language import Language
from evalkit.study.indicator import ID, Label
from evalkit.study.part import Held, Identifier, Part, Text
from evalkit.study.spec import Derivation, Source
from evalkit.study.translations import EqualityWords, require_known, require_percent_of
from evalkit.vocabulary import Direction


class EqualityData(Part):
    """One table of all indicators: a row for each indicator, group and year.

    Attributes
    ----------
    source
        As of a study.
    period, indicator, group
        Columns that say which row it is.
    count, out_of
        Of shares and rates.
    value, std_error
        Of measurements: a survey's estimate and its standard error.
    people
        Column that counts the people behind a measurement.
    about
        ``people``, or ``published`` where the source publishes the same numbers.
    where, derive, restricted
        As of an indicator.
    """

    source: Source
    period: Identifier = "year"
    indicator: Identifier = "indicator"
    group: Identifier = "group"
    count: Identifier | None = None
    out_of: Identifier | None = None
    value: Identifier | None = None
    std_error: Identifier | None = None
    people: Identifier | None = None
    about: Literal["people", "published"] = "people"
    where: dict[Identifier, Held | None] = Field(default_factory=dict)
    derive: tuple[Derivation, ...] = ()
    restricted: bool = False

    @property
    def held(self) -> dict[str, Held]:
        """Columns that are held at a value."""
        return {name: value for name, value in self.where.items() if value is not None}

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.count is None) != (self.out_of is None):
            raise ValueError("'count' and 'out_of' go together")
        if (self.value is None) != (self.std_error is None):
            raise ValueError("'value' and 'std_error' go together: without its error a measurement's score has none")
        if self.count is None and self.value is None:
            raise ValueError("name the columns 'count' and 'out_of', or 'value' and 'std_error'")
        if any(each.kind not in ("running_period", "constant") for each in self.derive):
            raise ValueError("equality indicators have no treatment: derive running_period or constant")
        return self


class Replaced(Part):
    """An indicator that this one took the place of, in earlier years too."""

    name: Text
    reason: Annotated[Text, Field(min_length=1)]


class EqualityIndicator(Part):
    """One indicator: the same thing in two groups.

    Attributes
    ----------
    name
        As readers see it.
    id
        Value in the data's indicator column; `name` unless given.
    kind
        ``share`` (binomial), ``rate`` (Poisson events per exposure), ``measurement`` (value with standard error), or
        ``percentage``: a share of the whole city, whose score is the per cent itself.
    per, unit, direction
        How levels are shown, and which way is better.
    groups
        The one expected to be worse off, then the one it is compared with; of a percentage, the one row.
    replaces
        Where it took the place of another indicator.
    """

    name: Annotated[Text, Field(min_length=1)]
    id: Identifier | None = None
    kind: Literal["share", "rate", "measurement", "percentage"] = "share"
    per: Annotated[float, Field(gt=0)] = 1.0
    unit: Text
    direction: Direction
    groups: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=2)]
    replaces: Replaced | None = None

    @property
    def key(self) -> str:
        """Its value in the data's indicator column."""
        return self.id or self.name

    @model_validator(mode="after")
    def _two_groups(self) -> Self:
        if self.kind == "percentage" and len(self.groups) != 1:
            raise ValueError("a percentage is of the whole city: name one group, the row that holds it")
        if self.kind != "percentage" and len(set(self.groups)) != 2:
            raise ValueError("name two groups that differ: the one expected to be worse off, then the other")
        return self


class ScoreTarget(Part):
    """A score to be reached by a year."""

    score: Annotated[float, Field(ge=1, le=100)]
    date: Label


class Topic(Part):
    """Indicators averaged with equal weights."""

    name: Annotated[Text, Field(min_length=1)]
    indicators: Annotated[tuple[EqualityIndicator, ...], Field(min_length=1)]
    target: ScoreTarget | None = None


class Theme(Part):
    """Topics averaged with equal weights."""

    name: Annotated[Text, Field(min_length=1)]
    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]
    target: ScoreTarget | None = None


class EqualitySpec(Part):
    """A city's tree of equality indicators.

    Attributes
    ----------
    id, title, city, priority, owner, description, note
        As of an indicator.
    baseline
        Year that change is counted from.
    target
        Of the city's score; themes and topics may have their own.
    themes
        Averaged with equal weights.
    level
        Of the intervals.
    draws
        Of the simulation.
    translations
        Its words in further languages.
    """

    id: Identifier
    title: Text
    city: Text = ""
    priority: Identifier = "equity"
    owner: Annotated[Text, Field(min_length=1)]
    description: Text = ""
    note: Text = ""
    data: EqualityData
    baseline: Label
    target: ScoreTarget | None = None
    themes: Annotated[tuple[Theme, ...], Field(min_length=1)]
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    draws: Annotated[int, Field(ge=1000, le=50_000)] = 4000
    translations: dict[Language, EqualityWords] = Field(default_factory=dict)

    @property
    def indicators(self) -> Iterator[tuple[Theme, Topic, EqualityIndicator]]:
        """All indicators with the topic and theme they are in."""
        for theme in self.themes:
            for topic in theme.topics:
                for indicator in topic.indicators:
                    yield theme, topic, indicator

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if not ID.fullmatch(self.id):
            raise ValueError("'id' names a folder: letters, digits, '_' and '-'")
        found = [indicator for _, _, indicator in self.indicators]
        for what, names in (
            ("indicators", [each.key for each in found]),
            ("themes", [theme.name for theme in self.themes]),
            ("topics", [f"{theme.name}: {topic.name}" for theme in self.themes for topic in theme.topics]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"two {what} are called '{twice[0]}'")
        there = {name for each in found for name in (each.key, each.name)}
        for each in found:
            if each.replaces is not None and each.replaces.name in there:
                raise ValueError(
                    f"'{each.name}' replaces '{each.replaces.name}', which is still there: a replaced indicator leaves "
                    f"the tree, in earlier years too"
                )
            needs = ("value", "std_error") if each.kind == "measurement" else ("count", "out_of")
            if getattr(self.data, needs[0]) is None:
                raise ValueError(f"'{each.name}' is a {each.kind}: name the columns '{needs[0]}' and '{needs[1]}'")
        return self

    @model_validator(mode="after")
    def _translations_of_what_is_declared(self) -> Self:
        units = {each.name: each.unit for _, _, each in self.indicators}
        topics = {topic.name for theme in self.themes for topic in theme.topics}
        groups = {group for _, _, each in self.indicators for group in each.groups}
        for language, words in self.translations.items():
            what = f"into '{language}' the"
            require_known(words.themes, {theme.name for theme in self.themes}, f"{what} theme")
            require_known(words.topics, topics, f"{what} topic")
            require_known(words.indicators, units, f"{what} indicator")
            require_known(words.groups, groups, f"{what} group")
            for name, leaf in words.indicators.items():
                require_percent_of(leaf.unit, units[name], name)
        return self

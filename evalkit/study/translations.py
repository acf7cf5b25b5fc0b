"""The study's own words in further languages: declared beside the study, keys as strict as its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from evalkit.errors import closest

Word = Annotated[str, Field(min_length=1)]


class Words(BaseModel):
    """A part of a translation: frozen, and no unknown keys; what is left out stays as declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QuestionWords(Words):
    """The question."""

    population: Word | None = None
    intervention: Word | None = None
    comparator: Word | None = None
    outcome: Word | None = None
    setting: Word | None = None
    theory_of_change: Word | None = None


class AssignmentWords(Words):
    """How units were treated; `units` is the plural of `unit` where the rule of the language is not enough."""

    unit: Word | None = None
    units: Word | None = None
    selection_rule: Word | None = None
    concurrent_events: tuple[Word, ...] | None = None


class DeliveryWords(Words):
    """What was delivered."""

    dates: Word | None = None
    dose: Word | None = None
    fidelity: Word | None = None
    contamination: Word | None = None


class GovernanceWords(Words):
    """Who paid, and what an ethics review said."""

    funder: Word | None = None
    contact: Word | None = None
    ethics_review: Word | None = None


class SmallestChangeWords(Words):
    """Why the smallest change that matters is as large as it is."""

    rationale: Word | None = None
    unit: Word | None = None


class OutcomeWords(Words):
    """One outcome: its name with the article that it has inside a sentence ("los homicidios")."""

    name: Word | None = None
    unit: Word | None = None
    event_name: Word | None = None
    source: Word | None = None
    mid: SmallestChangeWords = SmallestChangeWords()


class CostWords(Words):
    """What the programme cost; ingredients by their declared name."""

    perspective: Word | None = None
    threshold: Word | None = None
    ingredients: dict[str, Word] = Field(default_factory=dict)


class UseWords(Words):
    """Limitations, one for each that is declared and in their order, and where else the result may hold."""

    limitations: tuple[Word, ...] | None = None
    transferability: Word | None = None


class Translation(Words):
    """The study's words in one language.

    `programme` is the subject of sentences and carries its article: "la ley", "las zonas". `outcomes`, `groups` and
    `labels` (of robustness runs) are by declared name.
    """

    title: Word | None = None
    programme: Word | None = None
    city: Word | None = None
    question: QuestionWords = QuestionWords()
    assignment: AssignmentWords = AssignmentWords()
    governance: GovernanceWords = GovernanceWords()
    delivery: DeliveryWords = DeliveryWords()
    outcomes: dict[str, OutcomeWords] = Field(default_factory=dict)
    groups: dict[str, Word] = Field(default_factory=dict)
    labels: dict[str, Word] = Field(default_factory=dict)
    cost: CostWords = CostWords()
    use: UseWords = UseWords()


class MeasureWords(Words):
    """What indicators and equality trees have in common."""

    title: Word | None = None
    city: Word | None = None
    owner: Word | None = None
    description: Word | None = None
    note: Word | None = None


class IndicatorWords(MeasureWords):
    """An indicator of performance in one language."""

    unit: Word | None = None


class LeafWords(Words):
    """An indicator of a tree; `replaced` and `reason` are of the one whose place it took."""

    name: Word | None = None
    unit: Word | None = None
    replaced: Word | None = None
    reason: Word | None = None


class EqualityWords(MeasureWords):
    """A tree of equality indicators in one language; every level by its declared name, groups by their value."""

    themes: dict[str, Word] = Field(default_factory=dict)
    topics: dict[str, Word] = Field(default_factory=dict)
    indicators: dict[str, LeafWords] = Field(default_factory=dict)
    groups: dict[str, Word] = Field(default_factory=dict)


def require_known(named: Collection[str], known: Collection[str], what: str) -> None:
    """Refuse a name that the study does not declare.

    Raises
    ------
    ValueError
        Naming the closest one.
    """
    for name in named:
        if name not in known:
            near = closest(name, known)
            hint = f"did you mean '{near}'?" if near else f"declared are {', '.join(sorted(known)) or 'none'}"
            raise ValueError(f"translates {what} '{name}', which the study does not declare: {hint}")


def require_same_number(translated: Collection[str] | None, declared: Collection[str], what: str) -> None:
    """Refuse a list that has lost or gained an entry on the way.

    Raises
    ------
    ValueError
        With both numbers.
    """
    if translated is not None and len(translated) != len(declared):
        raise ValueError(f"translates {len(translated)} {what}, and the study declares {len(declared)}")


def require_percent_alike(translated: Mapping[str, OutcomeWords], units: Mapping[str, str]) -> None:
    """Refuse a unit that is a percentage in one language and none in the other: numbers would be off by 100.

    Raises
    ------
    ValueError
        With both units.
    """
    for name, words in translated.items():
        require_percent_of(words.unit, units[name], name)


def require_percent_of(translated: str | None, unit: str, name: str) -> None:
    """The same of one unit.

    Raises
    ------
    ValueError
        With both units.
    """
    if translated is not None and is_percent(translated) != is_percent(unit):
        raise ValueError(f"translates the unit '{unit}' of '{name}' as '{translated}': both or neither begin with '%'")


def is_percent(unit: str) -> bool:
    """Whether a unit of shares is a percentage, in any of the languages.

    Examples
    --------
    >>> is_percent("% of residents"), is_percent("por ciento de las casas"), is_percent("share of residents")
    (True, True, False)
    """
    return unit.strip().lower().startswith(("%", "percent", "per cent", "por ciento", "por cento"))

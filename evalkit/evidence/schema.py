"""The evidence summary, schema 1.3.0: one model a block, the root :class:`Evidence`.

The JSON Schema shipped in `evalkit/evidence/schemas/` is generated from these models. Values
carry how they came to be (:mod:`evalkit.evidence.values`); structural words (roles, statuses,
rule names) are plain.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from importlib import resources
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from evalkit.evidence.schema_plan import PlanBlock
from evalkit.evidence.schema_rating import CertaintyLabel, RatingBlock, TrailStep
from evalkit.evidence.values import (
    Block,
    Count,
    Dates,
    Flag,
    Number,
    Quantity,
    Scale,
    WordList,
    Words,
)
from evalkit.vocabulary import (
    CheckStatus,
    Direction,
    Domain,
    Estimand,
    Finding,
    InferenceMethod,
    IntervalKind,
    NextStep,
    OutcomeFamily,
    OutcomeRole,
    Provenance,
)

SCHEMA_VERSION: Final = "1.3.0"
SCHEMA_FILE: Final = f"evidence-{SCHEMA_VERSION}.json"


class Identity(Block):
    """Which run of which study on which data; a later `version` adds a decision and names the file before it."""

    schema_version: Literal["1.0.0", "1.1.0", "1.2.0", "1.3.0"] = SCHEMA_VERSION
    study_id: str
    run_id: str
    config_sha: str
    data_sha: str
    git_sha: str | None = None
    evalkit_version: str
    created_at: AwareDatetime
    language: Literal["en", "es", "pt", "fr"] = "en"
    version: Annotated[int, Field(ge=1)] = 1
    supersedes: str | None = None


class GovernanceBlock(Block):
    """Who evaluated, who paid, whom to ask."""

    evaluator_independence: Words
    funder: Words
    contact: Words
    ethics_review: Words


class QuestionBlock(Block):
    """What was asked; `city` (schema 1.2.0) is who asked, by which a portfolio groups."""

    title: Words
    programme: Words
    priority: Words
    capacity: Words
    population: Words
    intervention: Words
    comparator: Words
    outcome: Words
    setting: Words
    theory_of_change: Words
    city: Words = Words(value=None, how="missing", reason="not declared in the study")


class AssignmentBlock(Block):
    """How places or people came to be treated."""

    mechanism: Words
    unit: Words
    selection_rule: Words
    concurrent_events: WordList


class DeliveryBlock(Block):
    """What was delivered; `anticipation` in periods."""

    dates: Words
    dose: Words
    take_up: Number
    fidelity: Words
    contamination: Words
    anticipation: Count


class SmallestChangeBlock(Block):
    """The smallest change that matters (MID): a distance, in `unit`."""

    value: Number
    unit: Words
    rationale: Words


class OutcomeBlock(Block):
    """One outcome, with its unit and the direction the city wants; those of one `domain` are counted together."""

    name: str
    role: OutcomeRole
    family: OutcomeFamily
    unit: str
    direction: Direction
    analysed_as: Scale
    exposure: Words
    per: Number
    event_name: Words
    mid: SmallestChangeBlock
    source: Words
    definition_changes: Dates
    domain: str = ""


class FlowStep(Block):
    """An exclusion or choice, with the units (or rows) concerned in each arm; None where withheld."""

    id: str
    text: str
    treated: int | None
    comparison: int | None


class SampleBlock(Block):
    """How much data the primary estimate rests on.

    `pre_periods` and `post_periods` are those of the cohort that has fewest; `missing_share` is
    the share of unit-periods without an outcome; attrition is in percentage points.
    """

    n_units: Count
    n_treated_units: Count
    n_clusters: Count
    n_treated_clusters: Count
    n_observations: Count
    n_events: Number
    pre_periods: Count
    post_periods: Count
    missing_share: Number
    attrition_overall: Number
    attrition_differential: Number
    flow: tuple[FlowStep, ...]


class InferenceBlock(Block):
    """How the interval and p-value of an estimate were found, beside the estimator's own.

    Attributes
    ----------
    method
        ``clustered`` is the estimator's own; ``none`` where no method holds with so few clusters: the interval
        is then the estimator's own too, and must not be relied on.
    reason
        One sentence: which inference is reported, and why.
    smallest_p
        The least p-value that any data could have given, e.g. 1/27 with one treated place of 27.
    clustered_low, clustered_high, clustered_p
        The estimator's own interval, at the same level, and p-value.
    """

    method: InferenceMethod
    reason: str
    n_treated_clusters: Count
    n_clusters: Count
    p_value: Number
    smallest_p: Number
    degrees_of_freedom: Number
    clustered_low: Number
    clustered_high: Number
    clustered_p: Number


class EstimateBlock(Block):
    """One estimator's overall effect on one outcome, in the unit of the outcome as analysed.

    Attributes
    ----------
    effect
        Value and interval, by the reported inference; missing with the reason where the estimator refused.
    std_error
        The estimator's own.
    p_value
        Two-sided, of "the effect is 0", by the reported inference; missing on a Bayesian run.
    p_benefit, p_mid, p_within_mid, p_worse_mid
        Posterior probabilities of a change in the wanted direction; of one at least as large as the smallest that
        matters; of a smaller one either way (ROPE); of one as large the other way. Missing on a frequentist run.
    effect_size_g, improvement_index
        Hedges g and the percentile-point shift of an average unit (WWC).
    inference
        Which inference is reported (schema 1.1.0); None where the estimator refused.
    """

    label: str
    outcome: str
    estimand: Estimand
    estimator: str
    role: Literal["primary", "robustness"]
    weights: str
    scale: Scale
    effect: Quantity
    std_error: Number
    p_value: Number
    p_benefit: Number
    p_mid: Number
    effect_size_g: Number
    improvement_index: Number
    inference: InferenceBlock | None = None
    p_within_mid: Number | None = None
    p_worse_mid: Number | None = None


class NaturalEffect(Block):
    """The effect in one natural unit, against the level it is measured from.

    Attributes
    ----------
    effect
        Signed: negative is a fall. ``total_averted`` is positive when events were avoided.
    counterfactual, observed
        Level without the programme (with its interval) and level seen, in the unit of the
        outcome (percent: in the unit of the outcome too).
    claim
        Exactly which means are compared.
    """

    effect: Quantity
    counterfactual: Quantity
    observed: Number
    claim: str


class NaturalBlock(Block):
    """The primary effect as people speak of it."""

    absolute: NaturalEffect
    percent: NaturalEffect
    per_1000: NaturalEffect
    total_averted: NaturalEffect
    people_affected: NaturalEffect
    money: NaturalEffect


class FindingBlock(Block):
    """What was found: another axis than certainty, never merged with it.

    Attributes
    ----------
    outcome_direction
        Whether the estimate lies above or below 0, whatever the finding.
    mid
        The smallest change that matters in the unit the finding was judged in (a positive distance).
    judged_in
        That unit.
    """

    label: Finding
    outcome_direction: Literal["increase", "decrease", "none"]
    wanted_direction: Direction
    mid: Number
    judged_in: str
    reading: str


class OutcomeFinding(Block):
    """One row of the summary of findings.

    Attributes
    ----------
    finding
        None where the outcome has no result.
    natural
        The effect in natural units, each against the level without the programme.
    p_value, p_adjusted
        By the reported inference; adjusted (Benjamini-Hochberg) for the outcomes of the same domain. The primary
        outcome is not adjusted.
    counted_together
        Outcomes that the adjustment counts, this one among them; 1 where none is made.
    certainty, label
        By the rating table; a placebo outcome has none.
    trail
        Steps of the rating; empty for the primary outcome, whose trail stands in `rating`, and for placebos.
    carried_over
        Steps of it that rest on a check of the primary outcome, which was not repeated on this one.
    in_short, sentence
        A cell of the table, and the whole sentence.
    """

    outcome: str
    role: OutcomeRole
    domain: str
    finding: FindingBlock | None
    natural: NaturalBlock
    p_value: Number
    p_adjusted: Number
    counted_together: Annotated[int, Field(ge=1)]
    certainty: Annotated[int, Field(ge=1, le=4)] | None
    label: CertaintyLabel
    trail: tuple[TrailStep, ...]
    carried_over: tuple[str, ...]
    in_short: str
    sentence: str


class DiagnosticBlock(Block):
    """One check."""

    id: str
    null_in_words: str
    statistic: str
    value: Number
    threshold: Number
    status: CheckStatus
    domain: Domain
    reading: str
    details: dict[str, Number]


class EquityBlock(Block):
    """The effect in one group, and what became of the gap to the reference group.

    Attributes
    ----------
    by
        Name of the grouping.
    n
        Treated units (persons) of the group.
    effect, reference_effect
        Of the group and of the reference, in the unit of the outcome.
    gap_before, gap_after
        Level of the treated of the group less that of the reference, as seen before their start and in treated periods.
    gap_counterfactual
        The same in treated periods without the programme.
    difference_of_effects
        Effect of the group less that of the reference: what is tested.
    ratio, score
        Larger over smaller level in treated periods, and its equality score from 1 to 100 (approximate).
    """

    by: str = ""
    group: str
    reference: str
    n: Count
    effect: Quantity
    reference_effect: Quantity = Quantity(value=None, low=None, high=None, how="missing", reason="not part of this run")
    gap_before: Quantity
    gap_counterfactual: Quantity
    gap_after: Quantity
    difference_of_effects: Quantity
    ratio: Number = Number(value=None, how="missing", reason="not part of this run")
    score: Number
    prespecified: Flag


class IngredientBlock(Block):
    """One line of the programme's cost."""

    name: str
    quantity: Number
    unit: Words
    unit_cost: Number
    total: Number


class CostBlock(Block):
    """What the programme cost, and what an outcome cost.

    `p_cost_effective` is the share of draws, of the posterior or of the law that the reported interval implies, in
    which one outcome costs `threshold` or less.
    """

    currency: Words
    base_year: Count
    perspective: Words
    ingredients: tuple[IngredientBlock, ...]
    incremental_cost: Quantity
    discount_rate: Number
    cost_per_outcome: Quantity
    p_cost_effective: Number
    threshold: Number = Number(value=None, how="missing", reason="no threshold is declared")
    threshold_rationale: Words = Words(value=None, how="missing", reason="no threshold is declared")


class SynthesisBlock(Block):
    """Agreement across cohorts or sites (I2: share of the variation that chance does not explain)."""

    over: Literal["cohort", "site"]
    n_groups: Count
    i_squared: Number
    sign_reversal: Flag


class Limitation(Block):
    """One limitation, declared by the study or found by the run."""

    text: str
    how: Provenance


class DecisionBlock(Block):
    """What the city decided; `next_step` None where the study's config names who and when alone."""

    who: str
    date: dt.date
    next_step: NextStep | None = None
    note: str = ""


class UseBlock(Block):
    """What the evidence may be used for; `decisions` has every one, oldest first, and `decision` is the last."""

    limitations: Annotated[tuple[Limitation, ...], Field(min_length=1)]
    transferability: Words
    next_step: Words
    decision: DecisionBlock | None
    decisions: tuple[DecisionBlock, ...] = ()


class Sentences(Block):
    """Plain language; every sentence has passed the linter. None where the sentence does not apply."""

    headline: str
    finding: str
    equivalence: str | None
    chance: str | None
    scale: str | None
    cost: str | None
    equity: tuple[str, ...]
    certainty: str
    checks: tuple[str, ...]
    notes: tuple[str, ...]
    inference: str | None = None
    cost_effective: str | None = None

    def all(self) -> tuple[str, ...]:
        """Every sentence, in reading order."""
        single = (
            self.headline, self.finding, self.inference, self.equivalence, self.chance, self.scale, self.cost,
            self.cost_effective,
        )  # fmt: skip
        return (*(s for s in single if s), *self.equity, self.certainty, *self.checks, *self.notes)


class Evidence(Block):
    """The standardized summary of one run of one study.

    The first entry of `estimates` is the primary estimate; `natural`, `finding` and `rating` are
    about it.
    """

    identity: Identity
    governance: GovernanceBlock
    question: QuestionBlock
    assignment: AssignmentBlock
    delivery: DeliveryBlock
    outcomes: Annotated[tuple[OutcomeBlock, ...], Field(min_length=1, max_length=7)]
    sample: SampleBlock
    estimates: Annotated[tuple[EstimateBlock, ...], Field(min_length=1)]
    natural: NaturalBlock
    finding: FindingBlock
    diagnostics: tuple[DiagnosticBlock, ...]
    equity: tuple[EquityBlock, ...]
    cost: CostBlock
    synthesis: SynthesisBlock
    plan: PlanBlock
    rating: RatingBlock
    use: UseBlock
    sentences: Sentences
    summary_of_findings: Annotated[tuple[OutcomeFinding, ...], Field(max_length=7)] = ()

    @property
    def interval_kind(self) -> IntervalKind | None:
        """``confidence`` or ``credible``: of the primary estimate."""
        return self.estimates[0].effect.interval_kind

    def to_dict(self) -> dict[str, Any]:
        """The summary in plain types, validated against the shipped JSON Schema.

        Raises
        ------
        jsonschema.ValidationError
            When models and shipped schema have come apart: a mistake in evalkit, not in the study.
        """
        from jsonschema import Draft202012Validator

        plain: dict[str, Any] = self.model_dump(mode="json")
        Draft202012Validator(shipped_schema()).validate(plain)
        return plain

    def to_json(self) -> str:
        """The summary as JSON text (two spaces, one trailing newline); never NaN or infinity."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def generate_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of :class:`Evidence`, as it must stand in the shipped file."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:evalkit:evidence:{SCHEMA_VERSION}"}
    return {**head, **Evidence.model_json_schema(mode="serialization")}


@functools.cache
def shipped_schema() -> dict[str, Any]:
    """The JSON Schema shipped in the package."""
    text = resources.files("evalkit.evidence").joinpath("schemas", SCHEMA_FILE).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema

"""From a study, its estimate and its checks to the evidence summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError, Reason
from evalkit.estimate import Aggregation, Estimate
from evalkit.evidence import blocks
from evalkit.evidence.costing import cost_block, outcomes_bought
from evalkit.evidence.crosswalk import crosswalk
from evalkit.evidence.disclosure import Policy, policy, require_enough_people
from evalkit.evidence.effect_sizes import cox_index, did_g_from_att, improvement_index
from evalkit.evidence.equity import Groups, equity_blocks
from evalkit.evidence.facts import NO_PLAN, Facts, ledger_of, outcome_spread, sample_of
from evalkit.evidence.finding import chances, find, judge
from evalkit.evidence.gather import facts_of
from evalkit.evidence.inference import inference_block
from evalkit.evidence.ledger import Ledger
from evalkit.evidence.levels import REASONS
from evalkit.evidence.natural import Effect, effect_of, not_rated, share_base
from evalkit.evidence.outcomes import OutcomeResults, summary_of_findings
from evalkit.evidence.rating import Rating, rate
from evalkit.evidence.reasons import raises
from evalkit.evidence.schema import EstimateBlock, Evidence, Identity
from evalkit.evidence.schema_plan import PlanBlock
from evalkit.evidence.schema_rating import RatingBlock
from evalkit.evidence.speaking import Voice
from evalkit.evidence.standard import Standard
from evalkit.evidence.values import Number, Quantity
from evalkit.evidence.withhold import in_text
from evalkit.evidence.words import sentences
from evalkit.inference.refits import counted_as_treated
from evalkit.language import mark, phrase, say, why
from evalkit.numerics.balance import pooled_sd
from evalkit.study.spec import Outcome, Study
from evalkit.study.told import told, told_label, told_outcome
from evalkit.vocabulary import POOLED, Diagnostic

OVERALL_WEIGHTS = mark("treated unit-periods, cohorts by their share")
POOLED_WEIGHTS = mark("as implied by the regression")


def summarize(
    study: Study,
    panel: Panel,
    estimate: Estimate,
    robustness: Mapping[str, Estimate | EvalkitError],
    diagnostics: Sequence[Diagnostic],
    identity: Identity,
    *,
    other_outcomes: Mapping[str, Estimate | EvalkitError] | None = None,
    outcome_results: OutcomeResults | None = None,
    groups: Groups | None = None,
    plan: PlanBlock = NO_PLAN,
) -> Evidence:
    """Assemble the summary: what was asked, found, how sure one may be, and how to say it.

    Parameters
    ----------
    study
        As resolved; its `evidence` part is the rating table (the shipped one where empty).
    panel
        The primary outcome as analysed.
    estimate
        Of the primary estimator on the primary outcome.
    robustness
        Label to another estimator's estimate of the same, or to the reason why it refused.
    diagnostics
        Of all checks.
    identity
        Which run of which study on which data.
    other_outcomes
        Outcome name to the primary estimator's estimate, or the reason; placebo outcomes among them
        enter the rating.
    outcome_results
        Outcome name to panel, estimate and checks of each further outcome, or the reason: the summary of findings.
    groups
        The primary estimator on each group of the declared equity groupings.
    plan
        The locked plan held against this run.

    Raises
    ------
    EstimationFailed
        When the overall effect or its interval is not a finite number.
    DisclosureRefused
        When a restricted source has too few people in an arm.
    ConfigError
        When the rating table or the declared smallest change that matters cannot be used.
    ForbiddenWording
        When a sentence breaks the standard.
    """
    spec, outcome = study.spec, study.spec.primary_outcome
    words = told(spec)
    facts = facts_of(study, panel, estimate, diagnostics, other_outcomes or {}, plan=plan)
    effect, standard = facts.effect, facts.standard
    require_enough_people(
        policy(spec, standard),
        restricted=spec.data.restricted,
        treated=facts.sample.treated,
        comparison=facts.sample.comparison,
    )
    rating = rate(facts)
    voice = Voice(standard, rating.label, facts.is_bayesian)
    unrated = " ".join(rating.not_rated_reasons).rstrip(".")
    natural = facts.natural() if rating.certainty is not None else not_rated(unrated)
    excludes_0 = rating.certainty is not None and facts.finding.label in ("favourable", "unfavourable")
    bought = outcomes_bought(effect, outcome, natural, excludes_0=excludes_0, seed=study.seed)
    cost = cost_block(told(spec).cost, bought, seed=study.seed)
    equity = equity_blocks(spec, groups, facts.rules, standard.disclosure)
    said = sentences(facts, natural, rating, cost, equity)
    return Evidence(
        identity=identity,
        governance=blocks.governance(words),
        question=blocks.question(words),
        assignment=blocks.assignment(words),
        delivery=blocks.delivery(words),
        outcomes=tuple(
            blocks.outcome_block(told_outcome(spec, each))
            for each in sorted(spec.outcomes, key=lambda each: each is not outcome)
        ),
        sample=blocks.sample_block(facts),
        estimates=_estimates(facts, robustness),
        natural=natural,
        finding=find(facts.judged, told_outcome(spec, outcome), not_rated=unrated, no_interval=facts.no_interval),
        diagnostics=tuple(blocks.diagnostic_block(found, facts.rules) for found in facts.diagnostics.values()),
        equity=equity,
        cost=cost,
        synthesis=blocks.synthesis(facts),
        plan=plan,
        rating=_rating_block(facts, rating),
        use=blocks.use(facts, voice),
        sentences=said,
        summary_of_findings=summary_of_findings(facts, rating, natural, said.headline, outcome_results or {}),
    )


def ledger_for(study: Study, panel: Panel, estimate: Estimate) -> Ledger:
    """Which counts the summary of this estimate withholds, for whoever publishes tables beside it."""
    counted, standard = counted_as_treated(panel, estimate), Standard.from_config(study.evidence)
    return ledger_of(counted, study.spec, standard, estimate, sample_of(counted, study.spec, estimate))


def _rating_block(facts: Facts, rating: Rating) -> RatingBlock:
    return RatingBlock(
        table=facts.standard.table,
        certainty=rating.certainty,
        label=rating.label,
        not_rated_reasons=rating.not_rated_reasons,
        trail=rating.trail,
        crosswalk=crosswalk(facts, rating),
        raises=raises(rating, facts.standard),
    )


def _estimates(facts: Facts, robustness: Mapping[str, Estimate | EvalkitError]) -> tuple[EstimateBlock, ...]:
    """The primary estimate first, then the other estimators, then the other outcomes."""
    primary = facts.spec.primary_outcome
    found = [_estimate_block(facts, "primary", "primary", primary, facts.estimate)]
    found += [_either(facts, label, "robustness", primary, result) for label, result in robustness.items()]
    by_name = {outcome.name: outcome for outcome in facts.spec.outcomes}
    found += [_either(facts, name, "primary", by_name[name], result) for name, result in facts.other_outcomes.items()]
    return tuple(found)


def _either(
    facts: Facts, label: str, role: str, outcome: Outcome, result: Estimate | EvalkitError
) -> EstimateBlock:  # fmt: skip
    if isinstance(result, EvalkitError):
        words = told_outcome(facts.spec, outcome)
        shown = told_label(facts.spec, label)
        return _refused(shown, role, words, _estimator_of(facts, label, role), result, facts.rules)
    return _estimate_block(facts, label, role, outcome, result)


def _estimator_of(facts: Facts, label: str, role: str) -> str:
    """Registered name behind a label; repeated labels are numbered "label (2)"."""
    if role == "primary":
        return facts.estimate.estimator
    names = {choice.label or choice.name: choice.name for choice in facts.study.robustness}
    return names.get(label, names.get(label.rpartition(" (")[0], label))


def _refused(
    label: str, role: str, outcome: Outcome, estimator: str, reason: EvalkitError, rules: Policy
) -> EstimateBlock:  # fmt: skip
    refusal = say("the estimator refused: {in_text}", in_text=in_text(why(reason), rules))
    return EstimateBlock.model_validate(
        {
            "label": label,
            "outcome": outcome.name,
            "estimand": "ATT",
            "estimator": estimator,
            "role": role,
            "weights": "",
            "scale": outcome.transform,
            "effect": Quantity.missing(refusal),
            **dict.fromkeys(
                (
                    "std_error",
                    "p_value",
                    "p_benefit",
                    "p_mid",
                    "p_within_mid",
                    "p_worse_mid",
                    "effect_size_g",
                    "improvement_index",
                ),
                Number.missing(refusal),
            ),
        }
    )


def _estimate_block(facts: Facts, label: str, role: str, outcome: Outcome, estimate: Estimate) -> EstimateBlock:
    rows = estimate.aggregation("overall", level=facts.spec.design.level)
    effect = effect_of(outcome, estimate, rows)
    bayesian = effect.draws is not None
    shares = chances(judge(effect, outcome))
    frequentist_only, bayesian_only = phrase("a posterior has no p-value"), phrase("only a posterior gives this")
    no_mid = bayesian_only if not bayesian else phrase("no smallest change to compare with")
    own = estimate is facts.estimate or outcome is facts.spec.primary_outcome
    size = _effect_size(facts, effect, outcome) if own else phrase("computed for the primary outcome only")
    g = Number.missing(size) if isinstance(size, str) else Number.derived(size)
    improvement = Number.missing(size) if isinstance(size, str) else Number.derived(improvement_index(size))
    return EstimateBlock.model_validate(
        {
            "label": told_label(facts.spec, label),
            "outcome": told_outcome(facts.spec, outcome).name,
            "estimand": estimate.estimand,
            "estimator": estimate.estimator,
            "role": role,
            "weights": phrase(OVERALL_WEIGHTS if _has_cohort_cells(estimate) else POOLED_WEIGHTS),
            "scale": "log" if effect.is_log else "identity",
            "effect": effect.push(
                lambda theta: theta,
                phrase("log points") if effect.is_log else told_outcome(facts.spec, outcome).unit,
                linear=True,
            ),
            "std_error": blocks.number(float(rows.std_error[0]), phrase("not a finite number")),
            "p_value": Number.missing(frequentist_only)
            if bayesian
            else blocks.number(_p_value(estimate, rows), phrase("the standard error is 0")),
            "p_benefit": blocks.number(None if shares is None else shares.benefit, bayesian_only),
            "p_mid": blocks.number(None if shares is None else shares.mid, no_mid),
            "p_within_mid": blocks.number(None if shares is None else shares.within_mid, no_mid),
            "p_worse_mid": blocks.number(None if shares is None else shares.worse_mid, no_mid),
            "effect_size_g": g,
            "improvement_index": improvement,
            "inference": inference_block(facts, estimate),
        }
    )


def _p_value(estimate: Estimate, rows: Aggregation) -> float | None:
    """Of the reported inference; the estimator's own where none was decided on."""
    return float(rows.p_values()[0]) if estimate.reported is None else estimate.reported.p_value


def _has_cohort_cells(estimate: Estimate) -> bool:
    """Whether the overall effect is a weighted sum of cohort-by-period cells."""
    cells = estimate.cells
    pooled = (cells.cohort == POOLED) & (cells.period == POOLED) & (cells.event_time == POOLED)
    return not bool(pooled.any())


def _effect_size(facts: Facts, effect: Effect, outcome: Outcome) -> float | str:
    """Hedges g (Cox index for shares), or the reason why there is none.

    The standard deviation is that of places after the first start, within arms, on the scale analysed.
    """
    spread = outcome_spread(facts.panel)
    if spread is None:
        return phrase("an arm has fewer than two units, so their spread is unknown")
    if facts.level is not None and outcome.family == "proportion":  # beside the difference it gives the level
        return REASONS[facts.level]
    if effect.link == "log_link":
        return phrase("the effect is on logs and the outcome is not, so there is no common spread")
    sd_treated, sd_comparison, n_treated, n_comparison = spread
    total = n_treated + n_comparison
    base = share_base(outcome)
    p_observed, p_expected = effect.observed / base, (effect.observed - effect.value) / base
    try:
        if outcome.family == "proportion" and effect.link == "identity" and 0 < p_observed < 1 and 0 < p_expected < 1:
            divisor = facts.standard.effect_sizes.cox_divisor
            return cox_index(p_observed, p_expected, total, divisor=divisor)
        return did_g_from_att(effect.value, pooled_sd(n_treated, n_comparison, sd_treated, sd_comparison), total)
    except ValueError as reason:
        return why(Reason.of(reason))

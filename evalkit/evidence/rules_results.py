"""Rules of the rating table about results and diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.data.quality.report import OF_RECORDS
from evalkit.errors import DesignRefused, EvalkitError
from evalkit.estimate import Estimate
from evalkit.evidence.facts import PRIMARY_OUTCOME, Facts, detail
from evalkit.evidence.natural import effect_of
from evalkit.evidence.standard import Rule
from evalkit.evidence.verdict import Verdict, held_against, not_applicable, not_run, severe
from evalkit.language import phrase, say
from evalkit.vocabulary import Diagnostic, Domain

OWN_ROW = frozenset(
    {"balance", "pre_trends", "pre_fit", "honest", "sampler", "spillover", "prior_sensitivity", "posterior_predictive"}
) | frozenset(OF_RECORDS)
"""Diagnostics that a row of the rating table judges by itself."""


def pre_trends(facts: Facts, rule: Rule) -> Verdict:
    """Different trends before the start were found, or could not have been found."""
    if facts.design not in ("difference_in_differences", "synthetic_control"):
        return not_applicable(phrase("The design does not compare trends."))
    found = facts.ran("pre_trends")
    if found is None or found.value is None:
        return not_run(phrase("The pre-trend test did not run."))
    limit, share = rule.limits["p"], rule.limits["share_of_effect"]
    if found.value < limit:
        reason = say("The joint pre-trend test rejects, p = {value:.3g}.", value=found.value)
        return held_against(True, reason, found.value, limit, variant="found")
    detectable = detail(found, "detectable_at_80")
    if detectable is None:
        return not_run(
            say("The joint pre-trend test has p = {value:.3g}, but not what it could have detected.", value=found.value)
        )
    size = abs(facts.effect.value)
    weak = detectable >= share * size
    reason = say(
        "The joint pre-trend test has p = {value:.3g}; a trend it detects with 80 % power implies"
        " a bias of {detectable:.3g}, against an effect of {size:.3g}.",
        value=found.value,
        detectable=detectable,
        size=size,
    )
    return held_against(weak, reason, detectable, share * size, variant="weak")


def pre_fit(facts: Facts, rule: Rule) -> Verdict:
    """How closely the comparison follows the treated before the start, for designs that fit them."""
    if facts.design != "synthetic_control":
        return not_applicable(phrase("The design does not rest on a fit of the treated before the start."))
    found = facts.ran("pre_fit")
    if found is None or found.value is None:
        return not_run(phrase("The fit before the start was not looked at."))
    limit = rule.limits["fails"]
    reason = say(
        "Before the start the comparison misses the treated by {value:.2g} of the outcome's spread.", value=found.value
    )
    return held_against(found.value > limit, reason, found.value, limit)


def honest(facts: Facts, rule: Rule) -> Verdict:
    """Sensitivity to trends that differ after the start (Rambachan and Roth 2023)."""
    if facts.design != "difference_in_differences":
        return not_applicable(phrase("The design does not rest on parallel trends."))
    found = facts.ran("honest")
    if found is None or found.value is None:
        return not_run(phrase("The sensitivity analysis for differing trends did not run."))
    if detail(found, "excludes_zero") != 1.0:
        return not_applicable(phrase("The interval includes 0 even where trends are exactly parallel."))
    limit = rule.limits["fail"]
    warned = phrase("; a warning") if limit <= found.value < rule.limits["warn"] else ""
    return held_against(
        found.value < limit,
        say("Breakdown M-bar {value:.2f}{warned}.", value=found.value, warned=warned),
        found.value,
        limit,
    )


def spillover(facts: Facts, rule: Rule) -> Verdict:
    """Change of the estimate when neighbouring comparison units are left out."""
    found = facts.ran("spillover")
    change = None if found is None else detail(found, "relative_change")
    if change is None:
        return not_run(phrase("No buffered-comparison estimate was made (it needs to know who neighbours whom)."))
    limit = rule.limits["relative_change"]
    reason = say("Without its neighbours the estimate moves by {change:.0f} %.", change=100 * abs(change))
    return held_against(abs(change) > limit, reason, abs(change), limit)


def imprecision(facts: Facts, rule: Rule) -> Verdict:
    """The interval leaves both 0 and changes that matter possible."""
    judged = facts.judged
    if facts.no_interval:
        return not_run(phrase("No interval can be relied on, so nothing says how precise the estimate is."))
    if not judged.includes_zero:
        return held_against(False, phrase("The interval excludes 0."), phrase("excludes 0"))
    if judged.mid is None:
        return not_run(
            say("The interval includes 0; smallest change that matters: {mid_reason}.", mid_reason=judged.mid_reason)
        )
    wanted = judged.includes(judged.wanted_sign * judged.mid)
    other = judged.includes(-judged.wanted_sign * judged.mid)
    span = say(
        "The interval ({low:.3g} to {high:.3g} {unit}) includes 0",
        low=judged.low,
        high=judged.high,
        unit=facts.finding.judged_in,
    )
    if wanted and other:
        return severe(
            held_against(
                True, say("{span} and a change of {mid:g} either way.", span=span, mid=judged.mid), "both", judged.mid
            )
        )
    if wanted:
        return held_against(
            True, say("{span} and the wanted change of {mid:g}.", span=span, mid=judged.mid), "wanted", judged.mid
        )
    return held_against(
        False,
        say("{span} and rules out the wanted change of {mid:g}.", span=span, mid=judged.mid),
        "neither",
        judged.mid,
    )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the cohorts' effects agree.

    Attributes
    ----------
    count
        Cohorts with an effect.
    i_squared
        Share of the variation between them that chance does not explain, from Cochran's Q with the
        full covariance: I2 = max(0, 1 - (k - 1) / Q) (Higgins and Thompson 2002).
    sign_reversal
        Whether effects of both signs occur.
    """

    count: int
    i_squared: float
    sign_reversal: bool


def cohort_agreement(estimate: Estimate, least_units: float) -> Agreement | None:
    """Agreement of the cohorts; None where effects are pooled or fewer than two cohorts can be compared.

    Cohorts of fewer than `least_units` units are left out: the spread within them, and with it the
    error of their effect, is not known well enough to tell disagreement from chance.
    """
    try:
        rows = estimate.aggregation("cohort")
    except DesignRefused:
        return None
    keep = ~rows.is_reference & (np.diag(rows.covariance) > 0.0) & (rows.n_treated >= least_units)
    effects, covariance = rows.estimate[keep], rows.covariance[np.ix_(keep, keep)]
    if effects.size < 2 or not (np.isfinite(effects).all() and np.isfinite(covariance).all()):
        return None
    precision = np.linalg.pinv(covariance, hermitian=True)
    total = float(precision.sum())
    center = float(precision.sum(axis=0) @ effects) / total if total > 0.0 else float(effects.mean())
    q = float((effects - center) @ precision @ (effects - center))
    i_squared = max(0.0, 1.0 - (effects.size - 1) / q) if q > 0.0 else 0.0
    return Agreement(int(effects.size), i_squared, bool((effects > 0.0).any() and (effects < 0.0).any()))


def nothing_to_agree(estimate: Estimate, least_units: float) -> str:
    """Why no cohorts can be compared: the estimate has no effects by cohort, or too few large cohorts."""
    try:
        estimate.aggregation("cohort")
    except DesignRefused:
        return phrase("The estimator gives one effect for all cohorts together, so they cannot be compared")
    return say("There are not two cohorts of {least_units:g} units or more to compare", least_units=least_units)


def disagreement(facts: Facts, rule: Rule) -> Verdict:
    """Cohorts whose effects differ by more than chance, and in sign."""
    found = cohort_agreement(facts.estimate, rule.limits["units"])
    if found is None:
        return not_run(f"{nothing_to_agree(facts.estimate, rule.limits['units'])}.")
    limit = rule.limits["i_squared"]
    signs = phrase("both signs occur") if found.sign_reversal else phrase("all of one sign")
    reason = say(
        "I2 = {i_squared:.2f} over {count} cohorts; {signs}.", i_squared=found.i_squared, count=found.count, signs=signs
    )
    return held_against(found.i_squared >= limit and found.sign_reversal, reason, found.i_squared, limit)


def indirectness(facts: Facts, rule: Rule) -> Verdict:
    """A proxy outcome, or follow-up shorter than the study asks for."""
    measures, horizon = facts.spec.primary_outcome.measures, facts.spec.design.horizon
    if measures is None and horizon is None:
        return not_run(phrase("The study declares neither whether its outcome is a proxy nor a follow-up horizon."))
    followed = facts.sample.post_periods
    if measures == "proxy":
        return held_against(True, phrase("The outcome is a proxy for what the study asks about."), measures)
    if horizon is None:
        return held_against(False, phrase("The outcome is what the study asks about."), measures)
    reason = say("Followed for {count} periods from the start; {least} are asked for.", count=followed, least=horizon)
    return held_against(followed < horizon, reason, float(followed), float(horizon))


def reporting(facts: Facts, rule: Rule) -> Verdict:
    """Outcomes changed after access, and the specification curve."""
    changed = [found for found in facts.plan.deviations if found.item == PRIMARY_OUTCOME]
    if any(found.before_data_were_seen.value is not True for found in changed):
        reason = "The primary outcome is another than the locked plan's, changed after outcomes had been read."
        return held_against(True, reason, None)
    found = facts.ran("specification_curve")
    if found is None or found.value is None:
        return not_run(phrase("No analysis plan was locked and no specification curve was run."))
    limit = rule.limits["same_sign"]
    reason = say("{value:.0f} % of specifications share the sign.", value=100 * found.value)
    return held_against(found.value < limit, reason, found.value, limit)


def prior(facts: Facts, rule: Rule) -> Verdict:
    """Whether another prior changes the finding."""
    if not facts.is_bayesian:
        return not_applicable(phrase("The estimate has no prior."))
    found = facts.ran("prior_sensitivity")
    changes = None if found is None else detail(found, "finding_changes")
    if changes is None:
        return not_run(phrase("The sensitivity to the prior was not looked at."))
    return held_against(changes == 1.0, phrase("The finding was repeated under another prior."), changes)


def posterior_predictive(facts: Facts, rule: Rule) -> Verdict:
    """Whether the model reproduces the statistic that the effect is computed from."""
    if not facts.is_bayesian:
        return not_applicable(phrase("The estimate is frequentist."))
    found = facts.ran("posterior_predictive")
    if found is None or found.value is None:
        return not_run(phrase("No posterior predictive check was made."))
    low, high = rule.limits["low"], rule.limits["high"]
    outside = not low <= found.value <= high
    own = detail(found, "own_statistic") == 1.0
    where = phrase("on the statistic of the effect") if own else phrase("on another statistic: a warning only")
    reason = say("Posterior predictive p = {value:.2f}", value=found.value) + (f" {where}." if outside else ".")
    return held_against(outside and own, reason, found.value, say("{low:g} to {high:g}", low=low, high=high))


def required_diagnostic(facts: Facts, rule: Rule) -> tuple[Verdict, ...]:
    """One verdict for each required diagnostic that did not run; one in all where every one did."""
    required = facts.standard.required_diagnostics
    names: list[str] = list(getattr(required, facts.design))
    names += required.bayesian if facts.is_bayesian else ()
    names += [choice.name for choice in facts.study.checks]
    missing: list[Verdict] = []
    for name in dict.fromkeys(names):
        found = [
            diagnostic for key, diagnostic in facts.diagnostics.items() if key == name or key.startswith(f"{name}_")
        ]
        if found and all(diagnostic.status != "not_run" for diagnostic in found):
            continue
        domain = found[0].domain if found else required.domains.get(name, required.otherwise)
        reason = say("The diagnostic '{name}' did not run", name=name) + (f": {found[0].reading}" if found else ".")
        missing.append(Verdict("applied", reason, "not_run", domain=domain, about=name))
    listed = ", ".join(dict.fromkeys(names)) or "none"
    return tuple(missing) or (
        held_against(False, say("All required diagnostics ran: {listed}.", listed=listed), listed),
    )


def failed_check(facts: Facts, rule: Rule, charged: frozenset[Domain]) -> tuple[Verdict, ...]:
    """Failing checks without a row of their own, once a domain that nothing else charges."""
    failing = [d for d in facts.diagnostics.values() if d.status == "fail" and d.id not in OWN_ROW]
    if not failing:
        return (held_against(False, phrase("No other check fails."), "none"),)
    found: list[Verdict] = []
    seen = set(charged)
    for diagnostic in failing:
        if diagnostic.domain in seen:
            reason = say(
                "The check '{id}' fails; its domain ({domain}) is charged already.",
                id=diagnostic.id,
                domain=_domain(diagnostic),
            )
            found.append(Verdict("not_triggered", reason, "fail", domain=diagnostic.domain, about=diagnostic.id))
        else:
            reason = say("The check '{id}' fails: {reading}", id=diagnostic.id, reading=diagnostic.reading)
            found.append(Verdict("applied", reason, "fail", domain=diagnostic.domain, about=diagnostic.id))
            seen.add(diagnostic.domain)
    return tuple(found)


def large_effect(facts: Facts, rule: Rule, charged: frozenset[Domain]) -> Verdict:
    """An effect too large for the usual biases, or one that grows with the dose."""
    hurt = sorted(charged & set(facts.standard.identification_domains))
    if hurt:
        return held_against(False, say("Deductions stand for {listed}.", listed=", ".join(hurt)), ", ".join(hurt))
    ratio = _ratio(facts)
    dose = facts.passed(("dose_response",))
    large = ratio is not None and not rule.limits["ratio_low"] <= ratio <= rule.limits["ratio_high"]
    said = "unknown" if ratio is None else f"{ratio:.2f}"
    if not (large or dose):
        return held_against(False, say("The ratio to the level without the programme is {said}.", said=said), said)
    clusters = facts.sample.treated_clusters
    if clusters < rule.limits["treated_clusters"]:
        return held_against(
            False, say("There are {counted} treated clusters.", counted=facts.counted(clusters)), facts.found(clusters)
        )
    placebos = _placebo_outcomes_pass(facts)
    if placebos is None:
        return not_run(phrase("The effect is large, but the study has no placebo outcome."))
    return held_against(
        placebos,
        say("Ratio {said}; placebo outcomes pass.", said=said)
        if placebos
        else say("Ratio {said}; placebo outcomes fail.", said=said),
        said,
    )


def _domain(diagnostic: Diagnostic) -> str:
    return diagnostic.domain.replace("_", " ")


def _ratio(facts: Facts) -> float | None:
    """Observed level over the level without the programme, at the point estimate."""
    effect = facts.effect
    if effect.is_log:
        return float(np.exp(effect.value))
    base = effect.observed - effect.value
    return effect.observed / base if np.isfinite(base) and base > 0.0 and effect.observed > 0.0 else None


def _placebo_outcomes_pass(facts: Facts) -> bool | None:
    """Whether the interval of every placebo outcome holds 0; None where there is none."""
    named = [outcome.name for outcome in facts.spec.outcomes if outcome.role == "placebo"]
    if not named:
        return None
    results: list[bool] = []
    for name in named:
        estimate = facts.other_outcomes.get(name)
        if estimate is None or isinstance(estimate, EvalkitError):
            return None
        rows = estimate.aggregation("overall", level=facts.spec.design.level)
        effect = effect_of(facts.spec.primary_outcome, estimate, rows)
        results.append(bool(effect.low <= 0.0 <= effect.high))
    return all(results)

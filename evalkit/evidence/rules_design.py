"""Rules of the rating table about design and data: what the study is, before what it found."""

from __future__ import annotations

import numpy as np

from evalkit.data.quality.report import OF_RECORDS
from evalkit.evidence.effect_sizes import attrition_status, baseline_status
from evalkit.evidence.facts import Facts, baseline_differences
from evalkit.evidence.ledger import LOST, LOST_APART, MISSING
from evalkit.evidence.phrases import WORDS
from evalkit.evidence.standard import OF_SERIES, Rule
from evalkit.evidence.verdict import Verdict, held_against, not_applicable, not_run, severe
from evalkit.language import mark, phrase, readable, say
from evalkit.study.told import told
from evalkit.uncertainty import Posterior


def sampler_gate(facts: Facts, rule: Rule) -> Verdict:
    """Judge the sampler's own figures, whatever checks the study lists; an unknown figure fails."""
    uncertainty = facts.estimate.uncertainty
    if not isinstance(uncertainty, Posterior):
        return not_applicable(phrase("Nothing was sampled: the estimate is frequentist."))
    figures = uncertainty.sampler
    ess = min(figures.ess_bulk_min, figures.ess_tail_min)
    rhat, least = rule.limits["rhat"], rule.limits["ess"]
    problems = []
    if not figures.rhat_max <= rhat:
        problems.append(
            say(
                "its chains disagree (R-hat {rhat_max:.3f}, at most {rhat:g} is allowed)",
                rhat_max=figures.rhat_max,
                rhat=rhat,
            )
        )
    if not ess >= least:
        problems.append(
            say("its draws are worth {ess:.0f} independent ones (at least {least:g} are needed)", ess=ess, least=least)
        )
    if figures.divergences > 0:
        problems.append(say("{divergences} of its steps diverged (none may)", divergences=figures.divergences))
    told = say(
        "R-hat {rhat_max:.3f}, effective sample size {ess:.0f}, divergences {divergences}",
        rhat_max=figures.rhat_max,
        ess=ess,
        divergences=figures.divergences,
    )
    if not problems:
        return held_against(False, say("The sampler reports {told}.", told=told), told)
    reason = say("The sampler cannot be relied on: {listed}.", listed="; ".join(problems))
    return held_against(True, reason, told, variant="diverged" if figures.divergences > 0 else "short")


def cap_no_comparison(facts: Facts, rule: Rule) -> Verdict:
    """No comparison at all, or nobody knows why the treated were treated."""
    if facts.spec.assignment.mechanism == "unknown":
        return held_against(
            True,
            phrase("It is unknown how the programme was assigned."),
            phrase("unknown mechanism"),
            variant="unknown",
        )
    if facts.design in ("interrupted_time_series", "randomized"):
        return not_applicable(say("The design is {words}.", words=_words(facts.design)))
    count = facts.sample.comparison
    reason = say("There are {counted} comparison units.", counted=facts.counted(count))
    return held_against(count == 0, reason, facts.found(count), 1.0, variant="alone")


def cap_time_series(facts: Facts, rule: Rule) -> Verdict:
    """An interrupted time series alone."""
    alone = facts.design == "interrupted_time_series"
    return held_against(alone, say("The design is {words}.", words=_words(facts.design)), facts.design)


def cap_not_randomized(facts: Facts, rule: Rule) -> Verdict:
    """Comparison designs without randomization; the estimator's design is named."""
    if facts.design == "interrupted_time_series":
        return not_applicable(phrase("An interrupted time series has its own, lower cap."))
    known = facts.estimate.estimator in facts.standard.designs.by_estimator
    taken = (
        ""
        if known or facts.design == "randomized"
        else say(" (the table does not know {estimator})", estimator=facts.estimate.estimator)
    )
    mechanism = readable(facts.spec.assignment.mechanism, lower=True)
    reason = say(
        "Assignment: {mechanism}; design: {words}{taken}.", mechanism=mechanism, words=_words(facts.design), taken=taken
    )
    return held_against(facts.design != "randomized", reason, facts.design)


def cap_single_unit(facts: Facts, rule: Rule) -> Verdict:
    """One unit on either side; lower still without exact inference and a passing fit before the start."""
    sample, required = facts.sample, facts.standard.required_diagnostics
    treated, comparison, what = sample.treated, sample.comparison, mark("units")
    if facts.panel.cross_sections is not None:  # many people, but treatment was given to groups
        treated, comparison, what = sample.treated_clusters, sample.clusters - sample.treated_clusters, mark("groups")
    fewest = min(treated, comparison)
    reason = say(
        "{counted} treated and {counted_2} comparison {what}.",
        counted=facts.counted(treated),
        counted_2=facts.counted(comparison),
        what=phrase(what),
    )
    value = facts.found(fewest)
    if facts.design == "interrupted_time_series":
        return not_applicable(phrase("An interrupted time series has one unit by design and its own cap."))
    if facts.design == "controlled_time_series":
        said = say(
            "{reason} Errors are judged by the length of the series, so the lower cap does not apply.", reason=reason
        )
        return held_against(fewest == 1, said, value, 1.0)
    variant = "" if facts.panel.cross_sections is None else "groups"
    if fewest != 1:
        return held_against(False, reason, value, 1.0)
    holds = facts.holds_with_few_clusters
    if holds and facts.passed(required.pre_fit):
        passed = say("{reason} The fit before the start passes, and {holds}.", reason=reason, holds=holds)
        return held_against(True, passed, value, 1.0, variant=variant)
    lacks = (
        phrase("the fit before the start is missing or fails")
        if holds
        else phrase("no inference that holds with one was made")
    )
    reason = f"{reason} {lacks[0].upper()}{lacks[1:]}."
    return Verdict("applied", reason, value, 1.0, cap=rule.cap_without_inference, variant=variant)


def few_pre_periods(facts: Facts, rule: Rule) -> Verdict:
    """Periods before the start; a study may ask for more than the table does."""
    if facts.design != "difference_in_differences":
        return not_applicable(say("The design is {words}.", words=_words(facts.design)))
    least = max(rule.limits["pre_periods"], float(facts.spec.design.required_pre_periods))
    count = facts.sample.pre_periods
    reason = say(
        "The cohort with fewest has {count} usable periods before its start; {least:g} are asked for.",
        count=count,
        least=least,
    )
    return held_against(count < least, reason, float(count), least)


def short_series(facts: Facts, rule: Rule) -> Verdict:
    """Length of an interrupted time series."""
    if facts.design not in OF_SERIES:
        return not_applicable(say("The design is {words}.", words=_words(facts.design)))
    count = min(facts.sample.pre_periods, facts.sample.post_periods)
    least = rule.limits["points_each_side"]
    return held_against(
        count < least, say("The shorter side of the start has {count} points.", count=count), float(count), least
    )


def baseline(facts: Facts, rule: Rule) -> Verdict:
    """Largest standardized difference of a declared confounder before the start."""
    if not facts.spec.data.covariates:
        return not_run(phrase("The study declares no confounders (data.covariates), so balance was not looked at."))
    gaps = baseline_differences(facts.panel, facts.spec)
    if not gaps:
        return not_run(phrase("No declared confounder varies in both arms before the start."))
    adjusted = set(facts.estimate.settings.get("covariates") or ())
    failing, largest = [], max(gaps, key=lambda name: abs(gaps[name]))
    for name, g in gaps.items():
        status = baseline_status(g, passes=rule.limits["passes"], fails=rule.limits["fails"])
        if status == "fails" or (status == "needs adjustment" and name not in adjusted):
            failing.append(name)
    reason = say("Largest baseline difference: {largest}, g = {gaps:.2f}.", largest=largest, gaps=gaps[largest])
    if failing:
        reason += say(" Too large, or not adjusted for: {listed}.", listed=", ".join(failing))
    return held_against(bool(failing), reason, float(gaps[largest]), rule.limits["fails"])


def regression_to_the_mean(facts: Facts, rule: Rule) -> Verdict:
    """Chosen because of a bad outcome: a return to normal looks like an effect."""
    if facts.spec.assignment.mechanism != "selected_on_outcome":
        return not_applicable(phrase("Units were not selected on a recent outcome."))
    window = facts.spec.design.anticipation
    reason = say(
        "Selected on a recent outcome; {window} periods before the start are left out of the reference.", window=window
    )
    return held_against(window == 0, reason, float(window), 1.0)


def concurrent_event(facts: Facts, rule: Rule) -> Verdict:
    """Something else that reached the treated only."""
    assignment = facts.spec.assignment
    if not assignment.concurrent_events:
        return not_run(phrase("The study declares no concurrent events: there were none, or nobody asked."))
    only = assignment.concurrent_events_treated_only
    named = "; ".join(told(facts.spec).assignment.concurrent_events)
    reason = say("Concurrent events: {named}", named=named) + (phrase(" (reached the treated only).") if only else ".")
    return held_against(only, reason, named)


def attrition(facts: Facts, rule: Rule) -> Verdict:
    """Units lost, against the published boundaries, and cells without data."""
    sample, boundary = facts.sample, facts.standard.attrition
    if facts.panel.cross_sections is not None and sample.missing_share <= rule.limits["missing_share"]:
        return not_run(
            phrase("Each row is another person, so nobody can be lost; whether other people came was not looked at.")
        )
    limit = rule.limits["missing_share"]
    if sample.attrition_overall is None or sample.attrition_differential is None:
        if sample.missing_share > limit:
            hidden = facts.ledger.hides(MISSING)
            said = (
                WORDS["missing_withheld"]
                if hidden
                else say("{missing_share:.1f} % is missing.", missing_share=100 * sample.missing_share)
            )
            return held_against(True, said, None if hidden else sample.missing_share, limit)
        return not_run(phrase("No unit of one arm was seen before the first start, so attrition cannot be computed."))
    overall, differential = sample.attrition_overall, sample.attrition_differential
    status = attrition_status(overall, differential, cautious=boundary.cautious, optimistic=boundary.optimistic)
    reason = say(
        "Attrition {overall:.1f} % overall, {differential:.1f} points between arms: {status}; "
        "{missing_share:.1f} % of unit-periods missing.",
        overall=overall,
        differential=differential,
        status=readable(status, lower=True),
        missing_share=100 * sample.missing_share,
    )
    if facts.ledger.hidden & {LOST, LOST_APART, MISSING}:
        reason = WORDS["attrition_withheld"]
    if status == "high":
        return severe(
            held_against(
                True,
                say(
                    "{reason} (Optimistic boundary: {optimistic_is}.)",
                    reason=reason,
                    optimistic_is=boundary.optimistic_is,
                ),
                status,
                "high",
            )
        )
    return held_against(status != "low" or sample.missing_share > limit, reason, status, "low")


def measurement_change(facts: Facts, rule: Rule) -> Verdict:
    """A change of definition near a start, declared, or seen in the records themselves.

    The study declares dates only, so a change that reached the treated alone cannot be told apart
    and is charged as one for all.
    """
    failing = next(
        (found for found in map(facts.ran, OF_RECORDS) if found is not None and found.status == "fail"), None
    )
    if failing is not None:
        return held_against(True, failing.reading, failing.value, failing.threshold, variant=failing.id)
    changes = facts.spec.primary_outcome.definition_changes
    if not changes:
        if (looked := facts.ran(OF_RECORDS[0])) is not None:
            return held_against(False, looked.reading, looked.value, looked.threshold)
        return not_run(
            phrase("The study declares no change of the outcome's definition: there was none, or nobody asked.")
        )
    calendar = facts.panel.calendar
    starts = [calendar.label(int(cohort)) for cohort in facts.panel.cohorts]
    gaps = [_years_between(start, change.year + (change.timetuple().tm_yday - 1) / 365.25) for start in starts
            for change in changes]  # fmt: skip
    known = [gap for gap in gaps if gap is not None]
    if not known:
        return not_run(phrase("The periods of the data are not dates or years, so the changes cannot be placed."))
    nearest = min(known) / _step_in_years(facts)
    limit = rule.limits["periods"]
    reason = say("The nearest change of definition is {nearest:.1f} periods from a start.", nearest=nearest)
    return held_against(nearest <= limit, reason, float(nearest), limit)


def few_clusters(facts: Facts, rule: Rule) -> Verdict:
    """Cluster counts too small for the errors used."""
    sample = facts.sample
    few = sample.treated_clusters < rule.limits["treated"] or sample.clusters < rule.limits["total"]
    treated, total = facts.counted(sample.treated_clusters), facts.counted(sample.clusters)
    grouped = facts.panel.cross_sections is not None
    reason = (
        say("{treated} treated groups, {total} in all", treated=treated, total=total)
        if grouped
        else say("{treated} treated clusters, {total} in all", treated=treated, total=total)
    )
    count = say("{treated} of {total}", treated=treated, total=total)
    holds = facts.holds_with_few_clusters
    if few and holds:
        return held_against(False, f"{reason}; {holds}.", count)
    if few and facts.is_bayesian and facts.design in OF_SERIES:
        return held_against(False, f"{reason}{phrase('; errors are judged by the length of the series')}.", count)
    without = phrase("; no inference that holds with so few was made") if few else ""
    variant = "groups" if grouped else "bayesian" if facts.is_bayesian else ""
    return held_against(few, f"{reason}{without}.", count, variant=variant)


def _words(design: str) -> str:
    return (
        readable(design, lower=True) if design != "difference_in_differences" else phrase("difference-in-differences")
    )


def _years_between(label: object, moment: float) -> float | None:
    """Distance in years of a period's label and a moment; None where the label is no year or date."""
    year = getattr(label, "year", None)
    if year is not None:
        day = getattr(label, "day_of_year", 1)
        return abs(float(year) + (int(day) - 1) / 365.25 - moment)
    if isinstance(label, int | float | np.integer) and 1000 <= float(label) <= 3000:
        return abs(float(label) - moment)
    return None


def _step_in_years(facts: Facts) -> float:
    """Length of one period in years, from the labels of two neighbouring ones."""
    first, second = (facts.panel.calendar.label(ordinal) for ordinal in (0, 1))
    start = _years_between(first, 0.0)
    end = _years_between(second, 0.0)
    return 1.0 if start is None or end is None or end <= start else end - start

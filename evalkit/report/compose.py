"""From an evaluation to what its report shows: every table through the gate first, then the figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.evaluation import Evaluation
from evalkit.evidence.disclosure import Policy, policy
from evalkit.evidence.disclosure import gate as gate_table
from evalkit.evidence.linked import UNDECLARED
from evalkit.evidence.natural import link_of
from evalkit.evidence.schema import Evidence
from evalkit.evidence.standard import Standard
from evalkit.evidence.withhold import checks_shown, has_small_cohort, in_check, in_text
from evalkit.language import speaking
from evalkit.report.contents import Contents
from evalkit.report.evidence_table import gated
from evalkit.report.exports import undeclared
from evalkit.report.gallery import Shown
from evalkit.report.gating import (
    COMPLEMENTARY,
    MIXTURE,
    SMALL,
    Gate,
    Record,
    blank_record,
    expected_sizes,
    has_small_side,
)
from evalkit.report.pictures import pictures
from evalkit.report.tables import PRIMARY, diagnostics_table, estimates_table, event_study_table
from evalkit.report.wording import estimator_title
from evalkit.study.spec import Design, Outcome, StudySpec
from evalkit.study.told import told_label, told_outcome
from evalkit.vocabulary import POOLED, BoolArray, Exhibit

ESTIMATES: Final = "estimates.csv"
EVENT_STUDY: Final = "event_study.csv"
LABELS: Final = ("event_time", "level")
"""Number columns that say which row it is; they stay when the row's numbers are withheld."""

MIXED: Final = ("event_study", "period")
"""Aggregations whose rows mix cohorts."""

SUMS: Final = ("cumulative", "cumulative_low", "cumulative_high")

ADDITIVE: Final = ("count", "rate", "continuous")
"""Families of outcomes that add up over periods."""

PERIOD_COLUMNS: Final = ("year", "quarter", "month", "week", "day")


def compose(evaluation: Evaluation, *, provenance: Mapping[str, Any], study_yaml: str) -> Contents:
    """Gather what the report shows; nothing in it has not passed the disclosure gate.

    A run that is not rated has no pictures: its numbers stand in the tables, for whoever looks for the cause.

    Parameters
    ----------
    evaluation
        From :func:`evalkit.evaluate`.
    provenance
        From :func:`evalkit.report.provenance.provenance`.
    study_yaml
        The resolved config.
    """
    with speaking(evaluation.study.language):
        return _composed(evaluation, provenance, study_yaml)


def _composed(evaluation: Evaluation, provenance: Mapping[str, Any], study_yaml: str) -> Contents:
    study, estimate = evaluation.study, evaluation.estimate
    outcome = study.spec.primary_outcome
    link, reference = link_of(outcome, estimate), reference_time(estimate)
    by_run = estimates_table(
        told_outcome(study.spec, outcome).name,
        estimator_title(estimate.estimator),
        estimate,
        {told_label(study.spec, label): each for label, each in evaluation.robustness.items()},
        {_told(study.spec, name): each for name, each in evaluation.other_outcomes.items()},
    )
    rules = policy_of(evaluation)
    if rules.subject == "persons":  # whose own effects are nobody else's business
        by_run = by_run[by_run["aggregation"] != "unit"].reset_index(drop=True)
    by_run["reason"] = by_run["reason"].map(lambda reason: in_text(reason, rules), na_action="ignore")
    gate = Gate(evaluation, rules)

    def passed(name: str, table: pd.DataFrame, counts: Sequence[str], groups: Sequence[str] = ()) -> pd.DataFrame:
        shown, record = through_gate(table, rules, counts=counts, groups=groups)
        gate.passed(name, record)
        return shown

    estimates = passed(ESTIMATES, by_run, ["n_treated"], ["outcome", "run", "aggregation"])
    sums = adds_up(outcome, estimate, evaluation.panel)
    in_full = event_study_table(estimate, reference, link, start=only_start(estimate, evaluation.panel), adds_up=sums)
    by_event_time = passed(EVENT_STUDY, in_full, ["n_treated"])
    estimates = gate.averages(estimates, ESTIMATES)
    by_event_time = gate.levels(by_event_time, EVENT_STUDY)
    estimates = gate.counts(estimates, ESTIMATES, expected_sizes(estimates, gate))
    by_event_time = gate.counts(by_event_time, EVENT_STUDY, expected_sizes(by_event_time, gate))
    if gate.records[EVENT_STUDY]["withheld"]:
        by_event_time[list(SUMS)] = np.nan  # one sum less the one before it is the effect that is withheld
    if has_small_cohort(evaluation.panel, rules):
        # with the cohorts that are shown, rows that mix cohorts give away the size and the effect of one that is not
        estimates = gate.rows(estimates, ESTIMATES, estimates["aggregation"].isin(MIXED), MIXTURE)
        by_event_time = gate.rows(by_event_time, EVENT_STUDY, pd.Series(True, index=by_event_time.index), MIXTURE)
    told = checks_shown(evaluation.diagnostics, evaluation.panel, rules, gate.ledger)
    checks = passed("diagnostics.csv", diagnostics_table([in_check(found, rules) for found in told]), [])
    gate.passed("evidence.csv", _record_of(evaluation.evidence))
    exhibits: list[Shown] = []
    own = [*estimate.exhibits, *(found.exhibit for found in told if found.exhibit is not None)]
    for exhibit in exhibits_shown(own, evaluation.panel, rules):
        table = pd.DataFrame(dict(exhibit.table))
        name = f"figures/{exhibit.kind}"
        if gate.of_people and undeclared(exhibit):
            gate.refused(name, len(table), UNDECLARED)
            continue
        shown, record = through_gate(table, rules, counts=exhibit.counts, keep=exhibit.labels)
        gate.passed(name, record)
        exhibits.append(Shown(exhibit.kind, gate.exhibit(shown, name, exhibit.counts)))
    rated = evaluation.evidence.rating.certainty is not None
    drawn = pictures(
        evaluation.evidence, estimates, by_event_time, link=link, step=step_in_words(evaluation.panel),
        reference=reference, window=window_of(study.spec.design, estimate), exhibits=exhibits,
        fit=estimate.leads_from == "fit",
        withheld=in_full["event_time"][in_full["observed"].notna() & by_event_time["observed"].isna()].tolist(),
    ) if rated else ()  # fmt: skip
    disclosure = {"subject": rules.subject, "min_cell": rules.min_cell, "reason": rules.reason, "tables": gate.records}
    return Contents(
        evidence=evaluation.evidence,
        figures=drawn,
        estimates=estimates,
        event_study=by_event_time,
        diagnostics=checks,
        disclosure=disclosure,
        study_yaml=study_yaml,
        provenance=provenance,
    )


def exhibits_shown(exhibits: Iterable[Exhibit], panel: Panel, rules: Policy) -> Iterator[Exhibit]:
    """Figures of the estimator and the checks, without those that tell of single persons.

    Beside a cohort of few people, or few who never start, there are none: rows that rest on different cohorts would
    tell of them.
    """
    if has_small_cohort(panel, rules) or has_small_side(panel, rules):
        return
    for exhibit in exhibits:
        if not (exhibit.about == "units" and rules.subject == "persons"):
            yield exhibit


def policy_of(evaluation: Evaluation) -> Policy:
    """Whether this study's counts are of persons, and from which size on they may be shown."""
    return policy(evaluation.study.spec, standard_of(evaluation))


def standard_of(evaluation: Evaluation) -> Standard:
    """The standard that the study was evaluated by."""
    return Standard.from_config(evaluation.study.evidence)


def through_gate(
    table: pd.DataFrame,
    rules: Policy,
    *,
    counts: Sequence[str],
    groups: Sequence[str] = (),
    keep: Sequence[str] = LABELS,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Pass a table through the gate, group by group: rows that add up to a total are judged together.

    Returns
    -------
    table, record
        The record's rows are counted in the whole table, from 0.
    """
    parts = [part for _, part in table.groupby(list(groups), sort=False, dropna=False)] if groups else [table]
    shown: list[pd.DataFrame] = []
    record = blank_record(len(table))
    rules_used: set[str] = set()
    for part in parts:
        passed, found = gate_table(
            part, counts=counts, min_cell=rules.min_cell, subject=rules.subject, reason=rules.reason,
            keep=[name for name in keep if name in part],
        )  # fmt: skip
        shown.append(passed)
        record["withheld"] += [int(part.index[row]) for row in (*found.suppressed, *found.complementary)]
        rules_used |= {SMALL} if found.suppressed else set()
        rules_used |= {COMPLEMENTARY} if found.complementary else set()
        record["homogeneous"] += [int(part.index[row]) for row in found.homogeneous]
        record["escaped"] += found.escaped
    record["withheld"], record["rules"] = sorted(record["withheld"]), sorted(rules_used)
    return pd.concat(shown).sort_index() if len(shown) > 1 else shown[0], record


def _record_of(evidence: Evidence) -> Record:
    """What the gate did to the table of the evidence."""
    found = gated(evidence)[1]
    rules = [*((SMALL,) if found.suppressed else ()), *((COMPLEMENTARY,) if found.complementary else ())]
    withheld = sorted({*found.suppressed, *found.complementary})
    return {**blank_record(found.rows), "withheld": withheld, "rules": rules, "escaped": found.escaped}


def cells_shown(evaluation: Evaluation, contents: Contents) -> BoolArray:
    """(K,) cells whose draws may be stored: those of cohorts that the tables show, and large enough themselves."""
    estimate, rules = evaluation.estimate, policy_of(evaluation)
    cells = estimate.cells
    if rules.subject == "places":
        return np.ones(len(cells), dtype=bool)
    rows = contents.estimates
    by_cohort = (rows["role"] == PRIMARY) & (rows["aggregation"] == "cohort")
    withheld = rows.loc[by_cohort & rows["n_treated"].isna(), "cohort"].dropna()
    named = ["" if cohort == POOLED else estimate.calendar.text(int(cohort)) for cohort in cells.cohort]
    hidden = np.isin(named, withheld.astype(str)) | (cells.n_treated < rules.min_cell)
    if has_small_cohort(evaluation.panel, rules):  # as in the tables: no mixture of cohorts but the overall one
        overall = (cells.event_time == POOLED) & (cells.period == POOLED)
        hidden |= (cells.cohort == POOLED) & ~overall
    return ~hidden


def _told(spec: StudySpec, name: str) -> str:
    """The name of a declared outcome, as told."""
    return next((told_outcome(spec, each).name for each in spec.outcomes if each.name == name), name)


def adds_up(outcome: Outcome, estimate: Estimate, panel: Panel) -> bool:
    """Whether effects of several periods have a sum that means something.

    Those of counts and amounts do, where all start together: percentages of several years do not add up, and where
    cohorts differ, later effects are those of fewer places.
    """
    return outcome.family in ADDITIVE and panel.dose is None and only_start(estimate, panel) is not None


def only_start(estimate: Estimate, panel: Panel) -> int | None:
    """Ordinal of the first treated period that all treated units share; None where they start apart.

    By the estimate, which may have left a cohort out; by the panel where its effects pool over cohorts.
    """
    starts = estimate.cells.share_cohorts if len(estimate.cells.share_cohorts) else panel.cohorts
    return int(starts[0]) if panel.dose is None and len(starts) == 1 else None


def window_of(design: Design, estimate: Estimate) -> tuple[int, int]:
    """First and last event time that pictures show: the declared window, wider where a fit is judged by more.

    A declared window keeps out event times at which few units are left. A method that fits the time before the start
    is judged by all of that time, as far as every cohort reaches: all of it where all start together, and where starts
    are staggered no event time that rests on the first or the last cohort alone.
    """
    low, high = design.event_window
    cells = estimate.cells
    known = cells.event_time != POOLED
    if estimate.leads_from != "fit" or not known.any():
        return low, high
    cohort, time = cells.cohort[known], cells.event_time[known]
    reached = [(int(time[cohort == each].min()), int(time[cohort == each].max())) for each in np.unique(cohort)]
    first, last = max(each[0] for each in reached), min(each[1] for each in reached)
    return (first, last) if len(reached) == 1 else (min(low, first), max(high, last))


def reference_time(estimate: Estimate) -> int | None:
    """Event time that effects after the start are measured against; None where it is no single period.

    It is the period before any anticipation, unless the estimator measures from an average over the
    time before the start.
    """
    return None if estimate.leads_from in ("own_mean", "fit") else -1 - int(estimate.settings.get("anticipation") or 0)


def step_in_words(panel: Panel) -> str:
    """One period in words; where the calendar only counts, the period column's own name if it is a word for time.

    A column of years is a column of integers to the calendar.
    """
    step, name = panel.calendar.step_name, panel.names.period.lower()
    return step.replace("period", name) if name in PERIOD_COLUMNS else step

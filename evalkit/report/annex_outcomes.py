"""The summary of findings in the annex: every outcome with its sentence, its p-values and the steps of its rating."""

from __future__ import annotations

from typing import Final

from evalkit.evidence.schema import Evidence, OutcomeFinding
from evalkit.language import mark, phrase, readable
from evalkit.report.annex_parts import Section, Table, cell, rule_name
from evalkit.report.page import outcome_lines

TITLE: Final = mark("Summary of findings")
CONVENTION: Final = mark(
    "The primary outcome is the one confirmatory test and is not adjusted for the others. "
    "Secondary and harm outcomes of one domain are counted together (Benjamini and Hochberg "
    "1995); the finding of a secondary outcome needs the adjusted p-value, that of a possible"
    " harm does not. Steps of a rating that rest on a check of the primary outcome are marked"
    " as carried over."
)
HEAD: Final = (
    "Outcome",
    "Role",
    "Domain",
    mark("Without → with"),
    mark("Difference (interval)"),
    "Certainty",
    mark("In words"),
)
P_HEAD: Final = ("Outcome", "p", mark("Adjusted p"), mark("Counted together"), "Finding")
STEPS_HEAD: Final = ("Outcome", "Rule", "Points", "Cap", mark("Certainty after"), "Why", mark("Carried over"))


def all_outcomes(evidence: Evidence) -> Section:
    """The section on all outcomes; their ratings as far as something applied."""
    found, lines = evidence.summary_of_findings, outcome_lines(evidence)
    rows = tuple(
        (each.outcome, readable(each.role), each.domain or "–", line.levels, line.change, line.certainty, each.sentence)
        for each, line in zip(found, lines, strict=True)
    )
    p_values = tuple(
        (each.outcome, cell(each.p_value.value), cell(each.p_adjusted.value), str(each.counted_together), _read(each))
        for each in found
    )
    steps = tuple(row for each in found for row in _steps(each))
    tables = [
        Table(phrase("All outcomes"), HEAD, rows),
        Table(phrase("Several outcomes counted together"), P_HEAD, p_values, frozenset({1, 2, 3})),
    ]
    if steps:
        tables.append(Table(phrase("Certainty of further outcomes, the steps that applied"), STEPS_HEAD, steps))
    return Section(phrase(TITLE), (phrase(CONVENTION),), tuple(tables))


def _read(found: OutcomeFinding) -> str:
    return "–" if found.finding is None else found.finding.reading


def _steps(found: OutcomeFinding) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            found.outcome, rule_name(step.rule), cell(step.points), cell(step.cap), cell(step.running), step.reason,
            cell(step.rule in found.carried_over),
        )
        for step in found.trail
        if step.state == "applied"
    )  # fmt: skip

from __future__ import annotations

from typing import Any

from evalkit.errors import DesignRefused
from evalkit.evidence.outcomes import OutcomeResult
from evalkit.evidence.schema import Evidence
from evalkit.evidence.summarize import summarize
from evalkit.report.annex_outcomes import all_outcomes
from evalkit.report.page import build_page, outcome_lines
from tests.unit.evidence import made


def outcome(name: str, role: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "column": name, "role": role, "unit": "thefts", "direction": "lower_better", **changes}


def evidence() -> Evidence:
    """A primary outcome, a secondary one, a share that could not be estimated, and a placebo."""
    first = made.spec().primary_outcome.model_dump()
    declared = made.spec(
        outcomes=[
            first, outcome("thefts", "secondary", domain="crime"), outcome("trust", "harm"), outcome("rain", "placebo"),
        ]
    )  # fmt: skip
    panel, refused = made.panel(), DesignRefused("no data on trust.")
    found = {"thefts": made.estimate(-1.0), "rain": made.estimate(0.01)}
    return summarize(
        made.study(declared), panel, made.estimate(-2.0), {}, made.clean(), made.identity(),
        other_outcomes={**found, "trust": refused},
        outcome_results={
            "thefts": OutcomeResult(panel, found["thefts"], made.clean()), "trust": refused,
            "rain": OutcomeResult(panel, found["rain"]),
        },
    )  # fmt: skip


def test_the_page_has_one_line_an_outcome_with_levels_difference_and_certainty() -> None:
    lines = build_page(evidence()).outcomes
    assert [line.name for line in lines] == ["The rate of calls", "Thefts", "Trust", "Rain"]
    thefts, trust, rain = lines[1:]
    assert (thefts.levels, thefts.change) == ("19 → 18", "−1 (−1.2 to −0.8)")
    assert thefts.note == "thefts; also looked at"
    assert (thefts.certainty, thefts.in_short) == ("Moderate", "Probably reduces it")
    assert (trust.levels, trust.change, trust.certainty, trust.in_short) == ("–", "–", "Not rated", "No result")
    assert (rain.certainty, rain.in_short) == ("–", "Check passes")


def test_a_study_with_one_outcome_has_no_such_table() -> None:
    assert outcome_lines(made.summary(made.estimate(-2.0))) == ()


def test_the_annex_has_p_values_sentences_and_the_steps_of_each_rating() -> None:
    section = all_outcomes(evidence())
    findings, counted, steps = section.tables
    assert findings.rows[1][2] == "crime"
    assert findings.rows[2][-1] == "There is no result on trust: no data on trust."
    assert [row[3] for row in counted.rows] == ["1", "1", "1", "1"]
    assert {row[0] for row in steps.rows} == {"thefts"}
    assert ("thefts", "Cap not randomized", "0", "3", "3") in {row[:5] for row in steps.rows}

from __future__ import annotations

from evalkit.report.annex import build_annex
from evalkit.report.annex_parts import cell
from tests import report_samples as samples


def test_the_certainty_can_be_recomputed_by_hand_from_the_trail_shown() -> None:
    evaluation = samples.castle()
    section = next(s for s in build_annex(samples.of(evaluation)) if s.title == "How the certainty was reached")
    table = section.tables[0]
    at = {name: place for place, name in enumerate(table.head)}
    certainty = 4
    for row in table.rows[1:]:
        if row[at["State"]] != "Applied":
            continue
        if row[at["Rule"]] == "Floor":
            certainty = max(certainty, 1)
        elif row[at["Cap"]] != "–":
            certainty = min(certainty, int(row[at["Cap"]]))
        elif row[at["Points"]] != "–":
            certainty += int(row[at["Points"]].replace("−", "-"))
    assert certainty == evaluation.evidence.rating.certainty


def test_every_check_stands_with_what_it_takes_for_granted() -> None:
    section = next(s for s in build_annex(samples.contents()) if s.title == "Checks")
    assert section.tables[0].head[2] == "Taken for granted"
    assert section.tables[0].rows[0][2].startswith("Outcomes of treated and comparison units")


def test_all_aggregations_of_the_primary_estimate_are_shown() -> None:
    section = next(s for s in build_annex(samples.contents()) if s.title == "Estimates")
    assert [table.caption.split(",")[0] for table in section.tables] == [
        "Overall", "By event time", "By cohort", "By period"
    ]  # fmt: skip


def test_missing_values_give_their_reason() -> None:
    section = next(s for s in build_annex(samples.contents()) if s.title == "Question and design")
    cells = {row[0]: row[1] for table in section.tables for row in table.rows}
    assert cells["Locked at"] == "– (no plan)"


def test_the_rating_table_is_left_to_study_yaml() -> None:
    contents = samples.contents(study_yaml="seed: 1\nevidence:\n  version: '1.0.0'\n")
    settings = build_annex(contents)[-1]
    assert settings.code == "seed: 1\n"
    assert "study.yaml" in settings.text[0]


def test_numbers_keep_four_digits_and_no_number_is_called_nan() -> None:
    assert cell(float("nan")) == "–"
    rows = [row for section in build_annex(samples.contents()) for table in section.tables for row in table.rows]
    assert not [text for row in rows for text in row if text.lower() in ("nan", "none", "<na>")]

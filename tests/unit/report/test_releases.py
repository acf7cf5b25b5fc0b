"""Counts of two bundles side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.evidence.disclosure import DisclosureRefused, Policy
from evalkit.evidence.standard import Standard, shipped
from evalkit.report.releases import against_earlier, compare, counts_in, warnings_of
from tests import report_samples as samples

LIMITS = shipped().disclosure
PEOPLE = Policy("persons", LIMITS.min_cell, "")


@pytest.mark.parametrize(
    ("before", "after", "tells"),
    [(70, 70, False), (70, 71, True), (70, 60, True), (70, 81, False), (70, 59, False), (None, None, False),
     (None, 12, True), (12, None, True)],
)  # fmt: skip
def test_counts_that_differ_by_few_or_come_out_of_hiding_tell_of_few(
    before: float | None, after: float | None, tells: bool
) -> None:
    assert bool(compare({"n": before}, {"n": after}, LIMITS.min_cell)) is tells


def test_counts_of_summary_groups_and_rows_are_read_and_what_is_not_known_is_no_count() -> None:
    evidence = {
        "sample": {"n_units": {"value": 130, "how": "derived"}, "n_events": {"value": None, "how": "missing"}},
        "natural": {"total_averted": {"observed": {"value": None, "how": "suppressed"}}},
        "equity": [{"by": "side", "group": "south", "n": {"value": 40, "how": "derived"}}],
    }
    head = "outcome,run,aggregation,label,n_treated,reason"
    rows = "\n".join([head, "y,a,cohort,2004,40,", "y,a,cohort,2006,,", "y,b,overall,overall,,why"])
    assert counts_in(evidence, rows) == {
        "n_units": 130, "natural.total_averted": None, "equity.side.south": 40, "y.a.cohort.2004": 40.0,
        "y.a.cohort.2006": None,
    }  # fmt: skip


def test_places_are_not_compared(tmp_path: Path) -> None:
    contents = samples.of(samples.castle())
    places = Policy("places", LIMITS.min_cell, "")
    same, found = against_earlier(contents, tmp_path, places, LIMITS.earlier_bundles, restricted=False)
    assert (same, found) == (contents, ())


def test_an_earlier_bundle_that_cannot_be_read_closes_the_gate(tmp_path: Path) -> None:
    contents = samples.of(samples.castle())
    broken = tmp_path / "results" / contents.evidence.identity.study_id / "one"
    broken.mkdir(parents=True)
    (broken / "COMPLETE").write_text("x", encoding="utf-8")
    with pytest.raises(DisclosureRefused, match="cannot be read"):
        against_earlier(contents, tmp_path / "results", PEOPLE, LIMITS.earlier_bundles, restricted=False)


def test_a_warning_names_the_bundle_and_what_differs() -> None:
    told = {"min_cell": 11, "earlier_bundles": {"tell_of_few": {"abc": ["n_units", "a", "b", "c"]}}}
    assert warnings_of(told) == (
        "Beside an earlier bundle of this study (abc) this one tells of fewer than 11 people "
        "(n_units, a, b and 1 more): show only one of the two.",
    )
    assert warnings_of({}) == ()


def test_a_study_may_refuse_where_the_standard_warns_and_never_the_other_way() -> None:
    standard = shipped().model_dump()
    standard["disclosure"]["earlier_bundles"]["otherwise"] = "refuse"
    assert Standard.from_config(standard).disclosure.earlier_bundles.otherwise == "refuse"
    standard["disclosure"]["earlier_bundles"]["restricted"] = "warn"
    with pytest.raises(ConfigError, match="only be tightened"):
        Standard.from_config(standard)

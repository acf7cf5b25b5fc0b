"""The attack on finished bundles: what all files of one say together about few people."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.evaluation import Evaluation
from evalkit.evidence import ledger
from evalkit.evidence.standard import shipped
from evalkit.numerics.suppression import Linked, Suppression
from evalkit.report import gating
from evalkit.report.bundle import write_bundle
from evalkit.report.compose import window_of
from tests import report_samples as samples
from tests.disclosure.bundle_reader import Calendar, learn
from tests.disclosure.worlds import WORLDS, behind, known, small_counts, summarized_again

MIN_CELL = shipped().disclosure.min_cell


def lost(evaluation: Evaluation, bundle: Path, calendar: Calendar) -> dict[object, tuple[float, float]]:
    """Small counts that the reader of a bundle knows too closely."""
    small = small_counts(evaluation.panel, calendar, behind(evaluation, calendar), MIN_CELL)
    assert small, "there is nothing to find"
    return known(learn(bundle, calendar, shares=True), small, MIN_CELL)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.promise("secure-attacker")
def test_no_small_count_of_people_follows_from_all_files_of_a_bundle(
    name: str, evaluated: Mapping[str, tuple[Evaluation, Path]]
) -> None:
    evaluation, bundle = evaluated[name]
    assert not lost(evaluation, bundle, WORLDS[name].calendar)


@pytest.mark.parametrize(
    "name", [next(iter(WORLDS)), *(pytest.param(name, marks=pytest.mark.calibration) for name in list(WORLDS)[1:])]
)
@pytest.mark.promise("secure-attacker")
def test_without_complementary_suppression_the_reader_of_a_bundle_wins(
    name: str, evaluated: Mapping[str, tuple[Evaluation, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small counts alone are withheld, as a first gate would do it; sums and differences then give them back."""
    switched_off(monkeypatch)
    evaluation = summarized_again(evaluated[name][0])
    bundle = write_bundle(evaluation, tmp_path, provenance={}, study_yaml="study: {}\n")
    assert lost(evaluation, bundle, WORLDS[name].calendar)


@pytest.mark.calibration
def test_shipped_studies_keep_their_small_groups_when_their_units_are_persons(tmp_path: Path) -> None:
    """Cohorts of 1 to 13: the study of the castle doctrine, had its units been persons."""
    evaluation = of_persons(samples.castle())
    cohorts = evaluation.estimate.calendar.labels(evaluation.panel.cohorts).astype(int).tolist()
    years = evaluation.estimate.calendar.labels(evaluation.panel.time).astype(int).tolist()
    calendar = Calendar(tuple(years), tuple(cohorts))
    bundle = write_bundle(evaluation, tmp_path, provenance={}, study_yaml="study: {}\n")
    small = small_counts(evaluation.panel, calendar, {}, MIN_CELL)
    assert len(small) >= 4
    assert not known(learn(bundle, calendar, shares=False), small, MIN_CELL)


def test_what_was_withheld_is_told_without_the_numbers(evaluated: Mapping[str, tuple[Evaluation, Path]]) -> None:
    _, bundle = evaluated["people who vanish and rare events"]
    found = json.loads((bundle / "disclosure.json").read_text(encoding="utf-8"))
    table = found["tables"]["event_study.csv"]
    assert {"difference", "small_count"} <= set(table["rules"])
    assert set(table["withheld_cells"]) == {"n_treated", "observed", "counterfactual"}
    assert "suppressed" not in table  # which row fell to which rule would bound its count


@pytest.mark.parametrize("name", WORLDS)
def test_a_figure_says_that_levels_are_withheld_and_draws_no_line_across_them(
    name: str, evaluated: Mapping[str, tuple[Evaluation, Path]]
) -> None:
    evaluation, bundle = evaluated[name]
    figures = {each["id"]: each for each in json.loads((bundle / "figures/index.json").read_text(encoding="utf-8"))}
    table = json.loads((bundle / "disclosure.json").read_text(encoding="utf-8"))["tables"]["event_study.csv"]
    if "counterfactual" not in figures:
        assert len(table["withheld"]) == table["rows"]
        return
    figure, hidden = figures["counterfactual"], table.get("withheld_cells", {}).get("observed", [])
    times = pd.read_csv(bundle / "event_study.csv")["event_time"].iloc[hidden]
    times = times[times.between(*window_of(evaluation.study.spec.design, evaluation.estimate))]
    assert ("to protect people" in figure["note"]) is (len(times) > 0)
    assert ("to protect people" in figure["alt"]) is (len(times) > 0)
    drawn = pd.DataFrame(figure["data"]["data"], columns=figure["data"]["columns"]).set_index("event_time")
    assert drawn.index.tolist() == list(range(drawn.index[0], drawn.index[-1] + 1))
    assert drawn.reindex(times)[["observed", "counterfactual"]].isna().all(axis=None)


PEOPLE = r"treated|units?|residents?|persons?|people|never-treated|comparison|unit-periods|rows"


@pytest.mark.parametrize("name", WORLDS)
def test_no_sentence_picture_or_page_names_a_small_count_of_people(
    name: str, evaluated: Mapping[str, tuple[Evaluation, Path]]
) -> None:
    """Limits of the rating table, such as "fewer than 5 treated" or "5 units or more", are no counts."""
    evaluation, bundle = evaluated[name]
    small = small_counts(evaluation.panel, WORLDS[name].calendar, {}, MIN_CELL)
    numbers = "|".join(str(count) for count in sorted(set(small.values())))
    named = re.compile(rf"(?<![\w.,%-])(?<!ewer than )(?:{numbers}) (?:{PEOPLE})\b(?! or more)")
    read = [file for file in sorted(bundle.rglob("*")) if file.suffix in (".json", ".md", ".html", ".svg", ".csv")]
    assert len(read) > 8
    for file in read:
        assert not named.findall(file.read_text(encoding="utf-8")), file.name


def of_persons(evaluation: Evaluation) -> Evaluation:
    """The same study, had its units been persons."""
    spec = evaluation.study.spec
    assignment = spec.assignment.model_copy(update={"unit": "person"})
    study = evaluation.study.model_copy(update={"spec": spec.model_copy(update={"assignment": assignment})})
    return summarized_again(dataclasses.replace(evaluation, study=study))


def switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave of the gate what withholds small counts themselves."""

    def only_small(linked: Linked, **_: object) -> Suppression:
        primary = np.asarray(linked.items @ linked.protected.astype(float) > 0.0)
        return Suppression(primary, 0.0, 0, 0, optimal=False, protects=True)

    monkeypatch.setattr(ledger, "suppress", only_small)
    monkeypatch.setattr(gating, "covered", lambda values, hidden, min_cell: set())
    monkeypatch.setattr(gating, "close", lambda value, published, min_cell: False)
    monkeypatch.setattr(gating.Gate, "rows", lambda self, table, name, rows, rule: table)
    monkeypatch.setattr("evalkit.evidence.disclosure.covered", lambda values, hidden, min_cell: set())

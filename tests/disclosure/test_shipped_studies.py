"""The attack on shipped studies, had their units been persons."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from evalkit.config import load_study
from evalkit.evaluation import evaluate
from evalkit.evidence.standard import shipped
from evalkit.report.bundle import write_bundle
from tests.disclosure.bundle_reader import Calendar, learn
from tests.disclosure.worlds import known, small_counts, summarized_again

MIN_CELL = shipped().disclosure.min_cell


@pytest.mark.calibration
@pytest.mark.parametrize("name", ["castle_doctrine", "enterprise_zones", "organ_donation"])
def test_no_small_group_of_a_shipped_study_follows_from_its_bundle(name: str, tmp_path: Path) -> None:
    study = load_study(name)
    assignment = study.spec.assignment.model_copy(update={"unit": "person"})
    persons = study.model_copy(update={"spec": study.spec.model_copy(update={"assignment": assignment})})
    evaluation = evaluate(study)
    bundle = write_bundle(
        summarized_again(dataclasses.replace(evaluation, study=persons)), tmp_path, provenance={},
        study_yaml="study: {}\n",
    )  # fmt: skip
    panel, text = evaluation.panel, evaluation.estimate.calendar.text
    periods = tuple(int(text(int(period))) for period in panel.time)
    calendar = Calendar(periods, tuple(int(text(int(cohort))) for cohort in panel.cohorts))
    small = small_counts(panel, calendar, {}, MIN_CELL)
    assert small
    assert not known(learn(bundle, calendar, shares=False), small, MIN_CELL)

"""Two bundles of one study: an evaluation run again with one person more."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.evaluation import Evaluation
from evalkit.evidence.disclosure import DisclosureRefused
from evalkit.evidence.standard import shipped
from evalkit.report.bundle import write_bundle
from tests.disclosure.attacker import determined
from tests.disclosure.bundle_reader import learn
from tests.disclosure.worlds import WORLDS, behind, small_counts, summarized_again

MIN_CELL = shipped().disclosure.min_cell
NAME = "people who vanish and rare events"
WORLD = WORLDS[NAME]
YAML = "study: {}\n"


@pytest.fixture(scope="module")
def first(evaluated: Mapping[str, tuple[Evaluation, Path]]) -> tuple[Evaluation, Path]:
    return evaluated[NAME]


@pytest.fixture(scope="module")
def pair(first: tuple[Evaluation, Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bundles of open data, the second with one person more."""
    return beside(first, with_more(first[0], 1), tmp_path_factory.mktemp("pair"))


def beside(first: tuple[Evaluation, Path], later: Evaluation, root: Path) -> list[Path]:
    """The first bundle copied below `root`, and that of a later evaluation written beside it."""
    earlier = root / first[1].parent.name / first[1].name
    shutil.copytree(first[1], earlier)
    return [earlier, write_bundle(later, root, provenance={}, study_yaml=YAML)]


def with_more(evaluation: Evaluation, count: int, *, restricted: bool = False) -> Evaluation:
    """So many people more who start in the first cohort, each a copy of the first; effects as they were."""
    panel, estimate, spec = evaluation.panel, evaluation.estimate, evaluation.study.spec
    rows = np.r_[np.arange(panel.n_units), np.full(count, WORLD.missing, dtype=np.int64)]
    names = [*panel.units, *(f"new {number}" for number in range(count))]
    more = dataclasses.replace(
        panel, outcome=panel.outcome[rows], first_treated=panel.first_treated[rows], units=pd.Index(names)
    )
    cells = estimate.cells
    in_first = cells.cohort == panel.cohorts[0]
    grown = dataclasses.replace(cells, n_treated=cells.n_treated + count * in_first)
    fitted = dataclasses.replace(
        estimate, cells=grown, n_units=estimate.n_units + count, n_treated_units=estimate.n_treated_units + count,
        n_observations=estimate.n_observations + count * len(panel.time),
    )  # fmt: skip
    identity = evaluation.evidence.identity.model_copy(update={"run_id": f"{count:032d}"})
    data = spec.data.model_copy(update={"restricted": restricted})
    study = evaluation.study.model_copy(update={"spec": spec.model_copy(update={"data": data})})
    changed = dataclasses.replace(
        evaluation, study=study, panel=more, estimate=fitted, robustness={}, diagnostics=(),
        evidence=evaluation.evidence.model_copy(update={"identity": identity}),
    )  # fmt: skip
    return summarized_again(changed)


def results(bundle: Path) -> Path:
    return bundle.parent.parent


@pytest.mark.promise("secure-attacker")
def test_one_person_more_is_refused_beside_an_earlier_bundle_of_a_restricted_source(
    first: tuple[Evaluation, Path],
) -> None:
    evaluation, bundle = first
    with pytest.raises(DisclosureRefused, match="fewer than 11 people") as refused:
        write_bundle(with_more(evaluation, 1, restricted=True), results(bundle), provenance={}, study_yaml=YAML)
    assert "131" not in str(refused.value)
    assert [each.name for each in results(bundle).glob("*/*")] == [bundle.name]


def test_without_the_refusal_the_reader_of_both_knows_that_one_person_came(pair: list[Path]) -> None:
    earlier, later = (learn(bundle, WORLD.calendar, shares=True) for bundle in pair)
    both = earlier.joined(later)
    assert both.bounds(("came", "used")) == pytest.approx((1.0, 1.0))
    assert determined(both.bounds(("came", "used")), MIN_CELL)


def test_open_data_are_released_with_a_warning_that_tells_no_number(pair: list[Path]) -> None:
    found = json.loads((pair[1] / "disclosure.json").read_text(encoding="utf-8"))["earlier_bundles"]
    assert found["compared"] == 1
    assert {"n_units", "n_treated_units"} <= set(found["tell_of_few"][pair[0].name])


def test_eleven_people_more_are_released_and_no_small_count_follows_from_both(
    first: tuple[Evaluation, Path], tmp_path: Path
) -> None:
    evaluation, _ = first
    after = with_more(evaluation, MIN_CELL, restricted=True)
    bundles = beside(first, after, tmp_path)
    calendar = WORLD.calendar
    both = learn(bundles[0], calendar, shares=True).joined(learn(bundles[1], calendar, shares=True))
    looked_at = 0
    for mark, each in (("earlier", evaluation), ("later", after)):
        for name in small_counts(each.panel, calendar, behind(each, calendar), MIN_CELL):
            if (mark, name) in both.names:
                looked_at += 1
                assert not determined(both.bounds((mark, name)), MIN_CELL), (mark, name)
    assert looked_at > 5

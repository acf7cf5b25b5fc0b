"""The attack on a portfolio's exports: they tell of people what each study's own bundle tells, and nothing more."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.evaluation import Evaluation
from evalkit.evidence.standard import shipped
from evalkit.report.evidence_table import EVIDENCE
from evalkit.report.portfolio_measures import EQUALITY_TABLE, INDICATORS_TABLE
from evalkit.report.portfolio_site import CRITERIA_TABLE, FINDINGS_TABLE, SYNTHESIS_TABLE, write_site
from evalkit.synthesis.entries import newest
from evalkit.synthesis.portfolio import build
from tests.disclosure.bundle_reader import learn
from tests.disclosure.worlds import WORLDS, behind, known, small_counts

MIN_CELL = shipped().disclosure.min_cell
OF_PEOPLE = {"n_units": "used", "n_treated_units": "treated"}
"""Columns of the portfolio that count units, and what the attacker calls them."""
OF_STUDIES = {
    "launched", "completed", "decided", "adapted", "studies", "cities", "version", "certainty", "counted_together",
    "pre_periods", "post_periods",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(evaluated: Mapping[str, tuple[Evaluation, Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portfolio of the simulated residents' studies, each under its own name."""
    found = []
    for name, (evaluation, _) in evaluated.items():
        evidence = evaluation.evidence
        found.append(evidence.model_copy(update={"identity": evidence.identity.model_copy(update={"study_id": name})}))
    out = tmp_path_factory.mktemp("site")
    write_site(build(newest(found), title="Ours", priorities={}), out, {})
    return out


def test_only_the_table_of_evidence_counts_people() -> None:
    """With a second column or table that does, tables would be linked: pass them through `linked.release` together."""
    tables = (EVIDENCE, FINDINGS_TABLE, CRITERIA_TABLE, SYNTHESIS_TABLE, INDICATORS_TABLE, EQUALITY_TABLE)
    counts = [column.name for table in tables for column in table if column.type == "integer"]
    assert [name for name in counts if name not in OF_STUDIES] == list(OF_PEOPLE)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.promise("secure-attacker")
def test_no_small_count_of_people_follows_from_a_portfolio_beside_its_bundles(
    name: str, site: Path, evaluated: Mapping[str, tuple[Evaluation, Path]]
) -> None:
    evaluation, bundle = evaluated[name]
    calendar = WORLDS[name].calendar
    system = learn(bundle, calendar, shares=True)
    for table in (pd.read_csv(site / "evidence.csv"), pd.read_parquet(site / "evidence.parquet")):
        rows = table[table["study"] == name]
        assert len(rows)
        own = pd.read_csv(bundle / "evidence.csv")
        for column, cell in OF_PEOPLE.items():
            shown = rows[column].to_numpy(dtype=float, na_value=np.nan)
            np.testing.assert_array_equal(shown, own[column].to_numpy(float))
            for value in shown[~np.isnan(shown)]:
                system.publish(cell, float(value))
    small = small_counts(evaluation.panel, calendar, behind(evaluation, calendar), MIN_CELL)
    assert small
    assert not known(system, small, MIN_CELL)


def test_files_of_a_portfolio_without_a_column_of_people_name_no_number_of_them(
    site: Path, evaluated: Mapping[str, tuple[Evaluation, Path]]
) -> None:
    """Whole numbers of `portfolio.json` and of the other tables count studies, periods, or judge."""
    plain = json.loads((site / "portfolio.json").read_text(encoding="utf-8"))
    assert set(plain) == {
        "title", "language", "evalkit_version", "priorities", "criteria", "stages", "studies", "synthesis",
        "indicators", "equality",
    }  # fmt: skip
    assert {each["study"] for each in plain["studies"]} == set(evaluated)
    assert all(set(each) <= {column.name for column in FINDINGS_TABLE} for each in plain["studies"])
    for file in sorted(site.glob("*.csv")):
        columns = set(pd.read_csv(io.BytesIO(file.read_bytes())))
        assert bool(columns & set(OF_PEOPLE)) is (file.name == "evidence.csv"), file.name

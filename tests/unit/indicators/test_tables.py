"""The disclosure gate over an indicator's periods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.evidence.disclosure import DisclosureRefused
from evalkit.indicators.result import Indicator, judge
from evalkit.indicators.series import read_series
from evalkit.indicators.tables import periods_table
from tests.indicator_worlds import frame, spec, write
from tests.unit.indicators.conftest import Made


def of(folder: Path, table: pd.DataFrame, kind: str = "count", **changes: Any) -> Indicator:
    asked = spec(kind, **{"target.date": "2023-06", **changes})  # in the past: nothing to foretell
    return judge(asked, read_series(asked, write(folder, table)))


def with_few() -> pd.DataFrame:
    table = frame()
    table.loc[50, "calls"] = 7
    return table


def test_a_month_that_counts_few_people_closes_the_gate_by_name(tmp_path: Path) -> None:
    with pytest.raises(DisclosureRefused) as error:
        periods_table(of(tmp_path, with_few()))
    assert "count fewer than 11 people" in str(error.value)
    assert "7" not in str(error.value).split("of 60")[0], "the refusal names the month, not the count"


def test_few_left_uncounted_close_it_as_well(tmp_path: Path) -> None:
    table = frame()
    table["all"] = table["calls"] + 5
    with pytest.raises(DisclosureRefused):
        periods_table(of(tmp_path, table, "share", **{"target.value": 80.0}))


@pytest.mark.parametrize("about", ["places", "published"])
def test_places_and_published_numbers_pass(tmp_path: Path, about: str) -> None:
    table, record = periods_table(of(tmp_path, with_few(), "count", **{"measure.about": about}))
    assert table.loc[50, "value"] == 7.0
    assert record.subject == "places"


def test_a_restricted_source_is_about_people_whatever_is_said(tmp_path: Path) -> None:
    with pytest.raises(DisclosureRefused):
        periods_table(of(tmp_path, with_few(), "count", **{"measure.about": "published", "data.restricted": True}))


def test_a_measurement_of_people_needs_their_number(tmp_path: Path) -> None:
    with pytest.raises(DisclosureRefused, match=r"measure\.people"):
        periods_table(of(tmp_path, frame(), "measurement", **{"measure.about": "people"}))
    table, record = periods_table(
        of(tmp_path, frame(), "measurement", **{"measure.about": "people", "measure.people": "people"})
    )
    assert record.subject == "persons"
    assert not record.suppressed
    assert "people" not in table


def test_zero_may_be_shown(tmp_path: Path) -> None:
    table = frame()
    table.loc[50, "calls"] = 0
    assert periods_table(of(tmp_path, table))[0].loc[50, "count"] == 0.0


def test_the_table_has_every_period_up_to_the_target(made: Made) -> None:
    table, _ = periods_table(made())
    assert len(table) == 72
    assert table["period"].iloc[-1] == "2024-12"
    assert table["observed"].sum() == 60
    ahead = table[~table["observed"]]
    assert ahead["forecast"].notna().all()
    assert ahead["value"].isna().all()
    assert (ahead["forecast_low"] < ahead["forecast_high"]).all()
    inside = table["in_baseline"].to_numpy(bool)
    assert np.nanmean(table["adjusted"].to_numpy()[inside]) == pytest.approx(table["centre"].iloc[0])

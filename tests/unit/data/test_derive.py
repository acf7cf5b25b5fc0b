"""Derived columns: the first period in which a column is positive, and starts that the study declares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.data.derive import derive
from evalkit.data.packages import read_package
from evalkit.errors import ConfigError, DataError
from evalkit.study.spec import Derivation, PackageSource
from tests.frames import long_frame


def first_positive(column: str = "on", shift: int = 0) -> Derivation:
    return Derivation(name="start", kind="first_period_where", column=column, shift=shift)


def starts(frame: pd.DataFrame, derivation: Derivation) -> dict[str, object]:
    derived = derive(frame, [derivation], "city", "year")
    assert derived.groupby("city").start.nunique(dropna=False).eq(1).all()
    return {str(city): start for city, start in zip(derived.city, derived.start, strict=True)}


def test_the_first_positive_period_is_the_same_in_any_order_and_missing_when_never() -> None:
    for frame in (long_frame(), long_frame().sample(frac=1, random_state=3)):
        found = starts(frame, first_positive())
        assert (found["Akron"], found["Gary"]) == (2003, 2004)
        assert found["Kent"] is pd.NA


def test_a_shift_moves_the_start() -> None:
    assert starts(long_frame(), first_positive(shift=-1))["Akron"] == 2002


def test_fractions_count_as_positive_and_missing_cells_do_not() -> None:
    frame = long_frame(on=[np.nan, 0.25, 1, 1, 0, 0, 0, 0.5, 0, 0, 0, 0])
    found = starts(frame, first_positive())
    assert (found["Akron"], found["Gary"]) == (2002, 2004)


def test_pandas_periods_shift_by_their_own_step_and_dates_do_not() -> None:
    frame = long_frame()
    by_quarter = frame.assign(year=pd.PeriodIndex([f"{year}Q1" for year in frame.year], freq="Q"))
    assert starts(by_quarter, first_positive(shift=1))["Akron"] == pd.Period("2003Q2")
    with pytest.raises(ConfigError, match="shifts dates"):
        starts(frame.assign(year=pd.to_datetime(frame.year.astype(str))), first_positive(shift=1))


def test_the_frame_is_copied_and_names_must_be_new_and_known() -> None:
    frame = long_frame()
    copied = derive(frame, [], "city", "year")
    copied.loc[0, "y"] = 99.0
    derive(frame, [first_positive()], "city", "year")
    pd.testing.assert_frame_equal(frame, long_frame())
    with pytest.raises(ConfigError, match="in the data already"):
        derive(frame, [first_positive().model_copy(update={"name": "law"})], "city", "year")
    with pytest.raises(ConfigError, match="derived from column 'onn' is not in the data"):
        derive(frame, [first_positive("onn")], "city", "year")


def test_declared_starts_go_to_their_units_and_to_no_other() -> None:
    declared = Derivation(name="start", kind="declared_starts", starts={"Gary": 2003})
    found = starts(long_frame(), declared)
    assert found["Gary"] == 2003
    assert {city for city, start in found.items() if start is pd.NA} == {"Akron", "Kent"}
    as_dates = Derivation(name="start", kind="declared_starts", starts={"Gary": "2003-07-01"})
    assert starts(long_frame(), as_dates)["Gary"] == "2003-07-01"


def test_a_declared_unit_that_is_not_there_is_named() -> None:
    declared = Derivation(name="start", kind="declared_starts", starts={"Garry": 2003})
    with pytest.raises(ConfigError, match="'Garry', which is not in the column 'city'") as refused:
        derive(long_frame(), [declared], "city", "year")
    assert "Did you mean 'Gary'" in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "first_period_where"},
        {"kind": "first_period_where", "column": "on", "starts": {"Gary": 2003}},
        {"kind": "declared_starts"},
        {"kind": "declared_starts", "starts": {"Gary": 2003}, "column": "on"},
        {"kind": "declared_starts", "starts": {"Gary": 2003}, "shift": 1},
        {"kind": "running_period", "column": "t", "first": "1981-01"},
        {"kind": "running_period", "column": "t", "first": "1981-01", "frequency": "M", "value": "x"},
        {"kind": "constant"},
        {"kind": "constant", "value": "Ohio", "column": "t"},
    ],
)
def test_each_kind_takes_what_it_needs_and_nothing_else(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Derivation.model_validate({"name": "start", **settings})


def test_castle_laws_start_in_the_first_year_with_a_positive_share() -> None:
    """Counts of causaldata's castle: 21 adopters and 29 others; first year with `post` above 0."""
    frame = read_package(PackageSource(kind="package", package="causaldata", name="castle"))
    law = Derivation(name="law", kind="first_period_where", column="post")
    by_state = derive(frame, [law], "sid", "year").groupby("sid").law.first()
    assert by_state.value_counts().sort_index().to_dict() == {2006: 1, 2007: 13, 2008: 4, 2009: 2, 2010: 1}
    assert by_state.isna().sum() == 29


def test_a_running_number_becomes_periods_and_a_place_its_name() -> None:
    frame = pd.DataFrame({"t": [3, 1, 2], "on": [1.0, 0.0, 1.0]})
    months = Derivation(name="month", kind="running_period", column="t", first="1981-12", frequency="M")
    place = Derivation(name="state", kind="constant", value="Ohio")
    law = Derivation(name="law", kind="first_period_where", column="on")
    found = derive(frame, [place, months, law], "state", "month")
    assert found["month"].astype(str).tolist() == ["1982-02", "1981-12", "1982-01"]
    assert found["state"].tolist() == ["Ohio"] * 3
    assert found["law"].astype(str).tolist() == ["1982-01"] * 3


@pytest.mark.parametrize("values", [[1.0, 2.5, 3.0], [1.0, np.nan, 3.0]])
def test_a_running_number_is_whole_and_complete(values: list[float]) -> None:
    months = Derivation(name="month", kind="running_period", column="t", first="1981-12", frequency="M")
    with pytest.raises(DataError, match="'t' is no running number of periods: it is empty or has fractions in row 1"):
        derive(pd.DataFrame({"t": values}), [months], "state", "month")


def test_a_first_period_of_another_frequency_is_refused() -> None:
    months = Derivation(name="month", kind="running_period", column="t", first="spring", frequency="M")
    with pytest.raises(ConfigError, match="'spring' of the derivation 'month' is no period of frequency M"):
        derive(pd.DataFrame({"t": [1, 2]}), [months], "state", "month")

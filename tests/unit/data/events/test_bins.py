"""Every calendar counts its periods as pandas does, over years with leap days and weeks that cross them."""

from __future__ import annotations

import datetime as dt

import duckdb
import pandas as pd
import pytest

from evalkit.data.events.bins import bins_of
from evalkit.study.events import Every

DAYS = [dt.date(1968, 12, 28) + dt.timedelta(days=step) for step in range(0, 22_000, 13)]


@pytest.mark.parametrize(
    ("every", "starts", "frequency"),
    [("day", 1, "D"), ("week", 1, "W-SUN"), ("month", 1, "M"), ("quarter", 1, "Q-DEC"), ("year", 1, "Y-DEC"),
     ("quarter", 7, "Q-JUN"), ("fiscal_year", 7, "Y-JUN"), ("fiscal_year", 10, "Y-SEP")],
)  # fmt: skip
def test_ordinals_in_python_and_in_the_engine_are_those_of_pandas(every: Every, starts: int, frequency: str) -> None:
    bins = bins_of(every, starts)
    assert bins.frequency == frequency
    expected = [pd.Period(day, freq=frequency).ordinal for day in DAYS]
    assert [bins.ordinal(day) for day in DAYS] == expected
    moments = ", ".join(f"(TIMESTAMP '{day} 23:59:59')" for day in DAYS)
    found = duckdb.connect().execute(f"SELECT {bins.sql('t')} FROM (VALUES {moments}) v(t)").fetchall()
    assert [ordinal for (ordinal,) in found] == expected


def test_a_fiscal_year_carries_the_number_of_the_year_in_which_it_ends() -> None:
    bins = bins_of("fiscal_year", 7)
    ordinal = bins.ordinal(dt.date(2023, 7, 1))
    assert str(bins.period(ordinal)) == "2024"
    assert (bins.first_day(ordinal), bins.last_day(ordinal)) == (dt.date(2023, 7, 1), dt.date(2024, 6, 30))

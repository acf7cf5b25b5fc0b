"""Medians of durations agree with statsmodels' Kaplan-Meier estimator, cell by cell, ties and censoring included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from tests.unit.data.events.conftest import Read

EXTRACTED = pd.Timestamp("2020-07-01")
MEDIAN = {"name": "days", "kind": "duration", "end": "closed", "statistic": "median"}


def permits(rows: int = 3_000, mean: float = 60.0) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 181, rows), unit="D")
    closed = day + pd.to_timedelta(rng.exponential(mean, rows).round(), unit="D")
    frame = pd.DataFrame({"day": day, "area": rng.choice(["a", "b", "c"], rows), "closed": closed})
    frame["closed"] = frame["closed"].where(frame["closed"] <= EXTRACTED)
    return frame


def oracle(frame: pd.DataFrame) -> pd.Series[Any]:
    """Median of each cell: the first time at which statsmodels' curve is at one half or below."""
    over = frame["closed"].notna()
    # The day of the extract counts whole: what is open then was open to its end.
    took = (frame["closed"].fillna(EXTRACTED + pd.Timedelta(days=1)) - frame["day"]).dt.days
    found = {}
    for cell, rows in frame.groupby([frame["area"], frame["day"].dt.to_period("M")]):
        curve = SurvfuncRight(took[rows.index], over[rows.index].astype(int))
        below = curve.surv_times[curve.surv_prob <= 0.5 + 1e-12]
        found[cell] = float(below[0]) if len(below) else np.nan
    return pd.Series(found)


@pytest.mark.parametrize("mean", [20.0, 60.0, 400.0])
def test_medians_are_those_of_statsmodels(mean: float, read: Read) -> None:
    frame = permits(mean=mean)
    expected = oracle(frame)
    panel, intake = read(
        frame.to_csv(index=False), measures=[MEDIAN], extracted="2020-07-01",
        recording={"since": "2020-01-01", "until": "2020-06-30"},
    )  # fmt: skip
    got = panel.set_index(["area", "period"])["days"]
    np.testing.assert_array_equal(got.to_numpy(), expected.reindex(got.index).to_numpy())
    assert intake.not_reached["days"] == int(expected.isna().sum())
    assert expected.isna().any() == (mean > 50)


def test_leaving_open_records_out_would_have_made_recent_ones_look_short(read: Read) -> None:
    frame = permits(mean=60.0)
    june = frame[frame["day"] >= "2020-06-01"]
    naive = (june["closed"] - june["day"]).dt.days.dropna().median()
    panel, _ = read(
        frame.to_csv(index=False), measures=[
            {**MEDIAN, "statistic": "share_within", "within": 15}, {**MEDIAN, "name": "m"}],
        extracted="2020-07-01", recording={"since": "2020-01-01", "until": "2020-06-30"},
    )  # fmt: skip
    assert naive < 12  # the truth is 60 ln 2 = 42
    assert panel.loc[panel["period"] == "2020-06", "m"].fillna(np.inf).min() > 2 * naive
    share = panel["days"].mean()
    assert abs(share - (1 - np.exp(-15.5 / 60))) < 0.04  # 1,500 records followed for 15 days and more, rounded to days


def test_a_share_within_rests_on_the_records_followed_that_long(read: Read) -> None:
    text = "day,area,closed\n2020-06-01,a,2020-06-03\n2020-06-02,a,\n2020-06-25,a,2020-06-26\n2020-05-01,a,\n"
    panel, intake = read(
        text, extracted="2020-06-30", recording={"since": "2020-05-01"},
        measures=[{"name": "s", "kind": "duration", "end": "closed", "statistic": "share_within", "within": 10}],
    )  # fmt: skip
    assert panel["s"].tolist() == [0.0, 0.5]  # the record of June 25 was followed for 6 days: not counted
    assert intake.accounts["s"]["short"] == 1


@pytest.mark.parametrize(
    ("unit", "expected"), [("days", 1.5), ("hours", 36.0 + 15 / 60), ("minutes", 36 * 60 + 15 + 30 / 60)]
)
def test_durations_are_whole_steps_of_the_unit_they_are_measured_in(unit: str, expected: float, read: Read) -> None:
    text = "day,area,closed\n2020-01-01 00:00:00,a,2020-01-02 12:15:30\n2020-02-01,a,2020-02-01\n"
    panel, _ = read(
        text, extracted="2020-03-31", recording={"since": "2020-01-01", "until": "2020-02-29"},
        measures=[{**MEDIAN, "measured_in": unit}],
    )  # fmt: skip
    assert panel["days"].tolist() == [expected, 0.0]

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.event_study import event_study


def _rows() -> pd.DataFrame:
    time = np.arange(-3, 3)
    effect = np.array([1.0, -2.0, 0.0, 3.0, 4.0, 5.0])
    half = np.where(time == -1, 0.0, 2.5)
    return pd.DataFrame(
        {
            "event_time": time, "estimate": effect, "low": effect - half, "high": effect + half,
            "low_simultaneous": effect - 1.5 * half, "high_simultaneous": effect + 1.5 * half,
            "is_reference": time == -1,
        }
    )  # fmt: skip


def _draw(rows: pd.DataFrame, marks: tuple[float, ...] = ()) -> Figure:
    return event_study(
        rows, outcome="crime", effect_unit="per cent", step="year", interval="95 % confidence interval", reference=-1,
        marks=marks,
    )  # fmt: skip


def test_the_alt_text_says_what_is_seen_before_and_after_the_start() -> None:
    assert _draw(_rows()).alt == (
        "Effect on crime by years since the start. Before the start (2 years): estimates from −2 to 1 per cent; "
        "0 of 2 intervals exclude 0. From the start on (3 years): 3 per cent in the first, 5 per cent in the last; "
        "3 of 3 intervals exclude 0."
    )


def test_the_reference_period_is_named_and_not_counted_as_an_estimate() -> None:
    assert "All effects are measured against event time −1" in _draw(_rows()).note


def test_a_varying_base_is_said_where_no_reference_row_exists() -> None:
    rows = _rows().query("event_time != -1").drop(columns="is_reference")
    assert "each dot before it against the year just before" in _draw(rows).note


def test_the_mark_of_what_matters_changes_the_picture_and_the_note() -> None:
    without, marked = _draw(_rows()), _draw(_rows(), marks=(-5.0, 5.0))
    assert marked.svg != without.svg
    assert "−5 or 5 per cent" in marked.note


def test_the_data_are_the_rows_drawn_in_order_of_time() -> None:
    shuffled = _rows().sample(frac=1.0, random_state=3)
    figure = _draw(shuffled)
    assert figure.data["event_time"].tolist() == [-3, -2, -1, 0, 1, 2]
    assert figure.svg == _draw(_rows()).svg


@pytest.mark.parametrize("columns", [["estimate", "low", "high"], ["low_simultaneous", "high_simultaneous"]])
def test_withheld_numbers_leave_a_gap_and_no_number_in_the_words(columns: list[str]) -> None:
    rows = _rows()
    rows.loc[rows["event_time"] == 2, columns] = np.nan
    figure = _draw(rows)
    assert "nan" not in figure.alt
    assert figure.svg != _draw(_rows()).svg


def test_the_input_is_not_changed() -> None:
    rows = _rows()
    before = rows.copy(deep=True)
    _draw(rows)
    pd.testing.assert_frame_equal(rows, before)


def test_a_long_series_without_simultaneous_bounds_is_drawn_and_told_without_them() -> None:
    time = np.arange(-30, 0)
    rows = pd.DataFrame({"event_time": time, "estimate": 0.5, "low": -1.0, "high": 2.0, "is_reference": time == -1})
    figure = _draw(rows)
    assert figure.alt.endswith(
        "Before the start (29 years): estimates from 0.5 to 0.5 per cent; 0 of 29 intervals exclude 0."
    )
    band = _draw(rows.assign(low_simultaneous=-2.0, high_simultaneous=3.0))
    assert "for all at once" in band.note
    assert "for all at once" not in figure.note

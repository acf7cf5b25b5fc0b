from __future__ import annotations

import pandas as pd

from evalkit.report.figures.placebo_gaps import placebo_gaps
from evalkit.report.figures.setting import Setting

SETTING = Setting("sales", "packs", "year", "95 % interval")
ROWS = pd.DataFrame(
    [("A", "treated", -1, 0.5), ("A", "treated", 0, -5.0), ("B", "placebo", -1, 0.1), ("B", "placebo", 0, 6.0),
     ("C", "placebo", -1, -0.2), ("C", "placebo", 0, 1.0)],
    columns=["place", "role", "event_time", "estimate"],
)  # fmt: skip


def test_the_sentence_counts_the_placebos_that_lie_as_far_out() -> None:
    assert placebo_gaps(ROWS, SETTING).alt.endswith(
        "it is −5 packs for the treated; 1 of the placebos lies as far from 0."
    )


def test_the_table_beneath_holds_one_row_an_event_time() -> None:
    table = placebo_gaps(ROWS, SETTING).data
    assert table["event_time"].tolist() == [-1, 0]
    assert table["placebos_as_far"].tolist() == [0, 1]
    assert table["placebo_highest"].tolist() == [0.1, 6.0]


def test_the_same_rows_give_the_same_bytes() -> None:
    assert placebo_gaps(ROWS, SETTING).svg == placebo_gaps(ROWS, SETTING).svg


def test_where_nothing_of_the_treated_is_known_after_the_start_no_gap_is_told() -> None:
    head = "Gap between observed and fitted sales for the treated place and 2 placebos."
    assert placebo_gaps(ROWS[ROWS["event_time"] < 0], SETTING).alt == head
    unknown = ROWS.assign(estimate=ROWS["estimate"].where(ROWS["role"] == "placebo"))
    assert placebo_gaps(unknown, SETTING).alt == head

from __future__ import annotations

import pandas as pd

from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.forest import forest


def _draw(labels: list[str], estimates: list[float | None], marks: tuple[float, ...] = ()) -> Figure:
    known = [value is not None for value in estimates]
    rows = pd.DataFrame(
        {
            "label": labels,
            "role": ["primary", *["robustness"] * (len(labels) - 1)],
            "estimate": estimates,
            "low": [None if value is None else value - 1.0 for value in estimates],
            "high": [None if value is None else value + 1.0 for value in estimates],
            "reason": ["" if ok else "No never-treated unit." for ok in known],
        }
    )
    return forest(rows, outcome="jobs", effect_unit="jobs", interval="95 % confidence interval", marks=marks)


def test_others_are_summed_up_by_range_and_refusals_by_name() -> None:
    assert _draw(["main", "a", "b", "c"], [2.0, 1.0, 3.0, None]).alt == (
        "Estimates of the effect on jobs. main (primary): 2 jobs (1 to 3). 2 other estimators: from 1 to 3 jobs; "
        "1 of 2 intervals exclude 0. 1 estimator gave no estimate: c."
    )


def test_one_other_is_given_with_its_interval() -> None:
    assert "a: 1 jobs (0 to 2)." in _draw(["main", "a"], [2.0, 1.0]).alt


def test_refused_estimators_keep_their_reason_in_the_table() -> None:
    assert _draw(["main", "c"], [2.0, None]).data["reason"].tolist() == ["", "No never-treated unit."]


def test_every_row_refused_is_still_a_picture() -> None:
    assert _draw(["main"], [None]).svg.startswith(b"<?xml")


def test_the_picture_grows_with_its_rows() -> None:
    one, many = _draw(["main"], [1.0]), _draw([f"e{i}" for i in range(12)], [1.0] * 12)
    height = [int.from_bytes(figure.png[20:24], "big") for figure in (one, many)]
    assert height[1] > 2 * height[0]

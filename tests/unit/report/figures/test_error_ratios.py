from __future__ import annotations

import pandas as pd

from evalkit.report.figures.error_ratios import MOST_SHOWN, error_ratios
from evalkit.report.figures.setting import Setting

SETTING = Setting("sales", "packs", "year", "95 % interval")


def rows(count: int, treated: int) -> pd.DataFrame:
    ratio = [float(count - place) for place in range(count)]
    return pd.DataFrame(
        {"place": [f"P{place}" for place in range(count)], "error_before": 1.0, "error_after": ratio, "ratio": ratio,
         "role": ["treated" if place == treated else "placebo" for place in range(count)]}
    )  # fmt: skip


def test_the_rank_is_told() -> None:
    assert "rank 3 of 9 places" in error_ratios(rows(9, 2), SETTING).alt


def test_of_many_places_the_largest_are_drawn_and_the_treated_always() -> None:
    figure = error_ratios(rows(40, 35), SETTING)
    assert f"The {MOST_SHOWN} largest of 40" in figure.note
    assert "rank 36 of 40" in figure.alt
    assert len(figure.data) == 40


def test_ratios_that_are_withheld_are_said_to_be() -> None:
    assert error_ratios(rows(9, 2).assign(ratio=float("nan")), SETTING).alt == "The ratios are withheld."

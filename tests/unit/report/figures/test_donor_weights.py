from __future__ import annotations

import pandas as pd

from evalkit.report.figures.donor_weights import donor_weights
from evalkit.report.figures.setting import Setting

SETTING = Setting("sales", "packs", "year", "95 % interval")


def rows(weights: list[float], treated: int = 1) -> pd.DataFrame:
    names = [f"Place {number}" for number in range(len(weights))]
    return pd.DataFrame(
        {"donor": names, "weight": weights, "donors_used": len(weights), "donors_in_pool": 9, "treated_units": treated}
    )


def test_weights_below_zero_are_explained() -> None:
    figure = donor_weights(rows([0.8, 0.3, -0.1]), SETTING)
    assert "extrapolate" in figure.note
    assert "Place 2 (−10 %)" in figure.alt
    assert "extrapolate" not in donor_weights(rows([0.8, 0.2]), SETTING).note


def test_weights_of_several_treated_places_are_said_to_be_averages() -> None:
    assert "averaged over the treated places" in donor_weights(rows([1.0], treated=3), SETTING).note


def test_no_rows_are_told_in_words() -> None:
    assert donor_weights(rows([]), SETTING).alt == "No single place counts for more than a trace."

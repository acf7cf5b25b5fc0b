from __future__ import annotations

import pandas as pd
import pytest

from evalkit.report.figures.by_unit import by_unit


@pytest.mark.parametrize("count", [3, 60])
def test_places_stand_from_lowest_to_highest_beneath_their_average(count: int) -> None:
    rows = pd.DataFrame(
        {
            "label": [*(f"city {i}" for i in range(count)), "average"],
            "estimate": [*(float(-i) for i in range(count)), -1.0],
            "low": -100.0,
            "high": [*(-0.5 - i for i in range(count)), 0.5],
        }
    )
    figure = by_unit(rows, outcome="jobs", effect_unit="jobs", interval="95 % credible interval", marks=(-2.0, 2.0))
    assert figure.data["label"].iloc[[0, 1, -1]].tolist() == ["average", f"city {count - 1}", "city 0"]
    assert f"of each of {count} places" in figure.alt
    assert f"{count} of {count} intervals exclude 0" in figure.alt
    assert figure.png


def test_places_without_a_known_effect_are_counted_and_nothing_is_shaded() -> None:
    rows = pd.DataFrame({"label": ["a", "b", "average"], "estimate": None, "low": None, "high": None}, dtype=object)
    rows = rows.astype(dict.fromkeys(("estimate", "low", "high"), "float64"))
    figure = by_unit(rows, outcome="jobs", effect_unit="jobs", interval="95 % interval", marks=())
    assert figure.alt.startswith("Effect on jobs of each of 2 places. Average: ")
    assert "intervals exclude 0" not in figure.alt

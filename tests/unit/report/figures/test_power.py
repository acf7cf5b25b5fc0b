from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.power import power_curve

SIZES = np.linspace(0.0, 10.0, 11)


def rows(slope: float = 0.1, **more: object) -> pd.DataFrame:
    power = np.clip(slope * SIZES, 0.0, 1.0)
    return pd.DataFrame({"effect_shown": SIZES, "power": power, "mc_error": 0.01, **more})


def drawn(data: pd.DataFrame, **changes: object) -> Figure:
    asked = {"outcome": "crime", "unit": "%", "way": "fall", "target": 0.8, "detectable": 8.0, "mid": 5.0, **changes}
    return power_curve(data, **asked)  # type: ignore[arg-type]


def test_the_alternative_text_tells_the_change_detected_and_the_one_that_matters() -> None:
    assert drawn(rows()).alt == (
        "How often a fall of crime would be detected, by its size. 80 % power is reached at 8 %. A fall of 5 %, the "
        "smallest that matters, is detected in 50 % of cases."
    )


def test_a_power_that_is_never_reached_is_told() -> None:
    made = drawn(rows(0.05), detectable=None, mid=None)
    assert "80 % power is not reached." in made.alt
    assert "Dotted" not in made.note
    assert made.svg.startswith(b"<?xml")


def test_several_roll_outs_are_told_apart_by_name() -> None:
    made = drawn(pd.concat([rows(0.1, design="at once"), rows(0.05, design="in waves")]))
    assert "at once: 80 % power near 8 %." in made.alt
    assert "in waves: 80 % power is not reached." in made.alt
    assert "Lines are roll-outs" in made.note


def test_the_same_rows_give_the_same_bytes() -> None:
    assert drawn(rows()).svg == drawn(rows()).svg

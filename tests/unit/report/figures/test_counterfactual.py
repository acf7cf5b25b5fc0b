from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from evalkit.evidence.natural import Link
from evalkit.language import Language, speaking
from evalkit.report.figures.canvas import BLUE, ORANGE, Figure
from evalkit.report.figures.counterfactual import observed_counterfactual

TIME = np.array([-2, -1, 0, 1])
COLUMNS = ["observed", "counterfactual", "counterfactual_low", "counterfactual_high"]
EXACT = 1e-12
"""Sums and exponentials of a handful of numbers."""


def _draw(observed: list[float], link: Link) -> Figure:
    rows = pd.DataFrame(
        {
            "event_time": TIME, "observed": observed, "estimate": [0.3, 0.9, 0.1, 0.2], "low": [0.0, 0.0, 0.05, 0.1],
            "high": [0.6, 1.8, 0.15, 0.3],
        }
    )  # fmt: skip
    return observed_counterfactual(
        rows, outcome="claims", unit="claims", step="year", interval="95 % confidence interval", reference=-1, link=link
    )


def test_in_levels_the_counterfactual_is_observed_less_the_effect() -> None:
    data = _draw([10.0, 11.0, 12.0, 13.0], "identity").data
    np.testing.assert_allclose(data["counterfactual"], [np.nan, 11.0, 11.9, 12.8], rtol=EXACT)


def test_mean_logs_become_geometric_means() -> None:
    figure = _draw(np.log([10.0, 11.0, 12.0, 13.0]).tolist(), "log_outcome")
    np.testing.assert_allclose(figure.data["observed"], [10.0, 11.0, 12.0, 13.0], rtol=EXACT)
    np.testing.assert_allclose(figure.data["counterfactual"].iloc[3], 13.0 * np.exp(-0.2), rtol=EXACT)
    assert "geometric mean" in figure.alt


def test_effects_on_the_log_of_a_mean_scale_the_arithmetic_mean() -> None:
    figure = _draw([10.0, 11.0, 12.0, 13.0], "log_link")
    np.testing.assert_allclose(figure.data["observed"], [10.0, 11.0, 12.0, 13.0], rtol=EXACT)
    np.testing.assert_allclose(figure.data["counterfactual"].iloc[2], 12.0 * np.exp(-0.1), rtol=EXACT)
    assert "geometric" not in figure.alt


@pytest.mark.parametrize("link", ["identity", "log_outcome", "log_link"])
def test_bounds_stand_around_the_counterfactual_and_meet_at_the_reference(link: Link) -> None:
    data = _draw([1.0, 1.1, 1.2, 1.3], link).data.set_index("event_time")
    assert (data["counterfactual_low"].loc[0:] < data["counterfactual"].loc[0:]).all()
    assert (data["counterfactual_high"].loc[0:] > data["counterfactual"].loc[0:]).all()
    assert data.loc[-1, ["counterfactual_low", "counterfactual_high", "observed"]].nunique() == 1


def test_effects_before_the_reference_are_not_shown_as_a_counterfactual() -> None:
    assert np.isnan(_draw([1.0, 1.1, 1.2, 1.3], "identity").data["counterfactual"].iloc[0])


@pytest.mark.parametrize(("counts", "mixed"), [([5, 5, 5, 5], False), ([5, 5, 5, 3], True), ([5, None, 5, 5], True)])
def test_the_mix_is_told_only_where_it_may_differ(counts: list[int | None], mixed: bool) -> None:
    rows = pd.DataFrame(
        {
            "event_time": TIME, "n_treated": counts, "observed": 9.0, "estimate": 0.1, "low": 0.0, "high": 0.3,
        }
    )  # fmt: skip
    figure = observed_counterfactual(
        rows, outcome="claims", unit="claims", step="year", interval="95 % interval", reference=-1, link="identity"
    )
    assert ("the mix differs" in figure.note) is mixed


def _rows_with_gaps(length: int = 8) -> pd.DataFrame:
    time = np.arange(-3, length - 3)
    rows = pd.DataFrame({"event_time": time, "observed": 10.0 + time, "estimate": 0.5, "low": 0.2, "high": 0.9})
    rows.loc[rows["event_time"].isin([-2, 1, 4]), "observed"] = np.nan
    return rows


def _lines(figure: Figure, colour: str) -> list[int]:
    """Corners of each piece of the lines of a colour, marks left out."""
    paths = re.findall(rf'<path d="([^"]+)"[^>]*style="fill: none;[^"]*stroke: {colour.lower()}', figure.svg.decode())
    return [piece.count("L") + 1 for path in paths for piece in path.split("M")[1:]]


def test_lines_break_at_missing_levels_and_end_where_levels_end() -> None:
    rows = _rows_with_gaps()
    figure = observed_counterfactual(
        rows, outcome="claims", unit="claims", step="year", interval="95 % interval", reference=-1, withheld=True
    )
    assert figure.data["event_time"].tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert figure.data.loc[figure.data["event_time"].isin([-2, 1]), COLUMNS].isna().all(axis=None)
    known = int(figure.data["observed"].notna().sum())
    assert known == 5
    for colour in (BLUE, ORANGE):  # -1 to 0, then 2 to 3; matplotlib omits the point of its own at -3
        assert [corners for corners in _lines(figure, colour) if corners > 1][:2] == [2, 2]


def test_without_missing_levels_lines_are_whole_and_nothing_is_said() -> None:
    rows = _rows_with_gaps().assign(observed=9.0)
    figure = observed_counterfactual(
        rows, outcome="claims", unit="claims", step="year", interval="95 % interval", reference=-1
    )
    assert _lines(figure, BLUE)[0] == len(rows)
    assert "protect" not in figure.note + figure.alt


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "left out to protect people"), ("es", "para proteger a las personas"), ("pt", "para proteger as pessoas")],
)
def test_note_and_alternative_text_say_that_levels_are_withheld(language: Language, said: str) -> None:
    with speaking(language):
        figure = observed_counterfactual(
            _rows_with_gaps(),
            outcome="claims",
            unit="claims",
            step="year",
            interval="95 %",
            reference=-1,
            withheld=True,
        )
    assert said in figure.note
    assert said in figure.alt


def test_a_level_between_two_gaps_is_seen_where_lines_have_no_marks() -> None:
    rows = _rows_with_gaps(40)
    rows.loc[rows["event_time"] == 6, "observed"] = np.nan  # 5 stands alone
    figure = observed_counterfactual(
        rows, outcome="claims", unit="claims", step="year", interval="95 %", reference=-1, withheld=True
    )
    bare = rows.assign(observed=rows["observed"].where(rows["event_time"] != 5))
    without = observed_counterfactual(
        bare, outcome="claims", unit="claims", step="year", interval="95 %", reference=-1, withheld=True
    )
    assert figure.svg.count(b"<use") == without.svg.count(b"<use") + 2


def test_where_no_period_after_the_start_has_both_levels_none_is_told() -> None:
    assert _draw([10.0, 11.0, np.nan, np.nan], "identity").alt.endswith("No year after the start has both.")

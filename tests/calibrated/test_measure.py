"""Tests state figures as rows, with their Monte Carlo errors."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from evalkit.testing.sbc import uniform
from tests.calibrated.cells import cells
from tests.calibrated.measure import PROPERTY, Measured, Row, around, row_of

HELD = np.array([True] * 9 + [False])


def stating(*names: str) -> tuple[Measured, list[object]]:
    """The fixture of a test that is marked with names, and what pytest was handed."""
    handed: list[object] = []

    def record(name: str, value: object) -> None:
        assert name == PROPERTY
        handed.append(value)

    return Measured(names, ("imputation",), record), handed


def test_a_share_of_hits_has_its_monte_carlo_error() -> None:
    measured, handed = stating("imputation")
    measured.intervals("imputation", "a world", HELD, level=0.95, asked=(0.93, None), above=HELD, rule="clustered")
    (row,) = measured.rows
    assert row.figures == {"value": 0.9, "error": pytest.approx(math.sqrt(0.09 / 10)), "level": 0.95, "above": 0.9}
    assert row.data_sets == 10
    assert not row.as_asked
    assert [row_of(each).world for each in handed] == ["a world"]  # type: ignore[arg-type]


def test_hits_within_a_data_set_are_averaged_before_their_error_is_found() -> None:
    measured, _ = stating()
    measured.share("power", "six places a data set", np.repeat(HELD[:, None], 6, axis=1), asked=(None, None))
    assert measured.rows[0].figures["error"] == pytest.approx(math.sqrt(0.09 / 10))


def test_repeated_estimates_give_bias_and_the_ratio_of_errors_to_spread() -> None:
    error = np.array([-1.0, 0.0, 1.0, 2.0])
    found = SimpleNamespace(error=error, std_error=np.full(4, error.std(ddof=1)), covered=HELD[:4], band_held=HELD[-4:])
    measured, _ = stating("imputation")
    measured.outcomes("imputation", "a world", found, level=0.95, asked=around(0.95, 4, 4.0))
    figures = measured.rows[0].figures
    assert (figures["bias"], figures["band"]) == (0.5, 0.75)
    assert figures["ratio"] == pytest.approx(1.0)
    assert figures["bias_error"] == pytest.approx(error.std(ddof=1) / 2.0)


def test_ranks_say_how_far_they_stray_and_of_what() -> None:
    ranks = np.tile(np.arange(100), 2)[:, None]
    measured, _ = stating()
    measured.ranks("a model", "all ranks alike", ranks, uniform(ranks, 99, names=("mean",)), 99)
    assert cells(measured.rows[0]) == [
        "a model",
        "all ranks alike",
        "200",
        "mean",
        "95 %",
        "inside",
        "90.0 to 90.0 %",
    ]


def test_an_estimators_row_needs_its_name_in_the_marker() -> None:
    measured, handed = stating("callaway_santanna")
    with pytest.raises(ValueError, match=r"calibrates\('imputation'\)"):
        measured.figure("imputation", "a world", 1.0, asked=(None, None), data_sets=1)
    assert not handed


def test_a_share_alone_needs_the_number_of_data_sets() -> None:
    measured, _ = stating()
    with pytest.raises(ValueError, match="data_sets"):
        measured.share("power", "a world", 0.5, asked=(None, None))


def test_what_is_not_as_asked_is_bold() -> None:
    row = Row("share", "power", "nothing happens", 100, (0.03, 0.07), {"value": 0.08, "error": 0.027, "nominal": 0.05})
    assert cells(row) == ["power", "nothing happens", "", "100", "5 %", "**8 % (2.7)**", "3 to 7 %", ""]

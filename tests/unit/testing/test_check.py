"""A broken law is told with a panel that a person can read; the laws themselves are tried in tests/contract."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.testing.check import LAWS, CheckReport, _numbers, check_estimator
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered

LEVELS = "unit constants change nothing"
NAMES = "unit names do not matter"


class OfLevels(ek.TwoWayFixedEffects):
    """Adds the mean of the first period to what it was asked for."""

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        found = super().fit(panel, rng=rng)
        cells = found.cells
        moved = dataclasses.replace(cells, estimate=cells.estimate + float(np.nanmean(panel.outcome[:, 0])))
        return dataclasses.replace(found, cells=moved)


class AfraidOfText(ek.TwoWayFixedEffects):
    """Cannot do with units that are not numbers."""

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        [int(unit) for unit in panel.units]
        return super().fit(panel, rng=rng)


class AfraidOfAll(ek.TwoWayFixedEffects):
    """Refuses every panel."""

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        raise DesignRefused("Not these data.")


class Returns(ek.TwoWayFixedEffects):
    """Returns what an estimator may not return."""

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Any:
        return 3.0


@pytest.fixture(scope="module")
def of_levels() -> CheckReport:
    return check_estimator(OfLevels(), laws=[LEVELS, "row order does not matter"])


def test_the_example_is_the_smallest_panel_that_the_estimator_takes(of_levels: CheckReport) -> None:
    frame = of_levels.examples[LEVELS]
    assert (frame["unit"].nunique(), frame["period"].nunique()) == (2, 2)
    assert (frame["y"] == frame["y"].round()).all()
    assert of_levels.held == ("row order does not matter",)


def test_the_example_breaks_the_law_again_by_itself(of_levels: CheckReport) -> None:
    again = check_estimator(OfLevels(), frame=of_levels.examples[LEVELS], laws=[LEVELS], tries=0)
    assert again.broken == {LEVELS: of_levels.broken[LEVELS]}


def test_the_report_prints_the_law_what_was_found_and_the_panel(of_levels: CheckReport) -> None:
    with pytest.raises(AssertionError) as raised:
        of_levels.raise_if_broken()
    said = str(raised.value)
    assert said.startswith("OfLevels breaks 1 of 2 laws.")
    assert f"{LEVELS}: the effect is" in said
    assert "2 units, 2 periods" in said
    table = said.split("never)\n")[1].split("\n\n", maxsplit=1)[0].splitlines()
    assert table[0].split()[:2] == ["unit", "cohort"]
    assert len(table) == 3


def test_an_error_after_the_change_breaks_the_law_and_is_quoted() -> None:
    report = check_estimator(AfraidOfText(), laws=[NAMES])
    assert "raised ValueError: invalid literal for int() with base 10: 'place" in report.broken[NAMES]
    assert report.examples[NAMES]["unit"].nunique() == 2


def test_an_estimator_that_refuses_the_frame_as_it_is_says_so_itself() -> None:
    with pytest.raises(DesignRefused, match="Not these data"):
        check_estimator(AfraidOfAll(), laws=[NAMES])


def test_what_fit_has_to_return_is_said() -> None:
    with pytest.raises(TypeError, match="fit returned float"):
        check_estimator(Returns(), laws=[NAMES])


def test_without_tries_the_example_is_the_whole_panel() -> None:
    report = check_estimator(OfLevels(), laws=[LEVELS], tries=0)
    assert len(report.examples[LEVELS]) == 36 * 6
    assert "too many to show" in str(report)


def test_a_law_that_does_not_exist_is_refused_with_the_closest_one() -> None:
    with pytest.raises(ConfigError, match="unit names do not matter"):
        check_estimator(ek.TwoWayFixedEffects(), laws=["unit name does not matter"])


FRAME = simulate_staggered(StaggeredDesign(n_units=12, n_periods=5, cohorts={2: 0.3, 3: 0.3}), 1).frame
ORDER = "row order does not matter"


def fit(frame: pd.DataFrame) -> Estimate:
    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    return ek.TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0))


def in_order(frame: pd.DataFrame) -> bool:
    return frame.index.is_monotonic_increasing


def holed(found: Estimate) -> Estimate:
    """The same with one effect that is not known."""
    effects = np.where(np.arange(len(found.cells)) == 0, np.nan, found.cells.estimate)
    return dataclasses.replace(found, cells=dataclasses.replace(found.cells, estimate=effects))


def test_another_number_of_cells_and_a_missing_number_are_told_as_what_they_are() -> None:
    last = FRAME["period"].max()
    fewer = LAWS[ORDER](FRAME, lambda frame: fit(frame if in_order(frame) else frame[frame["period"] < last]))
    missing = LAWS[ORDER](FRAME, lambda frame: fit(frame) if in_order(frame) else holed(fit(frame)))
    assert fewer is not None
    assert missing is not None
    assert (fewer.kind, missing.kind) == ("cells", "missing")
    assert "cells, found" in fewer.what
    assert LAWS[ORDER](FRAME, fit) is None


def test_an_estimator_that_sees_half_of_an_effect_is_told_how_much() -> None:
    found = LAWS["adding c to treated outcomes adds c"](FRAME, lambda frame: fit(frame.assign(y=0.5 * frame["y"])))
    assert found is not None
    assert "adding 2 to treated outcomes moved the overall effect by 1" in found.what


def test_an_estimator_that_takes_a_design_without_comparison_is_found() -> None:
    always = fit(FRAME)
    found = LAWS["a design without comparison is refused"](FRAME, lambda frame: always)
    assert found is not None
    assert "was not refused" in found.what


def test_a_broken_law_without_an_example_is_told_without_a_table() -> None:
    told = str(CheckReport("mine", held=(NAMES,), broken={LEVELS: "off by 2"}, examples={}))
    assert f"{LEVELS}: off by 2" in told
    assert told.startswith("mine breaks 1 of 2 laws")


def test_units_with_one_effect_and_several_errors_have_no_order_that_their_names_could_change() -> None:
    def found(errors: list[float]) -> Any:
        same = np.zeros(3, dtype=np.int64)
        cells = SimpleNamespace(unit=np.arange(3), event_time=same, period=same, cohort=same)
        table = pd.DataFrame({"estimate": [1.0, 1.0, 2.0], "std_error": errors})
        return SimpleNamespace(cells=cells, to_frame=lambda: table)

    np.testing.assert_array_equal(_numbers(found([0.1, 0.3, 0.2])), _numbers(found([0.3, 0.1, 0.2])))
    assert not np.array_equal(_numbers(found([0.1, 0.3, 0.2])), _numbers(found([0.1, 0.3, 0.4])))

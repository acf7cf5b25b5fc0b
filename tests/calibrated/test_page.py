"""The page is what was measured, and every estimator and rule of inference has a test that calibrates it."""

from __future__ import annotations

import re
from typing import get_args

from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from tests.calibrated.fingerprint import TREE
from tests.calibrated.measure import Row
from tests.calibrated.page import FAMILIES, PAGE, Known, every, family_of, made, register, table
from tests.calibrated.register import CALIBRATED, ESTIMATORS, marked
from tests.calibrated.results import ByHand, Result, missing, read, read_by_hand

FITS = 200
"""Data sets below which simulation-based calibration shows little."""
ROW = Row("interval", "imputation", "a world", 100, (0.9, None), {"value": 0.95, "error": 0.02, "level": 0.95})


def test_every_estimator_and_every_rule_of_inference_has_a_test_that_calibrates_it() -> None:
    missing_ones = set(CALIBRATED) - set(marked(TREE / "tests"))
    assert not missing_ones, f"mark a simulation, @pytest.mark.calibrates(...): {sorted(missing_ones)}"


def test_every_bayesian_model_is_ranked_in_enough_simulated_data_sets() -> None:
    rows = [each.row for each in every(read(PAGE).values(), read_by_hand(PAGE)) if each.row.kind == "ranks"]
    fewest = {name: min((row.data_sets for row in rows if row.method == name), default=0) for name in ESTIMATORS}
    bayesian = {name: count for name, count in fewest.items() if name.startswith("bayesian_")}
    assert len(bayesian) >= 3
    assert {name: count for name, count in bayesian.items() if count < FITS} == {}


def test_every_kind_of_error_of_two_way_fixed_effects_is_one_of_them_but_the_one_that_has_to_fail() -> None:
    options = set(get_args(TwoWayFixedEffects.model_fields["errors"].annotation))
    assert options - set(CALIBRATED) == {"unadjusted"}, "it takes all observations for independent"


def test_every_estimator_stands_under_a_heading() -> None:
    assert set(ESTIMATORS) <= {name for names in FAMILIES.values() for name in names}


def test_the_page_is_what_was_measured() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == made(), "`make calibrate` writes it, and so does `python -m tests.calibrated.page`"
    for image in re.findall(r"\]\((img/[^)]+)\)", text):
        assert (PAGE.parent / image).exists()


def test_nothing_that_was_measured_by_hand_is_lost() -> None:
    by_hand = read_by_hand(PAGE)
    fresh = [each for each in by_hand if not each.test]
    assert sum("seeds used for nothing else" in each.how for each in fresh) == 8
    text = made()
    assert all(each.row.world in text for each in fresh)
    known = read(PAGE)
    gone = {each.test for each in by_hand if each.test and known and each.test not in known}
    assert not gone, "no test has these names: rows measured by hand wait for them"


def test_a_row_by_hand_gives_way_to_its_test_and_no_other() -> None:
    by_hand = [ByHand(ROW, "2025-01-31", "once", test) for test in ("test_a.py::test_a", "test_a.py::test_a[b]", "")]
    stated = [Result("test_a.py::test_a", "passed", rows=(ROW,)), Result("test_a.py::test_a[b]")]
    assert [each.test for each in missing(by_hand, stated)] == ["test_a.py::test_a[b]", ""]


def test_columns_without_figures_are_left_out_of_a_table() -> None:
    head, _, row = table("interval", [Known(ROW, by_hand=ByHand(ROW, "2025-01-31", "once"))]).splitlines()
    assert head == "| method | world | data sets | level | held the truth | asked | measured |"
    assert row.endswith("| 95 % | 95 % (2.0) | at least 90 % | by hand, 2025-01-31: once |")


def test_the_register_names_tests_rows_and_how_far_intervals_stray() -> None:
    line = next(line for line in register([Known(ROW)]).splitlines() if line.startswith("| `imputation`"))
    assert "calibration at length (`recovery/test_imputation.py`)" in line
    assert line.endswith("| 1 | +0.0 (1) |")


def test_few_treated_places_stand_apart_from_many() -> None:
    few = Row("share", "two_way_fixed_effects", "3 of 50 treated, no effect", 10, (None, None), ROW.figures)
    assert family_of(few) != family_of(ROW)
    assert family_of(Row("share", "power", "a world", 10, (None, None), ROW.figures)) == list(FAMILIES)[-1]

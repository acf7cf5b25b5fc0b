from __future__ import annotations

import numpy as np

from evalkit.numerics import sample_remarks as say

NONE = np.zeros(3, dtype=bool)
ONE = np.array([True, False, False])


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert say.excluded_units(NONE, NONE, 0) == []
    assert say.seen_once(NONE, NONE) == []
    assert say.covariates_absorbed([]) == []
    assert say.missing_covariates(0) == []
    assert say.few_clusters(30, 10, 10) == []
    assert say.small_cohorts({2004: 5}) == []
    assert say.cells_left_out([], "why") == []


def test_units_left_out_are_counted_by_arm() -> None:
    always, early = say.excluded_units(ONE, ~ONE, 2)
    assert (always.id, always.treated) == ("always_treated_excluded", 1)
    assert (early.id, early.treated) == ("no_base_period", 2)
    assert "2 periods of anticipation" in early.text
    (once,) = say.seen_once(~NONE, ONE)
    assert (once.treated, once.comparison) == (2, 1)


def test_few_clusters_and_few_treated_clusters_are_said_apart() -> None:
    assert [remark.id for remark in say.few_clusters(29, 12, 40)] == ["few_clusters"]
    (few,) = say.few_clusters(40, 9, 90)
    assert (few.id, few.treated) == ("few_treated_clusters", 90)


def test_small_cohorts_cells_and_covariates_are_named() -> None:
    (small,) = say.small_cohorts({2004: 20, 2006: 4})
    assert "2006 (4)" in small.text
    assert "2004" not in small.text
    (cells,) = say.cells_left_out(["cohort 3 in 4"], "no unit links them")
    assert "'cohort 3 in 4'" in cells.text or "cohort 3 in 4" in cells.text
    assert "price" in say.covariates_absorbed(["price"])[0].text
    assert say.missing_covariates(7)[0].text.startswith("7 rows")

from __future__ import annotations

import numpy as np

from evalkit.numerics import cohort_remarks as tell
from evalkit.numerics.did_layout import lay_out


def test_the_arms_of_units_with_gaps_are_counted() -> None:
    weights = np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    layout = lay_out(weights > 0.0, np.arange(3), np.array([2, 2, 99]))
    (remark,) = tell.unbalanced(weights, layout, "linear")
    assert (remark.treated, remark.comparison) == (1, 1)
    assert "imputation" in remark.text
    assert not list(tell.unbalanced(np.ones((3, 3)), layout, "poisson"))


def test_rows_without_events_are_named_by_cohort_and_period() -> None:
    (remark,) = tell.without_events(np.array([[False, True], [True, False]]), [2010], [2008, 2009], "poisson")
    assert "'2010 in 2009', 'the comparison group in 2008'" in remark.text
    assert not list(tell.without_events(np.zeros((2, 2), dtype=bool), [2010], [2008, 2009], "poisson"))


def test_the_scale_says_in_which_terms_trends_are_parallel() -> None:
    assert not list(tell.scale("linear", "natural"))
    (remark,) = tell.scale("poisson", "ratio")
    assert "logs of rate ratios" in remark.text
    assert "parallel in ratios" in remark.text
    (remark,) = tell.scale("logit", "natural")
    assert "parallel in odds" in remark.text


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert not list(tell.no_comparison([]))
    assert not list(tell.cells_left_out([]))
    (remark,) = tell.no_comparison([2010])
    assert "'2010'" in remark.text

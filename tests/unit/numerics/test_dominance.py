"""Amounts that one contributor makes up."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.evidence.standard import shipped
from evalkit.numerics.dominance import dominated

LIMITS = shipped().disclosure.dominance


@pytest.mark.parametrize(
    ("contributions", "expected"),
    [
        ([500.0, 360.0, 140.0], True),  # the two largest make up 86 of 100
        ([500.0, 300.0, 200.0], False),  # 80 of 100, and the rest is 40 % of the largest
        ([100.0] * 40, False),
        ([1000.0, 10.0] + [3.0] * 40, True),
        ([-900.0, 50.0, 30.0, 20.0], True),  # a loss tells as much as a gain
        ([5.0], True),
        ([0.0, 0.0], False),
        ([np.nan, 10.0, 10.0, 10.0, 10.0], False),
    ],
)
def test_a_sum_is_withheld_where_few_make_it_up(contributions: list[float], expected: bool) -> None:
    assert dominated(np.array(contributions), LIMITS) is expected


def test_the_second_largest_must_not_come_close_to_the_largest() -> None:
    loose = LIMITS.model_copy(update={"share": 0.999})
    assert dominated(np.array([1000.0, 500.0, 140.0]), loose)  # the rest is 14 % of the largest
    assert not dominated(np.array([1000.0, 500.0, 160.0]), loose)

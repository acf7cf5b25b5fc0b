"""Numbers in prose."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.evidence.digits import few_digits, rounded_to, significant_digits

HALF_A_UNIT = 0.05
"""Two significant digits are wrong by 5 % at most (1.05 to 1.1)."""


@pytest.mark.parametrize(
    ("number", "text"),
    [(8.3287, "8.3"), (10.0, "10"), (99.6, "100"), (0.999, "1"), (123_456.0, "120,000"), (-0.0456, "-0.046"),
     (999_999.0, "1 million"), (2.55e9, "2.6 billion"), (1e-7, "0.0000001")],
)  # fmt: skip
def test_two_digits_are_written_plainly(number: float, text: str) -> None:
    assert few_digits(number) == text


@given(st.floats(1e-9, 1e15) | st.floats(-1e15, -1e-9))
def test_rounding_is_near_and_short(number: float) -> None:
    assert abs(float(rounded_to(number)) - number) <= HALF_A_UNIT * abs(number)
    assert significant_digits(few_digits(abs(number)).split()[0]) <= 2


def test_what_is_no_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="cannot write"):
        few_digits(math.nan)

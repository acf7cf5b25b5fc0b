from __future__ import annotations

import pytest

from evalkit.report.figures.words import counted, number, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0999, "0.1"),
        (9.96, "10"),
        (99.6, "100"),
        (-0.004, "−0.004"),
        (1234567.0, "1,200,000"),
        (1e-9, "0.000000001"),
        (float("inf"), "unbounded"),
    ],
)
def test_numbers_keep_two_significant_digits_and_no_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_an_interval_reads_from_low_to_high() -> None:
    assert span(-1.0, 2.5) == "−1 to 2.5"


def test_steps_of_several_years_are_counted_as_such() -> None:
    assert counted(3, "4 years") == "3 × 4 years"

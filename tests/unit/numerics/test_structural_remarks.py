"""What is said of the comparison series of a structural model."""

from __future__ import annotations

from evalkit.numerics.structural_remarks import comparison_series


def test_places_with_missing_periods_are_counted_where_there_are_any() -> None:
    some, none = comparison_series(3, 2, averaged=True), comparison_series(3, 0, averaged=False)
    assert some.text == "3 comparison places enter as their average. 2 with missing periods were left out."
    assert none.text == "3 comparison places enter each with a coefficient of its own."
    assert (some.comparison, none.comparison) == (2, 0)

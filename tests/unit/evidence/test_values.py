"""Values that say how they came to be."""

from __future__ import annotations

import math

import pytest

from evalkit.evidence.values import Number, Quantity, Words


def test_an_absent_value_needs_a_reason_and_has_no_number() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Number(value=None, how="missing")
    with pytest.raises(ValueError, match="how is 'suppressed'"):
        Number(value=3.0, how="suppressed", reason="small")
    with pytest.raises(ValueError, match="how is 'derived'"):
        Number(value=None, how="derived")


def test_silence_in_a_config_is_missing_and_zero_is_not() -> None:
    assert Words.declared("").how == "missing"
    assert Number.declared(0.0).value == 0.0
    assert Number.suppressed("1 to 10 people").value is None


def test_numbers_that_json_cannot_hold_are_refused() -> None:
    for number in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            Number.derived(number)


def test_an_interval_runs_upward_and_is_whole() -> None:
    with pytest.raises(ValueError, match="down to"):
        Quantity(value=1.0, low=2.0, high=0.0)
    with pytest.raises(ValueError, match="must all be given"):
        Quantity(value=1.0, low=None, high=2.0)
    assert Quantity.missing("no data").low is None


def test_an_absent_quantity_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="a missing quantity needs a reason"):
        Quantity(value=None, low=None, high=None, unit="", how="missing")
    assert Quantity.missing("nobody counted").reason == "nobody counted"

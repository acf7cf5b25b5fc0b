"""Effects in the words of a check."""

from __future__ import annotations

import dataclasses

import pytest

from evalkit.checks.placebo_period import PlaceboPeriod
from evalkit.checks.pre_trends import PreTrends
from evalkit.checks.wording import amount, two_digits
from tests.simulated import context, spec


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0546, "0.055"), (-9.96, "-10"), (0.996, "1.0"), (12_345.0, "12,000"), (3.0, "3.0"), (0.0, "0")],
)
def test_two_significant_digits_without_exponents(value: float, shown: str) -> None:
    assert two_digits(value) == shown


def test_an_outcome_in_logs_is_told_in_percent_and_others_in_their_unit() -> None:
    made = context()
    assert amount(made, 0.5) == "0.50 points"
    outcome = {"name": "o", "column": "y", "unit": "claims", "direction": "lower_better", "transform": "log"}
    logs = dataclasses.replace(made, spec=spec(outcomes=[outcome]))
    assert amount(logs, 0.0953102) == "10 %"
    assert amount(logs, -0.6931472) == "-50 %"
    ratios = dataclasses.replace(made, estimate=dataclasses.replace(made.estimate, facts={"log_link": 1.0}))
    assert amount(ratios, 0.0953102) == "10 %"
    assert amount(ratios, 0.5, two_way=True) == "0.50 points"
    assert amount(logs, 0.0953102, two_way=True) == "10 %"
    assert " %" in PreTrends().run(logs)[0].reading
    assert " %" in PlaceboPeriod().run(logs)[0].reading

"""Whether a finding survives a p-value that was made for few treated clusters."""

from __future__ import annotations

import pytest

from evalkit.checks.headline import anticipation, excludes_zero, survival
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from tests.simulated import context


@pytest.mark.parametrize(
    ("p", "excluded", "status"),
    [(0.04, True, "pass"), (0.05, True, "pass"), (0.06, True, "fail"), (0.06, False, "pass"), (0.04, False, "pass")],
)
def test_only_an_interval_beyond_zero_can_be_contradicted(p: float, excluded: bool, status: str) -> None:
    assert survival(p, 0.05, 0.001, excluded)[0] == status


def test_a_p_value_out_of_reach_is_said() -> None:
    assert "no result could have gone below 0.1" in survival(0.1, 0.05, 0.1, excluded=True)[1]
    assert "could have gone" not in survival(0.1, 0.05, 0.01, excluded=True)[1]


def test_what_is_read_from_the_primary_analysis() -> None:
    assert excludes_zero(context(effect=5.0))
    assert not excludes_zero(context(effect=0.0, noise=3.0))
    assert anticipation(context(TwoWayFixedEffects(anticipation=2))) == 2

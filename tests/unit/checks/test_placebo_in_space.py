"""What the rank among placebos says, and when it can say nothing."""

from __future__ import annotations

import dataclasses

import numpy as np

import evalkit as ek
from evalkit.checks.base import CheckContext
from evalkit.checks.placebo_in_space import PlaceboInSpace
from evalkit.checks.placebo_period import PlaceboPeriod
from tests.simulated import context
from tests.synthetic_worlds import factor_panel


def made(panel: ek.Panel, level: float = 0.95) -> CheckContext:
    def fit(other: ek.Panel) -> ek.Estimate:
        return ek.SyntheticControl(level=level).fit(other, rng=np.random.default_rng(0))

    return dataclasses.replace(context(), panel=panel, estimate=fit(panel), fit=fit)


def test_a_large_effect_stands_out() -> None:
    (found,) = PlaceboInSpace().run(made(factor_panel(1, units=21, effect=30.0)))
    assert (found.status, found.value) == ("pass", 1 / 21)
    assert "rank 1 of 21 places" in found.reading


def test_few_donors_are_said_to_be_too_few() -> None:
    (found,) = PlaceboInSpace().run(made(factor_panel(1, units=6, effect=30.0)))
    assert "no result could go below 0.17" in found.reading
    assert dict(found.details)["smallest_p"] == 1 / 6


def test_several_treated_units_are_ranked_by_their_mean() -> None:
    (found,) = PlaceboInSpace().run(made(factor_panel(1, units=12, treated=2, effect=30.0)))
    assert "beside 100 placebos" in found.reading


def test_other_estimators_are_sent_to_randomization_inference() -> None:
    (found,) = PlaceboInSpace().run(context())
    assert found.status == "not_run"
    assert "randomization_inference" in found.reading


def test_the_placebo_start_is_judged_by_the_designs_own_p_value() -> None:
    (found,) = PlaceboPeriod(periods_earlier=6).run(made(factor_panel(1, units=21, effect=30.0)))
    assert found.statistic == "placebo_in_space_p"
    assert found.value is not None
    assert found.value > 0.05

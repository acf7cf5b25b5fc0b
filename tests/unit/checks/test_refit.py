from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.checks.refit import accepts, overall, refit, require_a_start
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.uncertainty import OwnInterval
from tests.simulated import context

SAME = 1e-12
"""The same computation, twice."""


def test_a_refit_without_changes_gives_the_estimate_again() -> None:
    primary = context(CallawaySantAnna())
    again = refit(primary, primary.panel, {})
    np.testing.assert_allclose(overall(primary, again).estimate, overall(primary, primary.estimate).estimate, rtol=SAME)


def test_an_interval_of_the_designs_own_takes_the_place_of_the_clustered_one() -> None:
    primary = context(CallawaySantAnna())
    own = OwnInterval("placebo_in_space", -9.0, 9.0, primary.spec.design.level)
    found = overall(primary, dataclasses.replace(primary.estimate, own=own))
    assert (float(found.low[0]), float(found.high[0])) == (-9.0, 9.0)
    other = dataclasses.replace(primary.estimate, own=dataclasses.replace(own, level=0.5))
    assert overall(primary, other).low[0] == overall(primary, primary.estimate).low[0]


def test_settings_that_are_not_changed_stay_those_of_the_study() -> None:
    primary = context(CallawaySantAnna(method="reg"))
    assert refit(primary, primary.panel, {"anticipation": 1}).settings["method"] == "reg"
    assert refit(primary, primary.panel, {}, name="sun_abraham").estimator == "sun_abraham"


def test_an_unknown_setting_is_refused() -> None:
    primary = context()
    with pytest.raises(ConfigError, match="comparison"):
        refit(primary, primary.panel, {"comparison": "never_treated"})


def test_values_that_an_estimator_does_not_take_are_told_apart() -> None:
    assert accepts("callaway_santanna", "comparison", "not_yet_treated")
    assert not accepts("sun_abraham", "comparison", "not_yet_treated")
    assert not accepts("callaway_santanna", "colour")


def test_a_panel_in_which_nobody_starts_any_more_is_refused() -> None:
    import dataclasses

    panel = context().panel
    assert require_a_start(panel) is panel
    with pytest.raises(DesignRefused, match="nothing is left"):
        require_a_start(dataclasses.replace(panel, first_treated=np.full(panel.n_units, panel.time[-1] + 5)))

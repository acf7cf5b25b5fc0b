from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import DesignRefused
from evalkit.power.detection import interval_thresholds
from evalkit.power.shortcut import shortcut
from tests.designs import long, study, task
from tests.designs import panel as simulated


@pytest.mark.parametrize("settings", [{}, {"anticipation": 1}], ids=["plain", "with anticipation"])
def test_the_closed_form_gives_the_thresholds_of_the_fit(settings: dict[str, int]) -> None:
    one = task(simulated(n_units=40, n_periods=8, missing=0.05), study(settings=settings))
    panels = one.panels(inflate=True)
    quick = shortcut(one.fit(panels(0).panel, 0), panels(0).panel, 0.05)
    assert quick is not None
    for number in range(1, 5):
        panel = panels(number).panel
        np.testing.assert_allclose(quick(panel), interval_thresholds(one.fit(panel, number), 0.95), rtol=1e-8)


def test_there_is_none_for_other_estimators_and_errors() -> None:
    for asked in (study("callaway_santanna"), study(settings={"errors": "unadjusted"})):
        one = task(simulated(n_units=40, n_periods=8), asked)
        panel = one.panels(inflate=True)(0).panel
        assert shortcut(one.fit(panel, 0), panel, 0.05) is None


def test_a_panel_without_variation_in_treatment_is_refused_as_by_the_estimator() -> None:
    one = task(simulated(n_units=40, n_periods=8), study())
    panel = one.panels(inflate=True)(0).panel
    quick = shortcut(one.fit(panel, 0), panel, 0.05)
    assert quick is not None
    with pytest.raises(DesignRefused):
        quick(long(np.random.default_rng(0).normal(size=(5, 4))))

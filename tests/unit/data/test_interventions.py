"""Other programmes as columns."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.interventions import OtherIntervention
from evalkit.errors import ConfigError
from tests.monthly_worlds import SeriesWorld, frame, panel

MADE = panel(frame(SeriesWorld(months=24, start=12, season=0.0), np.random.default_rng(0)))


def test_a_date_becomes_a_step_and_if_asked_a_slope() -> None:
    found = OtherIntervention(name="belts", start="2010-07", change="step_and_slope").columns(MADE, {})
    assert found["belts"].tolist() == [0.0] * 6 + [1.0] * 18
    assert found["belts (slope)"].tolist() == [0.0] * 6 + list(range(18))


def test_a_column_enters_as_it_is() -> None:
    share = np.linspace(0.0, 1.0, 24)
    assert OtherIntervention(column="share").columns(MADE, {"share": share}) == {"share": share}


def test_a_date_outside_the_calendar_is_refused_with_how_dates_are_written() -> None:
    with pytest.raises(ConfigError, match="is no period of the data") as refused:
        OtherIntervention(start="soon").columns(MADE, {})
    assert "2010-01" in str(refused.value)

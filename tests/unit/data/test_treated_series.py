"""Series of treated units: what the models read, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.data import treated_series as series
from evalkit.data.calendar import Calendar
from evalkit.errors import DataError, DesignRefused
from tests.frames import long_frame, read

MONTHS = Calendar("period", 0, 1, "M")
YEAR_AND_A_HALF = np.arange(18, dtype=np.int64)


def test_too_many_treated_units_to_fit_one_by_one_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = read(long_frame())
    found, short = series.treated_series(panel, anticipation=0, donut=(0, 0), covariates=(), least=2)
    assert ([each.start for each in found], short) == ([2, 3], [])
    monkeypatch.setattr(series, "TOO_MANY_PLACES", 1)
    with pytest.raises(DesignRefused, match=r"^2 treated units .* the limit is 1"):
        series.treated_series(panel, anticipation=0, donut=(0, 0), covariates=(), least=2)


def test_the_rate_of_the_comparison_places_is_of_their_joint_exposure() -> None:
    frame = long_frame(y=[*range(8), 10.0, 20.0, 30.0, 40.0], people=[1.0] * 8 + [100.0, 100.0, 200.0, 400.0])
    panel = read(frame, exposure="people")
    (joint,) = series.comparison_columns(panel, averaged=True, log_rate=True, exposure=panel.exposure)
    np.testing.assert_allclose(joint.values, np.log([10.5 / 100, 20.5 / 100, 30.5 / 200, 40.5 / 400]), rtol=1e-14)
    (without,) = series.comparison_columns(panel, averaged=True, log_rate=True)
    np.testing.assert_allclose(without.values, np.log([10.5, 20.5, 30.5, 40.5]), rtol=1e-14)


def test_counts_are_not_analysed_as_logarithms() -> None:
    panel = read(long_frame(y=np.arange(12.0)))
    series.refuse_non_counts(panel, "poisson")
    with pytest.raises(DesignRefused, match="needs counts, and the outcome as analysed is a logarithm"):
        series.refuse_non_counts(replace(panel, transform="log"), "poisson")
    with pytest.raises(DataError, match=r"unit 'Akron' in period 2002: 0\.5"):
        series.refuse_non_counts(read(long_frame(y=np.arange(12.0) / 2)), "poisson")


@pytest.mark.parametrize(
    ("kind", "fitted", "columns", "waves"),
    [
        ("auto", 23, 0, None),  # less than two years: no season
        ("auto", 24, 4, 2),  # waves from two years on
        ("auto", 36, 11, None),  # each month free from three years on
        ("dummy", 24, 11, None),  # as asked for, however short
        ("harmonic", 36, 4, 2),
    ],
)
def test_the_season_is_as_rich_as_the_past_allows_or_as_asked_for(
    kind: str, fitted: int, columns: int, waves: int | None
) -> None:
    found = series.season_columns(MONTHS, YEAR_AND_A_HALF, fitted, kind=kind, length=None, harmonics=2)
    assert (len(found[0]), *found[1:]) == (columns, 12, waves)

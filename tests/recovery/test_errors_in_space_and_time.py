"""Coverage of two-way fixed effects where errors are shared between places, by neighbours or by what moves a period.

Errors clustered by place take places for independent and hold too seldom: that is shown beside those made for it.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.vocabulary import NEVER, FloatArray
from tests.calibrated.measure import Measured, Range, around

EFFECT, LEVEL = 1.0, 0.95
REPETITIONS = 500
MCSE = 4.0  # standard errors of a Monte Carlo share that a fixed-seed test may stray
SHORTFALL = 0.02
"""Both kinds of error lean on many towns or periods: with 80 and 60 of them that much may be missing."""
FAILS = 0.85
TOWNS, PLACES, PERIODS, LONG = 80, 4, 10, 60
Errors = Literal["clustered", "two_way", "conley"]
KEPT: Final[dict[str, Errors]] = {"neighbours": "conley", "periods": "two_way"}
WORDS: Final = {
    "neighbours": f"{TOWNS} towns of {PLACES} places share their shocks",
    "periods": f"treated places share each of {LONG} periods' shocks",
}


def neighbours(rng: np.random.Generator) -> Panel:
    """Towns 500 km apart, half of them treated; the places of each, 10 km apart, share a shock a period.

    Only a place's own errors last: Conley's pairs are neighbours in one period, and one place in two periods.
    """
    town = np.repeat(np.arange(TOWNS), PLACES)
    shared, own = rng.standard_normal((TOWNS, PERIODS))[town], lasting(len(town), rng)
    east, north = 5.0 * (town % 16) - 40.0, 5.0 * (town // 16) - 10.0 + 0.1 * (np.arange(len(town)) % PLACES)
    covariates = {"north": np.repeat(north[:, None], PERIODS, 1), "east": np.repeat(east[:, None], PERIODS, 1)}
    return panel(shared + 0.7 * own, np.where(town % 2 == 0, PERIODS // 2, NEVER), covariates)


def periods(rng: np.random.Generator) -> Panel:
    """Half of 40 places are treated from the middle on; what moves a period moves them more than the others."""
    treated = np.arange(40) % 2 == 0
    errors = rng.standard_normal((40, LONG)) + 0.5 * np.outer(treated, rng.standard_normal(LONG))
    return panel(errors, np.where(treated, LONG // 2, NEVER), {})


def lasting(count: int, rng: np.random.Generator) -> FloatArray:
    """(count, PERIODS) AR(1) paths of variance 1."""
    drawn = rng.standard_normal((count, PERIODS))
    for period in range(1, PERIODS):
        drawn[:, period] = 0.5 * drawn[:, period - 1] + np.sqrt(0.75) * drawn[:, period]
    return drawn


def panel(errors: FloatArray, first: np.typing.NDArray[np.int64], covariates: dict[str, FloatArray]) -> Panel:
    """Errors with the effect."""
    time = np.arange(errors.shape[1])
    return Panel(
        outcome=errors + EFFECT * (first[:, None] <= time), time=time, first_treated=first,
        units=pd.RangeIndex(len(errors)), calendar=Calendar("integer", 0, 1), names=ColumnNames("unit", "period", "y"),
        covariates=covariates,
    )  # fmt: skip


def repeated(world: str, errors: Errors) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R,) errors of the estimate, its standard errors, and whether the interval held the effect."""
    settings = {"latitude": "north", "longitude": "east", "distance_km": 100.0, "kernel": "uniform"}
    estimator = TwoWayFixedEffects(engine="compiled", errors=errors, **(settings if errors == "conley" else {}))
    draw, rows = {"neighbours": neighbours, "periods": periods}[world], []
    for seed in range(REPETITIONS):
        estimate = estimator.fit(draw(np.random.default_rng([30_000, seed])), rng=np.random.default_rng(seed))
        row = estimate.aggregation("overall", level=LEVEL)
        rows.append((row.estimate[0] - EFFECT, row.std_error[0], row.low[0] <= EFFECT <= row.high[0]))
    error, std_error, held = np.array(rows, dtype=np.float64).T
    return error, std_error, held


@pytest.mark.calibration
@pytest.mark.parametrize("world", list(KEPT))
@pytest.mark.calibrates("two_way_fixed_effects", "two_way", "conley", "clustered")
def test_errors_that_places_share_are_counted_by_those_made_for_it_alone(world: str, measured: Measured) -> None:
    least, most = around(LEVEL, REPETITIONS, MCSE)
    shares = {}
    stated: list[tuple[Errors, Range, str]] = [
        (KEPT[world], (least - SHORTFALL, most), ""),
        ("clustered", (None, FAILS), ", has to fail"),
    ]
    for errors, asked, words in stated:
        error, std_error, held = repeated(world, errors)
        shares[errors] = held.mean()
        measured.intervals(
            "two_way_fixed_effects", WORDS[world] + words, held, level=LEVEL, asked=asked, rule=errors, error=error,
            std_error=std_error,
        )  # fmt: skip
        assert abs(error.mean()) < MCSE * error.std(ddof=1) / np.sqrt(REPETITIONS)
    assert least - SHORTFALL <= shares[KEPT[world]] <= most
    assert shares["clustered"] < FAILS

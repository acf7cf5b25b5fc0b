"""Robust intervals on real data: those of R HonestDiD as published, and of a Python peer.

Sources: the worked example of R HonestDiD's README (Medicaid expansions of 2014 and health insurance coverage,
effect in the first period, relative magnitudes, method C-LF), as printed; peers.csv, written by make_peers.py.
Both report the outermost accepted points of a grid, with a simulated least-favourable value: their ends lie up to
one step inside ours, give or take that simulation.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import causaldata
import moderndid
import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.honest import Honest
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.base import Estimator
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from tests.simulated import spec

FOUR_DIGITS = 6e-5  # the event study is printed with four decimals
R_STEP = 4e-4  # 40 standard errors of 0.0092 on a grid of 1,000
R_DEVIATION = 0.0092
SIMULATED = 0.06  # standard errors: three times what 1,000 draws of the least-favourable value leave in an end
PUBLISHED = {0.5: (0.0241, 0.0673), 1.0: (0.0171, 0.0720), 1.5: (0.0086, 0.0796), 2.0: (-0.0011, 0.0883)}
PEERS = pd.read_csv(Path(__file__).parent / "peers.csv")
# The same README under smoothness (method FLCI), first period; M = 0, 0.01, ..., 0.05.
SMOOTH = {0.0: (0.0259, 0.0607), 0.01: (0.0132, 0.0787), 0.02: (0.00286, 0.0907), 0.03: (-0.00714, 0.101),
          0.04: (-0.0171, 0.111), 0.05: (-0.0271, 0.121)}  # fmt: skip
SMOOTH_DIGITS = 6e-4  # upper ends are printed with three digits
SMOOTH_LOW = 1.5e-4  # lower ends with three significant ones; R minimizes the length over a grid of deviations
PREFIX = {"average": "", "first": "first_"}


def _fit(estimator: Estimator, panel: Panel) -> Estimate:
    return estimator.fit(panel, rng=np.random.default_rng(0))


def context(panel: Panel, estimator: Estimator, window: list[int]) -> CheckContext:
    fit = functools.partial(_fit, estimator)
    return CheckContext(spec(design={"event_window": window}), panel, fit(panel), fit)


def medicaid() -> CheckContext:
    """Expansions of 2014 against states without one by 2015."""
    data = moderndid.load_ehec().to_pandas()
    data = data[(data["year"] < 2016) & (data["yexp2"].isna() | (data["yexp2"] != 2015))].copy()
    data["cohort"] = data["yexp2"].where(data["yexp2"] == 2014)
    panel = Panel.from_frame(data, unit="stfips", period="year", outcome="dins", cohort="cohort")
    return context(panel, TwoWayFixedEffects(), [-6, 1])


def castle() -> CheckContext:
    """Log homicide; a varying base, so the steps before the start are added up."""
    data = causaldata.castle.load_pandas().data
    data = data.assign(
        y=np.log(data["homicide"].astype(float)),
        cohort=data["sid"].map(data[data["post"] > 0].groupby("sid")["year"].min()),
    )
    panel = Panel.from_frame(data, unit="sid", period="year", outcome="y", cohort="cohort")
    return context(panel, CallawaySantAnna(comparison="never_treated"), [-5, 3])


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, float]]:
    made = {"medicaid": medicaid(), "castle": castle()}
    return {name: dict(Honest().run(context)[0].details) for name, context in made.items()}


def test_the_event_study_is_the_published_one() -> None:
    rows = medicaid().estimate.aggregation("event_study")
    np.testing.assert_allclose(rows.estimate[-2:], [0.0464, 0.0692], atol=FOUR_DIGITS)
    np.testing.assert_allclose(rows.std_error[-2:], [0.0092, 0.0104], atol=FOUR_DIGITS)


@pytest.mark.parametrize("m_bar", PUBLISHED)
def test_the_first_period_meets_the_published_intervals(found: dict[str, dict[str, float]], m_bar: float) -> None:
    low, high = found["medicaid"][f"first_low_at_{m_bar:g}"], found["medicaid"][f"first_high_at_{m_bar:g}"]
    assert low == pytest.approx(PUBLISHED[m_bar][0], abs=R_STEP + SIMULATED * R_DEVIATION)
    assert high == pytest.approx(PUBLISHED[m_bar][1], abs=R_STEP + SIMULATED * R_DEVIATION)


def test_the_published_breakdown_value_lies_between_one_and_a_half_and_two(found: dict[str, dict[str, float]]) -> None:
    assert 1.5 < found["medicaid"]["first_breakdown"] < 2.0


@pytest.mark.parametrize(
    "row", PEERS.to_dict("records"), ids=lambda row: f"{row['data']}-{row['target']}-{row['m_bar']}"
)
def test_intervals_meet_those_of_the_peer(found: dict[str, dict[str, float]], row: dict[str, Any]) -> None:
    prefix = PREFIX[row["target"]]
    noise = SIMULATED * row["deviation"]
    for inward in (
        row["low"] - found[row["data"]][f"{prefix}low_at_{row['m_bar']:g}"],
        found[row["data"]][f"{prefix}high_at_{row['m_bar']:g}"] - row["high"],
    ):
        assert -noise <= inward <= row["step"] + noise


@pytest.mark.parametrize("m", SMOOTH)
def test_the_first_period_meets_the_published_intervals_under_smoothness(m: float) -> None:
    made = medicaid()
    unit = dict(Honest().run(made)[1].details)["unit"]
    details = dict(Honest(smoothness=(m / unit,)).run(made)[1].details)
    assert details[f"first_low_at_{m / unit:g}"] == pytest.approx(SMOOTH[m][0], abs=SMOOTH_LOW)
    assert details[f"first_high_at_{m / unit:g}"] == pytest.approx(SMOOTH[m][1], abs=SMOOTH_DIGITS)


def test_the_published_breakdown_value_under_smoothness_lies_between_two_and_three_hundredths() -> None:
    assert 0.02 < dict(Honest().run(medicaid())[1].details)["first_breakdown"] < 0.03

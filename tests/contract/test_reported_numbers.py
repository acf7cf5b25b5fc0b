"""What is reported (overall effect, error, p-value, intervals, an estimator's own too) keeps the laws of its cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators import registry
from evalkit.testing.check import as_counts
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from tests.contract.test_laws import ineligible, make, periods

SAME: Final = 1e-8
"""Relative to the largest number: intervals are found by a search, or from resampled panels."""
GRAIN: Final = 2.0**-16
"""Outcomes are multiples of it: 1e9 more is stored to the last digit, so that what is lost is lost by the estimator."""
LARGE: Final = 1e9
CENTRED: Final = 1e-8
SCALED: Final = 8.0
SLOW: Final = ("bayesian_", "augmented_", "two_way_", "interrupted_")
"""Estimators of which every run asks the two laws alone that are most often broken."""


def made(name: str) -> pd.DataFrame:
    """A staggered panel that has what the estimator needs."""
    design = StaggeredDesign(
        n_units=36, n_periods=periods(name), growth=0.3, cohort_gap=0.5, effect=0.4, ineligible=ineligible(name)
    )
    frame = simulate_staggered(design, 20_240_101).frame
    if registry.get(name).needs.counts:
        return as_counts(frame)
    return frame.assign(y=np.round(frame["y"] / GRAIN) * GRAIN)


def fit(name: str, frame: pd.DataFrame, weight: str | None = None) -> Estimate:
    covariates = ["eligible"] if "eligible" in frame else []
    panel = Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=covariates, weight=weight
    )
    return make(name).fit(panel, rng=np.random.default_rng(0))


def reported(estimate: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in the unit of the outcome, and p-values, which have none."""
    row, own = estimate.aggregation("overall"), estimate.own
    sizes, shares = [*row.estimate, *row.std_error, *row.low, *row.high], [*row.p_values()]
    if own is not None:
        sizes += [np.nan if bound is None else bound for bound in (own.low, own.high)]
        shares += [np.nan if own.p_value is None else own.p_value]
    return np.array(sizes, dtype=float), np.array(shares, dtype=float)


CHANGES: Final[dict[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "law-row-order": lambda frame: frame.sample(frac=1.0, random_state=1),
    "law-unit-names": lambda frame: frame.assign(unit="place " + (997 - frame["unit"]).astype(str)),
    "law-calendar-origin": lambda frame: frame.assign(
        period=frame["period"] + 2000, cohort=frame["cohort"].where(frame["cohort"] == 0, frame["cohort"] + 2000)
    ),
    "law-scale": lambda frame: frame.assign(y=3.0 + SCALED * frame["y"]),
}


def marks(name: str, law: str) -> list[pytest.MarkDecorator]:
    late = law in ("law-row-order", "law-calendar-origin") and name.startswith(SLOW)
    return [
        pytest.mark.promise(law),
        *([pytest.mark.calibration] if late else []),
    ]


CASES = [
    pytest.param(name, law, marks=marks(name, law))
    for name in registry.names()
    for law in CHANGES
    if not (registry.get(name).needs.counts and law == "law-scale")  # its effects are ratios
]


@pytest.fixture(scope="module")
def before() -> dict[str, Estimate]:
    """Estimates of the panels as they are, each made when first asked for."""
    return {}


@pytest.mark.parametrize(("name", "law"), CASES)
def test_what_is_reported_keeps_the_law(name: str, law: str, before: dict[str, Estimate]) -> None:
    if name not in before:
        before[name] = fit(name, made(name))
    sizes, shares = reported(before[name])
    new_sizes, new_shares = reported(fit(name, CHANGES[law](made(name))))
    sizes = SCALED * sizes if law == "law-scale" else sizes
    np.testing.assert_allclose(new_sizes, sizes, rtol=0, atol=SAME * np.nanmax(np.abs(sizes)))
    np.testing.assert_allclose(new_shares, shares, rtol=0, atol=SAME)


@pytest.mark.parametrize("name", [name for name in registry.names() if not registry.get(name).needs.counts])
@pytest.mark.promise("law-large-constant")
def test_adding_1e9_costs_eight_digits_at_most_where_the_outcome_is_centred_first(
    name: str, before: dict[str, Estimate]
) -> None:
    if name not in before:
        before[name] = fit(name, made(name))
    columns = ["estimate", "std_error"]
    shifted = fit(name, made(name).assign(y=lambda frame: frame["y"] + LARGE))
    one, other = (each.to_frame()[columns].to_numpy() for each in (before[name], shifted))
    lost = float(np.nanmax(np.abs(one - other)) / np.nanmax(np.abs(one)))
    assert lost <= CENTRED


FEWER_UNITS_KNOWN: Final = 0.8
"""Twice the units leave about 0.71 of an error; with few clusters a little less or more."""
ERRORS_OF_OTHERS: Final = {
    "augmented_synthetic_control": "errors are those of placebos: a place that has a twin is fitted exactly",
    "synthetic_control": "as augmented_synthetic_control",
    "bayesian_synthetic_control": "errors are those of the fit over time",
    "bayesian_time_series": "errors are those of one series over time",
    "interrupted_time_series": "errors are those of one series over time",
}


@pytest.mark.parametrize("name", [name for name in registry.names() if name not in ERRORS_OF_OTHERS])
@pytest.mark.promise("law-weight-two")
def test_a_unit_of_weight_two_is_one_observation_in_the_error(name: str, before: dict[str, Estimate]) -> None:
    frame = made(name)
    if name not in before:
        before[name] = fit(name, frame)
    twice = fit(name, pd.concat([frame, frame.assign(unit=frame["unit"] + 1_000)]))
    weighted = fit(name, frame.assign(weight=2.0), weight="weight")
    one, heavy, many = (each.aggregation("overall").std_error[0] for each in (before[name], weighted, twice))
    assert heavy == pytest.approx(one, rel=SAME)
    assert many < FEWER_UNITS_KNOWN * one

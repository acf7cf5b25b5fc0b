"""Monte Carlo: false alarms of control charts, coverage of forecasts, coverage of equality scores."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.indicators.equality_data import EqualityData
from evalkit.indicators.equality_result import score_tree
from evalkit.numerics.control_chart import RULES, Rule, events, measurements, signals
from evalkit.numerics.equality_score import score_of
from evalkit.numerics.forecasting import forecast, over_window
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured
from tests.equality_worlds import flat_spec
from tests.indicator_worlds import World, world
from tests.reference.control_chart.published import RUN_LENGTHS

LEVEL = 0.9
AHEAD = 12
AHEADS = {"next": "the next month", "year": "a year ahead", "mean": "the mean of the year"}
KNOWN = 20_000
"""Periods in a baseline from which limits are as good as known."""


def run_length(rules: tuple[Rule, ...], periods: int, seed: int) -> tuple[float, float]:
    """Mean periods from one false alarm to the next start, with its Monte Carlo error; limits known."""
    rng = np.random.default_rng(seed)
    value = rng.normal(size=KNOWN + periods)
    chart = measurements(value, np.arange(len(value)) < KNOWN)
    any_signal = np.any([marks != 0.0 for marks in signals(chart, rules).values()], axis=0)[KNOWN:]
    lengths, start = [], 0
    for place in np.flatnonzero(any_signal):
        if place >= start:
            lengths.append(place - start + 1)
            # The next run must not lean on values from before the alarm: patterns reach back eight periods.
            start = int(place) + 8
    return float(np.mean(lengths)), float(np.std(lengths) / np.sqrt(len(lengths)))


LEANS = 0.1
"""Share by which runs that begin amid values of the last one are shorter than those that begin afresh."""


@pytest.mark.parametrize(("rules", "published"), list(RUN_LENGTHS.items()))
def test_false_alarms_come_as_seldom_as_published(
    rules: tuple[Rule, ...], published: float, measured: Measured
) -> None:
    """Champ and Woodall (1987), table 1."""
    found, error = run_length(rules, 200_000, 7)
    margin = 4.0 * error + LEANS * published
    measured.figure(
        "control chart", f"steady, limits known, rules {', '.join(rules).replace('_', ' ')}", found, error=error,
        asked=(published - margin, published + margin), data_sets=1,
        note="mean periods from one false alarm to the next",
    )  # fmt: skip
    assert abs(found - published) < 4.0 * error + LEANS * published


def alarms(kind: str, baseline: int, worlds: int, seed: int) -> float:
    """Share of later periods that a steady world marks, limits from a baseline of so many periods."""
    rng = np.random.default_rng(seed)
    marked = 0.0
    inside = np.arange(baseline + 24) < baseline
    exposure = np.full(len(inside), 2_000.0)
    for _ in range(worlds):
        if kind == "measurement":
            chart = measurements(rng.normal(size=len(inside)), inside)
        elif kind == "wide":
            rate = 0.02 * rng.gamma(20.0, 1 / 20.0, len(inside))
            chart = events(rng.poisson(2_000.0 * rate).astype(float), exposure, inside, kind="count")
        else:
            chart = events(rng.poisson(40.0, len(inside)).astype(float), exposure, inside, kind="count")
        found = signals(chart, ("beyond_limits",))["beyond_limits"][baseline:]
        marked += float(np.mean(found != 0.0))
    return marked / worlds


@pytest.mark.parametrize(("kind", "most"), [("measurement", 0.02), ("steady", 0.012), ("wide", 0.03)])
def test_limits_from_three_years_of_months_seldom_mark_a_steady_period(
    kind: str, most: float, measured: Measured
) -> None:
    """0.0027 with known limits; more as they are estimated from 36 periods."""
    found = alarms(kind, 36, 150, 11)
    measured.share(
        "control chart", f"36 periods of baseline, {kind}: periods marked", found, data_sets=150, nominal=0.0027,
        asked=(None, most),
    )  # fmt: skip
    assert found < most


def coverage(kind: World, periods: int, worlds: int, seed: int) -> dict[str, float]:
    """Share of worlds whose next value, value a year ahead and mean of the year lie in the interval."""
    rng = np.random.default_rng(seed)
    hits = {"next": 0, "year": 0, "mean": 0}
    tails = [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0]
    total = periods + AHEAD
    for _ in range(worlds):
        truth = world(kind, total, rng)
        seen = np.where(np.arange(total) < periods, truth, np.nan)
        found = forecast(
            seen, np.ones(total), scale="identity", position=np.arange(total) % 12,
            season=12 if kind == "season" else None, draws=1_000, rng=rng,
        )  # fmt: skip
        ahead = np.arange(periods, total)
        for name, drawn, value in (
            ("next", found.drawn[:, periods], truth[periods]),
            ("year", found.drawn[:, -1], truth[-1]),
            ("mean", over_window(found.drawn, np.ones(total), ahead), truth[ahead].mean()),
        ):
            low, high = np.quantile(drawn, tails)
            hits[name] += bool(low <= value <= high)
    return {name: count / worlds for name, count in hits.items()}


def test_a_steady_series_stays_in_its_interval() -> None:
    worlds = 10
    found = coverage("steady", 36, worlds, 5)
    error = np.sqrt(LEVEL * (1.0 - LEVEL) / worlds)
    assert min(found.values()) > LEVEL - 4.0 * error


@pytest.mark.calibration
@pytest.mark.parametrize("kind", ["steady", "level", "walk", "trend", "bend", "ar", "season"])
def test_forecast_intervals_hold_in_worlds_of_every_kind(kind: World, measured: Measured) -> None:
    """Nominal 90 %: 84 to 98 % is what one model for all of them can give (docs/performance.md has the table)."""
    worlds = 80
    found = coverage(kind, 48, worlds, 17)
    error = np.sqrt(LEVEL * (1.0 - LEVEL) / worlds)
    for ahead, share in found.items():
        measured.intervals(
            "forecast", f"{kind}, {AHEADS[ahead]}", share, data_sets=worlds, level=LEVEL,
            asked=(0.84 - 2.0 * error, None),
        )  # fmt: skip
    print(kind, found)  # noqa: T201 (the table of docs/performance.md)
    assert min(found.values()) > 0.84 - 2.0 * error, found


def tree_coverage(ratios: FloatArray, size: int, worlds: int, seed: int) -> dict[str, float]:
    """Share of worlds in which the interval of a level holds the score of the true ratios."""
    rng = np.random.default_rng(seed)
    count = len(ratios)
    spec = flat_spec("share", count, draws=1_000)
    truth = np.array([score_of(ratio) for ratio in ratios])
    topics = truth.reshape(-1, 3).mean(axis=1)
    hits: dict[str, list[bool]] = {"indicator": [], "topic": [], "city": [], "change": []}
    for world_ in range(worlds):
        cells = {
            (f"i{place}", group, year): (
                float(rng.binomial(size, 0.15 * (ratio if group == "a" else 1.0))),
                float(size),
            )
            for place, ratio in enumerate(ratios)
            for group in "ab"
            for year in (2020, 2023)
        }
        data = EqualityData((2020, 2023), cells, dict.fromkeys(cells, ()), "simulated", len(cells), None)
        city = score_tree(spec, data, seed=world_).city
        for node in city.walk():
            if node.kind == "theme":
                continue
            place = int(node.name.split()[-1].lstrip("i")) if node.kind != "city" else 0
            true = {"indicator": truth[place], "topic": topics[place // 3], "city": topics.mean()}[node.kind]
            each = node.scores[2023]
            hits[node.kind].append(bool(each.low - 1e-9 <= true <= each.high + 1e-9))
        assert city.change is not None
        hits["change"].append(bool(city.change.low <= 0.0 <= city.change.high))
    return {kind: float(np.mean(each)) for kind, each in hits.items()}


MIXED = np.tile([1.2, 1.6, 3.0], 4)


def test_score_intervals_hold_the_scores_of_the_true_ratios() -> None:
    found = tree_coverage(MIXED, 2_000, 15, 3)
    error = np.sqrt(0.95 * 0.05 / 15)
    assert found["indicator"] > 0.92
    assert found["city"] > 0.9 - 4.0 * error
    assert found["change"] > 0.9 - 4.0 * error


@pytest.mark.calibration
@pytest.mark.parametrize("size", [500, 2_000, 20_000])
def test_score_intervals_hold_at_every_level_and_sample_size(size: int, measured: Measured) -> None:
    found = tree_coverage(MIXED, size, 150, 9)
    for kind, share in found.items():
        measured.intervals(
            "equality score", f"{size:,} persons a group, {kind}", share, data_sets=150, level=0.95, asked=(0.86, None)
        )
    print(size, found)  # noqa: T201 (the table of docs/equality-indicators.md)
    # Nominal 95 %; averages of small samples fall short (docs/equality-indicators.md), by no more than this.
    assert min(found.values()) > 0.86, found


def test_rules_by_default_are_the_published_three() -> None:
    assert tuple(RULES) in RUN_LENGTHS

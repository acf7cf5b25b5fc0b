"""Control charts against published worked examples, plain re-implementations and their own laws."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.control_chart import (
    RULES,
    Rule,
    events,
    measurements,
    moving_ranges,
    signals,
    without_season,
)
from evalkit.vocabulary import FloatArray
from tests.reference.control_chart import published

ROUNDED = 2e-3
"""Published limits use d2 rounded to 1.128."""


def whole(values: object) -> np.typing.NDArray[np.bool_]:
    return np.ones(len(np.asarray(values)), dtype=np.bool_)


def of(values: tuple[float, ...] | list[float]) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("values", "limits", "tolerance"),
    [(published.FLOW, published.FLOW_LIMITS, ROUNDED), (published.LOANS, published.LOAN_LIMITS, 0.011)],
)
def test_the_individuals_chart_has_the_published_limits(
    values: tuple[float, ...], limits: tuple[float, float, float], tolerance: float
) -> None:
    chart = measurements(of(values), whole(values))
    found = float(chart.low[0]), float(chart.centre[0]), float(chart.high[0])
    assert found == pytest.approx(limits, abs=tolerance)


def test_the_moving_range_has_the_published_mean_and_limit() -> None:
    chart = measurements(of(published.LOANS), whole(published.LOANS))
    mean, limit = published.LOAN_RANGES
    assert np.nanmean(chart.moving_range) == pytest.approx(mean, abs=0.005)
    assert chart.range_limit == pytest.approx(limit, abs=0.02)


def test_the_chart_of_counts_has_the_published_limits_and_finds_the_published_point() -> None:
    counts = of(published.WAFERS)
    chart = events(counts, np.ones(len(counts)), whole(counts), kind="count", laney=False)
    assert (chart.low[0], chart.centre[0], chart.high[0]) == pytest.approx(published.WAFER_LIMITS)
    assert np.flatnonzero(signals(chart, ("beyond_limits",))["beyond_limits"]).tolist() == [23]


def test_the_chart_of_shares_has_the_published_limits() -> None:
    size = np.full(10_000, float(published.SHARE_SIZE))
    counts = np.full(10_000, published.SHARE_MEAN * published.SHARE_SIZE)
    chart = events(counts, size, whole(counts), kind="share", laney=False)
    assert (chart.low[0], chart.high[0]) == pytest.approx(published.SHARE_LIMITS, abs=1e-4)


def test_the_chart_of_shares_agrees_with_qcc() -> None:
    counts = of(published.LOTS)
    size = np.full(len(counts), float(published.LOT_SIZE))
    chart = events(counts, size, whole(counts), kind="share", laney=False)
    found = np.array([chart.low[0], chart.centre[0], chart.high[0]]) * published.LOT_SIZE
    assert found == pytest.approx(published.LOT_LIMITS, abs=1e-5)


@pytest.mark.parametrize("kind", ["count", "share"])
def test_with_equal_exposures_laneys_limits_are_those_of_the_individuals_chart(kind: str) -> None:
    """Laney (2002): p' generalizes the individuals chart to exposures that differ."""
    rng = np.random.default_rng(1)
    counts = rng.negative_binomial(8, 0.02, 40).astype(np.float64)
    size = np.full(40, 5_000.0)
    laney = events(counts, size, whole(counts), kind="share" if kind == "share" else "count", laney=True)
    plain = measurements(counts / size, whole(counts))
    assert laney.widened
    assert laney.high == pytest.approx(plain.high, rel=1e-12)


def test_overdispersed_counts_are_widened_and_poisson_counts_are_not() -> None:
    rng = np.random.default_rng(3)
    size = np.full(60, 1_000.0)
    steady = events(rng.poisson(50.0, 60).astype(float), size, whole(size), kind="count")
    wild = events(rng.negative_binomial(10, 1 / 6, 60).astype(float), size, whole(size), kind="count")
    assert not steady.widened
    assert wild.widened
    assert wild.spread[0] == pytest.approx(wild.sigma_z * np.sqrt(wild.centre[0] / 1_000.0))


def test_limits_come_from_the_baseline_alone() -> None:
    values = np.random.default_rng(0).normal(size=40)
    baseline = np.arange(40) < 20
    moved = values + np.where(baseline, 0.0, 50.0)
    first, second = measurements(values, baseline), measurements(moved, baseline)
    assert first.high == pytest.approx(second.high)


def test_limits_follow_location_and_scale() -> None:
    values = np.random.default_rng(0).normal(size=30)
    first, second = measurements(values, whole(values)), measurements(7.0 - 3.0 * values, whole(values))
    assert second.high == pytest.approx(7.0 - 3.0 * first.low)
    assert second.z == pytest.approx(-first.z)


def plain_signals(z: FloatArray, rule: Rule) -> list[int]:
    """Periods that complete a pattern, looked for window by window."""
    found = []
    for t in range(len(z)):
        for side in (1.0, -1.0):
            if rule == "beyond_limits":
                hit = side * z[t] > 3.0
            elif rule == "two_of_three":
                window = z[max(t - 2, 0) : t + 1]
                after_gap = window[np.flatnonzero(np.isnan(window))[-1] + 1 :] if np.isnan(window).any() else window
                hit = side * z[t] > 2.0 and int((side * after_gap > 2.0).sum()) >= 2
            elif rule == "run_of_eight":
                window = z[t - 7 : t + 1] if t >= 7 else np.array([np.nan])
                hit = bool((side * window > 0.0).all())
            else:
                window = np.diff(z[t - 5 : t + 1]) if t >= 5 else np.array([np.nan])
                hit = bool((side * window > 0.0).all())
            if hit:
                found.append(t)
    return found


@pytest.mark.parametrize("rule", [*RULES, "trend_of_six"])
def test_rules_find_what_a_search_window_by_window_finds(rule: Rule) -> None:
    rng = np.random.default_rng(5)
    walk = 0.6 * np.cumsum(rng.normal(size=600)) % 6.0 - 3.0 + rng.normal(size=600)
    walk[rng.random(600) < 0.02] = np.nan
    chart = measurements(walk, ~np.isnan(walk))
    found = np.flatnonzero(signals(chart, (rule,))[rule]).tolist()
    assert found == plain_signals(chart.z, rule)
    assert found, "a world in which the rule never fires tests nothing"


def test_a_gap_ends_a_pattern() -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0] + [2.0] * 4 + [np.nan] + [2.0] * 4)
    chart = measurements(values, np.arange(13) < 4)
    assert not signals(chart, ("run_of_eight",))["run_of_eight"].any()


def test_moving_ranges_skip_gaps() -> None:
    assert moving_ranges(np.array([1.0, 4.0, np.nan, 2.0, 3.0]))[[1, 4]].tolist() == [3.0, 1.0]


def test_a_season_in_the_centre_line_is_drawn_straight() -> None:
    season = np.tile([0.5, 1.5], 20)
    rng = np.random.default_rng(2)
    counts = rng.poisson(100.0 * season).astype(float)
    chart = events(counts, np.ones(40), whole(counts), kind="count", season=season, seasons=20)
    drawn = without_season(chart, season)
    assert np.ptp(drawn.centre) == pytest.approx(0.0, abs=1e-9)
    assert drawn.z == pytest.approx(chart.z)
    assert not chart.widened

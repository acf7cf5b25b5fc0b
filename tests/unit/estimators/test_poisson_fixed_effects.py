from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators.extended_twfe import ExtendedTwfe
from evalkit.estimators.poisson_fixed_effects import PoissonFixedEffects
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER
from tests.oracle import poisson_fixed_effects as oracle

SAME = 1e-8  # relative: both are iterated until steps are below 1e-8, whose square is left
STARTS = np.array([3, 4, 99])
PERIODS = 7

Array = np.ndarray[Any, np.dtype[Any]]


class World:
    """Counts of 36 units over 7 periods, some of them zero."""

    def __init__(self, seed: int, holes: float = 0.0, level: float = 0.5) -> None:
        rng = np.random.default_rng(seed)
        n = 36
        self.first = STARTS[np.arange(n) % 3]
        self.x = rng.standard_normal((n, PERIODS))
        self.exposure = rng.uniform(0.5, 4.0, (n, PERIODS))
        self.on = np.arange(PERIODS) >= self.first[:, None]
        index = level + 0.6 * rng.standard_normal((n, 1)) + 0.1 * np.arange(PERIODS) + 0.4 * self.on + 0.3 * self.x
        self.y = rng.poisson(self.exposure * np.exp(index)).astype(float)
        self.y[rng.random((n, PERIODS)) < holes] = np.nan
        self.weight = rng.uniform(0.5, 3.0, (n, PERIODS))
        self.cluster = rng.integers(0, 11, n)

    def panel(self, *, everything: bool = False, exposed: bool = False) -> Panel:
        hole = np.isnan(self.y)
        return Panel(
            outcome=self.y.copy(),
            time=np.arange(PERIODS),
            first_treated=np.where(self.first == 99, NEVER, self.first),
            units=pd.RangeIndex(len(self.y)),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y", cluster="region" if everything else None),
            covariates={"x": self.x.copy()} if everything else {},
            weight=np.where(hole, np.nan, self.weight) if everything else None,
            cluster=self.cluster.copy() if everything else None,
            exposure=np.where(hole, np.nan, self.exposure) if exposed else None,
        )

    def event_times(self) -> tuple[Array, Array]:
        """Event times and their dummies, -1 the reference."""
        since = np.where(self.first[:, None] == 99, -99, np.arange(PERIODS) - self.first[:, None])
        times = np.array([e for e in np.unique(since) if e not in (-99, -1)])
        return times, np.stack([(since == e).astype(float) for e in times])


def fit(panel: Panel, **settings: Any) -> Estimate:
    return PoissonFixedEffects(**settings).fit(panel, rng=np.random.default_rng(0))


def static(estimate: Estimate) -> tuple[float, float]:
    row = estimate.aggregation("overall")
    return float(row.estimate[0]), float(row.std_error[0])


def corrected(answer: oracle.Answer, clusters: int, rows: int, terms: int) -> Array:
    factor = clusters / (clusters - 1) * (rows - 1) / (rows - terms - PERIODS)
    return np.asarray(np.sqrt(factor * np.diag(answer.covariance)))


@pytest.mark.parametrize("holes", [0.0, 0.3])
@pytest.mark.parametrize("exposed", [False, True])
@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.promise("second-poisson-fixed-effects")
def test_both_regressions_equal_those_with_every_unit_and_period_a_column(
    everything: bool, exposed: bool, holes: float
) -> None:
    world = World(1, holes)
    panel = world.panel(everything=everything, exposed=exposed)
    estimate = fit(panel, covariates=("x",) if everything else ())
    arguments: dict[str, Any] = {"exposure": world.exposure if exposed else None}
    if everything:
        arguments |= {"weight": world.weight, "cluster": world.cluster}
    extra = [world.x] if everything else []
    times, dummies = world.event_times()
    rows, clusters = int((~np.isnan(world.y)).sum()), 11 if everything else 36
    expected = oracle.estimate(world.y, np.stack([world.on.astype(float), *extra]), **arguments)
    assert static(estimate)[0] == pytest.approx(expected.coefficient[0], rel=SAME)
    assert static(estimate)[1] == pytest.approx(corrected(expected, clusters, rows, 1 + len(extra))[0], rel=SAME)
    expected = oracle.estimate(world.y, np.stack([*dummies, *extra]), **arguments)
    shown = estimate.aggregation("event_study")
    keep = ~shown.is_reference
    assert shown.labels[keep].tolist() == times.tolist()
    np.testing.assert_allclose(shown.estimate[keep], expected.coefficient[: len(times)], rtol=0.0, atol=SAME)
    errors = corrected(expected, clusters, rows, len(times) + len(extra))[: len(times)]
    np.testing.assert_allclose(shown.std_error[keep], errors, rtol=SAME)


def test_quasi_errors_are_those_of_a_poisson_times_the_root_of_the_dispersion() -> None:
    world = World(2, 0.2)
    estimate = fit(world.panel(), errors="quasi")
    expected = oracle.estimate(world.y, world.on[None].astype(float))
    error = np.sqrt(expected.dispersion * expected.information_inverse[0, 0])
    assert static(estimate)[1] == pytest.approx(error, rel=SAME)
    assert estimate.facts["dispersion"] == pytest.approx(expected.dispersion, rel=SAME)
    assert estimate.influence is None
    assert isinstance(estimate.uncertainty, Sampling)
    assert estimate.uncertainty.degrees_of_freedom == (~np.isnan(world.y)).sum() - 36 - PERIODS + 1 - 1


def test_influence_functions_have_the_covariance_of_both_regressions() -> None:
    estimate = fit(World(3, 0.2).panel(everything=True), covariates=("x",))
    influence = estimate.influence
    assert influence is not None
    errors = np.sqrt(np.diag(influence.T @ influence))
    np.testing.assert_allclose(errors, estimate.to_frame()["std_error"], rtol=SAME)


def test_with_one_start_and_a_balanced_panel_the_ratio_is_that_of_the_pooled_means() -> None:
    world = World(4)
    world.first = np.where(world.first == 4, 3, world.first)
    panel = world.panel()
    estimate = fit(panel)
    pooled = ExtendedTwfe(family="poisson", scale="ratio").fit(panel, rng=np.random.default_rng(0))
    before, after = world.y[:, :3].sum(axis=1), world.y[:, 3:].sum(axis=1)
    treated = world.first == 3
    by_hand = after[treated].sum() / before[treated].sum() / (after[~treated].sum() / before[~treated].sum())
    assert static(estimate)[0] == pytest.approx(np.log(by_hand), rel=SAME)
    assert pooled.facts["rate_ratio"] == pytest.approx(by_hand, rel=0.02)  # periods weigh by the counts expected there
    assert estimate.facts["rate_ratio"] == pytest.approx(by_hand, rel=SAME)


def test_units_without_an_event_change_nothing_and_are_counted_by_arm() -> None:
    world = World(5)
    alone = static(fit(world.panel()))
    world.y = np.vstack([world.y, np.zeros((3, PERIODS))])
    world.first = np.concatenate([world.first, [3, 99, 99]])
    estimate = fit(world.panel())
    assert static(estimate) == pytest.approx(alone, rel=SAME)
    (remark,) = (r for r in estimate.remarks if r.id == "units_without_events")
    assert (remark.treated, remark.comparison) == (1, 2)
    assert estimate.n_units == 36


def test_periods_without_an_event_and_units_seen_once_are_left_out_and_named() -> None:
    world = World(6)
    world.y[:, 1] = 0.0
    world.y[0, :] = np.nan
    world.y[0, 2] = 3.0
    ids = {r.id: r.text for r in fit(world.panel()).remarks}
    assert "In '1' nobody has an event" in ids["periods_without_events"]
    assert "units_seen_once" in ids


def test_an_event_time_without_an_event_is_left_out_not_reported_as_minus_infinity() -> None:
    world = World(7)
    world.y[world.first == 3, 6] = 0.0  # event time 3, seen in this cohort alone
    estimate = fit(world.panel())
    assert 3 not in estimate.aggregation("event_study").labels
    (remark,) = (r for r in estimate.remarks if r.id == "separated")
    assert (remark.treated, remark.comparison) == (12, 0)
    times, dummies = world.event_times()
    world.y[world.first == 3, 6] = np.nan
    expected = oracle.estimate(world.y, dummies[times != 3])
    keep = ~estimate.aggregation("event_study").is_reference
    np.testing.assert_allclose(
        estimate.aggregation("event_study").estimate[keep], expected.coefficient, rtol=0.0, atol=SAME
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_treated_units_without_an_event_on_one_side_of_the_start_are_refused(when: str) -> None:
    world = World(8)
    side = world.on if when == "after" else ~world.on
    world.y[side & (world.first != 99)[:, None]] = 0.0
    with pytest.raises(DesignRefused, match="rate ratio is 0 or infinite"):
        fit(world.panel())


def test_a_covariate_that_separates_rows_costs_those_rows_only() -> None:
    world = World(9)
    panel = world.panel(everything=True)
    spike = np.zeros_like(world.y)
    spike[:5, 2] = 1.0
    panel.outcome[:5, 2] = 0.0
    panel.covariates["x"][:] = spike
    estimate = fit(panel, covariates=("x",))
    (remark,) = (r for r in estimate.remarks if r.id == "separated")
    assert remark.treated + remark.comparison == 5
    assert any(r.id == "covariates_absorbed" for r in estimate.remarks)


def test_without_never_treated_units_a_second_reference_is_named() -> None:
    world = World(10)
    world.first = np.where(world.first == 99, 5, world.first)
    estimate = fit(world.panel())
    assert any(r.id == "second_reference" for r in estimate.remarks)
    assert -5 not in estimate.aggregation("event_study").labels
    world.first = np.full(36, 1)
    with pytest.raises(DesignRefused):
        fit(world.panel())


def test_anticipated_rows_leave_the_static_regression_and_show_in_the_event_study() -> None:
    world = World(11)
    estimate = fit(world.panel(), anticipation=1)
    hidden = world.y.copy()
    for start in (3, 4):
        hidden[world.first == start, start - 1] = np.nan
    expected = oracle.estimate(hidden, world.on[None].astype(float))
    assert static(estimate)[0] == pytest.approx(expected.coefficient[0], rel=SAME)
    assert estimate.aggregation("event_study").labels.tolist().count(-1) == 1
    assert any(r.id == "anticipation_rows" for r in estimate.remarks)


def test_always_treated_units_stay_in_the_static_regression_and_leave_the_event_study() -> None:
    world = World(12)
    world.first[:2] = 0
    estimate = fit(world.panel())
    (remark,) = (r for r in estimate.remarks if r.id == "always_treated_in_static")
    assert remark.treated == 2


def test_rates_weighted_by_their_denominator_give_the_ratio_of_the_counts() -> None:
    world = World(13)
    counts = world.panel(exposed=True)
    rates = replace(counts, outcome=counts.outcome / world.exposure)
    assert static(fit(rates)) == pytest.approx(static(fit(counts)), rel=SAME)
    assert static(fit(counts, exposure="ignore"))[0] != pytest.approx(static(fit(counts))[0], rel=1e-3)


def test_outcomes_and_settings_that_do_not_fit_are_refused_by_name() -> None:
    panel = World(14).panel()
    with pytest.raises(DataError, match="'y' is analysed in logs"):
        fit(replace(panel, transform="log"))
    with pytest.raises(DataError, match="Poisson needs counts or rates"):
        fit(replace(panel, outcome=panel.outcome - 1.0))
    with pytest.raises(ConfigError, match="has no exposure"):
        fit(panel, exposure="weight")
    with pytest.raises(ConfigError, match="'z' is not in the panel"):
        fit(panel, covariates=("z",))
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(replace(panel, cluster=np.zeros(36, dtype=np.int64)))
    two = fit(replace(panel, cluster=np.arange(36, dtype=np.int64) % 2))
    assert two.aggregation("overall").degrees_of_freedom == 1.0
    with pytest.raises(DesignRefused, match="Treatment does not vary"):
        fit(panel, anticipation=4)
    gap = panel.outcome.copy()
    gap[panel.first_treated == 3, 2] = gap[panel.first_treated == 4, 3] = np.nan
    with pytest.raises(DesignRefused, match="event time -1, the reference of the event study"):
        fit(replace(panel, outcome=gap))


def test_a_likelihood_without_maximum_that_no_row_explains_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.estimators.poisson_fixed_effects.fit_counts", lambda rows: None)
    with pytest.raises(EstimationFailed, match="has no maximum"):
        fit(World(15).panel())


def test_levels_are_those_of_all_treated_rows_that_start_within_the_data() -> None:
    world = World(16)
    treated = np.flatnonzero(world.first != 99)
    world.y[treated[:6]] = 0.0  # no event in any period: left out of the fit, not of the level
    panel = world.panel(everything=True)
    overall = fit(panel).aggregation("overall")
    level = np.average(world.y[world.on], weights=world.weight[world.on])
    assert overall.observed[0] == pytest.approx(level, rel=SAME)
    assert overall.n_treated[0] == len(treated) - 6
    always = replace(panel, first_treated=np.where(np.arange(36) % 3 == 1, 0, panel.first_treated))
    later = world.on & (world.first == 3)[:, None]
    estimate = fit(always)
    level = np.average(world.y[later], weights=world.weight[later])
    assert estimate.aggregation("overall").observed[0] == pytest.approx(level, rel=SAME)
    study = estimate.aggregation("event_study")
    first = later & (np.arange(PERIODS) == 3)
    level = np.average(world.y[first], weights=world.weight[first])
    assert study.observed[study.labels == 0][0] == pytest.approx(level, rel=SAME)
    assert study.n_treated.max() == (world.y[world.first == 3].sum(axis=1) > 0.0).sum()

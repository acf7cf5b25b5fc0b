"""Aggregates of an estimate: errors, bands, draws, tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.aggregate import Cells
from evalkit.data.calendar import Calendar
from evalkit.errors import ConfigError
from evalkit.estimate import SUP_T_DRAWS, Estimate
from evalkit.uncertainty import Bootstrap, Multiplier, Posterior, SamplerFigures, Sampling
from evalkit.vocabulary import AggregationKind, FloatArray
from tests.unit.evidence import made as made_by_hand

SUP_T_TOLERANCE = 0.05  # Monte Carlo error of a 95 % quantile of 9,999 draws, four standard errors
BOOTSTRAP_TOLERANCE = 0.10  # relative error of an interquartile range of 2,000 draws, three standard errors
FIGURES = SamplerFigures("exact", 1, 4000, 0, 1.0, 4000.0, 4000.0)


def influence(n: int = 400) -> FloatArray:
    """(n, 4) correlated influence functions of three cells and one share."""
    rng = np.random.default_rng(5)
    mix = np.array([[1.0, 0.5, 0.2, 0.0], [0.0, 1.0, 0.4, 0.1], [0.0, 0.0, 1.0, 0.3], [0.0, 0.0, 0.0, 0.2]])
    psi: FloatArray = rng.standard_normal((n, 4)) @ mix / n
    return psi


def estimate(sampling: Sampling | Posterior | None = None) -> Estimate:
    psi = influence()
    return Estimate(
        estimator="made_up",
        settings={},
        cells=Cells(
            cohort=np.array([2, 2, 2]),
            period=np.array([1, 2, 3]),
            event_time=np.array([-1, 0, 1]),
            estimate=np.array([0.0, 1.0, 3.0]),
            observed=np.array([5.0, 6.0, 8.0]),
            n_treated=np.array([12, 12, 11]),
            is_reference=np.array([True, False, False]),
            share_cohorts=np.array([2]),
            shares=np.array([0.4]),
        ),
        uncertainty=sampling or Sampling(psi.T @ psi, len(psi), lambda: psi),
        calendar=Calendar("integer", 2000, 1),
        n_units=30,
        n_treated_units=12,
        n_observations=120,
        seed=11,
    )


def test_overall_error_is_the_quadratic_form_of_the_weights() -> None:
    row = estimate().aggregation("overall")
    psi = influence()[:, 1:3].mean(axis=1)
    np.testing.assert_allclose(row.std_error[0], np.sqrt(psi @ psi))
    assert row.estimate[0] == 2.0
    assert row.observed[0] == 7.0
    assert row.n_treated[0] == 12


def test_tables_have_the_contract_columns() -> None:
    made = estimate()
    base = ["cohort", "period", "event_time", "n_treated", "estimate", "std_error", "low", "high"]
    assert list(made.to_frame().columns) == base
    assert list(made.aggregate("overall").columns) == ["label", *base]
    assert list(made.aggregate("event_study").columns) == ["label", *base, "low_simultaneous", "high_simultaneous"]
    assert made.aggregate("cohort")["cohort"].tolist() == [2002]
    assert made.aggregate("period")["period"].tolist() == [2002, 2003]
    assert made.aggregate("event_study")["label"].tolist() == ["-1", "0", "+1"]
    assert pd.isna(made.aggregate("overall")["event_time"].iloc[0])


def test_normal_and_t_intervals_use_their_own_quantiles() -> None:
    psi = influence()
    normal = estimate().aggregation("overall")
    t = estimate(Sampling(psi.T @ psi, 400, lambda: psi, degrees_of_freedom=5.0)).aggregation("overall")
    np.testing.assert_allclose((normal.high - normal.estimate) / normal.std_error, stats.norm.ppf(0.975))
    np.testing.assert_allclose((t.high - t.estimate) / t.std_error, stats.t(5).ppf(0.975))
    assert t.p_values()[0] > normal.p_values()[0]


def test_simultaneous_band_uses_the_largest_of_correlated_normals() -> None:
    rows = estimate().aggregation("event_study", simultaneous=True)
    assert rows.high_simultaneous is not None
    free = ~rows.is_reference
    correlation = rows.covariance[np.ix_(free, free)] / np.outer(rows.std_error[free], rows.std_error[free])
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(2), correlation, size=400_000)
    expected = np.quantile(np.abs(draws).max(axis=1), 0.95)
    found = (rows.high_simultaneous - rows.estimate)[free] / rows.std_error[free]
    np.testing.assert_allclose(found, expected, atol=SUP_T_TOLERANCE)


def test_bands_are_never_narrower_than_pointwise_intervals() -> None:
    psi = influence()
    rows = estimate(Sampling(psi.T @ psi, 4, lambda: psi, degrees_of_freedom=3.0)).aggregation(
        "event_study", simultaneous=True
    )
    assert rows.low_simultaneous is not None
    assert (rows.low_simultaneous <= rows.low + 1e-12).all()


@pytest.mark.parametrize("multiplier", ["gaussian", "rademacher", "mammen", "webb"])
def test_bootstrap_errors_agree_with_analytical_ones(multiplier: Multiplier) -> None:
    psi = influence()
    bootstrap = Sampling(psi.T @ psi, 400, lambda: psi, bootstrap=Bootstrap(multiplier, 2_000))
    found = estimate(bootstrap).aggregation("overall").std_error
    np.testing.assert_allclose(found, estimate().aggregation("overall").std_error, rtol=BOOTSTRAP_TOLERANCE)


def test_posterior_aggregates_are_means_and_quantiles_of_the_mapped_draws() -> None:
    draws = np.random.default_rng(3).standard_normal((4_000, 3)) + np.array([0.0, 1.0, 3.0])
    made = estimate(Posterior(draws, FIGURES))
    row = made.aggregation("overall", level=0.9)
    mapped = draws[:, 1:].mean(axis=1)
    np.testing.assert_allclose(row.estimate[0], mapped.mean())
    np.testing.assert_allclose([row.low[0], row.high[0]], np.quantile(mapped, [0.05, 0.95]))
    assert np.isnan(row.p_values()).all()
    assert made.influence is None
    assert made.interval_kind == "credible"


def test_exactly_one_of_draws_and_influence_is_there() -> None:
    frequentist = estimate()
    assert frequentist.draws is None
    assert frequentist.influence is not None
    np.testing.assert_allclose(frequentist.influence.T @ frequentist.influence, (influence().T @ influence())[:3, :3])


def test_an_unknown_aggregation_is_refused_with_the_closest_name() -> None:
    with pytest.raises(ConfigError, match="event_study"):
        estimate().aggregate("event_studdy")  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [95, 0.0, 1.0, float("nan")])
def test_a_level_that_is_no_share_is_refused(level: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        estimate().aggregate("overall", level=level)


def test_the_average_over_event_times_leaves_out_pre_periods() -> None:
    assert estimate().average("event_study")["estimate"].tolist() == [2.0]
    assert estimate().average("cohort")["label"].tolist() == ["average"]


def test_the_same_seed_gives_the_same_bands_and_another_seed_others() -> None:
    first = estimate().aggregation("event_study", simultaneous=True).high_simultaneous
    again = estimate().aggregation("event_study", simultaneous=True).high_simultaneous
    other = dataclasses.replace(estimate(), seed=12).aggregation("event_study", simultaneous=True).high_simultaneous
    assert first is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert SUP_T_DRAWS > 999


@pytest.mark.parametrize("multiplier", ["rademacher", "webb"])
def test_all_aggregations_share_one_pass_of_multiplier_draws_in_any_order(multiplier: Multiplier) -> None:
    psi, asked = influence(), []

    def influence_of() -> FloatArray:
        asked.append(1)
        return psi

    def made() -> Estimate:
        return estimate(Sampling(psi.T @ psi, 400, influence_of, bootstrap=Bootstrap(multiplier, 199)))

    one, other = made(), made()
    kinds: list[AggregationKind] = ["overall", "event_study", "cohort", "period"]
    first = [one.aggregation(kind).std_error for kind in kinds]
    assert len(asked) == 1
    last = [other.aggregation(kind).std_error for kind in reversed(kinds)][::-1]
    for a, b in zip(first, last, strict=True):
        np.testing.assert_array_equal(a, b)
    # a combination that no aggregation has takes a pass of its own with the same multipliers
    cells = one.to_frame()["std_error"].to_numpy()
    np.testing.assert_allclose(cells, one.aggregation("event_study").std_error, rtol=1e-9)


def test_a_changed_estimate_draws_anew() -> None:
    psi = influence()
    one = estimate(Sampling(psi.T @ psi, 400, lambda: psi, bootstrap=Bootstrap("webb", 199)))
    before = one.aggregation("overall").std_error
    assert dataclasses.replace(one, seed=12).aggregation("overall").std_error != before


def test_a_pooled_effect_without_error_has_a_band_without_width() -> None:
    """It has no event study either, whose draws would be shared."""
    rows = made_by_hand.estimate(-2.0, 0.0).aggregation("overall", simultaneous=True)
    assert rows.low_simultaneous is not None
    assert rows.high_simultaneous is not None
    assert (rows.low_simultaneous[0], rows.high_simultaneous[0]) == (-2.0, -2.0)

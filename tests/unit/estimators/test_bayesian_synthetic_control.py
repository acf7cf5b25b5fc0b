from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_synthetic_control import BayesianSyntheticControl
from evalkit.testing.check import LAWS
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior, Predictive
from tests.donor_worlds import DonorWorld, wide_panel

EXACT = 1e-9
LEVELLED = 1e-14
"""Relative: the outcome's level is taken off and put back."""
QUICK: dict[str, Any] = {"walkers": 50, "prior_pull": False}


def fit(panel: Panel, **settings: Any) -> Estimate:
    return BayesianSyntheticControl(**{**QUICK, **settings}).fit(panel, rng=np.random.default_rng(0))


def posterior(estimate: Estimate) -> Posterior:
    assert isinstance(estimate.uncertainty, Posterior)
    return estimate.uncertainty


def predictive(estimate: Estimate) -> Predictive:
    found = posterior(estimate).predictive
    assert found is not None
    return found


def several(treated: int, seed: int = 0, spread: float = 0.0) -> Panel:
    """Treated cities that are mixes of donors, with effects 5 + spread times a standard normal."""
    rng = np.random.default_rng(seed)
    donors = rng.standard_normal((22, 8)).cumsum(axis=0) + 4.0 * rng.standard_normal(8)
    weights = rng.dirichlet(np.ones(8), treated)
    cities = donors @ weights.T + 0.5 * rng.standard_normal((22, treated))
    cities[16:] += 5.0 + spread * rng.standard_normal(treated)
    return wide_panel(np.column_stack([cities, donors]), 16, treated)


def test_the_effect_is_found_and_the_gates_pass() -> None:
    estimate = fit(DonorWorld(noise=0.3, effect=4.0).panel(1))
    row = estimate.aggregation("overall")
    assert abs(row.estimate[0] - 4.0) < 3.0 * row.std_error[0]
    assert row.std_error[0] < 0.6
    figures = posterior(estimate).sampler
    assert figures.rhat_max <= 1.01
    assert min(figures.ess_bulk_min, figures.ess_tail_min) >= 400
    assert figures.divergences == 0


def test_observed_less_effect_is_the_counterfactual_in_every_period() -> None:
    panel = DonorWorld(noise=0.1).panel(2)
    estimate = fit(panel)
    assert estimate.leads_from == "fit"
    assert estimate.cells.period.tolist() == panel.time.tolist()
    np.testing.assert_allclose(estimate.cells.observed, panel.outcome[0], rtol=LEVELLED)
    weights = posterior(estimate).parameters["weights"].reshape(-1, 15).mean(axis=0)
    expected = panel.outcome[1:].T @ weights
    noise = 4.0 * estimate.facts["rmspe_before"]
    np.testing.assert_allclose(estimate.cells.observed - estimate.cells.estimate, expected, atol=noise)


def test_intervals_before_the_start_hold_the_noise_of_single_periods() -> None:
    """At the least nine in ten of the gaps that were fitted lie inside their own 95 % interval."""
    estimate = fit(DonorWorld(before=40, noise=1.0).panel(3))
    rows = estimate.aggregation("event_study")
    before = rows.labels < 0
    inside = (rows.low[before] < 0.0) & (rows.high[before] > 0.0)
    assert inside.mean() > 0.9


def test_the_prior_pulls_from_the_best_fit_towards_the_mean_of_all_donors() -> None:
    estimate = fit(DonorWorld(donors=16, before=12, noise=0.2, effect=2.0).panel(4), prior_pull=True)
    facts = estimate.facts
    sparse, flat = facts["effect_at_concentration_0.05"], facts["effect_at_concentration_1"]
    assert abs(sparse - facts["optimum_effect"]) < abs(flat - facts["optimum_effect"])
    assert facts["prior_pull"] >= abs(sparse - flat) - EXACT
    kinds = {exhibit.kind: exhibit for exhibit in estimate.exhibits}
    assert kinds["prior_pull"].table["role"].count("used") == 1
    assert kinds["prior_pull"].table["role"][-1] == "best_fit"
    used, overall = kinds["prior_pull"].table["role"].index("used"), estimate.aggregation("overall")
    shown = [kinds["prior_pull"].table[column][used] for column in ("estimate", "low", "high")]
    assert shown == pytest.approx([overall.estimate[0], overall.low[0], overall.high[0]], abs=EXACT)
    assert any(remark.id == "prior_pull" for remark in estimate.remarks)


def test_the_default_prior_is_sparser_the_more_donors_there_are() -> None:
    few, many = (fit(DonorWorld(donors=count).panel(1)).facts["concentration"] for count in (3, 30))
    assert few == pytest.approx(1.0)
    assert many == pytest.approx(0.1)


@pytest.mark.promise("law-donor-mix")
def test_a_city_that_is_a_mix_of_donors_is_fitted_closely() -> None:
    world = DonorWorld(noise=1e-3, before=30)
    assert fit(world.panel(5)).facts["rmspe_before"] < 0.05


def test_with_an_intercept_constants_of_units_change_nothing() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=9, n_periods=10, growth=0.3), 7).frame

    def refit(data: Any) -> Estimate:
        panel = Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort")
        return fit(panel, intercept=True)

    assert LAWS["unit constants change nothing"](frame, refit) is None


def test_adding_a_billion_moves_the_effect_within_its_monte_carlo_error() -> None:
    values = DonorWorld(effect=3.0).series(6)
    one, other = (fit(wide_panel(each, 20)) for each in (values, values + 1e9))
    rows = [each.aggregation("overall") for each in (one, other)]
    size = posterior(one).sampler.ess_bulk_min
    assert abs(rows[0].estimate[0] - rows[1].estimate[0]) < 6.0 * rows[0].std_error[0] / np.sqrt(size)


@pytest.mark.promise("law-covariate-scale")
def test_a_covariate_on_any_scale_gives_the_same_weights() -> None:
    panel = DonorWorld(before=8, donors=6).panel(3)
    income = np.repeat(np.random.default_rng(0).standard_normal(7)[:, None], 16, axis=1)

    def refit(values: Any) -> Estimate:
        return fit(replace(panel, covariates={"income": values}), covariates=("income",))

    one, other = refit(income), refit(income * 1e8)
    np.testing.assert_allclose(one.cells.estimate, other.cells.estimate, rtol=1e-6)
    without = fit(panel)
    assert np.abs(one.cells.estimate - without.cells.estimate).max() > 1e-3


def test_a_covariate_draws_weight_to_donors_that_are_alike() -> None:
    levels = np.array([0.0, 0.0, 2.0, -2.0, 0.0])
    values = levels + 0.5 * np.random.default_rng(1).standard_normal((10, 5))
    income = np.repeat(np.array([[1.0], [1.0], [1.0], [1.0], [-3.0]]), 10, axis=1)
    panel = replace(wide_panel(values, 7), covariates={"income": income})
    alike = [
        posterior(fit(panel, covariates=chosen)).parameters["weights"].reshape(-1, 4).mean(axis=0)[3]
        for chosen in ((), ("income",))
    ]
    assert alike[1] < 0.5 * alike[0]


def test_units_have_weights_and_effects_of_their_own_shrunk_towards_their_mean() -> None:
    panel = several(4, spread=1.5)
    alone, pooled = fit(panel, pooling="none"), fit(panel)
    rows = [each.aggregation("unit").estimate for each in (alone, pooled)]
    assert rows[1].std() < rows[0].std()
    assert rows[0].mean() == pytest.approx(rows[1].mean(), abs=0.4)
    assert pooled.unit_names == ("0", "1", "2", "3") or set(pooled.unit_names) == {"0", "1", "2", "3"}
    assert "effects_sd" in posterior(pooled).parameters
    assert {f"weights_{city}" for city in (1, 2, 3, 4)} <= set(posterior(pooled).parameters)
    assert "effects_pooled" in {remark.id for remark in pooled.remarks}


def test_many_units_are_averaged_by_start_unless_asked_for_by_unit() -> None:
    panel = several(13)
    merged = fit(panel)
    assert merged.cells.unit is None
    assert merged.n_treated_units == 13
    assert "units_averaged" in {remark.id for remark in merged.remarks}
    with pytest.raises(DesignRefused, match="no effects by unit"):
        merged.aggregation("unit")


def test_every_number_of_the_predictive_has_its_place() -> None:
    estimate = fit(several(2))
    assert "effects_sd" in posterior(estimate).parameters, "two cities are pooled"
    found = predictive(estimate)
    assert found.observed.shape == (32,)
    assert found.replicated.shape == (400, 32)
    assert found.prior_replicated is not None
    assert found.prior_replicated.shape == (400, 32)
    assert found.log_likelihood is not None
    assert found.log_prior is not None
    assert found.draws_of is not None
    assert found.log_likelihood.shape == (len(found.draws_of), 32)
    assert np.isfinite(found.log_prior).all()
    assert found.series is not None
    assert found.series.tolist() == [0] * 16 + [1] * 16
    assert predictive(fit(several(1), intercept=True)).prior_replicated is None


def test_autocorrelated_errors_widen_the_interval_of_the_average() -> None:
    panel = DonorWorld(before=40, autocorrelation=0.8).panel(8)
    iid, ar1 = fit(panel), fit(panel, errors="ar1")
    assert "autocorrelated_gaps" in {remark.id for remark in iid.remarks}
    assert ar1.aggregation("overall").std_error[0] > 1.1 * iid.aggregation("overall").std_error[0]
    assert posterior(ar1).parameters["rho"].mean() > 0.4


@pytest.mark.promise("law-prior-only")
def test_prior_only_ignores_the_outcome_before_the_start() -> None:
    estimate = fit(DonorWorld(donors=4).panel(1), prior_only=True, concentration=0.5)
    weights = posterior(estimate).parameters["weights"].reshape(-1, 4)
    np.testing.assert_allclose(weights.mean(axis=0), 0.25, atol=0.05)
    assert posterior(estimate).sampler.engine == "prior"
    assert "prior_only" in {remark.id for remark in estimate.remarks}


def test_periods_of_anticipation_are_not_fitted() -> None:
    values = DonorWorld(noise=0.2).series(9)
    values[18:20, 0] += 50.0
    estimate = fit(wide_panel(values, 20), anticipation=2)
    assert estimate.facts["rmspe_before"] < 2.0
    rows = estimate.to_frame().set_index("event_time")["estimate"]
    assert rows[-1] == pytest.approx(50.0, abs=5.0)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.column_stack([np.sin(np.arange(12.0)) + level for level in range(5)]), "nothing changes"),
        (np.column_stack([np.arange(12.0), np.arange(12.0), np.sin(np.arange(12.0))]), "to the last digit"),
        (np.random.default_rng(0).standard_normal((12, 2)), "two donors"),
        (np.random.default_rng(0).standard_normal((3, 5)), "at least 4 periods"),
    ],
)
def test_a_design_without_an_answer_is_refused_in_words(values: Any, match: str) -> None:
    with pytest.raises(DesignRefused, match=match):
        fit(wide_panel(values, min(8, len(values) - 1)))


def test_a_covariate_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="income"):
        fit(DonorWorld().panel(1), covariates=("income",))


def test_two_hundred_donors_for_six_periods_say_that_the_prior_decides() -> None:
    estimate = fit(DonorWorld(donors=200, before=6, after=3).panel(1), most_snapshots=8)
    told = {remark.id: remark.text for remark in estimate.remarks}
    assert told["more_donors_than_periods"].startswith("200 comparison units for 6 periods")


@pytest.mark.promise("fault-r-hat")
def test_chains_that_disagree_are_reported_as_such() -> None:
    """Hardly any noise, a prior of spikes and a run cut short: the figures tell of it, and the gates will."""
    values = DonorWorld(donors=40, before=30, noise=0.02).series(3)
    estimate = fit(wide_panel(values, 30), concentration=0.02, most_snapshots=4)
    figures = posterior(estimate).sampler
    assert figures.rhat_max > 1.01 or min(figures.ess_bulk_min, figures.ess_tail_min) < 400


def test_cities_count_alike_at_each_event_time_however_many_start_together() -> None:
    panel = several(4, spread=1.5)
    later = panel.first_treated.copy()
    later[np.flatnonzero(~panel.never_treated)[-1]] += 2
    found = fit(replace(panel, first_treated=later), pooling="none")
    cells, study = found.cells, found.aggregate("event_study").set_index("event_time")["estimate"]
    assert cells.unit is not None
    assert len(np.unique(cells.unit)) == 4
    for k in (0, 3):
        assert study[k] == pytest.approx(cells.estimate[cells.event_time == k].mean(), rel=1e-6)


@pytest.mark.parametrize(("donors", "before", "noise", "seed"), [(20, 8, 0.1, 1), (4, 30, 0.2, 1)])
def test_a_prior_that_moves_the_effect_by_half_its_interval_is_told_of(
    donors: int, before: int, noise: float, seed: int
) -> None:
    estimate = fit(DonorWorld(donors=donors, before=before, noise=noise, effect=2.0).panel(seed), prior_pull=True)
    (table,) = [exhibit.table for exhibit in estimate.exhibits if exhibit.kind == "prior_pull"]
    (told,) = [str(remark.text) for remark in estimate.remarks if remark.id == "prior_pull"]
    effects, overall = np.array(table["estimate"][:-1], dtype=np.float64), estimate.aggregation("overall")
    share = np.ptp(effects) / (overall.high[0] - overall.low[0])
    assert ("more than half" in told) == (share > 0.5) == (donors == 20)

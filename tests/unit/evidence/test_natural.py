"""Natural units: what a number on the analysed scale means for people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.estimate import Estimate
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.natural import effect_of, link_of, natural_block, withhold_few_people
from evalkit.evidence.schema import NaturalBlock
from evalkit.study.spec import StudySpec
from tests.unit.evidence import made

EXACT = 1e-9
"""Closed formulas; floating-point arithmetic only."""
MONTE_CARLO = 0.02
"""Quantiles of 4,000 draws against the normal's own."""
Z = 1.959963984540054


def block(fitted: Estimate, spec: StudySpec, **panel: object) -> NaturalBlock:
    outcome = spec.primary_outcome
    data = made.panel(log=outcome.transform == "log", **panel)  # type: ignore[arg-type]
    return natural_block(effect_of(outcome, fitted, fitted.aggregation("overall")), outcome, data)


def test_identity_scale_gives_difference_percent_and_level_without_the_programme() -> None:
    found = block(made.estimate(-2.0, 0.5, observed=18.0), made.spec())
    assert found.absolute.effect.value == pytest.approx(-2.0, abs=EXACT)
    assert found.absolute.counterfactual.value == pytest.approx(20.0, abs=EXACT)
    assert found.absolute.observed.value == pytest.approx(18.0, abs=EXACT)
    assert found.percent.effect.value == pytest.approx(-10.0, abs=EXACT)
    assert found.per_1000.effect.value == pytest.approx(-2.0, abs=EXACT)


def test_ends_of_the_interval_are_the_maps_of_the_ends() -> None:
    found = block(made.estimate(-2.0, 0.5, observed=18.0), made.spec())
    low = -2.0 - Z * 0.5
    assert found.absolute.effect.low == pytest.approx(low, abs=EXACT)
    assert found.absolute.counterfactual.high == pytest.approx(18.0 - low, abs=EXACT)
    assert found.percent.effect.low == pytest.approx(100 * low / (18.0 - low), abs=EXACT)


def test_log_outcome_compares_geometric_means_and_says_so() -> None:
    theta, level = -0.1, np.log(18.0)
    found = block(made.estimate(theta, 0.05, observed=float(level)), made.spec({"transform": "log"}))
    expected = 18.0 / np.exp(theta)
    assert found.absolute.observed.value == pytest.approx(18.0, abs=EXACT)
    assert found.absolute.counterfactual.value == pytest.approx(expected, abs=EXACT)
    assert found.absolute.effect.value == pytest.approx(18.0 - expected, abs=EXACT)
    assert found.percent.effect.value == pytest.approx(100 * (np.exp(theta) - 1), abs=EXACT)
    assert "geometric mean" in found.absolute.claim
    assert "geometric mean" in found.percent.claim


def test_geometric_mean_is_the_level_behind_a_mean_of_logs() -> None:
    values = np.array([2.0, 8.0])
    found = block(made.estimate(0.0, 0.05, observed=float(np.log(values).mean())), made.spec({"transform": "log"}))
    assert found.absolute.observed.value == pytest.approx(4.0, abs=EXACT)


def test_log_link_keeps_the_arithmetic_mean() -> None:
    fitted = made.estimate(-0.1, 0.05, observed=18.0, facts={"log_link": 1.0})
    spec = made.spec()
    assert link_of(spec.primary_outcome, fitted) == "log_link"
    found = block(fitted, spec)
    assert found.absolute.counterfactual.value == pytest.approx(18.0 * np.exp(0.1), abs=EXACT)
    assert "geometric" not in found.absolute.claim


def test_averted_events_use_exposure_and_per_over_all_treated_cells() -> None:
    # 6 units treated for 4 years and 6 for 3: 42 unit-years of 5,000 residents, 2 calls fewer per 1,000 each.
    found = block(made.estimate(-2.0, 0.5), made.spec())
    assert found.total_averted.effect.value == pytest.approx(42 * 5 * 2.0, abs=EXACT)
    low, high = found.total_averted.effect.low, found.total_averted.effect.high
    assert low is not None
    assert high is not None
    assert low < 420.0 < high
    assert found.total_averted.effect.unit == "calls"


def test_averted_events_of_a_log_rate_scale_the_observed_events() -> None:
    fitted = made.estimate(-0.1, 0.05, observed=float(np.log(18.0)))
    found = block(fitted, made.spec({"transform": "log"}))
    levels = 20.0 + 0.1 * np.arange(12)
    events = 5.0 * (levels[:6].sum() * 4 + levels[6:].sum() * 3)
    assert found.total_averted.observed.value == pytest.approx(events, abs=1e-6)
    assert found.total_averted.effect.value == pytest.approx(events * np.expm1(0.1), abs=1e-6)


def test_counts_need_no_exposure_for_totals() -> None:
    spec = made.spec({"family": "count", "unit": "calls per year", "per": 1.0})
    found = block(made.estimate(-2.0, 0.5), spec, exposure=None)
    assert found.total_averted.effect.value == pytest.approx(84.0, abs=EXACT)
    assert found.per_1000.effect.how == "missing"


def test_a_rate_without_exposure_has_no_total_and_says_why() -> None:
    found = block(made.estimate(-2.0, 0.5), made.spec(), exposure=None)
    assert found.total_averted.effect.how == "missing"
    assert "exposure" in found.total_averted.effect.reason


def test_people_affected_needs_a_proportion_with_its_number_of_people() -> None:
    spec = made.spec({"family": "proportion", "unit": "share of residents", "per": 1.0})
    found = block(made.estimate(-0.02, 0.005, observed=0.2), spec, level=0.2)
    assert found.people_affected.effect.value == pytest.approx(-0.02 * 42 * 5000, abs=1e-6)
    assert found.per_1000.effect.value == pytest.approx(-20.0, abs=EXACT)
    assert block(made.estimate(-2.0), made.spec()).people_affected.effect.how == "missing"


def test_percent_is_missing_where_the_level_without_the_programme_may_be_zero() -> None:
    found = block(made.estimate(2.0, 1.0, observed=3.0), made.spec())
    assert found.percent.effect.how == "missing"
    assert found.absolute.effect.how == "derived"


def test_an_unknown_level_leaves_what_needs_no_level() -> None:
    linear = block(made.estimate(-2.0, observed=float("nan")), made.spec())
    assert linear.absolute.effect.value == pytest.approx(-2.0)
    assert linear.absolute.counterfactual.how == linear.percent.effect.how == "missing"
    logged = block(made.estimate(-0.1, observed=float("nan")), made.spec({"transform": "log"}))
    assert logged.absolute.effect.how == "missing"
    assert logged.percent.effect.value == pytest.approx(100 * np.expm1(-0.1))


def test_draws_are_pushed_through_one_by_one() -> None:
    draws = made.posterior(-0.1, 0.4)
    fitted = made.estimate(0.0, draws=draws, observed=float(np.log(18.0)))
    found = block(fitted, made.spec({"transform": "log"}))
    pushed = 100 * np.expm1(draws)
    assert found.percent.effect.interval_kind == "credible"
    assert found.percent.effect.value == pytest.approx(float(np.median(pushed)), abs=EXACT)
    assert found.percent.effect.low == pytest.approx(float(np.quantile(pushed, 0.025)), abs=EXACT)
    expected = 100 * np.expm1(-0.1 - Z * 0.4)
    assert found.percent.effect.low == pytest.approx(expected, rel=5 * MONTE_CARLO)


def test_the_point_of_a_posterior_in_the_outcomes_own_unit_is_its_mean() -> None:
    found = block(made.estimate(0.0, draws=made.posterior(-2.0, 0.5)), made.spec())
    assert found.absolute.effect.value == pytest.approx(-2.0, abs=1e-6)


def test_the_effect_of_a_dose_is_for_one_unit_of_it_and_adds_up_to_no_total() -> None:
    data = made.panel()
    dosed = replace(data, dose=np.where(data.treated, 3.0, 0.0), names=replace(data.names, dose="beds"))
    fitted = made.estimate(-2.0, observed=np.nan)
    spec = made.spec()
    effect = effect_of(spec.primary_outcome, fitted, fitted.aggregation("overall"))
    found = natural_block(effect, spec.primary_outcome, dosed)
    assert found.absolute.effect.value == pytest.approx(-2.0)
    assert "one unit of beds" in found.absolute.claim
    for total in (found.total_averted, found.people_affected, found.per_1000):
        assert total.effect.value is None
        assert "different amounts" in str(total.effect.reason)


def test_logs_of_shares_count_no_people_and_money_needs_a_count() -> None:
    worth = {"value": 10.0, "currency": "EUR", "base_year": 2024, "source": "a survey"}
    spec = made.spec({"family": "proportion", "unit": "share of residents", "per": 1.0, "transform": "log",
                      "worth": worth, "mid": None})  # fmt: skip
    found = block(made.estimate(-0.1, 0.02, observed=float(np.log(0.2))), spec, level=0.2)
    assert "geometric mean does not count people" in found.people_affected.effect.reason
    assert (found.money.effect.value, found.money.effect.reason) == (None, found.total_averted.effect.reason)


def test_money_goes_with_the_few_people_that_it_would_tell_of() -> None:
    worth = {"value": 10.0, "currency": "EUR", "base_year": 2024, "source": "a survey"}
    few = block(made.estimate(-0.5, 0.1, observed=0.001), made.spec({"worth": worth}), level=0.0005, exposure=1.0)
    assert few.money.effect.value is not None
    hidden = withhold_few_people(few, Policy("persons", 10**9, ""))
    assert {hidden.total_averted.effect.how, hidden.money.effect.how, hidden.money.observed.how} == {"suppressed"}
    assert withhold_few_people(few, Policy("places", 10**9, "")) == few

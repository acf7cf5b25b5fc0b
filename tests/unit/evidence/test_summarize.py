"""The summary: every part where it belongs, and nothing invented."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from evalkit.errors import DesignRefused, EstimationFailed
from evalkit.evidence.gather import facts_of
from evalkit.evidence.levels import REASONS
from evalkit.numerics.balance import small_sample_factor
from tests.unit.evidence import made

EXACT = 1e-9
"""Closed formulas; floating-point arithmetic only."""
TOTAL_COST = 2 * 300.0 + 5.0


def test_the_primary_estimate_comes_first_then_robustness_then_other_outcomes() -> None:
    spec = made.spec(robustness=[{"name": "imputation", "label": "Imputation"}])
    further = {**spec.primary_outcome.model_dump(), "name": "fires", "role": "secondary"}
    spec = made.spec(outcomes=[spec.primary_outcome.model_dump(), further], robustness=spec.robustness)
    evidence = made.summary(
        made.estimate(-2.0), spec,
        robustness={"Imputation": DesignRefused("no clean periods"), "again": made.estimate(-1.0)},
        others={"fires": made.estimate(0.5)},
    )  # fmt: skip
    assert [(e.label, e.outcome, e.role) for e in evidence.estimates] == [
        ("primary", "the rate of calls", "primary"), ("Imputation", "the rate of calls", "robustness"),
        ("again", "the rate of calls", "robustness"), ("fires", "fires", "primary"),
    ]  # fmt: skip
    assert evidence.estimates[1].estimator == "imputation"
    assert evidence.estimates[1].effect.value is None
    assert "no clean periods" in evidence.estimates[1].effect.reason


def test_effect_size_divides_by_the_spread_of_places_within_arms() -> None:
    # Twelve units each, 0.1 apart: the standard deviation within an arm is 0.1 * sqrt(13).
    primary = made.summary(made.estimate(-2.0)).estimates[0]
    expected = small_sample_factor(24) * -2.0 / (0.1 * 13**0.5)
    assert primary.effect_size_g.value == pytest.approx(expected, abs=EXACT)
    assert primary.improvement_index.value is not None
    assert primary.improvement_index.value < 0.0


def test_effect_size_of_shares_is_the_cox_index() -> None:
    spec = made.spec({"family": "proportion", "unit": "share", "per": 1.0, "mid": None})
    primary = made.summary(made.estimate(-0.1, 0.01, observed=0.3), spec, data=made.panel(level=0.3)).estimates[0]
    assert primary.effect_size_g.value == pytest.approx(small_sample_factor(24) * -0.441832752 / 1.65, abs=1e-8)


@pytest.mark.parametrize("level", [30.0, 0.3])
def test_effect_size_of_percentages_is_that_of_their_shares(level: float) -> None:
    """0.3 % is a share of 0.003, not of 0.3."""
    percent = made.spec({"family": "proportion", "unit": "percent", "per": 1.0, "mid": None})
    shares = made.spec({"family": "proportion", "unit": "share", "per": 1.0, "mid": None})
    first = made.summary(made.estimate(-level / 3, 0.01, observed=level), percent, data=made.panel(level=level))
    second = made.summary(
        made.estimate(-level / 300, 0.0001, observed=level / 100), shares, data=made.panel(level=level / 100)
    )
    assert first.estimates[0].effect_size_g.value == pytest.approx(second.estimates[0].effect_size_g.value, abs=EXACT)


def test_one_unit_in_an_arm_has_no_spread_and_no_effect_size() -> None:
    primary = made.summary(made.estimate(-2.0), data=made.panel(starts={6: 1})).estimates[0]
    assert primary.effect_size_g.how == "missing"


def test_p_values_belong_to_frequentist_runs_and_chances_to_bayesian_ones() -> None:
    frequentist = made.summary(made.estimate(-2.0, 1.0)).estimates[0]
    assert frequentist.p_value.value == pytest.approx(0.0455, abs=1e-4)
    assert frequentist.p_benefit.how == "missing"
    bayesian = made.summary(made.estimate(0.0, draws=made.posterior(-2.0, 1.0))).estimates[0]
    assert bayesian.p_value.how == "missing"
    assert bayesian.p_benefit.value == pytest.approx(0.977, abs=0.01)
    assert bayesian.p_mid.value == pytest.approx(0.841, abs=0.02)
    assert bayesian.p_within_mid is not None
    assert bayesian.p_worse_mid is not None
    shares = [bayesian.p_mid.value, bayesian.p_within_mid.value, bayesian.p_worse_mid.value]
    assert sum(share or 0.0 for share in shares) == pytest.approx(1.0, abs=EXACT)
    assert frequentist.p_within_mid is not None
    assert frequentist.p_within_mid.how == "missing"


def test_intervals_are_at_the_level_the_study_asks_for() -> None:
    evidence = made.summary(made.estimate(-2.0, 1.0), made.spec(design={"level": 0.8}))
    effect = evidence.estimates[0].effect
    assert effect.level == 0.8
    assert effect.high == pytest.approx(-2.0 + 1.2815515655, abs=EXACT)
    assert "80 % confidence interval" in evidence.sentences.headline


def test_costs_are_summed_and_one_outcome_has_its_cost() -> None:
    cost = {"currency": "USD", "base_year": 2024,
            "ingredients": [{"name": "lamps", "quantity": 2, "unit_cost": 300}, {"name": "wire", "quantity": 1,
                                                                                 "unit_cost": 5}]}  # fmt: skip
    block = made.summary(made.estimate(-2.0), made.spec(cost=cost)).cost
    assert block.incremental_cost.value == TOTAL_COST
    assert (block.cost_per_outcome.how, block.ingredients[0].total.how) == ("derived", "derived")


def test_groups_that_the_study_declares_are_named_and_missing() -> None:
    spec = made.spec(equity=[{"name": "race", "column": "race", "reference": "white"}])
    group = made.summary(made.estimate(-2.0), spec).equity[0]
    assert (group.group, group.reference, group.effect.how, group.prespecified.how) == (
        "race", "white", "missing", "declared",
    )  # fmt: skip


def test_few_treated_clusters_are_named_among_the_limitations() -> None:
    few = made.summary(made.estimate(-2.0), data=made.panel(starts={6: 3})).use.limitations
    assert any("3 of 15 clusters are treated" in item.text and item.how == "derived" for item in few)
    many = made.summary(made.estimate(-2.0)).use.limitations
    assert not any("clusters are treated" in item.text for item in many)
    assert many[0].how == "declared"


def test_a_check_that_disagrees_with_the_interval_is_a_limitation() -> None:
    few = made.panel(starts={6: 3})
    against = [*made.clean(), made.diagnostic("wild_bootstrap", "fail", 0.2)]
    summary = made.summary(made.estimate(-2.0), data=few, diagnostics=against)
    assert any("gives p = 0.2: the two disagree" in item.text for item in summary.use.limitations)
    assert any(step.rule == "few_clusters" and step.state == "applied" for step in summary.rating.trail)


def test_the_reported_interval_and_p_value_are_those_of_the_primary_estimate_everywhere() -> None:
    few = made.panel(starts={6: 3})
    own = made.estimate(-2.0, 0.2)
    summary = made.summary(made.reported(own, "randomization", -5.0, 1.0, p_value=0.18), data=few)
    first = summary.estimates[0]
    assert (first.effect.low, first.effect.high, first.p_value.value) == (-5.0, 1.0, 0.18)
    assert (summary.natural.absolute.effect.low, summary.natural.absolute.effect.high) == (-5.0, 1.0)
    assert summary.finding.label == "inconclusive"
    assert first.inference is not None
    bounds = own.aggregation("overall")
    assert (first.inference.clustered_low.value, first.inference.clustered_high.value) == (
        bounds.low[0], bounds.high[0],
    )  # fmt: skip
    assert made.summary(own, data=few).estimates[0].inference is None, "nobody decided"


def test_sample_counts_units_clusters_periods_and_events() -> None:
    sample = made.summary(made.estimate(-2.0)).sample
    assert sample.n_treated_clusters.value == 12
    assert (sample.pre_periods.value, sample.post_periods.value) == (6, 3)
    assert sample.n_events.how == "derived"
    no_exposure = made.summary(made.estimate(-2.0), data=made.panel(exposure=None)).sample
    assert no_exposure.n_events.how == "missing"


def test_diagnostics_without_a_number_say_so() -> None:
    checks = [*made.clean(), made.diagnostic("placebo_period", "not_run", None, x=float("nan"))]
    block = made.summary(made.estimate(-2.0), diagnostics=checks).diagnostics[1]
    assert block.value.reason == "the check did not run"
    assert block.details["x"].how == "missing"


def test_an_effect_that_is_no_number_is_refused() -> None:
    with pytest.raises(EstimationFailed, match="no finite overall effect"):
        made.summary(made.estimate(float("nan")))


def test_a_run_without_a_locked_plan_says_so() -> None:
    evidence = made.summary(made.estimate(-2.0))
    assert (evidence.plan.status, evidence.plan.locked_at.how) == ("none", "missing")
    assert any("No analysis plan" in item.text for item in evidence.use.limitations)


def test_totals_of_a_triple_difference_are_those_of_the_eligible() -> None:
    spec = made.spec({"family": "count", "unit": "calls", "event_name": "calls", "per": 1.0, "mid": None})
    panel = made.panel()
    starting = np.flatnonzero(~panel.never_treated)
    eligible = np.ones(panel.n_units)
    eligible[starting[::2]] = 0.0
    held = replace(panel, covariates={"policy": np.repeat(eligible[:, None], panel.n_periods, axis=1)})
    all_units = made.summary(made.estimate(-2.0), spec, data=held)
    half = made.summary(replace(made.estimate(-2.0), settings={"eligible": "policy"}), spec, data=held)
    rows = int((panel.treated & (eligible == 1.0)[:, None])[starting].sum())
    assert half.natural.total_averted.effect.value == pytest.approx(2.0 * rows, abs=EXACT)
    assert all_units.natural.total_averted.effect.value == pytest.approx(4.0 * rows, abs=EXACT)
    assert half.sample.n_treated_clusters.value == len(starting) // 2


def test_checks_of_one_name_are_all_told_and_counted_apart() -> None:
    checks = [made.diagnostic("spillover", value=value, domain="selection") for value in (0.1, 0.2, 0.3)]
    fitted = made.estimate(-2.0)
    data, spec = made.panel(), made.spec()
    facts = facts_of(made.study(spec), data, fitted, checks, {})
    assert {name: found.value for name, found in facts.diagnostics.items()} == {
        "spillover": 0.1, "spillover_2": 0.2, "spillover_3": 0.3,
    }  # fmt: skip


def test_an_outcome_that_does_not_vary_between_places_has_no_effect_size() -> None:
    flat = made.panel()
    flat = dataclasses.replace(flat, outcome=np.full_like(flat.outcome, 20.0))
    found = made.summary(made.estimate(-2.0), data=flat).estimates[0]
    assert found.effect_size_g.value is None
    assert "does not vary" in found.effect_size_g.reason
    assert found.improvement_index.reason == found.effect_size_g.reason


def test_the_kind_of_interval_is_that_of_the_primary_estimate() -> None:
    assert made.summary(made.estimate(-2.0)).interval_kind == "confidence"
    assert made.summary(made.estimate(0.0, draws=made.posterior(-2.0))).interval_kind == "credible"


def test_beside_a_share_of_few_people_no_effect_size_gives_the_level_away() -> None:
    """4 of 200,000 had it: the size of the effect would tell how many, beside the difference."""
    spec = made.spec(
        {"family": "proportion", "unit": "share of residents", "per": 1.0, "mid": None},
        assignment={"mechanism": "policy_choice", "unit": "person"},
    )
    data = made.panel(starts={6: 40}, never=40, level=0.2, exposure=1.0)
    rare = dataclasses.replace(data, outcome=np.zeros_like(data.outcome))
    found = made.summary(made.estimate(-0.02, 0.005, observed=0.0), spec, data=rare).estimates[0]
    assert found.effect_size_g.value is None
    assert found.effect_size_g.reason in set(REASONS.values())

"""Switching treatment against an oracle of plain loops, Callaway-Sant'Anna where the two are one, and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.switching_did import SwitchingDid
from evalkit.testing.simulate import staggered_panel
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER
from tests.oracle import switching_did as oracle
from tests.switching_worlds import CASES, draw

ALGEBRA = 1e-11  # two orders of summation of some hundred terms of size 1
ROUNDING = 1e-12  # of one ratio found two ways


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return SwitchingDid(**settings).fit(panel, rng=np.random.default_rng(0))


def remark(estimate: Estimate, name: str) -> Any:
    (found,) = [each for each in estimate.remarks if each.id == name]
    return found


def meets(found: Estimate, answer: oracle.Answer) -> None:
    study, overall = found.aggregation("event_study"), found.aggregation("overall")
    rows = ~study.is_reference
    assert study.labels[rows].tolist() == answer.labels
    np.testing.assert_allclose(study.estimate[rows], answer.effect[:-1], rtol=0.0, atol=ALGEBRA)
    np.testing.assert_allclose(overall.estimate[0], answer.effect[-1], rtol=0.0, atol=ALGEBRA)
    np.testing.assert_allclose(
        study.covariance[np.ix_(rows, rows)], answer.covariance[:-1, :-1], rtol=0.0, atol=ALGEBRA
    )
    np.testing.assert_allclose(overall.covariance, answer.covariance[-1:, -1:], rtol=0.0, atol=ALGEBRA)
    cells = found.cells
    by_cell = {
        (int(g), int(t)): value
        for g, t, value, reference in zip(cells.cohort, cells.period, cells.estimate, cells.is_reference, strict=True)
        if g >= 0 and t >= 0 and not reference
    }
    assert by_cell == pytest.approx(answer.cells, abs=ALGEBRA)


@pytest.mark.parametrize("holes", [0.0, 0.2])
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.promise("second-switching-did")
def test_effects_placebos_and_their_covariance_meet_the_loops(case: str, holes: float, seed: int) -> None:
    world = draw(seed, holes=holes)
    names = ("x", "z") if CASES[case].get("covariates") else ()
    answer = oracle.estimate(world.y, world.dose, **world.arguments(**CASES[case]))
    meets(fit(world.panel(**CASES[case]), covariates=names), answer)


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"effects": 2}, {"effects": 2}),
        ({"normalized": True}, {"normalized": True}),
        ({"switchers": "in"}, {"switchers": 1}),
        ({"switchers": "out"}, {"switchers": -1}),
        ({"anticipation": 1}, {"anticipation": 1}),
        ({"comparison": "never_treated"}, {"never": True}),
        ({"anticipation": 2, "effects": 1}, {"anticipation": 2, "effects": 1}),
    ],
)
@pytest.mark.promise("second-switching-did")
def test_every_setting_meets_the_loops(settings: dict[str, Any], asked: dict[str, Any]) -> None:
    world = draw(3, holes=0.1)
    meets(fit(world.panel(), **settings), oracle.estimate(world.y, world.dose, **asked))


def test_never_treated_comparisons_have_slopes_of_their_own() -> None:
    world = draw(3, n=80)
    asked = oracle.estimate(world.y, world.dose, covariates=world.x, never=True)
    meets(fit(world.panel(covariates=True), comparison="never_treated", covariates=("x", "z")), asked)


def test_doses_that_no_two_units_share_meet_the_loops() -> None:
    """Every cohort is a unit of its own, so that deviations are from pooled means."""
    world = draw(4, doses=1)
    rng = np.random.default_rng(0)
    continuous = world.dose * rng.uniform(0.5, 1.5, (len(world.dose), 1))
    meets(fit(replace(world, dose=continuous).panel()), oracle.estimate(world.y, continuous))


def absorbing(seed: int = 1, **settings: Any) -> ek.Panel:
    return staggered_panel(n_units=60, n_periods=7, effect=1.0, seed=seed, **settings)


@pytest.mark.parametrize("comparison", ["not_yet_treated", "never_treated"])
@pytest.mark.parametrize("anticipation", [0, 1])
def test_treatment_that_stays_on_gives_the_effects_of_callaway_and_santanna(anticipation: int, comparison: str) -> None:
    panel = absorbing()
    theirs = CallawaySantAnna(comparison=comparison, base_period="universal", anticipation=anticipation)
    other = theirs.fit(panel, rng=np.random.default_rng(0))
    found = fit(panel, anticipation=anticipation, comparison=comparison)
    mine, cells = found.aggregation("event_study"), other.aggregation("event_study")
    rows, columns = mine.labels >= -anticipation, cells.labels >= -anticipation
    assert mine.labels[rows].tolist() == cells.labels[columns].tolist()
    np.testing.assert_allclose(mine.estimate[rows], cells.estimate[columns], rtol=0.0, atol=ALGEBRA)
    for kind in ("overall", "cohort", "period"):
        np.testing.assert_allclose(
            found.aggregation(kind).estimate, other.aggregation(kind).estimate, rtol=0.0, atol=ALGEBRA
        )
    np.testing.assert_allclose(found.aggregation("overall").observed, other.aggregation("overall").observed, rtol=1e-12)


def test_errors_differ_from_callaway_and_santannas_by_the_degrees_of_freedom_alone() -> None:
    panel = absorbing()
    table = fit(panel).to_frame().dropna(subset=["cohort", "period"]).query("event_time >= 0")
    other = CallawaySantAnna(comparison="not_yet_treated").fit(panel, rng=np.random.default_rng(0)).to_frame()
    both = table.merge(other, on=["cohort", "period"])
    assert len(both) == len(table) > 0
    ratio = both["std_error_x"] / both["std_error_y"]
    fewest = int(min(table["n_treated"].min(), panel.never_treated.sum()))
    assert ratio.between(1.0 - ROUNDING, np.sqrt(fewest / (fewest - 1.0)) + ROUNDING).all()


def test_a_dose_of_one_for_good_is_the_same_as_a_cohort() -> None:
    panel = absorbing()
    again = fit(replace(panel, dose=np.where(panel.treated, 1.0, 0.0)))
    pd.testing.assert_frame_equal(fit(panel).aggregate("event_study"), again.aggregate("event_study"), rtol=1e-12)


def test_units_of_dose_scale_the_overall_and_normalized_effects_alone() -> None:
    world = draw(5)
    one, other = world.panel(), replace(world, dose=10.0 * world.dose).panel()
    np.testing.assert_allclose(
        fit(one).aggregation("overall").estimate, 10.0 * fit(other).aggregation("overall").estimate, rtol=1e-9
    )
    np.testing.assert_allclose(
        fit(one).aggregation("event_study").estimate, fit(other).aggregation("event_study").estimate, atol=ALGEBRA
    )
    scaled = fit(other, normalized=True).aggregation("event_study").estimate
    np.testing.assert_allclose(
        fit(one, normalized=True).aggregation("event_study").estimate, 10.0 * scaled, atol=ALGEBRA
    )


def test_falling_doses_of_a_harm_are_effects_of_the_same_sign() -> None:
    world = draw(6)
    mirrored = replace(world, dose=-world.dose, y=-world.y)
    np.testing.assert_allclose(
        fit(world.panel()).aggregation("event_study").estimate,
        fit(mirrored.panel()).aggregation("event_study").estimate,
        atol=ALGEBRA,
    )


def test_known_effects_of_present_and_past_doses_are_found_exactly() -> None:
    """No noise; effect 1 for each unit of the present dose and 0.5 for each of the last one."""
    world = draw(7, n=400)
    lagged = np.hstack([world.dose[:, :1], world.dose[:, :-1]])
    made = replace(world, y=np.arange(7) ** 1.5 + np.arange(400)[:, None] + world.dose + 0.5 * lagged)
    study = fit(made.panel(), effects=2).aggregation("event_study")
    np.testing.assert_allclose(study.estimate[study.labels < 0], 0.0, atol=1e-9)
    first = fit(made.panel(), effects=1, normalized=True).aggregation("event_study")
    np.testing.assert_allclose(first.estimate[first.labels == 0], 1.0, atol=1e-9)


def test_same_switchers_have_one_number_of_units_at_every_event_time() -> None:
    panel = draw(8, holes=0.1, n=80).panel()
    study = fit(panel, effects=3, placebos=0, same_switchers=True).aggregation("event_study")
    assert len(set(study.n_treated[study.labels >= 0])) == 1
    free = fit(panel, effects=3, placebos=0).aggregation("event_study")
    assert len(set(free.n_treated[free.labels >= 0])) > 1


@pytest.mark.parametrize("case", list(CASES))
def test_influence_functions_give_the_covariance(case: str) -> None:
    found = fit(draw(2, holes=0.1).panel(**CASES[case]))
    assert isinstance(found.uncertainty, Sampling)
    assert found.uncertainty.influence_of is not None
    psi = found.uncertainty.influence_of()
    assert len(psi) == found.uncertainty.n_clusters
    np.testing.assert_allclose(psi.T @ psi, found.uncertainty.covariance, rtol=0.0, atol=ALGEBRA)


def test_cells_after_a_dose_has_been_on_both_sides_of_the_first_are_left_out_and_counted() -> None:
    world = draw(1)
    world.dose[0] = [1.0, 1.0, 2.0, 0.0, 2.0, 2.0, 2.0]
    moved = replace(world, y=world.y.copy())
    moved.y[0, 3:] += 1e3
    found, other = fit(world.panel()), fit(moved.panel())
    np.testing.assert_allclose(found.cells.estimate, other.cells.estimate, atol=1e-9)
    assert remark(found, "both_above_and_below").treated >= 1


def test_a_unit_whose_change_was_not_seen_is_a_comparison_until_its_last_known_dose() -> None:
    world = draw(1)
    world.dose[0] = [0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]
    panel = world.panel()
    assert panel.dose is not None
    dose, outcome = panel.dose.copy(), panel.outcome.copy()
    dose[0, 3:5], outcome[0, 3:5] = np.nan, np.nan
    gappy = fit(replace(panel, dose=dose, outcome=outcome))
    cut = panel.outcome.copy()
    cut[0, 3:] = np.nan
    still = panel.dose.copy()
    still[0] = 0.0
    expected = fit(replace(panel, dose=still, outcome=cut))
    np.testing.assert_allclose(gappy.cells.estimate, expected.cells.estimate, atol=ALGEBRA)
    assert remark(gappy, "dose_change_unseen").treated == 1


def test_an_estimate_says_what_its_effects_are_for() -> None:
    said = remark(fit(draw(1).panel()), "effect_per_unit_of_dose").text
    assert "one unit of 'dose'" in said
    assert np.isnan(fit(draw(1).panel()).aggregation("overall").observed[0])


def test_first_doses_as_good_as_continuous_are_refused() -> None:
    world = draw(1)
    jitter = np.random.default_rng(0).uniform(0.0, 0.1, (len(world.dose), 1))
    with pytest.raises(DesignRefused, match="have no comparison") as caught:
        fit(replace(world, dose=world.dose + jitter).panel())
    assert "all doses are 0" in str(caught.value)


def test_nobody_left_to_compare_with_is_refused() -> None:
    panel = absorbing()
    with pytest.raises(DesignRefused, match="have no comparison"):
        fit(replace(panel, first_treated=np.full(panel.n_units, 3)))


def test_nobody_seen_before_they_may_react_is_refused() -> None:
    panel = absorbing()
    early = replace(panel, first_treated=np.minimum(panel.first_treated, 2))
    with pytest.raises(DesignRefused, match=r"None of the 60 units .* before it may react") as caught:
        fit(early, anticipation=2)
    assert "lower the anticipation" in str(caught.value)


def test_one_cluster_is_refused() -> None:
    panel = absorbing()
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(replace(panel, cluster=np.zeros(panel.n_units, dtype=np.int64)))


def test_a_covariate_that_trends_is_taken_out_of_known_effects() -> None:
    """Changes of dose come with a trend of x, whose slope differs by first dose."""
    world = draw(7, n=400)
    x = world.x.copy()
    x[:, :, 0] += np.cumsum(world.dose, axis=1)
    y = np.arange(7.0) + world.dose + (1.0 + world.dose[:, :1]) * x[:, :, 0]
    made = replace(world, y=y, x=x).panel(covariates=True)
    found = fit(made, effects=1, normalized=True, covariates=("x",)).aggregation("event_study")
    np.testing.assert_allclose(found.estimate[found.labels == 0], 1.0, atol=1e-9)
    np.testing.assert_allclose(found.estimate[found.labels < 0], 0.0, atol=1e-9)
    plain = fit(made, effects=1, normalized=True).aggregation("event_study")
    assert abs(plain.estimate[plain.labels == 0][0] - 1.0) > 0.5


@pytest.mark.promise("law-covariate-scale", "law-unit-constant-covariate")
def test_units_of_a_covariate_and_constants_change_nothing_and_constants_are_named() -> None:
    world = draw(2, holes=0.1)
    once = fit(world.panel(covariates=True), covariates=("x",))
    x = world.x.copy()
    x[:, :, 0] = 1e6 * x[:, :, 0] - 5.0
    x[:, :, 1] = np.arange(len(x))[:, None]
    again = fit(replace(world, x=x).panel(covariates=True), covariates=("x", "z"))
    for one, other in zip(
        once.aggregate("event_study").to_numpy(), again.aggregate("event_study").to_numpy(), strict=True
    ):
        np.testing.assert_allclose(one[5:].astype(float), other[5:].astype(float), rtol=0.0, atol=1e-8)
    assert "'z'" in remark(again, "covariates_absorbed").text


def test_first_doses_whose_covariates_do_not_vary_are_counted() -> None:
    world = draw(2)
    x = world.x.copy()
    x[world.dose[:, 0] == 0.0, :, 0] = 3.0
    found = fit(replace(world, x=x).panel(covariates=True), covariates=("x",))
    assert remark(found, "covariates_without_slope").text.startswith("Among units of 1 of 3 first doses")


def test_a_covariate_that_is_not_in_the_panel_is_named() -> None:
    with pytest.raises(ConfigError, match="'w' is not in the panel"):
        fit(absorbing(), covariates=("w",))


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'same_switchers' parameter .* say how many"):
        SwitchingDid(same_switchers=True)
    with pytest.raises(ConfigError, match=r"'normalized' parameter .* anticipated"):
        SwitchingDid(normalized=True, anticipation=1)


def test_a_cohort_that_is_seen_before_its_change_alone_has_no_effects_and_is_no_error() -> None:
    rng = np.random.default_rng(5)
    first = np.array([3, 3, 3, 4, 4, 4, 99, 99, 99, 99])
    rows = [(i, t, first[i], rng.standard_normal()) for i in range(10) for t in range(5) if not (first[i] == 4 == t)]
    frame = pd.DataFrame(rows, columns=["unit", "period", "start", "y"])
    frame["start"] = frame["start"].where(frame["start"] < 99)
    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="start")
    found = fit(panel, anticipation=1)
    alone = fit(Panel.from_frame(frame[frame["start"] != 4], unit="unit", period="period", outcome="y", cohort="start"),
                anticipation=1)  # fmt: skip
    after = found.cells.event_time >= 0
    assert not ((found.cells.cohort == 4) & after).any()
    assert found.aggregation("overall").estimate[0] != 0.0
    assert found.n_treated_units == alone.n_treated_units == 3


def test_doses_that_never_change_are_refused() -> None:
    panel = staggered_panel(n_units=20, n_periods=6)
    with pytest.raises(DesignRefused, match="No unit changes its dose"):
        fit(replace(panel, first_treated=np.full(20, NEVER), dose=np.full(panel.outcome.shape, 0.5)))


def test_units_with_gaps_are_counted_among_those_that_serve() -> None:
    world = draw(1)
    gone = np.zeros(world.y.shape, dtype=np.bool_)
    gone[3, 2] = gone[3, 5] = gone[7, 4] = gone[11, 1] = True
    found = fit(replace(world, y=np.where(gone, np.nan, world.y)).panel())
    assert str(remark(found, "unbalanced_within_pairs").text).startswith(
        "3 of 40 units are not observed in every period"
    )
    assert "unbalanced_within_pairs" not in {each.id for each in fit(world.panel()).remarks}

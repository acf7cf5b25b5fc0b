from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.extended_twfe import ExtendedTwfe
from evalkit.estimators.imputation import Imputation
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import NEVER
from tests.oracle import extended_twfe as oracle

SAME = 1e-9  # two direct solutions of the same equations, iterated to 1e-8 squared
NUMERIC = 1e-6  # relative: the oracle's derivatives are central differences
EQUAL = 1e-10  # algebraically equal estimators
STARTS = np.array([3, 4, 6, 99])

Array = np.ndarray[Any, np.dtype[Any]]


class World:
    """Random small panel of 48 units over 7 periods, periods 0..6."""

    def __init__(self, seed: int, family: str, holes: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        n, periods = 48, 7
        self.first = STARTS[np.arange(n) % 4]
        self.x = rng.standard_normal((n, periods, 1)) + 0.2 * rng.standard_normal((n, 1, 1))
        on = np.arange(periods) >= self.first[:, None]
        index = 0.6 + 0.1 * np.arange(periods) + 0.3 * (self.first[:, None] == 4) + 0.3 * self.x[:, :, 0] + 0.4 * on
        self.exposure = rng.uniform(0.5, 4.0, (n, periods))
        self.y = {
            "linear": lambda: index + rng.standard_normal((n, periods)),
            "poisson": lambda: rng.poisson(self.exposure * np.exp(index)).astype(float),
            "logit": lambda: rng.beta(2.0 * np.exp(index - 1.0), 2.0),
        }[family]()
        self.y[rng.random((n, periods)) < holes] = np.nan
        self.weight = rng.uniform(0.5, 3.0, (n, periods))
        self.cluster = rng.integers(0, 13, n)

    def panel(self, *, covariate: bool, weighted: bool, clustered: bool, exposed: bool = False) -> Panel:
        hole = np.isnan(self.y)
        return Panel(
            outcome=self.y.copy(),
            time=np.arange(7),
            first_treated=np.where(self.first == 99, NEVER, self.first),
            units=pd.RangeIndex(len(self.y)),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y", cluster="region" if clustered else None),
            covariates={"x": self.x[:, :, 0].copy()} if covariate else {},
            weight=np.where(hole, np.nan, self.weight) if weighted else None,
            cluster=self.cluster.copy() if clustered else None,
            exposure=np.where(hole, np.nan, self.exposure) if exposed else None,
        )


def fit(panel: Panel, **settings: Any) -> Estimate:
    return ExtendedTwfe(**settings).fit(panel, rng=np.random.default_rng(0))


def overall(estimate: Estimate) -> tuple[float, float]:
    row = estimate.aggregation("overall")
    return float(row.estimate[0]), float(row.std_error[0])


CASES: dict[str, dict[str, bool]] = {
    "plain": {"covariate": False, "weighted": False, "clustered": False},
    "covariate": {"covariate": True, "weighted": False, "clustered": False},
    "everything": {"covariate": True, "weighted": True, "clustered": True},
}


@pytest.mark.parametrize("holes", [0.0, 0.25])
@pytest.mark.parametrize(("never_treated", "known"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("family", ["linear", "poisson", "logit"])
@pytest.mark.promise("second-extended-twfe")
def test_effects_and_errors_equal_those_of_the_regression_with_every_dummy(
    family: str, case: str, known: bool, never_treated: bool, holes: float
) -> None:
    shape = CASES[case]
    world = World(5, family, holes)
    exposed = family == "poisson"
    settings: dict[str, Any] = {"covariates": ("x",) if shape["covariate"] else ()}
    found = fit(
        world.panel(**shape, exposed=exposed),
        family=family,
        comparison="never_treated" if never_treated else "not_yet_treated",
        shares_known=known,
        **settings,
    )
    expected = oracle.estimate(
        np.where(_used(found, world), world.y, np.nan),
        world.first,
        family=family,
        never_treated=never_treated,
        covariates=world.x if shape["covariate"] else None,
        weight=world.weight if shape["weighted"] else None,
        cluster=world.cluster if shape["clustered"] else None,
        exposure=world.exposure if exposed else None,
        means_known=known,
    )
    _meets(found, expected, leads=never_treated)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("family", ["poisson", "logit"])
@pytest.mark.promise("second-extended-twfe")
def test_log_ratios_equal_those_of_the_regression_with_every_dummy(family: str, known: bool) -> None:
    world = World(6, family)
    found = fit(
        world.panel(covariate=True, weighted=True, clustered=True),
        family=family, scale="ratio", covariates=("x",), shares_known=known,
    )  # fmt: skip
    expected = oracle.estimate(
        world.y, world.first, family=family, ratio=True, covariates=world.x, weight=world.weight,
        cluster=world.cluster, means_known=known,
    )  # fmt: skip
    _meets(found, expected, leads=False)
    assert found.facts["log_link"] == 1.0


def test_anticipated_periods_are_cells_too() -> None:
    world = World(7, "linear")
    found = fit(world.panel(covariate=True, weighted=False, clustered=False), anticipation=1, covariates=("x",))
    expected = oracle.estimate(world.y, world.first, covariates=world.x, anticipation=1)
    rows = found.to_frame().set_index(["cohort", "period"])
    for (g, t), effect in zip(expected.cells, expected.effect, strict=True):
        assert rows.loc[(g, t), "estimate"] == pytest.approx(effect, abs=SAME)


def _used(found: Estimate, world: World) -> Array:
    """Rows of units that keep an untreated period."""
    untreated = np.arange(world.y.shape[1]) < world.first[:, None]
    return np.broadcast_to((untreated & ~np.isnan(world.y)).any(axis=1)[:, None], world.y.shape)


def _meets(found: Estimate, expected: oracle.Answer, *, leads: bool) -> None:
    rows = found.to_frame()
    rows = rows[~found.cells.is_reference]
    if not leads:
        rows = rows[rows["event_time"] >= 0]
    assert list(zip(rows["cohort"], rows["period"], strict=True)) == expected.cells
    np.testing.assert_allclose(rows["estimate"], expected.effect, rtol=0.0, atol=SAME)
    np.testing.assert_allclose(rows["std_error"], np.sqrt(np.diag(expected.covariance)), rtol=NUMERIC)


def test_linear_without_covariates_equals_imputation_on_a_balanced_panel_leads_included() -> None:
    panel = staggered_panel(n_units=80, n_periods=7, growth=0.3, seed=3)
    found, imputed = fit(panel).to_frame(), Imputation().fit(panel, rng=np.random.default_rng(0)).to_frame()
    np.testing.assert_allclose(found["estimate"], imputed["estimate"], rtol=0.0, atol=EQUAL)


@pytest.mark.parametrize("covariates", [(), ("x",)])
def test_linear_with_never_treated_comparison_equals_regression_adjustment_by_cell(covariates: tuple[str, ...]) -> None:
    """Callaway and Sant'Anna's outcome regression; errors differ by the correction alone."""
    panel = staggered_panel(n_units=80, n_periods=7, growth=0.3, covariate_slope=0.2, seed=3)
    found = fit(panel, comparison="never_treated", covariates=covariates)
    by_cell = CallawaySantAnna(
        comparison="never_treated", base_period="universal", method="reg", covariates=covariates
    ).fit(panel, rng=np.random.default_rng(0))
    ours, theirs = found.to_frame(), by_cell.to_frame()
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=0.0, atol=EQUAL)
    shown = ~found.cells.is_reference
    ratio = ours["std_error"][shown] / theirs["std_error"][shown]
    n, k = found.n_observations, found.facts["coefficients"]
    np.testing.assert_allclose(ratio, np.sqrt(80 / 79 * (n - 1) / (n - k)), rtol=EQUAL)


def test_a_rate_weighted_by_its_denominator_gives_the_ratio_of_the_counts() -> None:
    world = World(8, "poisson")
    counts = world.panel(covariate=False, weighted=False, clustered=False, exposed=True)
    rates = replace(counts, outcome=counts.outcome / world.exposure)
    by_count = fit(counts, family="poisson", scale="ratio")
    by_rate = fit(rates, family="poisson", scale="ratio")
    np.testing.assert_allclose(by_rate.cells.estimate, by_count.cells.estimate, rtol=0.0, atol=SAME)
    assert any(r.id == "exposure_weight" for r in by_rate.remarks)
    assert any(r.id == "exposure_offset" for r in by_count.remarks)
    ignored = fit(counts, family="poisson", scale="ratio", exposure="ignore")
    assert np.abs(ignored.cells.estimate - by_count.cells.estimate).max() > 0.01


def test_the_rate_ratio_in_the_facts_is_that_of_the_overall_means() -> None:
    world = World(8, "poisson")
    panel = world.panel(covariate=False, weighted=False, clustered=False)
    estimate = fit(panel, family="poisson")
    row = estimate.aggregation("overall")
    assert estimate.facts["rate_ratio"] == pytest.approx(
        row.observed[0] / (row.observed[0] - row.estimate[0]), rel=SAME
    )
    assert fit(panel, family="poisson", scale="ratio").facts["rate_ratio"] == pytest.approx(
        estimate.facts["rate_ratio"], rel=SAME
    )


def test_poisson_leads_sum_to_zero_over_a_cohorts_untreated_rows() -> None:
    world = World(9, "poisson")
    estimate = fit(world.panel(covariate=True, weighted=False, clustered=False), family="poisson", covariates=("x",))
    cells = estimate.cells
    for cohort in (3, 4, 6):
        before = (cells.cohort == cohort) & (cells.event_time < 0)
        assert abs(cells.estimate[before].sum()) < SAME
    assert (estimate.to_frame()["std_error"] > 0.0).all()


def test_leads_and_effects_have_the_covariance_that_their_influence_functions_have() -> None:
    for family, settings in (("linear", {}), ("poisson", {"scale": "ratio"})):
        world = World(10, family, holes=0.1)
        estimate = fit(
            world.panel(covariate=True, weighted=True, clustered=True), family=family, covariates=("x",), **settings
        )
        influence = estimate.influence
        assert influence is not None
        errors = np.sqrt(np.diag(influence.T @ influence))
        np.testing.assert_allclose(errors, estimate.to_frame()["std_error"], rtol=SAME)


def test_leads_answer_to_outcomes_as_their_influence_functions_say() -> None:
    """Jackknife over units: the errors of leads and effects agree with leave-one-out spread."""
    world = World(11, "poisson")
    panel = world.panel(covariate=False, weighted=False, clustered=False)
    whole = fit(panel, family="poisson", shares_known=True)
    left_out = []
    for unit in range(panel.n_units):
        keep = np.arange(panel.n_units) != unit
        part = replace(
            panel, outcome=panel.outcome[keep], first_treated=panel.first_treated[keep], units=panel.units[keep]
        )
        left_out.append(fit(part, family="poisson", shares_known=True).cells.estimate)
    spread = np.array(left_out) - np.mean(left_out, axis=0)
    jackknife = np.sqrt((panel.n_units - 1) / panel.n_units * (spread**2).sum(axis=0))
    np.testing.assert_allclose(whole.to_frame()["std_error"], jackknife, rtol=0.15)


def test_cohorts_and_periods_without_an_event_before_treatment_are_left_out_and_named() -> None:
    world = World(12, "poisson")
    world.y[(world.first == 3), :3] = 0.0
    estimate = fit(world.panel(covariate=False, weighted=False, clustered=False), family="poisson")
    assert set(estimate.to_frame()["cohort"]) == {4, 6}
    texts = {remark.id: remark.text for remark in estimate.remarks}
    assert "'3 in 0', '3 in 1', '3 in 2'" in texts["separated"]
    assert "cells were left out" in texts["cells_left_out"]


def test_shares_that_are_all_one_are_left_out_under_a_logit() -> None:
    world = World(12, "logit")
    world.y[(world.first == 4), :4] = 1.0
    estimate = fit(world.panel(covariate=False, weighted=False, clustered=False), family="logit")
    assert set(estimate.to_frame()["cohort"]) == {3, 6}
    assert estimate.facts["odds_ratio"] > 1.0


def test_a_covariate_that_separates_events_is_refused() -> None:
    world = World(13, "logit")
    world.y = (world.x[:, :, 0] > 0.0).astype(float)
    with pytest.raises(EstimationFailed, match="has no maximum"):
        fit(world.panel(covariate=True, weighted=False, clustered=False), family="logit", covariates=("x",))


def test_negative_and_logged_outcomes_are_refused_by_name() -> None:
    panel = World(14, "linear").panel(covariate=False, weighted=False, clustered=False)
    with pytest.raises(DataError, match=r"poisson family needs counts or rates \(0 or more\), and the outcome 'y'"):
        fit(panel, family="poisson")
    with pytest.raises(DataError, match=r"from 0 to 1"):
        fit(replace(panel, outcome=np.abs(panel.outcome) + 1.0), family="logit")
    counts = World(14, "poisson").panel(covariate=False, weighted=False, clustered=False)
    with pytest.raises(DataError, match="'y' is analysed in logs"):
        fit(replace(counts, transform="log"), family="poisson")


def test_a_ratio_of_cells_without_events_is_refused() -> None:
    world = World(15, "poisson")
    world.y[(world.first == 3), 3] = 0.0
    panel = world.panel(covariate=False, weighted=False, clustered=False)
    with pytest.raises(DesignRefused, match="1 treated cells of cohort and period hold no event"):
        fit(panel, family="poisson", scale="ratio")
    assert np.isfinite(overall(fit(panel, family="poisson"))).all()


def test_settings_that_contradict_the_panel_or_each_other_are_refused() -> None:
    panel = World(16, "poisson").panel(covariate=False, weighted=False, clustered=False)
    with pytest.raises(ConfigError, match="scale is ratio"):
        fit(panel, scale="ratio")
    with pytest.raises(ConfigError, match="has no exposure"):
        fit(panel, family="poisson", exposure="offset")
    with pytest.raises(ConfigError, match="'z' is not in the panel"):
        fit(panel, covariates=("z",))
    treated_only = replace(panel, first_treated=np.where(panel.first_treated == NEVER, 5, panel.first_treated))
    with pytest.raises(DesignRefused, match="no never-treated unit"):
        fit(treated_only, comparison="never_treated")
    assert 6 not in set(fit(treated_only).to_frame()["cohort"])
    with pytest.raises(DesignRefused, match="one cluster"):
        fit(replace(panel, cluster=np.zeros(panel.n_units, dtype=np.int64)))


def test_an_exposure_that_is_not_positive_is_refused_by_row() -> None:
    world = World(17, "poisson")
    world.exposure[3, 2] = 0.0
    with pytest.raises(DataError, match=r"unit '3' in 2: 0"):
        fit(world.panel(covariate=False, weighted=False, clustered=False, exposed=True), family="poisson")


def test_without_leads_there_are_effects_only() -> None:
    panel = World(18, "linear").panel(covariate=False, weighted=False, clustered=False)
    for comparison in ("not_yet_treated", "never_treated"):
        estimate = fit(panel, comparison=comparison, leads=False)
        assert (estimate.cells.event_time >= 0).all()


def test_remarks_tell_gaps_small_cohorts_and_what_effects_are() -> None:
    world = World(19, "poisson", holes=0.2)
    ids = {r.id for r in fit(world.panel(covariate=False, weighted=True, clustered=True), family="poisson").remarks}
    assert {"unbalanced_rows_used", "sampling_weights", "few_clusters", "scale", "leads_from_untreated_rows"} <= ids


@pytest.mark.parametrize("comparison", ["not_yet_treated", "never_treated"])
def test_periods_in_which_the_comparison_units_are_not_seen_have_no_part_in_leads(
    comparison: Literal["not_yet_treated", "never_treated"],
) -> None:
    world = World(8, "linear")
    world.y[world.first == 99, 1] = np.nan
    panel = world.panel(covariate=False, weighted=False, clustered=False)
    found = fit(panel, comparison=comparison).to_frame().set_index(["cohort", "period"])["estimate"]
    without = world.y.copy()
    without[:, 1] = np.nan
    alone = replace(panel, outcome=without)
    expected = fit(alone, comparison=comparison).to_frame().set_index(["cohort", "period"])["estimate"]
    leads = [key for key in expected.index if key[1] < key[0]]
    assert leads
    assert found[leads].to_list() == pytest.approx(expected[leads].to_list(), abs=SAME)
    assert not any(period == 1 < cohort for cohort, period in found.index)


def test_shares_that_are_all_one_under_treatment_have_no_odds_ratio_and_no_warning() -> None:
    world = World(9, "logit")
    world.y = np.where(np.arange(7) >= world.first[:, None], 1.0, world.y)
    found = fit(world.panel(covariate=False, weighted=False, clustered=False), family="logit")
    assert "odds_ratio" not in found.facts
    assert overall(found)[0] > 0.0


def test_leads_whose_fit_has_no_maximum_are_left_out_and_effects_stay() -> None:
    world = World(9, "logit")
    never, turned = world.first == 99, np.where(np.arange(7) % 2, 1.0, -1.0)
    world.y[never, :3] = (turned * world.x[never, :, 0] > 0.0)[:, :3]  # apart in each period, not in all together
    panel = world.panel(covariate=True, weighted=False, clustered=False)
    found = fit(panel, family="logit", covariates=("x",))
    alone = fit(panel, family="logit", covariates=("x",), leads=False)
    assert (found.cells.event_time >= 0).all()
    assert overall(found) == pytest.approx(overall(alone), rel=SAME)
    assert "leads_left_out" in {remark.id for remark in found.remarks}
    assert "leads_left_out" not in {remark.id for remark in alone.remarks}

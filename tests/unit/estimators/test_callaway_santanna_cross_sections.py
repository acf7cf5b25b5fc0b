"""Callaway and Sant'Anna on repeated cross-sections: against plain loops, its laws, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from tests.oracle import cross_sections as oracle
from tests.persons import read, survey

EXACT = 1e-10
"""Relative: the same formulas, sums in another order and Newton to the end."""
DERIVATIVE = 1e-6
"""A central difference with step 1e-5 in a function of weights."""
CASES: dict[str, dict[str, Any]] = {
    "locally_efficient": {},
    "traditional": {"cross_sections": "traditional"},
    "ipw": {"method": "ipw"},
    "reg": {"method": "reg"},
}


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    options = {"covariates": ("x", "z"), "comparison": "never_treated", **settings}
    return ek.CallawaySantAnna(**options).fit(panel, rng=np.random.default_rng(0))


def overall(estimate: Estimate) -> list[float]:
    row = estimate.aggregation("overall")
    return [float(row.estimate[0]), float(row.std_error[0])]


def by_hand(frame: pd.DataFrame, method: str, comparison: str, w: Any = None, anticipation: int = 0) -> Any:
    X = np.column_stack([np.ones(len(frame)), frame.x, frame.z])
    start = np.where(frame.start == 0, oracle.NEVER, frame.start)
    weight = frame.w.to_numpy() if w is None else w
    return oracle.all_cells(
        frame.y.to_numpy(), start, frame.year.to_numpy(), X, weight, method=method, comparison=comparison,
        anticipation=anticipation,
    )  # fmt: skip


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.promise("second-callaway-santanna")
def test_cells_equal_those_of_plain_loops(case: str, comparison: str, anticipation: int) -> None:
    frame = survey(1200, seed=1)
    cells = fit(read(frame, weight="w"), comparison=comparison, anticipation=anticipation, **CASES[case]).cells
    hand = by_hand(frame, case, comparison, anticipation=anticipation)
    found = dict(zip(zip(cells.cohort + 2001, cells.period + 2001, strict=True), cells.estimate, strict=True))
    assert {(int(g), int(t)) for g, t in found} == set(hand)
    for cell, value in hand.items():
        assert found[cell] == pytest.approx(value, rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("case", CASES)
def test_the_covariance_is_that_of_moving_one_persons_weight_at_a_time(case: str) -> None:
    frame = survey(140, seed=5, periods=3)
    frame = frame[frame.group != "mid"].reset_index(drop=True)
    estimate = fit(read(frame, weight="w"), **CASES[case])
    method = case

    def cells(w: Any) -> Any:
        return np.array([value for _, value in sorted(by_hand(frame, method, "never_treated", w).items())])

    psi = oracle.jackknife(cells, frame.w.to_numpy())
    k = len(estimate.cells)
    np.testing.assert_allclose(estimate.uncertainty.covariance[:k, :k], psi.T @ psi, rtol=DERIVATIVE, atol=1e-9)  # type: ignore[union-attr]


def test_the_share_of_a_cohort_has_the_error_of_a_mean() -> None:
    frame = survey(500, seed=2)
    estimate = fit(read(frame), covariates=())
    share = estimate.cells.shares
    covariance = estimate.uncertainty.covariance  # type: ignore[union-attr]
    np.testing.assert_allclose(share, [(frame.start == g).mean() for g in (2003, 2005)])
    np.testing.assert_allclose(np.diag(covariance)[-2:], share * (1 - share) / len(frame))


def test_without_covariates_a_cell_is_a_difference_of_four_means() -> None:
    frame = survey(700, seed=3)
    estimate = fit(read(frame), covariates=())
    cell = {key: rows.y.to_numpy() for key, rows in frame.groupby(["start", "year"])}
    cells = estimate.cells
    place = int(np.flatnonzero((cells.cohort == 2) & (cells.period == 4))[0])
    four = [(2003, 2005, 1), (2003, 2002, -1), (0, 2005, -1), (0, 2002, 1)]
    by_hand = sum(sign * float(cell[g, t].mean()) for g, t, sign in four)
    variance = sum(float(cell[g, t].var()) / len(cell[g, t]) for g, t, _ in four)
    assert cells.estimate[place] == pytest.approx(by_hand)
    assert estimate.uncertainty.covariance[place, place] == pytest.approx(variance)  # type: ignore[union-attr]
    for method in ("ipw", "reg"):
        np.testing.assert_allclose(fit(read(frame), covariates=(), method=method).cells.estimate, cells.estimate)
    assert cells.n_treated[place] == len(cell[2003, 2005])
    assert cells.observed[place] == pytest.approx(cell[2003, 2005].mean())


@pytest.mark.parametrize("clustered", [False, True])
def test_influence_functions_give_the_covariance(clustered: bool) -> None:
    estimate = fit(read(survey(800, seed=4), weight="w", cluster="site" if clustered else None))
    sampling = estimate.uncertainty
    psi = sampling.influence_of()  # type: ignore[union-attr,misc]
    assert len(psi) == sampling.n_clusters == (40 if clustered else 800)  # type: ignore[union-attr]
    np.testing.assert_allclose(psi.T @ psi, sampling.covariance, rtol=EXACT, atol=1e-15)  # type: ignore[union-attr]
    np.testing.assert_allclose(psi.sum(axis=0), 0.0, atol=1e-12)


def test_clusters_are_summed() -> None:
    frame = survey(600, seed=6)
    alone = fit(read(frame)).uncertainty
    grouped = fit(read(frame, cluster="site")).uncertainty
    psi = alone.influence_of()  # type: ignore[union-attr,misc]
    sums = np.zeros((40, psi.shape[1]))
    np.add.at(sums, frame.site.to_numpy(), psi)
    np.testing.assert_allclose(grouped.covariance, sums.T @ sums, rtol=EXACT, atol=1e-15)  # type: ignore[union-attr]


def test_shuffled_rows_renamed_groups_and_other_units_change_nothing() -> None:
    frame = survey(600, seed=7)
    base = overall(fit(read(frame)))
    shuffled = frame.sample(frac=1.0, random_state=0)
    renamed = shuffled.assign(group="g" + shuffled.group.str[::-1], x=1e8 * shuffled.x, w=3.0)
    assert overall(fit(read(renamed, weight="w"))) == pytest.approx(base, rel=1e-9)


def test_the_outcome_may_be_shifted_and_scaled() -> None:
    frame = survey(600, seed=7)
    base = overall(fit(read(frame)))
    moved = overall(fit(read(frame.assign(y=1e9 + 2.0 * frame.y))))
    assert moved == pytest.approx([2.0 * value for value in base], rel=1e-6)


@pytest.mark.promise("law-weight-two")
def test_weight_two_is_a_person_twice() -> None:
    frame = survey(500, seed=8)
    double = frame.assign(w=np.where(frame.index < 100, 2.0, 1.0))
    cloned = pd.concat([frame, frame.iloc[:100]], ignore_index=True)
    weighted, twice = fit(read(double, weight="w")), fit(read(cloned))
    np.testing.assert_allclose(weighted.cells.estimate, twice.cells.estimate, rtol=1e-9)
    np.testing.assert_allclose(weighted.cells.shares, twice.cells.shares)


def test_always_treated_groups_change_nothing() -> None:
    frame = survey(600, seed=9)
    extra = survey(80, seed=10).assign(
        group="old", start=1990, y=lambda d: 1e6 * d.y, year=np.tile([2001, 2002, 2003, 2004, 2005], 16)
    )
    estimate = fit(read(pd.concat([frame, extra], ignore_index=True)))
    assert overall(estimate) == pytest.approx(overall(fit(read(frame))), rel=1e-6)
    assert any(remark.id == "always_treated_excluded" for remark in estimate.remarks)


def test_rows_without_an_outcome_play_no_part() -> None:
    frame = survey(700, seed=11)
    gone = frame.assign(y=frame.y.where(frame.index >= 60))
    assert overall(fit(read(gone))) == pytest.approx(overall(fit(read(frame.iloc[60:]))), rel=1e-9)


def test_collinear_covariates_are_refused_with_group_period_and_name() -> None:
    frame = survey(900, seed=12)
    frame.loc[(frame.group == "north") & (frame.year == 2004), "z"] = 1.0
    with pytest.raises(
        DesignRefused, match=r"In group = 'north' and year = 2004 the covariates 'z' do not vary"
    ) as refused:
        fit(read(frame))
    assert refused.value.exit_code == 4
    fit(read(frame), cross_sections="traditional")  # which regresses the comparison groups alone


def test_the_cell_that_lacks_variation_may_be_of_the_comparison() -> None:
    frame = survey(900, seed=12)
    frame.loc[(frame.start == 0) & (frame.year == 2004), "z"] = 1.0
    with pytest.raises(DesignRefused, match=r"In group = 'south', 'west' and year = 2004 the covariates 'z'"):
        fit(read(frame))


def test_a_covariate_without_variation_anywhere_is_refused_by_the_score_too() -> None:
    frame = survey(900, seed=12).assign(z=1.0)
    with pytest.raises(DesignRefused, match=r"In year = 2001 and 2002 the covariates 'z'"):
        fit(read(frame), method="ipw")


def test_a_cell_with_no_more_rows_than_regressors_is_refused() -> None:
    frame = survey(900, seed=13)
    cell = (frame.group == "north") & (frame.year == 2003)
    frame = frame.drop(frame.index[cell][3:])
    with pytest.raises(DesignRefused, match="north' and year = 2003 there are no more rows than regressors"):
        fit(read(frame))


def test_a_covariate_that_tells_the_arms_apart_leaves_the_cells_out() -> None:
    frame = survey(900, seed=14)
    frame["z"] = np.where(frame.start == 2003, 50.0, 0.0) + frame.x * 0.1 + frame.index % 7
    estimate = fit(read(frame))
    assert {int(cohort) for cohort in estimate.cells.cohort} == {4}
    assert any(remark.id == "cells_left_out_no_overlap" for remark in estimate.remarks)


def test_settings_that_mean_nothing_here_are_refused() -> None:
    with pytest.raises(DesignRefused, match="each person is seen once"):
        fit(read(survey(400)), unbalanced="drop_incomplete")


def test_never_treated_are_needed_where_they_are_asked_for() -> None:
    frame = survey(600).query("start > 0")
    with pytest.raises(DesignRefused, match="has no never-treated"):
        fit(read(frame))
    fit(read(frame, covariates=()), comparison="not_yet_treated", covariates=())


def test_small_cohorts_may_be_left_out() -> None:
    estimate = fit(read(survey(600)), min_cohort_size=200)
    assert any(remark.id == "cohorts_below_minimum_size" for remark in estimate.remarks)


def test_a_universal_base_has_a_reference_cell() -> None:
    estimate = fit(read(survey(600)), base_period="universal")
    assert estimate.cells.is_reference.sum() == 2
    assert (estimate.cells.estimate[estimate.cells.is_reference] == 0.0).all()


def test_bootstrap_errors_are_near_the_analytical_ones() -> None:
    panel = read(survey(600))
    drawn = overall(fit(panel, inference="bootstrap"))
    assert drawn == pytest.approx(overall(fit(panel)), rel=0.15)


def test_the_panel_is_not_changed() -> None:
    panel = read(survey(300), covariates=["x", "z"])
    copy = dataclasses.replace(panel, outcome=panel.outcome.copy())
    fit(panel, covariates=("x",))
    np.testing.assert_array_equal(panel.outcome, copy.outcome)

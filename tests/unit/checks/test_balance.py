"""Balance before the first start: statuses, agreement with the rating, and what is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.checks.balance import LEVEL, TREND, Balance
from evalkit.checks.base import CheckContext
from evalkit.evidence.facts import baseline_differences
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.vocabulary import Diagnostic, FloatArray
from tests.simulated import context, spec

EXACT = 1e-12
DATA = {"source": {"kind": "file", "path": "simulated.csv"}, "unit": "unit", "period": "period", "cohort": "cohort"}


def with_confounders(made: CheckContext, *, adjusted: bool = False, **values: FloatArray) -> CheckContext:
    panel = dataclasses.replace(made.panel, covariates=values)
    settings = {**made.estimate.settings, "covariates": tuple(values) if adjusted else ()}
    estimate = dataclasses.replace(made.estimate, settings=settings)
    declared = spec(data={**DATA, "covariates": list(values)})
    return dataclasses.replace(made, panel=panel, estimate=estimate, spec=declared)


def shifted(made: CheckContext, by: float, seed: int = 0) -> FloatArray:
    """A confounder that is higher among the treated by about this many standard deviations."""
    panel = made.panel
    level = np.random.default_rng(seed).standard_normal(panel.n_units)
    arm = ~panel.never_treated
    level = np.where(arm, level - level[arm].mean() + by, level - level[~arm].mean())
    return np.repeat(level[:, None], panel.n_periods, axis=1)


def run(made: CheckContext) -> Diagnostic:
    return Balance().run(made)[0]


def details(found: Diagnostic) -> dict[str, float]:
    return dict(found.details)


def test_a_confounder_beyond_the_upper_mark_fails_and_one_between_the_marks_unless_adjusted_for() -> None:
    made = context()
    assert run(with_confounders(made, income=shifted(made, 0.6))).status == "fail"
    assert run(with_confounders(made, adjusted=True, income=shifted(made, 0.6))).status == "fail"
    between = shifted(made, 0.15)
    assert run(with_confounders(made, income=between)).status == "fail"
    assert run(with_confounders(made, adjusted=True, income=between)).status != "fail"
    assert run(with_confounders(made, income=shifted(made, 0.0))).status != "fail"


def test_differences_are_those_that_the_rating_reads() -> None:
    made = context()
    studied = with_confounders(made, income=shifted(made, 0.3), age=shifted(made, -0.2, seed=1))
    rated = baseline_differences(studied.panel, studied.spec)
    found = details(run(studied))
    assert rated.keys() == {"income", "age"}
    for name, g in rated.items():
        assert found[f"g_{name}"] == pytest.approx(g, rel=EXACT)
    assert run(studied).value == pytest.approx(max(abs(g) for g in rated.values()), rel=EXACT)


def test_a_difference_in_the_outcomes_trend_is_a_warning() -> None:
    found = run(context(trend_gap=1.0))
    assert found.status == "warn"
    assert abs(details(found)["g_outcome_trend"]) > 0.25


def test_one_period_before_the_start_shows_a_level_and_no_trend() -> None:
    found = details(run(context(cohorts={2: 0.4})))
    assert "g_outcome_level" in found
    assert "g_outcome_trend" not in found


def test_the_overlap_is_told_and_perfect_separation_warns() -> None:
    made = context()
    found = run(with_confounders(made, income=shifted(made, 0.2)))
    assert 1.0 < details(found)["effective_comparison_units"] <= made.panel.never_treated.sum()
    assert "count as" in found.reading
    apart = run(with_confounders(made, adjusted=True, income=shifted(made, 60.0)))
    assert "tell the arms apart perfectly" in apart.reading
    assert "effective_comparison_units" not in details(apart)


@pytest.mark.parametrize("change", ["no comparison", "no period before"])
def test_without_two_arms_or_a_period_before_it_says_that_it_did_not_run(change: str) -> None:
    made = context()
    panel = made.panel
    start = panel.first_treated.copy()
    if change == "no comparison":
        start[panel.never_treated] = panel.time[-1]
    else:
        made = dataclasses.replace(made, estimate=dataclasses.replace(made.estimate, settings={"anticipation": 9}))
    found = run(dataclasses.replace(made, panel=dataclasses.replace(panel, first_treated=start)))
    assert found.status == "not_run"


def test_its_figure_has_a_row_a_measure_with_means_by_arm() -> None:
    made = context()
    income = shifted(made, 0.3)
    income[0] = np.nan
    exhibit = run(with_confounders(made, income=income)).exhibit
    assert exhibit is not None
    rows = pd.DataFrame(dict(exhibit.table)).set_index("measure")
    assert rows.index.tolist() == [LEVEL, TREND, "income"]
    arms: dict[str, Any] = {"n_treated": ~made.panel.never_treated, "n_comparison": made.panel.never_treated}
    for name, arm in arms.items():
        assert rows[name]["income"] == (arm & ~np.isnan(income[:, 0])).sum()
    assert np.isfinite(rows["g_weighted"]["income"])


def test_readings_pass_the_linter() -> None:
    made = context()
    for studied in (
        made,
        with_confounders(made, income=shifted(made, 0.6)),
        with_confounders(made, income=shifted(made, 60.0)),
        with_confounders(made, income=np.ones_like(made.panel.outcome)),
    ):
        reading = run(studied).reading
        assert lint(reading, shipped().prose, bayesian=False, very_low=True, digits=False) == reading


def test_confounders_that_no_two_places_of_an_arm_have_together_are_not_weighted_by() -> None:
    """Income is known in one half of the treated, age in the other: nobody has a propensity score."""
    made = context()
    treated = np.flatnonzero(~made.panel.never_treated)
    income, age = shifted(made, 0.3), shifted(made, -0.2, seed=1)
    income[treated[::2]] = np.nan
    age[treated[1::2]] = np.nan
    found = run(with_confounders(made, income=income, age=age))
    assert {"g_income", "g_age"} <= details(found).keys()
    assert "Weighted by the odds" not in found.reading
    assert "largest difference of a declared confounder" in found.reading


def test_a_measure_that_no_weighted_place_has_keeps_its_own_difference() -> None:
    """Income is known where crime is not, so that the weights say nothing of crime."""
    made = context()
    comparison = np.flatnonzero(made.panel.never_treated)
    income = shifted(made, 0.3)
    income[comparison[::2]] = np.nan
    outcome = made.panel.outcome.copy()
    outcome[comparison[1::2], :4] = np.nan
    with_holes = dataclasses.replace(made, panel=dataclasses.replace(made.panel, outcome=outcome))
    found = run(with_confounders(with_holes, income=income))
    assert "Weighted by the odds" in found.reading
    assert found.exhibit is not None
    table = dict(found.exhibit.table)
    weighted = dict(zip(table["measure"], table["g_weighted"], strict=True))
    assert np.isnan(np.float64(str(weighted[LEVEL])))
    assert np.isfinite(np.float64(str(weighted["income"])))
    assert "g_outcome_level" in details(found)

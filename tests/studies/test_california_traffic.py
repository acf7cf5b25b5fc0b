"""California's 65 mph limit: one state, one series, and errors that are usually too small."""

from __future__ import annotations

import hashlib
import importlib.resources
from pathlib import Path

import numpy as np
import pytest
import yaml

import evalkit as ek
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.evaluation import Evaluation
from evalkit.report.compose import compose
from evalkit.report.page import build_page

# Wooldridge, Introductory Econometrics, exercise C10.11, with Newey-West errors of 4 lags and no small-sample factor
SPEED, BELT = (0.0671, 0.0245), (-0.0295, 0.0304)
DIGITS = 4
SAME = 1e-9
CARD = yaml.safe_load(Path(__file__).parents[2].joinpath("studies/california_traffic/data.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return ek.evaluate(ek.load_study("california_traffic"))


def overall(estimate: object) -> tuple[float, float]:
    assert isinstance(estimate, ek.Estimate)
    found = estimate.aggregation("overall")
    return round(float(found.estimate[0]), DIGITS), round(float(found.std_error[0]), DIGITS)


def test_both_coefficients_meet_the_published_figures(evaluation: Evaluation) -> None:
    assert overall(evaluation.estimate) == SPEED
    facts = evaluation.estimate.facts
    assert (round(facts["seat belt law"], DIGITS), round(facts["seat belt law_std_error"], DIGITS)) == BELT
    assert facts["lags"] == 4.0


def test_the_belt_law_as_the_programme_gives_the_same_coefficients() -> None:
    study = ek.load_study(
        "california_traffic",
        overrides=[
            "study.data.treated=beltlaw",
            "study.data.attributes=[spdlaw]",
            "estimator.other_interventions=[{column: spdlaw}]",
        ],
    )
    panel = panel_for(load_frame(study), study.spec, study.spec.primary_outcome)
    assert panel.calendar.text(int(panel.cohorts[0])) == "1986-01"
    found = ek.InterruptedTimeSeries(**study.estimator.settings).fit(panel, rng=np.random.default_rng(0))
    assert overall(found) == BELT
    assert round(found.facts["spdlaw"], DIGITS) == SPEED[0]


@pytest.mark.parametrize("lags", [0, 3, 5, 12])
def test_other_lags_do_not_give_the_published_errors(lags: int) -> None:
    study = ek.load_study("california_traffic", overrides=[f"estimator.lags={lags}"])
    panel = panel_for(load_frame(study), study.spec, study.spec.primary_outcome)
    found = ek.InterruptedTimeSeries(**study.estimator.settings).fit(panel, rng=np.random.default_rng(0))
    assert overall(found)[0] == SPEED[0]
    assert overall(found)[1] != SPEED[1]


def test_what_is_typed_outweighs_the_settings_of_the_study() -> None:
    study = ek.load_study("california_traffic", overrides=["estimator.errors=auto"])
    assert study.estimator.settings["errors"] == "auto"
    assert study.estimator.settings["change"] == "step"
    labels = {choice.label: choice.settings for choice in study.robustness}
    assert labels["Autoregressive errors"]["change"] == "step"
    assert labels["Level and slope"]["change"] == "step_and_slope"


def test_the_start_and_the_period_come_from_the_data(evaluation: Evaluation) -> None:
    panel = evaluation.panel
    assert (panel.n_units, panel.n_periods, str(panel.units[0])) == (1, 108, "California")
    assert panel.calendar.text(int(panel.cohorts[0])) == "1987-05"
    months = load_frame(ek.load_study("california_traffic"))
    for place, name in enumerate(["feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]):
        assert ((months["month"].dt.month == place + 2) == (months[name] == 1)).all()


def test_the_reported_interval_is_wider_than_the_usual_one_and_leaves_the_finding_open(evaluation: Evaluation) -> None:
    found = evaluation.estimate.reported
    assert found is not None
    assert found.method == "hac"
    assert found.low < 0.0 < found.clustered_low < found.clustered_high < found.high
    said = evaluation.evidence.sentences
    assert "a change of 0.05 fatal accidents per 100 reported accidents matters" in said.headline
    assert "compared with 0" not in said.headline
    assert evaluation.evidence.finding.label == "inconclusive"


def test_a_series_alone_is_capped_at_low_and_every_required_check_ran(evaluation: Evaluation) -> None:
    rating = evaluation.evidence.rating
    steps = {step.rule: step for step in rating.trail}
    assert (rating.label, steps["cap_time_series"].cap) == ("Low", 2)
    assert steps["cap_single_unit"].state == "not_applicable"
    assert steps["required_diagnostic"].state == "not_triggered"
    status = {found.id: found.status for found in evaluation.diagnostics}
    assert status == {
        "residual_autocorrelation": "pass", "placebo_dates": "pass", "placebo_outcomes": "pass",
        "sample_flow": "informational", "data_missing_periods": "pass", "data_spikes": "pass",
    }  # fmt: skip


def test_another_trend_takes_most_of_the_effect_away(evaluation: Evaluation) -> None:
    assert overall(evaluation.robustness["Bent trend"])[0] < 0.5 * SPEED[0]
    wandering = evaluation.robustness["Bayesian time series"]
    assert isinstance(wandering, ek.Estimate)
    found = wandering.aggregation("overall")
    assert found.low[0] < SPEED[0] < found.high[0]
    assert abs(found.estimate[0]) < 0.5 * SPEED[0]
    assert overall(evaluation.robustness["Autoregressive errors"])[0] == pytest.approx(0.063, abs=0.001)


def test_the_page_says_that_one_state_was_followed_over_time(evaluation: Evaluation) -> None:
    page = build_page(evaluation.evidence)
    told = dict(page.for_whom)
    assert told["Evidence from"] == "One state over time: 76 periods before the start and 32 from it on"
    contents = compose(evaluation, provenance={}, study_yaml="")
    drawn = {figure.id for figure in contents.figures}
    assert {"counterfactual", "series_coefficients", "autocorrelation", "placebo_dates"} <= drawn


def test_observed_less_effect_is_one_smooth_model_before_and_after_the_start(evaluation: Evaluation) -> None:
    cells = evaluation.estimate.cells
    expected = cells.observed - cells.estimate
    names = [
        "t",
        "wkends",
        "unem",
        "beltlaw",
        "feb",
        "mar",
        "apr",
        "may",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
    ]
    frame = load_frame(ek.load_study("california_traffic"))
    design = np.column_stack([np.ones(108), frame[names].to_numpy(float)])
    slopes = np.linalg.lstsq(design, expected)[0]
    np.testing.assert_allclose(design @ slopes, expected, atol=SAME)


def test_the_data_card_tells_what_is_read() -> None:
    frame = load_frame(ek.load_study("california_traffic"))
    assert (CARD["rows"], CARD["units"]) == (len(frame), frame["state"].nunique())
    assert CARD["periods"] == [str(frame["month"].min()), str(frame["month"].max())]
    assert {column["name"] for column in CARD["columns"]} <= set(frame.columns)
    assert fingerprint(frame) == CARD["fingerprint"]
    file = importlib.resources.files(CARD["source"]["package"]).joinpath(CARD["source"]["file"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == CARD["source"]["sha256"]

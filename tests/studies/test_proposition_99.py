"""Proposition 99: one treated state, 38 to compare it with, and placebos that decide."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import evalkit as ek
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.estimate import Estimate
from evalkit.evaluation import Evaluation
from evalkit.numerics.simplex import simplex_fit
from evalkit.report.compose import compose

ROOT = Path(__file__).parents[2]
CARD = yaml.safe_load((ROOT / "studies/proposition_99/data.yaml").read_text("utf-8"))
REFERENCE = ROOT / "tests/reference/synthetic_control"

# Outcome-only synthetic control of CausalPy's file, by independent programmes (tests/reference/synthetic_control)
EFFECT, EFFECT_2000, ERROR_BEFORE = -19.51, -26.60, 1.656
WEIGHTS = {"Utah": 0.394, "Montana": 0.232, "Nevada": 0.205}
DIFFERENCES, SYNTHETIC_DIFFERENCES = -27.349, -15.60
RANK, STATES = 3, 39
PRINTED = 0.005
"""Published with two digits."""
OPTIMUM = 1e-8
"""Above the least objective of two independent solvers."""
SUM = 1e-12


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return ek.evaluate(ek.load_study("proposition_99"))


@pytest.fixture(scope="module")
def panel() -> ek.Panel:
    study = ek.load_study("proposition_99")
    return panel_for(load_frame(study), study.spec, study.spec.primary_outcome)


def test_the_data_are_those_of_the_card() -> None:
    spec = importlib.util.find_spec("causalpy")
    assert spec is not None
    assert spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]) / CARD["source"]["file"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == CARD["source"]["sha256"]
    frame = load_frame(ek.load_study("proposition_99"))
    assert len(frame) == CARD["rows"]
    assert frame["state"].nunique() == CARD["units"]
    assert [frame["Year"].min(), frame["Year"].max()] == CARD["periods"]
    assert fingerprint(frame) == CARD["fingerprint"]


def test_the_effect_its_path_and_the_fit_meet_the_reference(evaluation: Evaluation) -> None:
    estimate = evaluation.estimate
    assert float(estimate.aggregation("overall").estimate[0]) == pytest.approx(EFFECT, abs=PRINTED)
    assert estimate.cells.estimate[-1] == pytest.approx(EFFECT_2000, abs=PRINTED)
    assert estimate.facts["rmspe_before"] == pytest.approx(ERROR_BEFORE, abs=PRINTED / 10)


def test_utah_montana_and_nevada_make_up_most_of_the_comparison(evaluation: Evaluation) -> None:
    table = evaluation.estimate.exhibits[0].table
    weights = dict(zip(table["donor"], table["weight"], strict=True))
    for state, weight in WEIGHTS.items():
        assert weights[state] == pytest.approx(weight, abs=PRINTED / 10)
    assert len(weights) == 6


def test_no_independent_solver_reaches_a_lower_objective(panel: ek.Panel) -> None:
    treated = int(np.flatnonzero(~panel.never_treated)[0])
    before = panel.time < panel.first_treated[treated]
    A = np.delete(panel.outcome, treated, axis=0)[:, before].T
    fit = simplex_fit(A, panel.outcome[treated, before])
    solvers = pd.read_csv(REFERENCE / "solvers.csv").set_index("solver")["objective"]
    assert len(solvers) == 4
    assert fit.loss <= solvers.min() + OPTIMUM
    assert sorted(abs(fit.loss - solvers))[1] < OPTIMUM  # two of them agree with it
    assert abs(fit.weights.sum() - 1.0) < SUM
    assert fit.gap < OPTIMUM


def test_california_ranks_third_among_its_placebos(evaluation: Evaluation) -> None:
    facts = evaluation.estimate.facts
    assert (facts["rmspe_ratio_rank"], facts["rmspe_ratio_units"]) == (RANK, STATES)
    (check,) = [found for found in evaluation.diagnostics if found.id == "placebo_in_space"]
    assert check.value == pytest.approx(RANK / STATES)
    table = next(shown.table for shown in evaluation.estimate.exhibits if shown.kind == "error_ratios")
    assert table["place"][:RANK] == ("Missouri", "Virginia", "California")


def test_the_reported_interval_is_that_of_the_placebos_and_holds_zero(evaluation: Evaluation) -> None:
    reported = evaluation.estimate.reported
    assert reported is not None
    assert reported.method == "placebo_in_space"
    assert reported.p_value == pytest.approx(RANK / STATES)
    assert reported.smallest_p == pytest.approx(1 / STATES)
    assert reported.low < 0.0 < reported.high
    assert "inconclusive" in evaluation.evidence.sentences.finding


def test_other_estimators_meet_their_references(evaluation: Evaluation) -> None:
    found = {}
    for label, estimate in evaluation.robustness.items():
        assert isinstance(estimate, Estimate), estimate
        found[label] = float(estimate.aggregation("overall").estimate[0])
    assert found["Two-way fixed effects"] == pytest.approx(DIFFERENCES, abs=PRINTED / 10)
    assert found["Synthetic difference-in-differences"] == pytest.approx(SYNTHETIC_DIFFERENCES, abs=2 * PRINTED)
    peers = json.loads((REFERENCE / "peers.json").read_text("utf-8"))
    # pysyncon's weights carry an error near 1e-4, that of its solver
    assert found["Augmented synthetic control"] == pytest.approx(peers["augsynth cv"]["att"], abs=1e-3)


def test_the_fit_before_the_start_passes_and_trends_are_not_tested(evaluation: Evaluation) -> None:
    status = {found.id: found.status for found in evaluation.diagnostics}
    assert status["pre_fit"] == "pass"
    assert status["placebo_period"] == "pass"


def test_the_page_shows_weights_placebos_and_ratios(evaluation: Evaluation) -> None:
    contents = compose(evaluation, provenance={}, study_yaml="")
    drawn = {figure.id for figure in contents.figures}
    assert {"counterfactual", "donor_weights", "placebo_gaps", "error_ratios"} <= drawn
    assert evaluation.evidence.rating.label == "Very low"
    notes = {figure.id: figure.note for figure in contents.figures}
    assert (
        "go by the headline" in notes["cumulative"]
    )  # its interval excludes 0 in the last year, the headline's does not


def test_nested_predictor_weights_fit_past_sales_better_than_a_peer_does(panel: ek.Panel) -> None:
    peers = json.loads((REFERENCE / "peers.json").read_text("utf-8"))
    estimator = ek.SyntheticControl(outcome_lags=(1975, 1980, 1988), placebos=1, inference="placebo_in_space")
    found = estimator.fit(panel, rng=np.random.default_rng(0)).facts["rmspe_before"]
    assert found < min(peers["nested Nelder-Mead"]["rmspe"], peers["nested BFGS"]["rmspe"])
    assert found >= ERROR_BEFORE - PRINTED  # no weights fit better than those that fit nothing else

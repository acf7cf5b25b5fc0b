"""California's active-choice question: one treated state, so the placebo test over states decides."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.resources
from pathlib import Path

import numpy as np
import pytest
import yaml

import evalkit as ek
from evalkit.checks.base import CheckContext
from evalkit.checks.randomization_inference import RandomizationInference
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.evaluation import Evaluation
from evalkit.vocabulary import NEVER

POINT = 5e-6
"""The coefficient is printed with five digits."""
ANALYTICAL = 0.03
"""Relative, on standard errors: packages differ in small-sample corrections by less than this."""
SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""

TWO_WAY = (-0.02246, 0.00603)  # linearmodels PanelOLS, state and quarter effects, clustered by state
PLACEBO_RANK, STATES = 5, 27  # the same, every state in turn given California's start
CARD = yaml.safe_load(Path(__file__).parents[2].joinpath("studies/organ_donation/data.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def study() -> ek.Study:
    return ek.load_study("organ_donation")


@pytest.fixture(scope="module")
def data(study: ek.Study) -> ek.Panel:
    return panel_for(load_frame(study), study.spec, study.spec.primary_outcome)


@pytest.fixture(scope="module")
def evaluation(study: ek.Study) -> Evaluation:
    return ek.evaluate(study)


def effect(panel: ek.Panel) -> tuple[float, float]:
    overall = ek.TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0)).aggregation("overall")
    return float(overall.estimate[0]), float(overall.std_error[0])


def test_california_alone_is_treated_from_the_third_quarter_of_2011(data: ek.Panel) -> None:
    treated = ~data.never_treated
    assert [str(state) for state in data.units[treated]] == ["California"]
    assert data.calendar.label(int(data.first_treated[treated][0])) == 4
    assert (data.n_units, data.n_periods, data.is_balanced) == (STATES, 6, True)


def test_two_way_fixed_effects_meet_the_published_figure(data: ek.Panel) -> None:
    value, error = effect(data)
    assert value == pytest.approx(TWO_WAY[0], abs=POINT)
    assert error == pytest.approx(TWO_WAY[1], rel=ANALYTICAL)


def test_the_coefficient_is_the_difference_of_before_after_differences(data: ek.Panel) -> None:
    change = data.outcome[:, 3:].mean(axis=1) - data.outcome[:, :3].mean(axis=1)
    california = ~data.never_treated
    assert effect(data)[0] == pytest.approx(float(change[california][0] - change[~california].mean()), rel=SAME)


def test_california_ranks_fifth_of_27_when_every_state_takes_its_start(data: ek.Panel) -> None:
    start, found = int(data.first_treated.min()), {}
    for position, state in enumerate(data.units):
        starts = np.full(STATES, NEVER)
        starts[position] = start
        found[str(state)] = abs(effect(dataclasses.replace(data, first_treated=starts))[0])
    ranked = sorted(found, key=lambda state: -found[state])
    assert ranked.index("California") + 1 == PLACEBO_RANK


@pytest.mark.parametrize("studentized", [False, True])
def test_the_check_gives_five_in_27(study: ek.Study, data: ek.Panel, studentized: bool) -> None:
    fit = functools.partial(ek.TwoWayFixedEffects().fit, rng=np.random.default_rng(0))
    context = CheckContext(study.spec, data, fit(data), fit)
    found = RandomizationInference(studentized=studentized).run(context)[0]
    assert found.value == PLACEBO_RANK / STATES
    assert "p = 0.185; the smallest that could be reached is 0.037" in found.reading
    assert dict(found.details)["exact"] == 1.0


def test_the_headline_leads_with_the_placebo_and_not_with_the_clustered_interval(evaluation: Evaluation) -> None:
    overall = evaluation.estimate.aggregation("overall")
    assert overall.high[0] < 0.0, "the clustered interval excludes 0"
    evidence = evaluation.evidence.to_dict()
    assert evidence["finding"]["label"] == "inconclusive"
    headline = evidence["sentences"]["headline"]
    assert "randomization inference gives p = 0.19" in headline
    assert "1 of 27 clusters treated" in headline
    assert headline.index("p = 0.19") < headline.index("confidence interval")
    assert any("gives p = 0.185" in item["text"] for item in evidence["use"]["limitations"])


def test_one_treated_state_is_rated_very_low(evaluation: Evaluation) -> None:
    steps = {step.rule: step for step in evaluation.evidence.rating.trail}
    assert evaluation.evidence.rating.label == "Very low"
    assert steps["cap_single_unit"].cap == 1
    assert steps["few_clusters"].state == "not_triggered"
    assert steps["failed_check:randomization_inference"].points == -1


def test_the_wild_bootstrap_only_informs(evaluation: Evaluation) -> None:
    (found,) = (diagnostic for diagnostic in evaluation.diagnostics if diagnostic.id == "wild_bootstrap")
    assert found.status == "informational"
    assert found.value is not None
    assert found.value > 0.3


def test_the_data_card_describes_the_file_that_is_read(study: ek.Study) -> None:
    frame = load_frame(study)
    assert (CARD["rows"], CARD["units"]) == (len(frame), frame["State"].nunique())
    assert CARD["periods"] == [frame["Quarter_Num"].min(), frame["Quarter_Num"].max()]
    assert {column["name"] for column in CARD["columns"]} <= set(frame.columns)
    assert fingerprint(frame) == CARD["fingerprint"]
    file = importlib.resources.files(CARD["source"]["package"]).joinpath(CARD["source"]["file"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == CARD["source"]["sha256"]

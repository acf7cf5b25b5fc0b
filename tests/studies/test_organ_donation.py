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
from evalkit.config import resolved_yaml
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.errors import DesignRefused
from evalkit.evaluation import Evaluation
from evalkit.report.bundle import write_bundle
from evalkit.report.compose import compose
from evalkit.report.page import build_page
from evalkit.tracking.bundle import Bundle as TrackedBundle
from evalkit.tracking.contents import parent
from evalkit.vocabulary import NEVER

POINT = 5e-6
"""The coefficient is printed with five digits."""
ANALYTICAL = 0.03
"""Relative, on standard errors: packages differ in small-sample corrections by less than this."""
SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""

TWO_LINES = 230
"""Characters of a headline that MLflow's run page shows unfolded on a wide screen."""

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


def test_what_is_reported_is_the_placebo_test_with_its_interval(evaluation: Evaluation) -> None:
    found = evaluation.estimate.reported
    assert found is not None
    assert (found.method, found.p_value, found.smallest_p) == ("randomization", PLACEBO_RANK / STATES, 1 / STATES)
    assert (found.n_treated_clusters, found.n_clusters) == (1, STATES)
    assert found.low < 0.0 < found.high
    assert found.clustered_high < 0.0, "the clustered interval excludes 0"
    primary, other = evaluation.evidence.estimates
    assert (primary.effect.low, primary.effect.high) == (found.low, found.high)
    assert primary.effect.value == pytest.approx(TWO_WAY[0], abs=POINT)
    assert primary.p_value.value == PLACEBO_RANK / STATES
    assert other.inference is not None
    assert other.inference.method == "randomization", "27 roll-outs are few enough for the cross-check, too"


@pytest.mark.parametrize("side", ["low", "high"])
def test_every_bound_is_the_effect_at_which_california_stops_to_be_the_furthest(
    evaluation: Evaluation, data: ek.Panel, side: str
) -> None:
    """A second way to the interval: take the bound off California's rates and rank the states again."""
    found = evaluation.estimate.reported
    assert found is not None
    start, treated = int(data.first_treated.min()), ~data.never_treated
    ranks = []
    for step in (-1e-6, 1e-6):
        bound = getattr(found, side) + step
        null = dataclasses.replace(data, outcome=data.outcome - bound * data.treated)
        after = data.time >= start
        change = null.outcome[:, after].mean(axis=1) - null.outcome[:, ~after].mean(axis=1)
        gaps = np.array([abs(change[k] - np.delete(change, k).mean()) for k in range(STATES)])
        ranks.append(int((gaps >= gaps[treated][0]).sum()))
    assert sorted(ranks) == [1, 2]


def test_the_headline_leads_with_the_placebo_and_fits_two_lines(evaluation: Evaluation) -> None:
    evidence = evaluation.evidence
    assert evidence.finding.label == "inconclusive"
    headline = evidence.sentences.headline
    assert "placebo p = 0.19" in headline
    assert headline.index("p = 0.19") < headline.index("a fall of 14 to a rise of 11 percentage points")
    assert len(headline) <= TWO_LINES
    assert evidence.sentences.inference == (
        "With 1 treated state of 27 the usual interval is too narrow; this one compares California with every other "
        "state (placebo p: the share of states with as large a change)."
    )


def test_page_table_and_tracking_show_the_same_interval(evaluation: Evaluation, tmp_path: Path) -> None:
    contents = compose(evaluation, provenance={}, study_yaml=resolved_yaml(evaluation.study))
    assert build_page(evaluation.evidence).dials[0].beneath == (
        "95 % confidence interval: −14 to 11", "p = 0.19, by randomization",
    )  # fmt: skip
    row = contents.estimates.query("aggregation == 'overall' and role == 'primary'").iloc[0]
    found = evaluation.estimate.reported
    assert found is not None
    assert (row["low"], row["high"], row["p_value"], row["inference"]) == (
        found.low, found.high, found.p_value, "randomization",
    )  # fmt: skip
    assert (row["low_clustered"], row["high_clustered"]) == (found.clustered_low, found.clustered_high)
    notes = {figure.id: figure.note for figure in contents.figures}
    assert "too narrow with so few treated" in notes["event_study"]
    assert "by randomization" in notes["forest"]
    folder = write_bundle(evaluation, tmp_path, provenance={}, study_yaml=resolved_yaml(evaluation.study))
    run = parent(TrackedBundle.read(folder))
    assert run.metrics["p_value"] == PLACEBO_RANK / STATES
    assert (run.metrics["effect_low"], run.metrics["effect_high"]) == (found.low, found.high)
    assert run.metrics["clustered_high"] == found.clustered_high
    assert run.tags["evalkit.inference"] == "randomization"


def test_the_clustered_interval_is_refused_with_the_reason() -> None:
    with pytest.raises(DesignRefused, match="it needs 10 treated clusters and there are 1"):
        ek.evaluate(ek.load_study("organ_donation", ["study.design.inference=clustered"]))


def test_one_treated_state_is_rated_very_low(evaluation: Evaluation) -> None:
    steps = {step.rule: step for step in evaluation.evidence.rating.trail}
    assert evaluation.evidence.rating.label == "Very low"
    assert steps["cap_single_unit"].cap == 1
    assert steps["few_clusters"].state == "not_triggered"
    assert "by randomization" in steps["few_clusters"].reason
    assert steps["imprecision"].points == -2


def test_no_check_contradicts_an_interval_that_holds_zero(evaluation: Evaluation) -> None:
    found = {diagnostic.id: diagnostic for diagnostic in evaluation.diagnostics}
    assert found["randomization_inference"].status == "pass"
    assert found["wild_bootstrap"].status == "pass"
    assert found["wild_bootstrap"].value is not None
    assert found["wild_bootstrap"].value > 0.3


def test_the_data_card_describes_the_file_that_is_read(study: ek.Study) -> None:
    frame = load_frame(study)
    assert (CARD["rows"], CARD["units"]) == (len(frame), frame["State"].nunique())
    assert CARD["periods"] == [frame["Quarter_Num"].min(), frame["Quarter_Num"].max()]
    assert {column["name"] for column in CARD["columns"]} <= set(frame.columns)
    assert fingerprint(frame) == CARD["fingerprint"]
    file = importlib.resources.files(CARD["source"]["package"]).joinpath(CARD["source"]["file"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == CARD["source"]["sha256"]

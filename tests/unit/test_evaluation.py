"""The one path: a study in, evidence out, nothing written."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml

from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, EvalkitError
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.evaluation import FINGERPRINT_KEY, Evaluation, _of_every_posterior, evaluate, labelled, require, stage_rng
from evalkit.evidence.schema import Evidence
from evalkit.study.spec import Choice, Study
from evalkit.testing.simulate import staggered_frame, staggered_panel
from evalkit.uncertainty import Posterior
from tests.posteriors import judged_by, normal_mean, series
from tests.simulated import spec

RULES = yaml.safe_load((Path(__file__).parents[2] / "configs" / "evidence" / "standard.yaml").read_text("utf-8"))
CHECKS = ("pre_trends", "placebo_period", "leave_one_cohort_out", "sampler", "sample_flow")


def study(
    folder: Path, *, estimator: str = "callaway_santanna", robustness: tuple[Choice, ...] = (), **changes: Any
) -> Study:
    frame = staggered_frame(n_units=80, n_periods=8, effect=2.0, seed=5)
    frame.assign(second=frame["y"] * 3.0).to_csv(folder / "simulated.csv", index=False)
    return Study(
        spec=spec(**changes),
        estimator=Choice(name="callaway_santanna"),
        robustness=robustness,
        checks=tuple(Choice(name=name) for name in CHECKS),
        evidence=RULES,
        seed=7,
        data_root=str(folder),
    )


def of_checks(found: Evaluation) -> list[str]:
    """Ids of the checks; what is wrong with the data is looked at whatever a study lists."""
    return [each.id for each in found.diagnostics if not each.id.startswith("data_")]


def test_a_study_becomes_evidence_and_no_file_is_written(tmp_path: Path) -> None:
    made = study(tmp_path)
    before = sorted(os.listdir(tmp_path))
    found = evaluate(made)
    assert sorted(os.listdir(tmp_path)) == before
    assert set(of_checks(found)) == set(CHECKS)
    assert {each.id for each in found.diagnostics} - set(CHECKS) == {"data_missing_periods", "data_spikes"}
    assert found.n_rows == 640
    assert found.evidence.to_dict()["identity"]["study_id"] == "simulated"


def test_the_sampler_of_a_posterior_is_checked_whether_listed_or_not(tmp_path: Path) -> None:
    listed = study(tmp_path)
    bayesian = Choice(name="bayesian_did", settings={"engine": "exact", "draws": 200})
    unlisted = listed.model_copy(update={"estimator": bayesian, "checks": (Choice(name="pre_trends"),)})
    found = evaluate(unlisted)
    assert {diagnostic.id: diagnostic.status for diagnostic in found.diagnostics}["sampler"] != "not_run"
    frequentist = listed.model_copy(update={"checks": (Choice(name="pre_trends"),)})
    assert of_checks(evaluate(frequentist)) == ["pre_trends"]


def test_a_posterior_with_predictive_draws_gets_its_checks_and_the_rating_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = BayesianDid.fit

    def with_predictive(self: BayesianDid, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        estimate = plain(self, panel, rng=rng)
        posterior = estimate.uncertainty
        assert isinstance(posterior, Posterior)
        known = normal_mean(series()).predictive
        assert known is not None
        assert known.log_likelihood is not None
        assert known.log_prior is not None
        kept = np.arange(800)
        predictive = dataclasses.replace(
            known, log_likelihood=known.log_likelihood[kept], log_prior=known.log_prior[kept], draws_of=kept
        )  # fmt: skip
        return dataclasses.replace(estimate, uncertainty=dataclasses.replace(posterior, predictive=predictive))

    monkeypatch.setattr(BayesianDid, "fit", with_predictive)
    settings = {"engine": "exact", "draws": 200, "leads": False}
    made = study(tmp_path).model_copy(
        update={"estimator": Choice(name="bayesian_did", settings=settings), "checks": (Choice(name="pre_trends"),)}
    )
    found = evaluate(made)
    names = of_checks(found)
    assert names == ["pre_trends", "sampler", "posterior_predictive", "prior_predictive", "prior_sensitivity"]
    details = dict(found.diagnostics[-1].details)
    assert details["finding_changes"] == 0.0
    states = {step.rule: step.state for step in found.evidence.rating.trail}
    assert states["prior"] == states["posterior_predictive"] == "not_triggered"


@pytest.mark.promise("law-seed")
def test_the_same_study_gives_the_same_numbers_and_keys(tmp_path: Path) -> None:
    first, second = evaluate(study(tmp_path)), evaluate(study(tmp_path))
    assert first.estimate.to_frame().equals(second.estimate.to_frame())
    assert first.data_fingerprint == second.data_fingerprint
    assert first.evidence.identity.config_sha == second.evidence.identity.config_sha
    assert first.evidence.identity.run_id != second.evidence.identity.run_id


def test_a_robustness_estimator_that_refuses_is_part_of_the_result(tmp_path: Path) -> None:
    choices = (
        Choice(name="two_way_fixed_effects"),
        Choice(name="callaway_santanna", settings={"covariates": ["income"]}, label="with income"),
    )
    found = evaluate(study(tmp_path, robustness=choices)).robustness
    assert isinstance(found["two_way_fixed_effects"], Estimate)
    assert isinstance(found["with income"], EvalkitError)


def test_further_outcomes_are_estimated_too(tmp_path: Path) -> None:
    outcomes = [
        {"name": "outcome", "column": "y", "unit": "points", "direction": "higher_better"},
        {"name": "second", "column": "second", "role": "secondary", "unit": "points", "direction": "higher_better"},
    ]
    found = evaluate(study(tmp_path, outcomes=outcomes))
    second = found.other_outcomes["second"]
    assert isinstance(second, Estimate)
    three_times = 3.0 * found.estimate.aggregation("overall").estimate[0]
    assert second.aggregation("overall").estimate[0] == pytest.approx(three_times)
    assert [(block.outcome, block.role) for block in found.evidence.estimates] == [
        ("outcome", "primary"),
        ("second", "primary"),
    ]
    first, other = found.evidence.summary_of_findings
    assert other.natural.absolute.effect.value == pytest.approx(three_times)
    assert other.p_value.value == pytest.approx(first.p_value.value)
    own = {step.rule: step.reason for step in other.trail}
    assert own["pre_trends"].startswith("The joint pre-trend test has p = ")
    assert other.certainty == first.certainty  # three times the outcome is three times as certain of nothing


def test_a_further_outcome_costs_one_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []
    plain = CallawaySantAnna.fit

    def counted(self: CallawaySantAnna, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        fits.append(panel.names.outcome)
        return plain(self, panel, rng=rng)

    monkeypatch.setattr(CallawaySantAnna, "fit", counted)
    outcomes = [
        {"name": "outcome", "column": "y", "unit": "points", "direction": "higher_better"},
        {"name": "second", "column": "second", "role": "secondary", "unit": "points", "direction": "higher_better"},
    ]
    made = study(tmp_path, outcomes=outcomes).model_copy(
        update={"checks": (Choice(name="pre_trends"), Choice(name="honest"))}
    )
    evaluate(made)
    assert fits == ["y", "second"]


def test_a_check_reads_further_outcomes_whatever_their_names(tmp_path: Path) -> None:
    outcomes = [
        {"name": "outcome", "column": "y", "unit": "points", "direction": "higher_better"},
        {"name": "the chance of rain", "column": "second", "role": "placebo", "unit": "points",
         "direction": "higher_better"},
    ]  # fmt: skip
    said: list[str] = []
    made = study(tmp_path, outcomes=outcomes, assignment={"unit": "city"})
    made = made.model_copy(update={"checks": (Choice(name="placebo_outcomes"), Choice(name="pre_trends"))})
    found = evaluate(made, progress=lambda text, share=None: said.append(text))
    (placebo,) = (each for each in found.diagnostics if each.id == "placebo_outcomes")
    assert placebo.status == "fail"  # three times the outcome moves with it
    assert "'the chance of rain'" in placebo.reading
    assert said.count("Estimating the effect on the chance of rain") == 1
    steps = {step.rule: step for step in found.evidence.rating.trail}
    assert steps["failed_check:placebo_outcomes"].state in ("applied", "not_triggered")


def test_the_headline_is_announced_before_the_cross_checks(tmp_path: Path) -> None:
    said: list[str] = []
    headlines: list[Evidence] = []

    def announce(evidence: Evidence) -> None:
        headlines.append(evidence)
        said.append("announced")

    evaluate(
        study(tmp_path, robustness=(Choice(name="two_way_fixed_effects"),)),
        progress=lambda text, share=None: said.append(text),
        announce=announce,
    )
    assert said.index("announced") < said.index("Cross-checking with two_way_fixed_effects")
    assert headlines[0].sentences.headline


def test_restricted_data_need_a_key_for_their_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = spec().data.model_dump() | {"restricted": True}
    monkeypatch.delenv(FINGERPRINT_KEY, raising=False)
    with pytest.raises(ConfigError, match=FINGERPRINT_KEY):
        evaluate(study(tmp_path, data=data))
    monkeypatch.setenv(FINGERPRINT_KEY, "a secret of the data steward, 32 b")
    keyed = evaluate(study(tmp_path, data=data)).data_fingerprint
    assert keyed != evaluate(study(tmp_path)).data_fingerprint


def test_labels_that_repeat_are_numbered() -> None:
    choices = (Choice(name="a"), Choice(name="a"), Choice(name="a", label="mine"))
    assert list(labelled(choices)) == ["a", "a (2)", "mine"]


def test_a_design_without_a_start_in_the_window_is_refused() -> None:
    with pytest.raises(DesignRefused, match="No unit starts treatment within the window"):
        require(TwoWayFixedEffects(), staggered_panel(n_units=20, cohorts={1: 0.5}))


@pytest.mark.promise("repeat-stages")
def test_each_stage_has_randomness_of_its_own() -> None:
    assert stage_rng(1, "fit:a").random() == stage_rng(1, "fit:a").random()
    assert stage_rng(1, "fit:a").random() != stage_rng(1, "fit:b").random()


def test_a_dose_that_switches_is_refused_up_front_where_treatment_must_stay_on() -> None:
    panel = staggered_panel(n_units=30, n_periods=6, seed=1)
    halved = dataclasses.replace(panel, dose=np.where(panel.treated, 0.5, 0.0))
    with pytest.raises(DesignRefused, match="needs treatment that is on or off and stays on"):
        require(TwoWayFixedEffects(), halved)


def test_a_single_unit_is_refused_where_units_are_compared() -> None:
    panel = staggered_panel(n_units=6, n_periods=6, cohorts={4: 1.0}, seed=1)
    alone = keep_units(panel, np.arange(6) == 0)
    with pytest.raises(DesignRefused, match="compares units, and this panel has one"):
        require(TwoWayFixedEffects(), alone)


class OfNever(PanelEstimator):
    """Compares with units that are never treated, a long time before the start."""

    name: ClassVar[str] = "of_never"
    needs: ClassVar[Needs] = Needs(answers="Nothing.", never_treated=True, pre_periods=4)


def test_what_an_estimator_needs_and_the_panel_lacks_is_named() -> None:
    with pytest.raises(DesignRefused, match="of_never needs never-treated units"):
        require(OfNever(), staggered_panel(n_units=20, n_periods=8, cohorts={5: 0.5, 6: 0.5}))
    with pytest.raises(DesignRefused, match=r"of_never needs 4 periods before the start.*more than 3"):
        require(OfNever(), staggered_panel(n_units=20, n_periods=8, cohorts={4: 0.5}))
    require(OfNever(), staggered_panel(n_units=20, n_periods=8, cohorts={5: 0.5}))


def test_a_posterior_without_predictive_draws_has_its_sampler_checked_and_no_more() -> None:
    estimate = judged_by(normal_mean(series())).estimate
    posterior = estimate.uncertainty
    assert isinstance(posterior, Posterior)
    bare = dataclasses.replace(estimate, uncertainty=dataclasses.replace(posterior, predictive=None))
    assert _of_every_posterior(bare) == ("sampler",)
    assert _of_every_posterior(estimate)[:2] == ("sampler", "posterior_predictive")

"""A study whose treatment ends: training grants, from the config to the summary."""

from __future__ import annotations

import pytest

from evalkit.config import load_study
from evalkit.errors import DesignRefused
from evalkit.evaluation import evaluate

GRANTS = [
    "study.data.source.name=jtrain",
    "study.data.unit=fcode",
    "study.data.cluster=fcode",
    "study.data.treated=null",
    "study.data.dose=grant",
    "study.outcomes=[{name: hours of training, column: hrsemp, unit: hours per employee, direction: higher_better}]",
    "~study.translations",
    "study.design.comparison=not_yet_treated",
    "study.robustness=[{name: callaway_santanna}]",
    "study.checks=[pre_trends, sample_flow]",
]


def test_a_study_with_a_dose_runs_with_switching_did_and_says_what_the_effect_is_for() -> None:
    found = evaluate(load_study("enterprise_zones", ["estimator=switching_did", *GRANTS]))
    assert round(float(found.estimate.aggregation("overall").estimate[0]), 1) == 32.6
    assert "Each unit of grant (" in found.evidence.sentences.headline
    refused = found.robustness["callaway_santanna"]
    assert isinstance(refused, DesignRefused)
    assert "'grant' is 0 for" in refused.what


def test_other_estimators_refuse_the_study_and_name_the_one_that_takes_it() -> None:
    with pytest.raises(DesignRefused, match="stays on") as caught:
        evaluate(load_study("enterprise_zones", ["estimator=imputation", *GRANTS]))
    assert "estimator=switching_did" in str(caught.value)


@pytest.mark.parametrize(("study", "effect"), [("castle_doctrine", 0.0194), ("enterprise_zones", -0.1802)])
def test_it_runs_on_the_shipped_studies(study: str, effect: float) -> None:
    quick = ["study.robustness=[]", "study.checks=[pre_trends]"]
    found = evaluate(load_study(study, ["estimator=switching_did", *quick]))
    theirs = evaluate(load_study(study, quick))
    mine, other = (each.estimate.aggregation("overall") for each in (found, theirs))
    assert float(mine.estimate[0]) == pytest.approx(float(other.estimate[0]), abs=1e-12)
    assert round(float(mine.estimate[0]), 4) == effect

"""Synthetic difference-in-differences and interactive fixed effects on the data of studies."""

from __future__ import annotations

import pytest

from evalkit.config import load_study
from evalkit.evaluation import Evaluation, evaluate

QUICK = ("study.robustness=[]", "study.checks=[pre_trends]")
ROUNDING = 5e-5  # figures are stated to four decimals


def run(study: str, *overrides: str) -> Evaluation:
    return evaluate(load_study(study, [*overrides, *QUICK]))


@pytest.mark.parametrize(
    ("study", "effect", "method"),
    [("castle_doctrine", 0.0536, "placebo_variance"), ("enterprise_zones", -0.0401, "jackknife")],
)
def test_synthetic_did_runs_on_a_study_and_its_own_interval_is_reported(study: str, effect: float, method: str) -> None:
    found = run(study, "estimator=synthetic_did", "estimator.n_draws=50")
    assert found.estimate.aggregation("overall").estimate[0] == pytest.approx(effect, abs=ROUNDING)
    assert found.estimate.reported is not None
    assert found.estimate.reported.method == method


@pytest.mark.parametrize(
    ("study", "overrides", "effect", "method"),
    [
        ("castle_doctrine", ("estimator.n_draws=50",), 0.0402, "placebo_variance"),
        pytest.param(
            "castle_doctrine",
            ("estimator.method=matrix_completion", "estimator.n_draws=50"),
            0.0646,
            "none",
            marks=pytest.mark.calibration,  # ten seconds
        ),
        ("enterprise_zones", (), -0.0742, "jackknife"),
    ],
)
def test_interactive_fixed_effects_run_on_a_study(
    study: str, overrides: tuple[str, ...], effect: float, method: str
) -> None:
    found = run(study, "estimator=interactive_fixed_effects", *overrides)
    assert found.estimate.aggregation("overall").estimate[0] == pytest.approx(effect, abs=ROUNDING)
    assert found.estimate.reported is not None
    assert found.estimate.reported.method == method
    unreliable = method == "none"
    assert ("this method has no interval that can be relied on" in found.evidence.sentences.headline) == unreliable

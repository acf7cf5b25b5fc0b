"""Stacked, two-stage and triple-difference estimators on the studies' data, as the command line runs them."""

from __future__ import annotations

import pytest

from evalkit.config import load_study
from evalkit.errors import DesignRefused
from evalkit.evaluation import Evaluation, evaluate

QUICK = ("study.robustness=[]", "study.checks=[pre_trends]")
ROUNDING = 5e-5  # figures are stated to four decimals


def run(study: str, *overrides: str) -> Evaluation:
    return evaluate(load_study(study, [*overrides, *QUICK]))


@pytest.mark.parametrize(
    ("study", "overrides", "effect", "error"),
    [
        ("castle_doctrine", (), 0.0210, 0.0372),
        ("enterprise_zones", (), -0.2175, 0.0891),
        (
            "enterprise_zones",
            ("estimator.method=local_projections", "study.design.comparison=not_yet_treated"),
            -0.2344,
            0.0908,
        ),
    ],
)
def test_stacked_estimates_use_the_window_of_the_study(
    study: str, overrides: tuple[str, ...], effect: float, error: float
) -> None:
    found = run(study, "estimator=stacked_did", *overrides)
    row = found.estimate.aggregation("overall")
    assert row.estimate[0] == pytest.approx(effect, abs=ROUNDING)
    assert row.std_error[0] == pytest.approx(error, abs=ROUNDING)
    labels = found.estimate.aggregation("event_study").labels
    assert (labels[0], labels[-1]) == found.study.spec.design.event_window
    pre_trends = [diagnostic for diagnostic in found.diagnostics if diagnostic.id == "pre_trends"]
    assert pre_trends[0].status != "not_run"


def test_a_short_panel_trims_the_late_adopters_of_castle_doctrine_by_name() -> None:
    found = run("castle_doctrine", "estimator=stacked_did")
    (text,) = [remark.text for remark in found.estimate.remarks if remark.id == "cohorts_trimmed"]
    assert "Cohorts were trimmed (7 units)" in text
    assert "'2008', '2009', '2010' (the data end before the last period needed)" in text


def test_two_stage_errors_come_with_the_effects_of_imputation() -> None:
    one = run("enterprise_zones", "estimator=imputation", "estimator.variance=gardner").estimate
    two = run("enterprise_zones", "estimator=imputation").estimate
    assert one.aggregation("overall").estimate[0] == two.aggregation("overall").estimate[0]
    assert one.aggregation("overall").std_error[0] != two.aggregation("overall").std_error[0]


@pytest.mark.parametrize("study", ["castle_doctrine", "enterprise_zones"])
def test_a_study_without_a_column_of_who_is_eligible_is_refused(study: str) -> None:
    with pytest.raises(DesignRefused, match="column of zeros and ones that says who could be treated"):
        run(study, "estimator=triple_difference")

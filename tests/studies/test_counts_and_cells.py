"""Extended two-way and Poisson estimators on the studies' data, as the command line runs them."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.config import load_study
from evalkit.errors import DataError
from evalkit.evaluation import Evaluation, evaluate

QUICK = ("study.robustness=[]", "study.checks=[pre_trends]")
LEVELS = "study.outcomes.0.transform=identity"
COUNTS = ("estimator=extended_twfe", "estimator.family=poisson", LEVELS)


def run(study: str, *overrides: str) -> Evaluation:
    return evaluate(load_study(study, [*overrides, *QUICK]))


def overall(found: Evaluation) -> tuple[float, float]:
    row = found.estimate.aggregation("overall")
    return float(row.estimate[0]), float(row.std_error[0])


@pytest.mark.parametrize("study", ["castle_doctrine", "enterprise_zones"])
def test_without_covariates_cells_against_never_treated_are_those_of_callaway_and_santanna(study: str) -> None:
    ours = run(study, "estimator=extended_twfe").estimate.to_frame()
    theirs = run(study, "estimator=callaway_santanna", "estimator.base_period=universal").estimate.to_frame()
    both = ours.merge(theirs, on=["cohort", "period"])
    assert len(both) == len(ours)
    np.testing.assert_allclose(both["estimate_x"], both["estimate_y"], rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("study", ["castle_doctrine", "enterprise_zones"])
@pytest.mark.parametrize("estimator", [("poisson_fixed_effects",), ("extended_twfe", "estimator.family=poisson")])
def test_outcomes_in_logs_are_refused_by_name(study: str, estimator: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="is analysed in logs"):
        run(study, f"estimator={estimator[0]}", *estimator[1:])


def test_claims_as_counts_are_told_in_ratios_and_in_claims_averted() -> None:
    found = run("enterprise_zones", "estimator=poisson_fixed_effects", LEVELS)
    assert overall(found) == pytest.approx((-0.1015, 0.0735), abs=5e-5)
    averted = found.evidence.natural.total_averted.effect
    treated = found.panel.treated & ~found.panel.always_treated[:, None]
    assert averted.value == pytest.approx(found.panel.outcome[treated].sum() * np.expm1(0.10145165), rel=1e-6)
    assert overall(run("enterprise_zones", *COUNTS, "estimator.scale=ratio")) == pytest.approx(
        (-0.1703, 0.0879), abs=5e-5
    )


def test_homicide_rates_are_weighted_by_population_and_give_the_ratio_of_homicides() -> None:
    found = run("castle_doctrine", "estimator=poisson_fixed_effects", LEVELS)
    assert any(remark.id == "exposure_weight" for remark in found.estimate.remarks)
    assert found.estimate.facts["rate_ratio"] == pytest.approx(1.082, abs=5e-4)

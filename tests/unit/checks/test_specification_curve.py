from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.specification_curve import SpecificationCurve
from evalkit.errors import ConfigError
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.vocabulary import Diagnostic
from tests.simulated import context

SAME = 1e-10
"""The same estimator with the same settings."""

WIDE = SpecificationCurve(
    estimators=("sun_abraham", "two_way_fixed_effects"),
    comparison=("never_treated", "not_yet_treated"),
    anticipation=(0, 1),
)


def _made(effect: float = 2.0, weight: bool = False) -> CheckContext:
    made = context(CallawaySantAnna(comparison="never_treated"), effect=effect, noise=0.3)
    if not weight:
        return made
    rng = np.random.default_rng(0)
    per_unit = rng.uniform(0.5, 2.0, made.panel.n_units)
    panel = dataclasses.replace(made.panel, weight=np.repeat(per_unit[:, None], made.panel.n_periods, axis=1))
    return dataclasses.replace(made, panel=panel, estimate=made.fit(panel))


def _rows(found: Diagnostic) -> pd.DataFrame:
    assert found.exhibit is not None
    return pd.DataFrame(dict(found.exhibit.table))


def test_every_combination_that_an_estimator_has_is_counted_once() -> None:
    """Callaway-Sant'Anna: 2 comparison groups x 2; Sun-Abraham takes never-treated only; two-way has neither."""
    found = WIDE.run(_made())[0]
    assert dict(found.details)["n_specifications"] == 4 + 2 + 2
    assert not _rows(found).filter(like="choice").duplicated().any()


def test_the_primary_analysis_is_one_of_them_and_marked() -> None:
    made = _made()
    rows = _rows(WIDE.run(made)[0])
    own = rows[rows["primary"]]
    assert len(own) == 1
    np.testing.assert_allclose(own["estimate"], made.estimate.aggregation("overall").estimate, rtol=SAME)
    assert own["choice: comparison"].item() == "never treated"


def test_rows_are_the_estimates_of_their_choices() -> None:
    made = _made()
    rows = _rows(WIDE.run(made)[0]).set_index(["choice: estimator", "choice: comparison", "choice: anticipation"])
    other = CallawaySantAnna(comparison="not_yet_treated", anticipation=1)
    expected = other.fit(made.panel, rng=np.random.default_rng(0)).aggregation("overall").estimate[0]
    found = rows["estimate"].to_dict()[("callaway santanna", "not yet treated", "1")]
    np.testing.assert_allclose(found, expected, rtol=SAME)


def test_an_answer_that_all_give_passes_and_its_place_is_told() -> None:
    found = WIDE.run(_made())[0]
    details, rows = dict(found.details), _rows(found)
    assert (found.status, found.value) == ("pass", 1.0)
    assert details["primary_rank"] == 1 + int(rows["primary"].to_numpy().argmax())
    assert details["median"] == pytest.approx(float(rows["estimate"].median()))
    assert details["lowest"] <= details["median"] <= details["highest"]


def test_an_answer_that_hangs_on_the_choice_fails() -> None:
    made = _made(effect=-1.0)
    panel = made.panel
    early = panel.time[None, :] == np.where(panel.never_treated, -9, panel.first_treated - 1)[:, None]
    dip = dataclasses.replace(panel, outcome=panel.outcome - 3.0 * early)
    found = SpecificationCurve(anticipation=(0, 1, 2)).run(dataclasses.replace(made, panel=dip, estimate=made.fit(dip)))
    assert found[0].status == "fail"
    assert found[0].value is not None
    assert found[0].value < 0.9


def test_weights_are_a_choice_where_the_study_names_them() -> None:
    rows = _rows(SpecificationCurve().run(_made(weight=True))[0])
    assert sorted(rows["choice: weights"]) == ["unweighted", "weighted"]
    assert SpecificationCurve(weights=False).run(_made(weight=True))[0].status == "not_run"


def test_one_specification_is_no_curve() -> None:
    assert SpecificationCurve().run(_made())[0].status == "not_run"


def test_a_specification_that_cannot_be_estimated_is_counted_with_its_reason() -> None:
    found = SpecificationCurve(anticipation=(0, 1, 50)).run(_made())[0]
    assert dict(found.details)["n_left_out_specifications"] == 1.0
    assert "anticipation 50" in found.reading


def test_a_covariate_that_the_panel_does_not_have_is_the_user_s_mistake() -> None:
    with pytest.raises(ConfigError, match="income"):
        SpecificationCurve(covariates=(("income",),)).run(_made())


def test_specifications_on_another_scale_are_told_once_with_one_example() -> None:
    reading = (
        SpecificationCurve(estimators=("poisson_fixed_effects",), anticipation=(0, 1, 50, 60)).run(_made())[0].reading
    )
    assert "e.g. estimator callaway santanna, comparison never treated, anticipation 50)" in reading
    assert "weights unweighted" not in reading


def test_effects_in_logs_are_left_out_of_a_curve_of_differences() -> None:
    made = _made()
    positive = dataclasses.replace(made.panel, outcome=np.round(made.panel.outcome - made.panel.outcome.min() + 5.0))
    found = SpecificationCurve(estimators=("poisson_fixed_effects",), anticipation=(0, 1)).run(
        dataclasses.replace(made, panel=positive, estimate=made.fit(positive))
    )[0]
    assert "another scale than the study's" in found.reading
    assert "choice: estimator" not in _rows(found), "one estimator is left, and is no choice"

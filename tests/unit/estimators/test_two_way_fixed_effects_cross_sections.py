"""Two-way fixed effects on repeated cross-sections: laws, errors in words, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.uncertainty import Sampling
from tests.persons import read, survey

LAW = 1e-9


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return ek.TwoWayFixedEffects(**{"covariates": ("x", "z"), **settings}).fit(panel, rng=np.random.default_rng(0))


def overall(estimate: Estimate) -> list[float]:
    row = estimate.aggregation("overall")
    return [float(row.estimate[0]), float(row.std_error[0])]


def test_group_means_by_period_give_the_same_coefficient() -> None:
    frame = survey(900, seed=1)
    cells = (
        frame.groupby(["group", "year"]).agg(y=("y", "mean"), n=("y", "size"), start=("start", "first")).reset_index()
    )
    panel = ek.Panel.from_frame(cells, unit="group", period="year", outcome="y", cohort="start", weight="n")
    averaged = ek.TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0))
    found = fit(read(frame), covariates=())
    for kind in ("overall", "event_study"):
        rows, means = found.aggregation(kind), averaged.aggregation(kind)
        np.testing.assert_allclose(rows.estimate, means.estimate, rtol=LAW, atol=LAW)


@pytest.mark.parametrize(
    ("errors", "cluster", "said"),
    [
        ("clustered", None, "HC1, persons independent: N/(N-K); t(N-K)"),
        ("clustered", "site", "CR1 by site"),
        ("unadjusted", None, "homoskedastic, all effects counted"),
    ],
)
def test_the_errors_used_are_named(errors: str, cluster: str | None, said: str) -> None:
    sampling = fit(read(survey(500), cluster=cluster), errors=errors).uncertainty
    assert isinstance(sampling, Sampling)
    assert sampling.correction.startswith(said)
    assert sampling.degrees_of_freedom == (39 if cluster else 500 - 9 - 3)
    assert sampling.n_clusters == (40 if cluster else 500)


@pytest.mark.parametrize("errors", ["cr2", "cr3", "two_way"])
def test_errors_that_need_units_seen_again_are_refused(errors: str) -> None:
    with pytest.raises(DesignRefused, match=f"errors={errors}"):
        fit(read(survey(400)), errors=errors)


def test_persons_are_counted_not_groups() -> None:
    frame = survey(700)
    estimate = fit(read(frame))
    assert estimate.n_units == estimate.n_observations == 700
    assert estimate.n_treated_units == int((frame.start > 0).sum())
    row = estimate.aggregation("overall")
    assert row.observed[0] == pytest.approx(frame.y[frame.on == 1].mean())
    assert int(row.n_treated[0]) == int(frame.on.sum())


def test_shuffled_rows_renamed_groups_and_other_units_change_nothing() -> None:
    frame = survey(600, seed=7)
    moved = frame.sample(frac=1.0, random_state=0)
    moved = moved.assign(group="g" + moved.group.str[::-1], x=5.0 - 1e8 * moved.x, w=3.0, year=moved.year + 100)
    moved["start"] = np.where(moved.start > 0, moved.start + 100, 0)
    assert overall(fit(read(moved, weight="w"))) == pytest.approx(overall(fit(read(frame))), rel=LAW)


def test_the_outcome_may_be_shifted_and_scaled() -> None:
    frame = survey(600, seed=7)
    effect, error = overall(fit(read(frame)))
    assert overall(fit(read(frame.assign(y=1e9 + 2.0 * frame.y)))) == pytest.approx(
        [2.0 * effect, 2.0 * error], rel=1e-6
    )
    constants = 7.0 * frame.year + frame.group.str.len()
    assert overall(fit(read(frame.assign(y=frame.y + constants)))) == pytest.approx([effect, error], rel=LAW)
    assert overall(fit(read(frame.assign(y=frame.y + 3.0 * frame.on)))) == pytest.approx([effect + 3.0, error], rel=LAW)


def test_weight_two_is_a_person_twice_in_the_coefficient() -> None:
    frame = survey(500, seed=8)
    double = frame.assign(w=np.where(frame.index < 100, 2.0, 1.0))
    cloned = pd.concat([frame, frame.iloc[:100]], ignore_index=True)
    assert overall(fit(read(double, weight="w")))[0] == pytest.approx(overall(fit(read(cloned)))[0], rel=LAW)


def test_a_covariate_without_variation_is_left_out_and_said_to_be() -> None:
    frame = survey(500).assign(z=2.0)
    estimate = fit(read(frame))
    assert overall(estimate) == pytest.approx(overall(fit(read(frame), covariates=("x",))), rel=LAW)
    assert any(remark.id == "covariates_absorbed" and "'z'" in remark.text for remark in estimate.remarks)


def test_one_start_for_all_groups_is_refused() -> None:
    frame = survey(500)
    with pytest.raises(DesignRefused, match="nothing is left of it"):
        fit(read(frame[frame.start == 2005]))


def test_independent_persons_are_a_remark() -> None:
    assert any(remark.id == "errors_of_persons" for remark in fit(read(survey(400))).remarks)
    assert not any(remark.id == "errors_of_persons" for remark in fit(read(survey(400), cluster="site")).remarks)

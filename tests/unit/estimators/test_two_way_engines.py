"""The two engines of two-way fixed effects agree, whatever the panel looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.two_way_fixed_effects import LINEARMODELS_ROWS, TwoWayFixedEffects
from evalkit.testing.check import check_estimator, laws_of
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered

AGREE = 1e-10  # relative: two exact routes over some thousand rows
N_UNITS = 240  # some types have more than 64 units, which are multiplied out apart

PANELS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "balanced": ({}, {}, {}),
    "a fifth of rows missing": ({"missing": 0.2}, {}, {}),
    "weights fixed over time": ({}, {"weight": "w"}, {}),
    "weights that change": ({"missing": 0.1}, {"weight": "moving"}, {}),
    "clusters above the unit": ({"missing": 0.1}, {"cluster": "cluster"}, {}),
    "covariates": ({}, {"covariates": ["z", "x"]}, {"covariates": ("z", "x")}),
    "covariates, weights, clusters, gaps": (
        {"missing": 0.2}, {"covariates": ["z"], "weight": "w", "cluster": "cluster"}, {"covariates": ("z",)},
    ),
    "anticipation": ({"missing": 0.1}, {}, {"anticipation": 1}),
    "no never-treated units": ({"cohorts": {4: 0.5, 6: 0.5}}, {}, {}),
    "always-treated units": ({"cohorts": {1: 0.2, 5: 0.4}}, {}, {}),
    "homoskedastic errors": ({"missing": 0.2}, {"covariates": ["z"], "weight": "w"},
                             {"covariates": ("z",), "errors": "unadjusted"}),
}  # fmt: skip


def frame(**design: Any) -> pd.DataFrame:
    data = simulate_staggered(StaggeredDesign(n_units=N_UNITS, n_periods=7, growth=0.4, **design), 3).frame
    rng = np.random.default_rng(5)
    return data.assign(
        w=1.0 + (data["unit"] % 4),
        moving=rng.uniform(0.5, 2.0, len(data)),
        z=np.sin(3.0 * data["unit"] + data["period"]) + data["unit"] / 40.0,
    )


def fit(data: pd.DataFrame, columns: dict[str, Any], **settings: Any) -> Estimate:
    panel = Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort", **columns)
    return TwoWayFixedEffects(**settings).fit(panel, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", PANELS)
def test_engines_agree(name: str) -> None:
    design, columns, settings = PANELS[name]
    data = frame(**design)
    one = fit(data, columns, engine="linearmodels", **settings)
    two = fit(data, columns, engine="compiled", **settings)
    scale = np.abs(one.cells.estimate).max()
    np.testing.assert_allclose(two.cells.estimate, one.cells.estimate, atol=AGREE * scale)
    np.testing.assert_allclose(two.uncertainty.covariance, one.uncertainty.covariance, rtol=0, atol=AGREE * scale)  # type: ignore[union-attr]
    assert two.remarks == one.remarks
    assert (two.settings["engine"], one.settings["engine"]) == ("compiled", "linearmodels")


def test_influence_functions_have_the_covariance_as_cross_product_in_every_layout() -> None:
    for design, columns, settings in list(PANELS.values())[:-1]:
        made = fit(frame(**design), columns, engine="compiled", **settings)
        assert made.influence is not None
        np.testing.assert_allclose(
            made.influence.T @ made.influence, made.uncertainty.covariance, rtol=0, atol=AGREE  # type: ignore[union-attr]
        )  # fmt: skip


def test_observed_means_and_treated_counts_are_those_of_the_rows() -> None:
    data = frame(missing=0.2)
    data = data[data.groupby("unit")["y"].transform("size") > 1]  # units seen once are left out
    made = fit(data, {"weight": "w"}, engine="compiled").aggregation("event_study")
    since = data["period"] - data["cohort"].where(data["cohort"] > 0)
    for label, observed, count in zip(made.labels, made.observed, made.n_treated, strict=True):
        rows = data[since == label]
        np.testing.assert_allclose(observed, np.average(rows["y"], weights=rows["w"]), rtol=AGREE)
        assert count == rows["unit"].nunique()


def test_large_panels_are_compiled_unless_asked_otherwise() -> None:
    small = frame()
    large = pd.concat([small.assign(unit=small["unit"] + 1000 * k) for k in range(4)])
    assert len(small) <= LINEARMODELS_ROWS < len(large)
    assert fit(small, {}).settings["engine"] == "linearmodels"
    assert fit(large, {}).settings["engine"] == "compiled"


def test_every_law_holds_for_the_compiled_engine_too() -> None:
    estimator = TwoWayFixedEffects(engine="compiled")
    laws = [law for law in laws_of(estimator) if law != "always-treated units change nothing"]
    check_estimator(estimator, laws=laws).raise_if_broken()


def test_large_unit_effects_cost_no_precision() -> None:
    data = frame()
    shifted = data.assign(y=data["y"] + 1e6 * data["unit"])
    plain = fit(data, {}, engine="compiled").aggregation("overall")
    moved = fit(shifted, {}, engine="compiled").aggregation("overall")
    np.testing.assert_allclose(moved.std_error, plain.std_error, rtol=1e-6)  # 1e8 x noise leaves eight digits

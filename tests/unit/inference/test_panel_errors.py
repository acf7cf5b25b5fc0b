"""Errors of two-way fixed effects against every matrix written out (tests/oracle/two_way_errors.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import FloatArray
from tests.oracle import two_way_errors as oracle

EXACT = 1e-8  # relative: pseudo-inverses of some hundred rows


def frame(units: int = 16, periods: int = 5, missing: float = 0.15, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    first = np.array([3, 3, 3, 3, 4, 4, 4] + [0] * (units - 7))
    data = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(np.arange(1, periods + 1), units),
            "cohort": np.repeat(first, periods),
            "cluster": np.repeat(np.arange(units) % 8, periods),
            "w": np.repeat(rng.integers(1, 4, units), periods).astype(float),
            "moving": rng.uniform(0.5, 2.0, units * periods),
            "latitude": np.repeat(rng.uniform(40.0, 44.0, units), periods),
            "longitude": np.repeat(rng.uniform(-5.0, 0.0, units), periods),
            "y": rng.standard_normal(units * periods),
            "z": rng.standard_normal(units * periods),
        }
    )
    return data[rng.random(len(data)) >= missing].reset_index(drop=True)


def fit(data: pd.DataFrame, columns: dict[str, Any] | None = None, **settings: Any) -> Estimate:
    panel = Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort", **(columns or {}))
    return TwoWayFixedEffects(**settings).fit(panel, rng=np.random.default_rng(0))


def treated(data: pd.DataFrame) -> FloatArray:
    on = ((data["cohort"] > 0) & (data["period"] >= data["cohort"])).to_numpy(dtype=np.float64)
    return np.asarray(on[:, None])


def event_dummies(data: pd.DataFrame, times: list[int]) -> FloatArray:
    since = (data["period"] - data["cohort"]).where(data["cohort"] > 0)
    return np.column_stack([(since == e).to_numpy(float) for e in times])


def sampling(made: Estimate) -> Sampling:
    assert isinstance(made.uncertainty, Sampling)
    return made.uncertainty


@pytest.mark.parametrize(("errors", "power"), [("cr2", -0.5), ("cr3", -1.0)])
@pytest.mark.parametrize(
    ("columns", "settings", "missing"),
    [
        ({}, {}, 0.0),
        ({}, {}, 0.15),
        ({"cluster": "cluster"}, {}, 0.15),
        ({"weight": "w"}, {}, 0.15),
        ({"weight": "moving", "cluster": "cluster"}, {}, 0.0),
        ({"covariates": ["z"]}, {"covariates": ("z",)}, 0.15),
    ],
)
def test_leverage_adjusted_errors_equal_full_matrices(
    errors: str, power: float, columns: dict[str, Any], settings: dict[str, Any], missing: float
) -> None:
    data = frame(missing=missing)
    made = fit(data, columns, errors=errors, **settings)
    weight = data[columns["weight"]].to_numpy() if "weight" in columns else None
    clusters = data[columns.get("cluster", "unit")].to_numpy()
    count = len(np.unique(clusters))
    factor = (count - 1) / count if errors == "cr3" else 1.0
    extra = data[["z"]].to_numpy() if settings else np.empty((len(data), 0))
    for kind, x in (("overall", treated(data)), ("event_study", event_dummies(data, [-3, -2, 0, 1, 2]))):
        plain = oracle.regression(data, np.hstack([x, extra]), weight)
        covariance, degrees = oracle.bias_reduced(plain, clusters, power)
        rows = made.aggregation(kind)  # type: ignore[arg-type]
        free = ~rows.is_reference
        k = x.shape[1]
        np.testing.assert_allclose(rows.estimate[free], plain.coefficient[:k], rtol=EXACT)
        np.testing.assert_allclose(rows.std_error[free] ** 2, factor * np.diag(covariance)[:k], rtol=EXACT)
        assert rows.degrees_by_row is not None
        np.testing.assert_allclose(rows.degrees_by_row[free], degrees[:k], rtol=EXACT)
        assert np.isinf(rows.degrees_by_row[~free]).all()
    assert made.influence is not None
    np.testing.assert_allclose(made.influence.T @ made.influence, sampling(made).covariance, atol=EXACT)


def test_degrees_of_an_average_are_those_of_the_combination() -> None:
    data = frame(missing=0.0)
    made = fit(data, errors="cr2").aggregation("event_study", average=True)
    x = event_dummies(data, [-3, -2, 0, 1, 2])
    # the mean of the last three effects as the coefficient of the sum of their dummies
    last = [x[:, 2:].sum(axis=1), x[:, 3] - x[:, 4], x[:, 2] - 0.5 * x[:, 3:].sum(axis=1)]
    turned = np.column_stack([x[:, 0], x[:, 1], *last])
    plain = oracle.regression(data, turned)
    covariance, degrees = oracle.bias_reduced(plain, data["unit"].to_numpy(), -0.5)
    np.testing.assert_allclose(made.std_error[0] ** 2, covariance[2, 2], rtol=EXACT)
    assert made.degrees_of_freedom == pytest.approx(degrees[2], rel=EXACT)


@pytest.mark.parametrize("cluster", [None, "cluster"])
def test_two_way_errors_equal_three_sums(cluster: str | None) -> None:
    data = frame(periods=12)
    made = fit(data, {"cluster": cluster}, errors="two_way")
    plain = oracle.regression(data, treated(data))
    first = data[cluster or "unit"].to_numpy()
    smaller, n = min(len(np.unique(first)), 12), len(data)
    expected = oracle.two_way(plain, first, data["period"].to_numpy()) * smaller / (smaller - 1) * (n - 1) / (n - 2)
    row = made.aggregation("overall")
    np.testing.assert_allclose(row.std_error[0] ** 2, expected[0, 0], rtol=EXACT)
    assert row.degrees_of_freedom == smaller - 1


def test_a_covariance_that_is_none_is_repaired_and_reported() -> None:
    made = fit(frame(), errors="two_way")
    names = {remark.id for remark in made.remarks}
    assert {"covariance_repaired", "few_periods_as_clusters"} <= names
    assert np.linalg.eigvalsh(sampling(made).covariance)[0] > -1e-12


@pytest.mark.parametrize("kernel", ["bartlett", "uniform"])
def test_conley_errors_equal_the_double_loop(kernel: str) -> None:
    data = frame()
    made = fit(
        data, {"covariates": ["latitude", "longitude"]}, errors="conley", covariates=("latitude", "longitude"),
        latitude="latitude", longitude="longitude", distance_km=150.0, kernel=kernel,
    )  # fmt: skip
    plain = oracle.regression(data, treated(data))
    n, periods = len(data), data["period"].nunique()
    expected = oracle.conley(plain, data, 150.0, kernel == "bartlett") * (n - 1) / (n - 1 - periods)
    row = made.aggregation("overall")
    np.testing.assert_allclose(row.std_error[0] ** 2, expected[0, 0], rtol=EXACT)
    assert row.degrees_of_freedom is None
    assert f"{kernel} kernel up to 150 km" in sampling(made).correction
    assert "covariates_absorbed" not in {remark.id for remark in made.remarks}


def test_far_apart_units_leave_the_clustered_error_without_its_factor() -> None:
    data = frame(missing=0.0)
    columns = {"covariates": ["latitude", "longitude"]}
    near = fit(
        data, columns, errors="conley", latitude="latitude", longitude="longitude", distance_km=1e-6
    ).aggregation("overall")
    clustered = fit(data, columns).aggregation("overall")
    np.testing.assert_allclose(near.std_error * np.sqrt(16 / 15), clustered.std_error, rtol=EXACT)


@pytest.mark.parametrize("errors", ["cr2", "cr3"])
def test_one_treated_cluster_is_refused(errors: str) -> None:
    data = frame()
    data["cohort"] = np.where(data["unit"] == 0, 3, 0)
    with pytest.raises(DesignRefused, match=r"rests on one 'unit' alone.*not defined"):
        fit(data, errors=errors)


@pytest.mark.parametrize("errors", ["cr2", "cr3"])
def test_event_times_of_one_cluster_are_left_out_and_reported(errors: str) -> None:
    data = frame(missing=0.0)
    data.loc[data["unit"] == 0, "cohort"] = 5
    made = fit(data, errors=errors)
    rows = made.aggregation("event_study")
    assert rows.labels.tolist() == [-3, -2, -1, 0, 1, 2]
    assert any(remark.id == "event_times_on_one_cluster" for remark in made.remarks)
    assert -4 in fit(data).aggregation("event_study").labels


def test_conley_asks_for_what_it_lacks_by_name() -> None:
    with pytest.raises(ConfigError, match="not set: longitude, distance_km"):
        fit(frame(), {"covariates": ["latitude"]}, errors="conley", latitude="latitude")


def test_a_unit_that_moves_and_degrees_beyond_the_globe_are_refused() -> None:
    data = frame(missing=0.0)
    settings = {"errors": "conley", "latitude": "latitude", "longitude": "longitude", "distance_km": 50.0}
    columns = {"covariates": ["latitude", "longitude"]}
    moved = data.assign(latitude=data["latitude"] + 0.1 * ((data["unit"] == 3) & (data["period"] == 2)))
    with pytest.raises(DesignRefused, match=r"one 'latitude' a unit.*the unit '3'"):
        fit(moved, columns, **settings)
    wrong = data["latitude"].where(~data["unit"].isin([3, 5]), 100.0 + data["unit"])
    with pytest.raises(DesignRefused, match="the unit '3' has values from 103 to 103"):
        fit(data.assign(latitude=wrong), columns, **settings)
    assert fit(data.assign(latitude=90.0 - data["unit"] * (data["unit"] < 3)), columns, **settings).n_units
    with pytest.raises(DesignRefused, match="in degrees up to 90"):
        fit(data.assign(latitude=data["latitude"] + 60.0), columns, **settings)


def test_errors_that_need_units_seen_again_are_refused_in_repeated_cross_sections() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"group": np.repeat(["a", "b", "c", "d"], 40), "period": np.tile([1, 2], 80)})
    data["cohort"] = np.where(data["group"] < "c", 2, 0)
    data["y"] = rng.standard_normal(160)
    panel = Panel.from_frame(data, group="group", period="period", outcome="y", cohort="cohort")
    with pytest.raises(DesignRefused, match="errors=cr2 needs"):
        TwoWayFixedEffects(errors="cr2").fit(panel, rng=rng)


@pytest.mark.parametrize(("periods", "said"), [(9, True), (10, False)])
def test_fewer_than_ten_periods_are_few_clusters(periods: int, said: bool) -> None:
    remarks = fit(frame(periods=periods), errors="two_way").remarks
    assert ("few_periods_as_clusters" in {remark.id for remark in remarks}) == said

"""CR2, CR3 and two-way errors against R clubSandwich and sandwich, and county minimum wages (mpdta).

`figures.csv` is the raw output of `make_figures.R` on `panel.csv`. CR3 is refitted without each cluster there, because
clubSandwich's own stops at unit dummies; it has no factor (C-1)/C.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Aggregation
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects

HERE = Path(__file__).parent
PRINTED = 1e-9  # R prints twelve digits
FIGURES = pd.read_csv(HERE / "figures.csv", comment="#")
NOT_DEFINED = "em4"  # one unit is observed four periods before its start: R prints 0.63 all the same
PYFIXEST_CRV3 = 0.013329  # mpdta; six decimals
PUBLISHED_DIGITS = 1e-6
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "unit": ({}, {}),
    "cluster": ({"cluster": "cluster"}, {}),
    "covariate": ({"covariates": ["z"]}, {"covariates": ("z",)}),
    "weighted": ({"weight": "w"}, {}),
}


def rows(errors: str, kind: str, over: str) -> Aggregation:
    columns, settings = SETTINGS[kind]
    data = pd.read_csv(HERE / "panel.csv")
    panel = Panel.from_frame(data, unit="unit", period="period", outcome="y", cohort="cohort", **columns)
    made = TwoWayFixedEffects(errors=errors, **settings).fit(panel, rng=np.random.default_rng(0))
    return made.aggregation("overall" if over == "static" else "event_study")


def figure(case: str, effect: str) -> pd.Series[Any]:
    return FIGURES[(FIGURES["case"] == case) & (FIGURES["effect"] == effect)].iloc[0]


@pytest.mark.parametrize("errors", ["cr2", "cr3"])
@pytest.mark.parametrize("kind", SETTINGS)
def test_static_errors_and_degrees_meet_r(errors: str, kind: str) -> None:
    case = f"{errors.upper()} {kind} static" if kind in ("unit", "cluster") else f"{errors.upper()} {kind}"
    expected, found = figure(case, "treated"), rows(errors, kind, "static")
    clusters = 9 if kind == "cluster" else 18
    factor = (clusters - 1) / clusters if errors == "cr3" else 1.0
    np.testing.assert_allclose(found.estimate[0], expected["estimate"], rtol=PRINTED)
    np.testing.assert_allclose(found.std_error[0], expected["error"] * np.sqrt(factor), rtol=PRINTED)
    if errors == "cr2" and kind != "weighted":  # clubSandwich's df differ under weights: tests/oracle has them
        assert found.degrees_of_freedom == pytest.approx(expected["degrees"], rel=PRINTED)


@pytest.mark.parametrize("case", ["CR2 unit", "CR2 cluster", "CR3 unit"])
def test_event_study_errors_and_degrees_meet_r(case: str) -> None:
    errors, kind = case.split()
    found = rows(errors.lower(), kind, "dynamic")
    factor = 17 / 18 if errors == "CR3" else 1.0
    assert found.degrees_by_row is not None
    for label, error, degrees in zip(found.labels, found.std_error, found.degrees_by_row, strict=True):
        if label == -1:
            assert np.isinf(degrees)
            continue
        expected = figure(f"{case} dynamic", f"e{label}".replace("-", "m"))
        np.testing.assert_allclose(error, expected["error"] * np.sqrt(factor), rtol=PRINTED)
        if errors == "CR2":
            np.testing.assert_allclose(degrees, expected["degrees"], rtol=PRINTED)
    assert f"e{found.labels[0]}".replace("-", "m") != NOT_DEFINED, "its error is not defined: it must not be printed"
    assert figure(f"{case} dynamic", NOT_DEFINED)["estimate"] < -2.0


@pytest.mark.parametrize("case", ["two_way unit static", "two_way cluster static", "two_way cluster covariate"])
def test_two_way_errors_meet_r_once_its_missing_correction_is_applied(case: str) -> None:
    _, kind, last = case.split()
    data = pd.read_csv(HERE / "panel.csv")
    covariates = ["z"] if last == "covariate" else []
    panel = Panel.from_frame(
        data, unit="unit", period="period", outcome="y", cohort="cohort", covariates=covariates,
        cluster="cluster" if kind == "cluster" else None,
    )  # fmt: skip
    made = TwoWayFixedEffects(errors="two_way", covariates=tuple(covariates)).fit(panel, rng=np.random.default_rng(0))
    found = made.aggregation("overall")
    n, counted, smaller = len(data), 2 + len(covariates), 6
    correction = smaller / (smaller - 1) * (n - 1) / (n - counted)
    np.testing.assert_allclose(found.std_error[0], figure(case, "treated")["error"] * np.sqrt(correction), rtol=PRINTED)
    assert found.degrees_of_freedom == smaller - 1


def test_county_minimum_wages() -> None:
    moderndid = pytest.importorskip("moderndid", reason="ships the data")
    data = moderndid.load_mpdta().to_pandas()
    panel = Panel.from_frame(data, unit="countyreal", period="year", outcome="lemp", cohort="first.treat")
    found = {
        errors: TwoWayFixedEffects(errors=errors).fit(panel, rng=np.random.default_rng(0)).aggregation("overall")
        for errors in ("cr2", "cr3")
    }
    expected = figure("CR2 mpdta", "treated")
    np.testing.assert_allclose(found["cr2"].std_error[0], expected["error"], rtol=PRINTED)
    assert found["cr2"].degrees_of_freedom == pytest.approx(expected["degrees"], rel=PRINTED)
    # pyfixest puts C/(C-1) and (N-1)/(N-K) on the plain sum of squares; the jackknife's own factor is (C-1)/C
    on_top = np.sqrt((500 / 499) ** 2 * 2499 / 2494)
    assert found["cr3"].std_error[0] * on_top == pytest.approx(PYFIXEST_CRV3, abs=PUBLISHED_DIGITS)

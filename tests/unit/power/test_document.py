from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from evalkit.power.detection import Thresholds
from evalkit.power.document import POINTS, curve, to_dict
from evalkit.power.result import Power
from evalkit.power.simulate import power
from evalkit.power.words import Words
from tests.designs import outcome, study
from tests.designs import panel as simulated

ASKED = study("imputation", **outcome(mid={"value": 0.4, "rationale": "r"}))


@pytest.fixture(scope="module")
def found() -> Power:
    """A design of 60 simulated places."""
    return power(ASKED, simulated(n_units=60, n_periods=6), draws=200)


def test_the_curve_rises_from_the_size_and_agrees_with_the_detectable_change(found: Power) -> None:
    made = curve(found, Words.of(ASKED.spec, found).scale)
    for way, rows in made.groupby("way"):
        assert len(rows) == POINTS
        assert (np.diff(rows["power"]) >= 0.0).all()
        expected = found.detectable(0.8, "rise" if way == "rise" else "fall").effect
        reached = float(np.interp(0.8, rows["power"], rows["effect_shown"]))
        assert abs(reached - expected) < float(np.diff(rows["effect_shown"]).max())
    assert (made.loc[made["way"] == "fall", "effect"] <= 0.0).all()


def test_the_document_is_plain_and_holds_what_a_protocol_states(found: Power) -> None:
    made = to_dict(ASKED, found, power=0.7, effect=0.5, data_sha="sha256:abc")
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert {row["power"] for row in made["detectable"]} == {0.5, 0.7, 0.8, 0.9}
    assert made["study_sha"] == ASKED.sha()
    assert made["mid"]["power"] == found.power_at(0.4, "fall")[0]
    assert made["effect"]["effect"] == 0.5
    assert made["estimator"]["name"] == "imputation"
    assert made["schedule"]["treated"] == 40
    assert made["seed"] == ASKED.seed
    assert made["headline"].startswith("This design would detect a fall of ")


def test_a_design_that_detects_nothing_is_plain_as_well(found: Power) -> None:
    never = np.full(200, np.inf)
    none = dataclasses.replace(found, thresholds=Thresholds(never, never, np.full(200, np.nan), np.full(200, np.nan)))
    made = to_dict(ASKED, none, power=0.8, effect=None, data_sha=None)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert all(row["effect"] is None for row in made["detectable"])
    assert isinstance(curve(none, Words.of(ASKED.spec, none).scale), pd.DataFrame)

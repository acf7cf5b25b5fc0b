"""A study of counts from the command line: rate ratio, events averted with their interval, zeros and exposure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.cli.main import main
from evalkit.errors import DataError
from tests.small_study import STARTS, YEARS, study, write_data, write_study

LOG_RATIO = -0.4
N_PLACES = 40
POISSON = {
    "name": "crime",
    "column": "crimes",
    "family": "count",
    "exposure": "people",
    "unit": "crimes per place and year",
}
NATURAL = 0.35
"""Standard errors of the log ratio are near 0.08; a wrong sign or scale is off by more."""


def counts(*, empty: int = 3) -> pd.DataFrame:
    """Crimes in places of different and growing size; the last `empty` places have none."""
    rng = np.random.default_rng(3)
    starts = [start for start in STARTS for _ in range(10)] + [0] * (N_PLACES - 20)
    rows = []
    for place, start in enumerate(starts):
        rate = 0.0 if place >= N_PLACES - empty else rng.gamma(4.0, 0.25)
        size = rng.uniform(0.5, 4.0)
        for year in YEARS:
            people = size * 1.03 ** (year - YEARS[0])
            treated = bool(start) and year >= start
            mean = 1.5 * rate * people * np.exp(0.05 * (year - YEARS[0]) + (LOG_RATIO if treated else 0.0))
            rows.append((f"place {place:02d}", year, start, people, float(rng.poisson(mean))))
    return pd.DataFrame(rows, columns=["place", "year", "start", "people", "crimes"])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    outcome: dict[str, Any] = {
        **POISSON,
        "direction": "lower_better",
        "event_name": "crimes",
        "mid": {"value": 10.0, "unit": "%", "rationale": "set for tests"},
    }
    content = study(
        defaults=[{"override /estimator": "poisson_fixed_effects"}, "_self_"],
        outcomes=[outcome],
        checks=["pre_trends", "placebo_period"],
    )
    write_data(write_study(tmp_path, content), counts())
    return tmp_path


def evidence(*overrides: str) -> dict[str, Any]:
    return ek.evaluate(ek.load_study("lights", overrides=list(overrides))).evidence.to_dict()


def test_a_rate_ratio_becomes_per_cent_and_events_averted_with_their_intervals(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "study=lights", "--json", "--quiet"]) == 0
    bundle = Path(json.loads(capsys.readouterr().out)["bundle"])
    found = json.loads((bundle / "evidence.json").read_text("utf-8"))
    effect = found["estimates"][0]["effect"]
    assert found["estimates"][0]["scale"] == "log"
    assert abs(effect["value"] - LOG_RATIO) < NATURAL
    data = counts()
    treated = data[(data["start"] > 0) & (data["year"] >= data["start"])]
    averted = found["natural"]["total_averted"]
    assert averted["observed"]["value"] == treated["crimes"].sum()
    for bound, theta in (("value", "value"), ("low", "high"), ("high", "low")):
        expected = treated["crimes"].sum() * np.expm1(-effect[theta])
        assert averted["effect"][bound] == pytest.approx(expected, rel=1e-6)
    assert averted["effect"]["low"] > 0.0
    assert found["natural"]["percent"]["effect"]["value"] == pytest.approx(100.0 * np.expm1(effect["value"]), rel=1e-6)
    per_1000 = found["natural"]["per_1000"]["effect"]["value"]
    absolute = found["natural"]["absolute"]["effect"]["value"]
    assert per_1000 == pytest.approx(1000.0 * absolute / treated["people"].mean(), rel=1e-6)


@pytest.mark.parametrize("scale", ["natural", "ratio"])
def test_the_saturated_form_gives_events_averted_on_either_scale(place: Path, scale: str) -> None:
    found = evidence("estimator=extended_twfe", "estimator.family=poisson", f"estimator.scale={scale}")
    averted = found["natural"]["total_averted"]["effect"]
    assert averted["low"] < averted["value"] < averted["high"]
    data = counts()
    treated = data[(data["start"] > 0) & (data["year"] >= data["start"])]
    truth = treated["crimes"].sum() * np.expm1(-LOG_RATIO)
    assert averted["low"] < truth < averted["high"]
    assert found["estimates"][0]["scale"] == ("log" if scale == "ratio" else "identity")


def test_places_without_an_event_are_counted_in_the_summary(place: Path) -> None:
    assert "3 units with no event in any period" in json.dumps(evidence(), default=str)


def test_a_logged_count_is_refused_by_name(place: Path) -> None:
    write_data(place, counts(empty=0).assign(crimes=lambda d: d["crimes"] + 1.0))
    with pytest.raises(DataError, match="'crimes' is analysed in logs") as refused:
        evidence("study.outcomes.0.transform=log")
    assert refused.value.allowed == "transform: identity on this outcome"

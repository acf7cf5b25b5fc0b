"""Castle doctrine laws and homicide: the published figures, and what the coding of the adoption year does to them."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import evalkit as ek
from evalkit.data.fingerprint import fingerprint
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.uncertainty import Sampling

POINT = 1e-4
"""The figures below are printed with four digits."""
ANALYTICAL = 0.03
"""Relative, on standard errors: packages differ in small-sample corrections by less than this."""

# On causaldata 0.1.5: (effect on log homicide, standard error clustered by state).
TWO_WAY = (0.0694, 0.0559)  # linearmodels PanelOLS, unit and year effects; first full year
TWO_WAY_BY_POPULATION = (0.0755, 0.0332)  # the same, weighted by popwt
# moderndid 0.2.0, a port of R `did`: never-treated comparison, varying base period (reference/make_figures.py).
OVERALL = (0.0194, 0.0384)
LEAD = (0.097, 0.040)  # event time -1, printed with three digits
LEAD_POINT = 5e-4
OVERALL_FROM_ADOPTION = (0.1104, 0.0387)  # first treated year one earlier for all 21 states
OVERALL_FROM_LAG0 = (0.0974, 0.0409)  # first treated year as the file's lag0 marks it
OVERALL_WITH_ANTICIPATION = (0.1141, 0.0425)  # first full year, one year of anticipation
# Its aggregation drops the weights: cells weighted by popwt, cohorts by their number of states.
OVERALL_BY_POPULATION = (0.0424, 0.0337)
# Means by cohort and period in 40 lines of numpy: cells and cohorts both weighted (docs/decisions/003).
OVERALL_ALL_BY_POPULATION = (0.0785, 0.0513)

PRINTED = {
    "first_full_year": OVERALL,
    "first_full_year, popwt": OVERALL_BY_POPULATION,
    "first_full_year, anticipation 1": OVERALL_WITH_ANTICIPATION,
    "adoption_year": OVERALL_FROM_ADOPTION,
    "lag0_year": OVERALL_FROM_LAG0,
}
REFERENCE = json.loads(Path(__file__).with_name("reference").joinpath("figures.json").read_text("utf-8"))
CARD = yaml.safe_load(Path(__file__).parents[2].joinpath("studies/castle_doctrine/data.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def castle() -> pd.DataFrame:
    """The package's frame with log homicide and the codings of the first treated year; missing if never treated."""
    from causaldata import castle as package

    frame: pd.DataFrame = package.load_pandas().data
    first_full = frame["sid"].map(frame[frame["post"] > 0].groupby("sid")["year"].min())
    return frame.assign(
        log_homicide=np.log(frame["homicide"].astype(float)),
        first_full_year=first_full,
        adoption_year=first_full - 1,
        lag0_year=frame["sid"].map(frame[frame["lag0"] > 0].groupby("sid")["year"].min()),
    )


def panel(frame: pd.DataFrame, *, cohort: str = "first_full_year", weight: str | None = None) -> ek.Panel:
    return ek.Panel.from_frame(
        frame, unit="sid", period="year", outcome="log_homicide", cohort=cohort, cluster="sid", weight=weight
    )


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
    found = REFERENCE["castle_doctrine"][variant]["overall"]
    assert PRINTED[variant] == tuple(round(number, 4) for number in found)


def test_twenty_nine_states_are_never_treated_and_florida_is_first(castle: pd.DataFrame) -> None:
    data = panel(castle)
    assert int(data.never_treated.sum()) == 29
    first = data.units[data.first_treated == data.first_treated.min()]
    assert [str(unit) for unit in first] == ["10"]  # Florida
    assert data.calendar.labels(data.cohorts).tolist() == [2006, 2007, 2008, 2009, 2010]


def test_two_way_fixed_effects_meet_the_published_figure(castle: pd.DataFrame) -> None:
    check(overall(fit(ek.TwoWayFixedEffects(), panel(castle))), TWO_WAY)


def test_two_way_fixed_effects_weighted_by_population_meet_the_published_figure(castle: pd.DataFrame) -> None:
    check(overall(fit(ek.TwoWayFixedEffects(), panel(castle, weight="popwt"))), TWO_WAY_BY_POPULATION)


def test_callaway_santanna_meets_the_published_figure(castle: pd.DataFrame) -> None:
    check(overall(fit(ek.CallawaySantAnna(comparison="never_treated"), panel(castle))), OVERALL)


def test_cells_weighted_by_population_and_cohorts_by_states_meet_the_published_figure(castle: pd.DataFrame) -> None:
    data = panel(castle, weight="popwt")
    estimate = fit(ek.CallawaySantAnna(comparison="never_treated"), data)
    check(overall(each_unit_counts_once(estimate, data)), OVERALL_BY_POPULATION)


def test_weights_that_also_weigh_the_cohorts_give_a_larger_effect(castle: pd.DataFrame) -> None:
    estimate = fit(ek.CallawaySantAnna(comparison="never_treated"), panel(castle, weight="popwt"))
    check(overall(estimate), OVERALL_ALL_BY_POPULATION)


def test_the_coding_of_the_adoption_year_moves_the_answer(castle: pd.DataFrame) -> None:
    estimator = ek.CallawaySantAnna(comparison="never_treated")
    full_year, adoption = (
        overall(fit(estimator, panel(castle, cohort=c))) for c in ("first_full_year", "adoption_year")
    )
    check(full_year, OVERALL)
    check(adoption, OVERALL_FROM_ADOPTION)
    assert abs(full_year[0]) < 1.96 * full_year[1], "with the first full year, zero is inside the interval"
    assert adoption[0] > 1.96 * adoption[1], "with the adoption year it is not"


def test_the_lead_at_event_time_minus_one_exposes_the_coding(castle: pd.DataFrame) -> None:
    estimator = ek.CallawaySantAnna(comparison="never_treated")
    full_year = fit(estimator, panel(castle))
    lead = at_event_time(full_year, -1)
    check(lead, LEAD, LEAD_POINT)
    assert lead[0] > 1.96 * lead[1], "the 'untreated' year before the start shows an effect"
    # It is the adoption year itself: dated from there, the same number is the effect at event time 0.
    adoption = fit(estimator, panel(castle, cohort="adoption_year"))
    assert at_event_time(adoption, 0) == pytest.approx(lead, rel=1e-9)  # the same cells, summed in another order
    before = at_event_time(adoption, -1)
    assert abs(before[0]) < 1.96 * before[1], "nothing is seen a year before adoption"


def test_allowing_a_year_of_anticipation_recovers_the_larger_effect(castle: pd.DataFrame) -> None:
    estimate = fit(ek.CallawaySantAnna(comparison="never_treated", anticipation=1), panel(castle))
    check(overall(estimate), OVERALL_WITH_ANTICIPATION)


def test_the_files_event_time_columns_misdate_alaska_and_arizona(castle: pd.DataFrame) -> None:
    years = castle.groupby("sid")[["adoption_year", "lag0_year"]].first().dropna()
    differ = years[years["adoption_year"] != years["lag0_year"]]
    assert differ.index.tolist() == [2, 3]  # Alaska, Arizona
    assert (differ["adoption_year"] - differ["lag0_year"]).tolist() == [1, 1]
    estimate = fit(ek.CallawaySantAnna(comparison="never_treated"), panel(castle, cohort="lag0_year"))
    check(overall(estimate), OVERALL_FROM_LAG0)


def test_the_data_card_describes_the_file_that_is_read(castle: pd.DataFrame) -> None:
    assert CARD["rows"] == len(castle)
    assert CARD["units"] == castle["sid"].nunique()
    assert CARD["periods"] == [castle["year"].min(), castle["year"].max()]
    assert {column["name"] for column in CARD["columns"]} <= set(castle.columns)
    assert CARD["source"]["sha256"] == sha256_in_package(CARD["source"])


def test_the_config_reads_what_the_card_describes() -> None:
    study = ek.load_study("castle_doctrine")
    frame = load_frame(study)
    assert fingerprint(frame) == CARD["fingerprint"]
    data = panel_for(frame, study.spec, study.spec.primary_outcome)
    assert (data.n_units, data.n_periods, int(data.never_treated.sum())) == (50, 11, 29)


def test_the_study_runs_from_its_config_to_its_evidence() -> None:
    study = ek.load_study("castle_doctrine")
    sampled = [choice for choice in study.robustness if choice.settings.get("engine") == "nuts"]
    assert len(sampled) == 1
    quick = tuple(choice for choice in study.robustness if choice not in sampled)  # compiling a model takes a minute
    evaluation = ek.evaluate(study.model_copy(update={"robustness": quick}))

    check(overall(evaluation.estimate), OVERALL)
    estimates = {label: found for label, found in evaluation.robustness.items() if isinstance(found, ek.Estimate)}
    assert set(estimates) == set(evaluation.robustness), "a robustness estimator refused"
    check(overall(estimates["Two-way fixed effects"]), TWO_WAY)
    check(overall(estimates["Adoption year anticipated"]), OVERALL_WITH_ANTICIPATION)

    evidence = evaluation.evidence.to_dict()
    assert evidence["finding"]["label"] == "inconclusive"
    assert evidence["rating"]["certainty"] in (1, 2, 3), "difference-in-differences is capped below High"
    assert {block["id"] for block in evidence["diagnostics"]} >= {"pre_trends", "placebo_period", "sample_flow"}
    assert len(evidence["use"]["limitations"]) >= len(study.spec.use.limitations)


def each_unit_counts_once(estimate: ek.Estimate, data: ek.Panel) -> ek.Estimate:
    """The estimate with cohorts weighted by their number of units, whatever the units' weights.

    Replaces the shares p_g and their influence functions by (1{G = g} - p_g) / N.
    """
    assert estimate.influence is not None
    cohorts = estimate.cells.share_cohorts
    member = (data.first_treated[:, None] == cohorts[None, :]).astype(float)
    shares = member.mean(axis=0)
    influence = np.hstack([estimate.influence, (member - shares) / data.n_units])
    sampling = Sampling(influence.T @ influence, data.n_units, influence_of=lambda: influence)
    cells = dataclasses.replace(estimate.cells, shares=shares)
    return dataclasses.replace(estimate, cells=cells, uncertainty=sampling)


def sha256_in_package(source: dict[str, Any]) -> str:
    """Of a file that an installed package ships."""
    if importlib.util.find_spec(source["package"]) is None:
        pytest.fail(f"{source['package']} is not installed")
    file = importlib.resources.files(source["package"]).joinpath(source["file"])
    return hashlib.sha256(file.read_bytes()).hexdigest()

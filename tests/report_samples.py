"""A made-up study, with every block of the evidence filled, for tests of the report."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import numpy as np
import pandas as pd

from evalkit.aggregate import Cells
from evalkit.config import load_study, resolved_yaml
from evalkit.data.calendar import Calendar
from evalkit.errors import DesignRefused, EvalkitError
from evalkit.estimate import Estimate
from evalkit.evaluation import Evaluation, evaluate
from evalkit.evidence.schema import Evidence
from evalkit.report import tables
from evalkit.report.compose import compose
from evalkit.report.contents import Contents
from evalkit.report.pictures import pictures
from evalkit.uncertainty import Posterior, SamplerFigures, Sampling
from evalkit.vocabulary import Diagnostic

HOSTILE = "São <script>alert('x')</script> $1 | `rm` [a](http://evil.example) =1+1 \"q\" & <img src=x onerror=alert(1)>"
FIRST_YEAR = 2000
COHORTS = (4, 6)
PERIODS = 10
CHAINS, DRAWS = 2, 200


@functools.cache
def castle(*overrides: str) -> Evaluation:
    """The castle doctrine study on its real data, with one quick cross-check."""
    quick = 'study.robustness=[{name:two_way_fixed_effects,label:"Two-way fixed effects"}]'
    few = ["study.checks=[pre_trends,leave_one_cohort_out]"] if "estimator=bayesian_did" in overrides else []
    return evaluate(load_study("castle_doctrine", [quick, *few, *overrides]))  # a posterior takes long to refit


def calendar() -> Calendar:
    return Calendar(kind="integer", origin=FIRST_YEAR, step=1)


def cells() -> Cells:
    """Two cohorts of 12 and 9 units over ten periods; the period before each start is the reference."""
    pairs = [(g, t) for g in COHORTS for t in range(1, PERIODS)]
    cohort, period = (np.array(values, dtype=np.int64) for values in zip(*pairs, strict=True))
    event_time = period - cohort
    return Cells(
        cohort=cohort,
        period=period,
        event_time=event_time,
        estimate=np.where(event_time >= 0, -0.05 - 0.01 * event_time, 0.004 * (event_time + 1)),
        observed=np.log(5.0) + 0.01 * period,
        n_treated=np.where(cohort == COHORTS[0], 12, 9).astype(np.int64),
        is_reference=event_time == -1,
        share_cohorts=np.array(COHORTS, dtype=np.int64),
        shares=np.array([12 / 21, 9 / 21]),
    )


def estimate(*, bayesian: bool = False, name: str = "callaway_santanna") -> Estimate:
    """Effects of about minus 7 per cent, with standard errors of 0.03 a cell."""
    held = cells()
    count = len(held)
    rng = np.random.default_rng(5)
    spread = np.where(held.is_reference, 0.0, 0.03)
    if bayesian:
        draws = held.estimate + spread * rng.standard_normal((CHAINS * DRAWS, count))
        figures = SamplerFigures("exact", CHAINS, DRAWS, 0, 1.0, 900.0, 900.0)
        uncertainty: Posterior | Sampling = Posterior(draws, figures, {"tau": rng.random((CHAINS, DRAWS))})
    else:
        root = np.diag(np.concatenate([spread, [0.01, 0.01]]))
        uncertainty = Sampling(covariance=root @ root, n_clusters=50)
    return Estimate(
        estimator=name,
        settings={"comparison": "never_treated"},
        cells=held,
        uncertainty=uncertainty,
        calendar=calendar(),
        n_units=50,
        n_treated_units=21,
        n_observations=500,
        seed=1,
    )


def diagnostics() -> tuple[Diagnostic, ...]:
    return (
        Diagnostic(
            "pre_trends", "Outcomes of treated and comparison units moved in parallel before the start.", "wald_chi2_p",
            0.43, 0.05, "pass", "confounding", "No pre-trend detected; this design would detect one of 0.03 or more.",
            (("detectable_slope", 0.03),),
        ),
        Diagnostic("sampler", "Chains agree.", "rhat_max", None, None, "not_run", "estimation", "No sampler was used."),
    )  # fmt: skip


def evidence(text: str = "Example City", *, certainty: int | None = 2, limitations: int = 3) -> Evidence:
    """A complete summary; `text` stands in every field that a study may fill with words."""
    return Evidence.model_validate(_plain(text, certainty, limitations))


def bare_tables() -> tuple[pd.DataFrame, ...]:
    """Tables of the sample estimate, before any gate."""
    refused = DesignRefused("imputation needs never-treated units and this panel has none.")
    robustness: dict[str, Estimate | EvalkitError] = {
        "Two-way fixed effects": estimate(name="two_way_fixed_effects"),
        "imputation": refused,
    }
    return (
        tables.estimates_table("the homicide rate", "Callaway-Sant'Anna", estimate(), robustness, {}),
        tables.event_study_table(estimate(), -1, "log_outcome"),
        tables.diagnostics_table(diagnostics()),
    )


def contents(
    text: str = "Example City",
    *,
    headline: str | None = None,
    study_yaml: str = "study:\n  id: sample\n",
    certainty: int | None = 2,
    limitations: int = 3,
) -> Contents:
    """Everything the pages show, about the sample study."""
    plain = _plain(text, certainty, limitations)
    if headline is not None:
        plain["sentences"]["headline"] = headline
    summary = Evidence.model_validate(plain)
    estimates, by_event_time, checks = bare_tables()
    drawn = pictures(
        summary, estimates, by_event_time, link="log_outcome", step="year", reference=-1, window=(-5, 5)
    )  # fmt: skip
    return Contents(
        evidence=summary, figures=drawn, estimates=estimates, event_study=by_event_time, diagnostics=checks,
        disclosure={"min_cell": 11, "withheld": []}, study_yaml=study_yaml, provenance={"git_sha": None},
    )  # fmt: skip


def of(evaluation: Evaluation) -> Contents:
    """What the report shows of an evaluation."""
    return compose(evaluation, provenance={"git_sha": None}, study_yaml=resolved_yaml(evaluation.study))


def _words(value: str) -> dict[str, Any]:
    return {"value": value, "how": "declared"}


def _number(value: float | None) -> dict[str, Any]:
    absent = {"how": "missing", "reason": "not computed in this sample"}
    return {"value": value, **({"how": "derived"} if value is not None else absent)}


def quantity(value: float | None, low: float = 0.0, high: float = 0.0, unit: str = "") -> dict[str, Any]:
    if value is None:
        return {"value": None, "low": None, "high": None, "how": "missing", "reason": "the study declares no cost"}
    interval = {"low": low, "high": high, "level": 0.95, "interval_kind": "confidence"}
    return {"value": value, **interval, "unit": unit, "how": "derived"}


def _natural(value: float | None, low: float = 0.0, high: float = 0.0, unit: str = "") -> dict[str, Any]:
    known = value is not None
    return {
        "effect": quantity(value, low, high, unit),
        "counterfactual": quantity(5.4 if known else None, 5.2, 5.6, "homicides per 100,000 residents"),
        "observed": _number(5.1 if known else None),
        "claim": "geometric means of treated states",
    }


def _step(rule: str, kind: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "rule": rule,
        "kind": kind,
        "trigger": f"trigger of {rule}",
        "state": state,
        "reason": f"reason of {rule}",
        **more,
    }


def _plain(text: str, certainty: int | None, limitations: int) -> dict[str, Any]:
    level = {None: "Not rated", 1: "Very low", 2: "Low", 3: "Moderate", 4: "High"}[certainty]
    entry = {"label": "Maryland SMS, self-assessed", "level": "3", "reason": "DiD with a justified comparator"}
    risks = dict.fromkeys(
        (
            "confounding",
            "selection",
            "classification",
            "deviations",
            "missing_data",
            "measurement",
            "reporting",
            "overall",
        ),
        "moderate",
    )
    words = _words(text)
    no_plan = {"value": None, "how": "missing", "reason": "no plan"}
    question = (
        "title",
        "programme",
        "priority",
        "capacity",
        "population",
        "intervention",
        "comparator",
        "outcome",
        "setting",
    )
    return {
        "identity": {
            "study_id": "sample", "run_id": "0123456789abcdef", "config_sha": "c" * 64, "data_sha": "d" * 64,
            "evalkit_version": "0.1.0", "created_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        },
        "governance": dict.fromkeys(("evaluator_independence", "funder", "contact", "ethics_review"), words),
        "question": dict.fromkeys((*question, "theory_of_change"), words),
        "assignment": {
            "mechanism": _words("policy_choice"), "unit": _words("state"), "selection_rule": words,
            "concurrent_events": {"value": [text], "how": "declared"},
        },
        "delivery": {
            **dict.fromkeys(("dates", "dose", "fidelity", "contamination"), words),
            "take_up": _number(None), "anticipation": _number(0),
        },
        "outcomes": [{
            "name": text, "role": "primary", "family": "rate", "unit": "homicides per 100,000 residents",
            "direction": "lower_better", "analysed_as": "log", "exposure": words, "per": _number(1e5),
            "event_name": words,
            "mid": {"value": _number(0.05), "unit": _words("log points"), "rationale": words}, "source": words,
            "definition_changes": {"value": None, "how": "missing", "reason": "none declared"},
        }],
        "sample": {
            **dict.fromkeys(("n_units", "n_treated_units", "n_clusters", "n_treated_clusters"), _number(50)),
            "n_treated_units": _number(21), "n_observations": _number(500), "n_events": _number(None),
            "pre_periods": _number(4), "post_periods": _number(4), "missing_share": _number(0.0),
            "attrition_overall": _number(None), "attrition_differential": _number(None),
            "flow": [{"id": "always_treated_excluded", "text": text, "treated": 1, "comparison": 0}],
        },
        "estimates": [{
            "label": "Callaway-Sant'Anna", "outcome": text, "estimand": "ATT", "estimator": "callaway_santanna",
            "role": "primary", "weights": "cohort share", "scale": "log",
            "effect": quantity(-0.07, -0.12, -0.02, "log points"),
            **dict.fromkeys(("std_error", "p_value", "effect_size_g", "improvement_index"), _number(0.03)),
            **dict.fromkeys(("p_benefit", "p_mid"), _number(None)),
        }],
        "natural": {
            "absolute": _natural(-0.36, -0.6, -0.1, "homicides per 100,000 residents"),
            "percent": _natural(-6.8, -11.3, -2.0, "%"),
            **dict.fromkeys(("per_1000", "total_averted", "people_affected", "money"), _natural(None)),
        },
        "finding": {
            "label": "favourable", "outcome_direction": "decrease", "wanted_direction": "lower_better",
            "mid": _number(0.05), "judged_in": "log points", "reading": "The interval lies below 0.",
        },
        "diagnostics": [], "equity": [],
        "cost": {
            "currency": _words("USD"), "base_year": _number(2024), "perspective": words, "ingredients": [],
            "incremental_cost": quantity(None), "discount_rate": _number(0.03), "cost_per_outcome": quantity(None),
            "p_cost_effective": _number(None),
        },
        "synthesis": {
            "over": "cohort", "n_groups": _number(2), "i_squared": _number(0.1),
            "sign_reversal": {"value": False, "how": "derived"},
        },
        "plan": {
            "status": "none", "url": words, "deviations": [],
            "locked_at": no_plan, "outcome_access_at": no_plan,
        },
        "rating": {
            "table": "standard 1.0.0", "certainty": certainty, "label": level,
            "not_rated_reasons": [] if certainty else ["R-hat is 1.4, above 1.01"],
            "trail": [
                _step("start", "start", "applied", points=4, running=4),
                _step("cap_not_randomized", "cap", "applied", cap=3, running=3, fix="random assignment"),
                _step("pre_trends", "deduction", "not_triggered", value=0.43, threshold=0.05, running=3),
                _step("imprecision", "deduction", "applied", points=-1, running=2, fix="more treated states"),
            ],
            "crosswalk": {**dict.fromkeys(("sms", "wwc_style", "edgar_style", "nesta"), entry), "robins_i": risks},
        },
        "use": {
            "limitations": [{"text": f"{text} {i}", "how": "declared"} for i in range(limitations)],
            "transferability": words, "next_step": _words("test_more"),
            "decision": {"who": text, "date": dt.date(2026, 1, 5)},
        },
        "sentences": {
            "headline": f"{text} may reduce the homicide rate by about 6.8 % (2 to 11), from 5.4 to 5.1.",
            "finding": "The interval lies on the wanted side of 0.", "equivalence": None, "chance": None, "scale": None,
            "cost": None, "equity": [], "certainty": f"Certainty is {level} because assignment was not random.",
            "checks": ["No pre-trend detected."], "notes": [f"{text}: note."],
        },
    }  # fmt: skip

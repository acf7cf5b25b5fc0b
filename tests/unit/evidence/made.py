"""Studies, panels, estimates and facts made by hand, so that every number in a test is known beforehand."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.aggregate import Cells
from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.evidence.equity import Groups
from evalkit.evidence.facts import Facts, sample_of
from evalkit.evidence.finding import find, judge
from evalkit.evidence.natural import effect_of
from evalkit.evidence.schema import Evidence, Identity
from evalkit.evidence.standard import Standard, shipped
from evalkit.evidence.summarize import summarize
from evalkit.study.spec import Choice, Study, StudySpec
from evalkit.uncertainty import Posterior, Reported, SamplerFigures, Sampling
from evalkit.vocabulary import NEVER, POOLED, CheckStatus, Diagnostic, Domain, FloatArray, InferenceMethod

FIRST_YEAR = 2001
PERIODS = 10
STARTS = {6: 6, 7: 6}
"""First treated ordinal to number of units; six units in 2007, six in 2008."""
NEVER_TREATED = 12


def spec(outcome: Mapping[str, Any] | None = None, **changes: Any) -> StudySpec:
    """A study of calls to the police in cities; `changes` replace top-level keys."""
    declared: dict[str, Any] = {
        "id": "lights",
        "title": "Street lights and calls",
        "programme": "the street light programme",
        "priority": "public_safety",
        "question": {
            "population": "cities", "intervention": "lights", "comparator": "cities without", "outcome": "calls",
            "setting": "a country", "theory_of_change": "light deters",
        },
        "assignment": {"mechanism": "policy_choice", "unit": "city", "selection_rule": "the council chose"},
        "data": {"source": {"kind": "file", "path": "x.csv"}, "unit": "city", "period": "year", "cohort": "start"},
        "outcomes": [
            {
                "name": "the rate of calls", "column": "calls", "role": "primary", "family": "rate",
                "unit": "calls per 1,000 residents", "per": 1000.0, "direction": "lower_better", "event_name": "calls",
                "mid": {"value": 1.0, "rationale": "one patrol shift"}, **(outcome or {}),
            }
        ],
        "checks": ["pre_trends"],
        "use": {"limitations": ["One country only"]},
    }  # fmt: skip
    return StudySpec.model_validate({**declared, **changes})


def study(made: StudySpec | None = None, evidence: Mapping[str, Any] | None = None) -> Study:
    """The study, resolved; the shipped standard."""
    made = made or spec()
    return Study(
        spec=made, estimator=Choice(name="callaway_santanna"), robustness=made.robustness, checks=made.checks,
        evidence=dict(evidence or {}),
    )  # fmt: skip


def panel(
    *,
    starts: Mapping[int, int] | None = None,
    never: int = NEVER_TREATED,
    level: float = 20.0,
    exposure: float | None = 5000.0,
    log: bool = False,
    cluster: Sequence[int] | None = None,
    covariates: Mapping[str, FloatArray] | None = None,
    periods: int = PERIODS,
) -> Panel:
    """Units whose outcome is `level` plus a small unit-specific number, the same in every year."""
    begun = STARTS if starts is None else starts
    first = np.array([start for start, count in begun.items() for _ in range(count)] + [NEVER] * never, dtype=np.int64)
    count = first.size
    values = level + 0.1 * np.arange(count)[:, None] + np.zeros((count, periods))
    return Panel(
        outcome=np.log(values) if log else values,
        time=np.arange(periods, dtype=np.int64),
        first_treated=first,
        units=pd.Index([f"city {number:02d}" for number in range(count)]),
        calendar=Calendar(kind="integer", origin=FIRST_YEAR, step=1),
        names=ColumnNames(unit="city", period="year", outcome="calls"),
        exposure=None if exposure is None else np.full((count, periods), exposure),
        cluster=None if cluster is None else np.array(cluster, dtype=np.int64),
        covariates=covariates or {},
    )


def estimate(
    value: float,
    error: float = 0.1,
    *,
    observed: float = 18.0,
    cohorts: Sequence[tuple[float, float, int]] = (),
    draws: FloatArray | None = None,
    sampler: Mapping[str, Any] | None = None,
    name: str = "callaway_santanna",
    settings: Mapping[str, Any] | None = None,
    facts: Mapping[str, float] | None = None,
) -> Estimate:
    """A pooled overall effect, and pooled effects by cohort as (effect, error, units).

    With `draws` (S,) the overall effect is a posterior.
    """
    count = 1 + len(cohorts)
    pooled = np.full(count, POOLED, dtype=np.int64)
    values = np.array([value, *(effect for effect, _, _ in cohorts)])
    cells = Cells(
        cohort=np.array([POOLED, *range(6, 6 + len(cohorts))], dtype=np.int64),
        period=pooled,
        event_time=pooled,
        estimate=values,
        observed=np.full(count, observed),
        n_treated=np.array([12, *(units for _, _, units in cohorts)], dtype=np.int64),
        is_reference=np.zeros(count, dtype=np.bool_),
        share_cohorts=np.empty(0, dtype=np.int64),
        shares=np.empty(0),
    )
    errors = np.array([error, *(spread for _, spread, _ in cohorts)])
    uncertainty: Sampling | Posterior = Sampling(np.diag(errors**2), n_clusters=24)
    if draws is not None:
        figures = {
            "engine": "exact", "n_chains": 4, "n_draws": draws.size // 4, "divergences": 0, "rhat_max": 1.001,
            "ess_bulk_min": 2000.0, "ess_tail_min": 2000.0, **(sampler or {}),
        }  # fmt: skip
        uncertainty = Posterior(np.tile(draws[:, None], count), SamplerFigures(**figures))
    return Estimate(
        estimator=name, settings=dict(settings or {}), cells=cells, uncertainty=uncertainty,
        calendar=Calendar(kind="integer", origin=FIRST_YEAR, step=1), n_units=24, n_treated_units=12,
        n_observations=240, seed=0, facts=dict(facts or {}),
    )  # fmt: skip


def reported(
    fitted: Estimate, method: InferenceMethod, low: float, high: float, *, p_value: float = 0.04, **changes: Any
) -> Estimate:
    """The estimate with another interval to report than its own; three treated clusters of 15."""
    own = fitted.aggregation("overall")
    found = Reported(
        method=method, low=low, high=high, level=0.95, p_value=p_value, n_treated_clusters=3, n_clusters=15,
        clustered_low=float(own.low[0]), clustered_high=float(own.high[0]), clustered_p=float(own.p_values()[0]),
        smallest_p=0.002, degrees_of_freedom=13.0, passed_over=(("clustered", "too few"),),
    )  # fmt: skip
    return dataclasses.replace(fitted, reported=dataclasses.replace(found, **changes))


def posterior(value: float, spread: float = 0.1, count: int = 4000, seed: int = 1) -> FloatArray:
    """Normal draws with exactly this mean and standard deviation."""
    draws = np.random.default_rng(seed).standard_normal(count)
    exact: FloatArray = value + spread * (draws - draws.mean()) / draws.std()
    return exact


def diagnostic(
    name: str,
    status: CheckStatus = "pass",
    value: float | None = 0.6,
    *,
    domain: Domain = "confounding",
    **details: float,
) -> Diagnostic:
    """The outcome of a check."""
    return Diagnostic(
        id=name, null_in_words="nothing is wrong", statistic="p", value=value, threshold=0.05, status=status,
        domain=domain, reading=f"The check {name.replace('_', ' ')} says {status.replace('_', ' ')}.",
        details=tuple(details.items()),
    )  # fmt: skip


def clean() -> tuple[Diagnostic, ...]:
    """A pre-trend test that passes and would have found a small trend."""
    return (diagnostic("pre_trends", detectable_at_80=0.01, n_pre_periods=4.0),)


def facts(
    fitted: Estimate,
    made: StudySpec | None = None,
    *,
    data: Panel | None = None,
    diagnostics: Sequence[Diagnostic] | None = None,
    others: Mapping[str, Estimate | EvalkitError] | None = None,
    standard: Standard | None = None,
) -> Facts:
    """What the rating looks at."""
    made = made or spec()
    data = data or panel(log=made.primary_outcome.transform == "log")
    effect = effect_of(made.primary_outcome, fitted, fitted.aggregation("overall", level=made.design.level))
    judged = judge(effect, made.primary_outcome)
    found = clean() if diagnostics is None else diagnostics
    return Facts(
        study=study(made), standard=standard or shipped(), panel=data, estimate=fitted, effect=effect, judged=judged,
        finding=find(judged, made.primary_outcome), sample=sample_of(data, made, fitted),
        diagnostics={each.id: each for each in found}, other_outcomes=others or {},
    )  # fmt: skip


def identity() -> Identity:
    """A run."""
    return Identity(
        study_id="lights", run_id="0" * 32, config_sha="c", data_sha="d", evalkit_version="0",
        created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )  # fmt: skip


def summary(
    fitted: Estimate,
    made: StudySpec | None = None,
    *,
    data: Panel | None = None,
    diagnostics: Sequence[Diagnostic] | None = None,
    robustness: Mapping[str, Estimate | EvalkitError] | None = None,
    others: Mapping[str, Estimate | EvalkitError] | None = None,
    groups: Groups | None = None,
) -> Evidence:
    """The whole summary."""
    made = made or spec()
    data = data or panel(log=made.primary_outcome.transform == "log")
    found = clean() if diagnostics is None else diagnostics
    return summarize(
        study(made), data, fitted, robustness or {}, found, identity(), other_outcomes=others, groups=groups
    )

"""Other bodies' scales: self-assessed, and by their own criteria."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.evidence.schema_rating import Crosswalk
from tests.unit.evidence import made

LOTTERY: dict[str, Any] = {"assignment": {"mechanism": "lottery", "unit": "city"}}


def walk(value: float = -2.0, error: float = 0.1, *, name: str = "callaway_santanna", data: Any = None,
         diagnostics: Any = None, settings: Any = None, **changes: Any) -> Crosswalk:  # fmt: skip
    fitted = made.estimate(value, error, name=name, settings=settings)
    return made.summary(fitted, made.spec(**changes), data=data, diagnostics=diagnostics).rating.crosswalk


def test_nothing_claims_to_be_an_official_rating() -> None:
    found = walk()
    for entry in (found.sms, found.wwc_style, found.edgar_style, found.nesta):
        assert entry.label.endswith("-style, self-assessed")


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        (LOTTERY, "5"),
        ({"assignment": {"mechanism": "cutoff", "unit": "city"}}, "4"),
        ({}, "3"),
        ({"assignment": {"mechanism": "policy_choice", "unit": "city"}}, "2"),
        ({"name": "interrupted_time_series"}, "1"),
    ],
)
def test_maryland_scale_follows_design_and_justification(changes: dict[str, Any], level: str) -> None:
    assert walk(**changes).sms.level == level


def test_tiers_need_a_favourable_finding() -> None:
    assert walk(**LOTTERY).edgar_style.level == "1"
    assert walk(0.0, 1.0, **LOTTERY).edgar_style.level == "4"
    assert walk(2.0, 0.1, **LOTTERY).edgar_style.level == "4"
    assert walk().edgar_style.level == "3"


def test_baseline_equivalence_lifts_a_quasi_experiment() -> None:
    values = np.repeat(np.concatenate([np.linspace(-1, 1, 12)] * 2)[:, None], made.PERIODS, axis=1)
    declared = {
        "source": {"kind": "file", "path": "x.csv"}, "unit": "u", "period": "t", "cohort": "g", "covariates": ["income"]
    }  # fmt: skip
    found = walk(data=made.panel(covariates={"income": values}))
    assert found.wwc_style.level == "cannot be judged"
    fitted = made.estimate(-2.0)
    even = made.summary(fitted, made.spec(data=declared), data=made.panel(covariates={"income": values}))
    assert even.rating.crosswalk.wwc_style.level == "meets standards with reservations"
    assert even.rating.crosswalk.edgar_style.level == "2"
    tilted = values + 5.0 * (np.arange(24) < 12)[:, None]
    uneven = made.summary(fitted, made.spec(data=declared), data=made.panel(covariates={"income": tilted}))
    assert uneven.rating.crosswalk.wwc_style.level == "does not meet standards"


def test_later_cohorts_are_a_comparison_of_more_than_one_unit() -> None:
    later = {"comparison": "not_yet_treated"}
    assert walk(data=made.panel(never=0), settings=later).wwc_style.level == "cannot be judged"
    assert walk(data=made.panel(never=1)).wwc_style.level == "does not meet standards"


def test_nesta_needs_a_comparison_for_causation_and_never_reaches_replication() -> None:
    assert walk().nesta.level == "3"
    assert walk(0.0, 1.0).nesta.level == "1"
    assert walk(name="interrupted_time_series").nesta.level == "2"


def test_risk_of_bias_by_domain_follows_the_trail_and_the_worst_wins() -> None:
    calm = walk().robins_i
    assert (calm.confounding, calm.missing_data, calm.classification) == ("moderate", "low", "no information")
    assert calm.overall == "no information"
    failed = walk(diagnostics=[made.diagnostic("pre_trends", "fail", 0.01)]).robins_i
    assert (failed.confounding, failed.overall) == ("serious", "serious")
    assert walk(assignment={"mechanism": "unknown"}).robins_i.overall == "critical"
    assert walk(**LOTTERY).robins_i.confounding == "low"

"""Laws that every registered estimator keeps (docs/adding-an-estimator.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from _pytest.mark.structures import ParameterSet

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators import registry
from evalkit.estimators.base import Estimator
from evalkit.testing.check import as_counts, check_estimator, laws_of
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered

EXEMPT = {
    # Static two-way fixed effects use already-treated units as comparisons: that is its known fault,
    # and the estimate says so (remark "forbidden_comparisons").
    ("two_way_fixed_effects", "always-treated units change nothing"),
    ("poisson_fixed_effects", "always-treated units change nothing"),
    # Comparison cohorts are averaged with weights of least variance, and a clone is one more observation. It holds
    # with combination=by_size (tests/unit/estimators/test_triple_difference.py).
    ("triple_difference", "a unit of weight 2 equals the unit twice"),
}
SAME_ANSWER = 1e-9  # algebraically equal, two routes


FEWER_DRAWS: dict[str, dict[str, Any]] = {
    "bayesian_synthetic_control": {"prior_pull": False, "walkers": 50, "most_snapshots": 4},
}
"""Settings that spend less on draws: the laws hold for any number of them."""


def make(name: str) -> Estimator:
    return registry.get(name)(**FEWER_DRAWS.get(name, {}))


PROMISES = {
    "row order does not matter": "law-row-order",
    "unit names do not matter": "law-unit-names",
    "the calendar's origin does not matter": "law-calendar-origin",
    "y -> a + b y scales effects and errors by b": "law-scale",
    "y -> b y leaves log ratios as they are": "law-scale",
    "adding 1e9 to the outcome changes nothing": "law-large-constant",
    "unit constants change nothing": "law-unit-constants",
    "period constants change nothing": "law-period-constants",
    "adding c to treated outcomes adds c": "law-treatment-shift",
    "constant weights change nothing": "law-constant-weights",
    "a unit of weight 2 equals the unit twice": "law-weight-two",
    "same seed, same result": "law-seed",
    "always-treated units change nothing": "law-always-treated",
}


def marked(name: str, law: str) -> ParameterSet:
    """A case with the promise that its law is, if it is one."""
    promise = [pytest.mark.promise(PROMISES[law])] if law in PROMISES else []
    return pytest.param(name, law, marks=promise)


CASES = [marked(name, law) for name in registry.names() for law in laws_of(make(name)) if (name, law) not in EXEMPT]


def fit(name: str, frame: pd.DataFrame, **settings: Any) -> Estimate:
    frame = as_counts(frame) if registry.get(name).needs.counts else frame
    covariates = ["eligible"] if "eligible" in frame else []
    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=covariates)
    return registry.get(name)(**{**FEWER_DRAWS.get(name, {}), **settings}).fit(panel, rng=np.random.default_rng(0))


def ineligible(name: str) -> float:
    """Share of units that are not eligible, in the data that an estimator is tried on."""
    return 0.5 if registry.get(name).needs.eligibility else 0.0


def periods(name: str) -> int:
    """Length of the panel that an estimator is tried on: some need a long time before the start."""
    needed = registry.get(name).needs.pre_periods
    return 6 if needed <= 2 else needed + 6


@pytest.mark.parametrize(("name", "law"), CASES)
def test_an_estimator_keeps_the_law(name: str, law: str) -> None:
    check_estimator(make(name), laws=[law]).raise_if_broken()


@pytest.mark.parametrize("name", registry.names())
def test_an_estimator_states_its_name_and_what_it_needs(name: str) -> None:
    estimator = make(name)
    assert isinstance(estimator, ek.Estimator)
    assert estimator.name == name
    assert estimator.needs.answers.endswith(".")


@pytest.mark.parametrize("name", registry.names())
def test_an_estimate_has_draws_or_influence_functions_never_both(name: str) -> None:
    design = StaggeredDesign(n_units=30, n_periods=periods(name), ineligible=ineligible(name))
    estimate = fit(name, simulate_staggered(design, 1).frame)
    assert (estimate.draws is None) != (estimate.influence is None)
    if estimate.influence is not None:
        covariance = estimate.influence.T @ estimate.influence
        np.testing.assert_allclose(np.sqrt(np.diag(covariance)), estimate.to_frame()["std_error"], atol=SAME_ANSWER)


@pytest.mark.parametrize("name", registry.names())
def test_two_cohorts_of_equal_effect_are_found_near_the_truth(name: str) -> None:
    design = StaggeredDesign(n_units=300, n_periods=periods(name), effect=2.0, noise=0.2, ineligible=ineligible(name))
    simulated = simulate_staggered(design, 7)
    row = fit(name, simulated.frame).aggregation("overall")
    assert abs(row.estimate[0] - simulated.overall) < 4.0 * row.std_error[0]
    assert row.std_error[0] < 0.1


def test_a_broken_law_is_named_with_what_was_found() -> None:
    class Careless(ek.TwoWayFixedEffects):
        """Adds the first outcome of the panel to nothing in particular: depends on the order of units."""

        def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
            panel.outcome[0, 0] += 1.0
            return super().fit(panel, rng=rng)

    report = check_estimator(Careless(), laws=["unit names do not matter", "same seed, same result"])
    assert "unit names do not matter" in report.broken
    with pytest.raises(AssertionError, match="relative difference"):
        report.raise_if_broken()


@pytest.mark.parametrize("wrong", [ek.TwoWayFixedEffects, None])
def test_the_laws_ask_for_an_estimator_with_its_settings(wrong: object) -> None:
    with pytest.raises(TypeError, match="takes an estimator with its settings"):
        check_estimator(wrong)  # type: ignore[arg-type]

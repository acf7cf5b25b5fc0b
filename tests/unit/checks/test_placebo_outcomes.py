"""Placebo outcomes: read together, found by name, and refused where there are none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.placebo_outcomes import PlaceboOutcomes
from evalkit.errors import DesignRefused, EvalkitError
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.vocabulary import Diagnostic
from tests.simulated import context, spec

SAME = 1e-12
PRIMARY = {"name": "outcome", "column": "y", "unit": "points", "direction": "higher_better"}


def with_placebos(made: CheckContext, others: Mapping[str, Estimate | EvalkitError]) -> CheckContext:
    outcomes = [PRIMARY, *({**PRIMARY, "name": name, "column": name, "role": "placebo"} for name in others)]
    return dataclasses.replace(made, spec=spec(outcomes=outcomes), of_outcome=lambda name: others[name])


def moved(made: CheckContext, by: float, seed: int = 0) -> Estimate:
    """The estimate of an outcome of pure noise on which the treated moved by this much."""
    panel = made.panel
    noise = np.random.default_rng(seed).standard_normal(panel.outcome.shape)
    return made.fit(dataclasses.replace(panel, outcome=noise + by * panel.treated))


def run(made: CheckContext) -> Diagnostic:
    return PlaceboOutcomes().run(made)[0]


def test_outcomes_that_did_not_move_pass_and_one_that_did_fails() -> None:
    made = context(effect=2.0)
    still = run(with_placebos(made, {"rain": moved(made, 0.0), "wind": moved(made, 0.0, seed=1)}))
    assert still.status == "pass"
    loud = run(with_placebos(made, {"rain": moved(made, 0.0), "wind": moved(made, 3.0, seed=1)}))
    assert loud.status == "fail"
    assert "'wind'" in loud.reading
    assert loud.domain == "confounding"


def test_the_smallest_p_value_is_multiplied_by_the_number_of_outcomes() -> None:
    made = context()
    estimates = {f"placebo {k}": moved(made, 0.3, seed=k) for k in range(4)}
    smallest = min(float(each.aggregation("overall").p_values()[0]) for each in estimates.values())
    found = run(with_placebos(made, estimates))
    assert found.value == pytest.approx(min(1.0, 4.0 * smallest), rel=SAME)
    assert dict(found.details)["outcomes"] == 4.0


def test_one_that_cannot_be_estimated_is_named_and_the_others_count() -> None:
    made = context()
    found = run(with_placebos(made, {"rain": moved(made, 0.0), "wind": DesignRefused("No wind was measured.")}))
    assert found.status == "pass"
    assert "Not estimable: 'wind' (No wind was measured.)" in found.reading
    assert run(with_placebos(made, {"wind": DesignRefused("No wind was measured.")})).status == "not_run"


def test_without_placebo_outcomes_it_says_that_it_did_not_run() -> None:
    found = run(context())
    assert found.status == "not_run"
    assert "role: placebo" in found.reading


def test_a_caller_without_other_outcomes_is_told_so() -> None:
    outcomes = [PRIMARY, {**PRIMARY, "name": "rain", "column": "rain", "role": "placebo"}]
    found = run(dataclasses.replace(context(), spec=spec(outcomes=outcomes)))
    assert found.status == "not_run"
    assert "was not estimated" in found.reading


def test_a_posterior_is_judged_by_its_draws() -> None:
    made = context(BayesianDid(engine="exact"), effect=1.0)
    assert run(with_placebos(made, {"rain": moved(made, 5.0)})).status == "fail"
    assert run(with_placebos(made, {"rain": moved(made, 0.0)})).status == "pass"


def test_its_figure_has_the_outcome_itself_first_and_effects_over_their_errors() -> None:
    made = context(effect=2.0)
    exhibit = run(with_placebos(made, {"rain": moved(made, 0.0)})).exhibit
    assert exhibit is not None
    rows = pd.DataFrame(dict(exhibit.table))
    assert rows["role"].tolist() == ["primary", "placebo"]
    overall = made.estimate.aggregation("overall")
    assert rows["in_errors"].iloc[0] == pytest.approx(float(overall.estimate[0] / overall.std_error[0]), rel=SAME)


@pytest.mark.parametrize("names", [["rain"], ["rain", "wind"]])
@pytest.mark.parametrize("by", [0.0, 3.0])
def test_readings_pass_the_linter(names: list[str], by: float) -> None:
    made = context()
    reading = run(with_placebos(made, {name: moved(made, by, seed=k) for k, name in enumerate(names)})).reading
    assert lint(reading, shipped().prose, bayesian=False, very_low=True, digits=False) == reading

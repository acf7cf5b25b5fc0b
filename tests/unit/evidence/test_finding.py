"""The finding: four words, never merged with certainty."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from evalkit.errors import ConfigError
from evalkit.evidence.finding import Chances, chances, find, finding_of_draws, judge
from evalkit.evidence.natural import effect_of
from evalkit.evidence.schema import FindingBlock
from evalkit.study.spec import StudySpec
from tests.unit.evidence import made


def found(value: float, error: float, spec: StudySpec | None = None, observed: float = 18.0) -> FindingBlock:
    spec = spec or made.spec()
    fitted = made.estimate(value, error, observed=observed)
    effect = effect_of(spec.primary_outcome, fitted, fitted.aggregation("overall"))
    return find(judge(effect, spec.primary_outcome), spec.primary_outcome)


@pytest.mark.parametrize(
    ("value", "error", "direction", "label"),
    [
        (-2.0, 0.5, "lower_better", "favourable"),
        (2.0, 0.5, "lower_better", "unfavourable"),
        (2.0, 0.5, "higher_better", "favourable"),
        (-2.0, 0.5, "higher_better", "unfavourable"),
        (0.1, 0.2, "lower_better", "little_or_no_difference"),
        (-0.5, 1.0, "lower_better", "inconclusive"),
        (0.0, 0.0, "lower_better", "little_or_no_difference"),
    ],
)
def test_finding_follows_interval_direction_and_mid(value: float, error: float, direction: str, label: str) -> None:
    assert found(value, error, made.spec({"direction": direction})).label == label


def test_without_an_interval_to_rely_on_the_finding_is_inconclusive() -> None:
    outcome, fitted = made.spec().primary_outcome, made.estimate(-2.0, 0.2)
    judged = judge(effect_of(outcome, fitted, fitted.aggregation("overall")), outcome)
    block = find(judged, outcome, no_interval=True)
    assert (block.label, block.outcome_direction) == ("inconclusive", "decrease")
    assert block.reading == "No method gives an interval that can be relied on here."
    assert find(judged, outcome, no_interval=True, not_rated="R-hat 1.4").reading == "Not rated: R-hat 1.4."


def test_a_small_but_certain_difference_keeps_its_direction_and_is_called_small() -> None:
    block = found(-0.5, 0.1)
    assert block.label == "favourable"
    assert "within the smallest change that matters" in block.reading


def test_without_a_mid_nothing_is_little_or_no_difference() -> None:
    block = found(0.01, 0.02, made.spec({"mid": None}))
    assert block.label == "inconclusive"
    assert block.mid.how == "missing"


def test_mid_in_natural_units_is_compared_with_the_difference_of_geometric_means() -> None:
    spec = made.spec({"transform": "log", "mid": {"value": 1.0, "rationale": "r"}})
    level = float(np.log(18.0))
    assert found(0.0, 0.02, spec, level).label == "little_or_no_difference"  # 18 (1 - exp(-+.039)) is about +-.7
    assert found(0.0, 0.04, spec, level).label == "inconclusive"  # about +-1.4
    assert found(0.0, 0.02, spec, level).judged_in == "calls per 1,000 residents"


@pytest.mark.parametrize(("unit", "mid", "judged_in"), [("log points", 0.05, "log points"), ("percent", 5.0, "%"),
                                                        ("% of the level", 5.0, "%")])  # fmt: skip
def test_mid_may_be_declared_in_percent_or_log_points(unit: str, mid: float, judged_in: str) -> None:
    spec = made.spec({"transform": "log", "mid": {"value": mid, "unit": unit, "rationale": "r"}})
    assert found(0.0, 0.02, spec, 3.0).label == "little_or_no_difference"
    assert found(0.0, 0.03, spec, 3.0).label == "inconclusive"
    assert found(0.0, 0.02, spec, 3.0).judged_in == judged_in


def test_log_points_on_an_outcome_that_is_not_logged_are_refused() -> None:
    with pytest.raises(ConfigError, match="not analysed in logs"):
        found(0.0, 1.0, made.spec({"mid": {"value": 0.1, "unit": "log points", "rationale": "r"}}))


def test_percentage_points_are_the_outcomes_own_unit() -> None:
    spec = made.spec({"family": "proportion", "unit": "percent", "mid": {"value": 3, "unit": "percentage points",
                                                                        "rationale": "r"}})  # fmt: skip
    assert found(0.0, 1.0, spec).judged_in == "percent"


def test_chances_count_draws_in_the_wanted_direction() -> None:
    spec = made.spec()
    draws = np.concatenate([np.full(60, -2.0), np.full(30, -0.5), np.full(10, 1.0)])
    fitted = made.estimate(0.0, draws=draws)
    effect = effect_of(spec.primary_outcome, fitted, fitted.aggregation("overall"))
    assert chances(judge(effect, spec.primary_outcome)) == Chances(0.9, 0.6, 0.3, 0.1)


def test_without_a_smallest_change_that_matters_only_the_direction_has_a_chance() -> None:
    spec = made.spec({"mid": None})
    fitted = made.estimate(0.0, draws=made.posterior(-2.0))
    effect = effect_of(spec.primary_outcome, fitted, fitted.aggregation("overall"))
    found = chances(judge(effect, spec.primary_outcome))
    assert found is not None
    assert (found.mid, found.within_mid, found.worse_mid) == (None, None, None)


def test_draws_under_another_prior_are_judged_like_the_posterior_itself() -> None:
    spec = made.spec()
    fitted = made.estimate(0.0, draws=made.posterior(-2.0, 0.5))
    draws = fitted.aggregation("overall").draws
    assert draws is not None
    label = functools.partial(finding_of_draws, spec.primary_outcome, fitted, 0.95)
    assert label(draws[:, 0]) == "favourable"
    assert label(draws[:, 0] + 1.5) == "inconclusive"
    assert label(0.2 * draws[:, 0] + 0.4) == "little_or_no_difference"
    assert label(draws[:, 0] + 6.0) == "unfavourable"


def test_a_run_that_is_not_rated_has_no_finding_and_no_direction() -> None:
    spec = made.spec()
    fitted = made.estimate(-2.0, 0.1)
    effect = effect_of(spec.primary_outcome, fitted, fitted.aggregation("overall"))
    block = find(judge(effect, spec.primary_outcome), spec.primary_outcome, not_rated="R-hat 1.2")
    assert (block.label, block.outcome_direction) == ("inconclusive", "none")


def test_percentage_points_of_a_share_between_0_and_1_are_hundredths() -> None:
    mid = {"value": 3, "unit": "percentage points", "rationale": "r"}
    spec = made.spec({"family": "proportion", "unit": "share of residents", "mid": mid})
    assert found(0.0, 0.01, spec, 0.4).label == "little_or_no_difference"  # +-.0196
    assert found(0.0, 0.02, spec, 0.4).label == "inconclusive"  # +-.039
    assert found(0.0, 0.02, spec, 0.4).mid.value == pytest.approx(0.03)
    words = made.summary(made.estimate(0.0, 0.01, observed=0.4), spec, data=made.panel(level=0.4)).sentences
    assert "smaller than 3 percentage points" in words.headline


def test_a_unit_that_only_begins_like_log_is_a_unit() -> None:
    spec = made.spec({"unit": "logins per 1,000 residents", "mid": {"value": 1, "unit": "logins", "rationale": "r"}})
    assert found(0.0, 0.1, spec).label == "little_or_no_difference"


def test_a_percentage_of_an_unknown_level_is_compared_with_nothing() -> None:
    spec = made.spec({"mid": {"value": 5, "unit": "%", "rationale": "r"}})
    unknown, known = found(-2.0, 0.5, spec, float("nan")), found(-2.0, 0.5, spec)
    assert (unknown.label, known.label) == ("favourable", "favourable")
    assert unknown.mid.how == "missing"
    assert "unknown or not positive" in unknown.mid.reason
    assert known.mid.value == 5.0

"""Which findings are put together, and how."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.meta_analysis import pool
from evalkit.synthesis.entries import newest
from evalkit.synthesis.pooling import groups
from tests.portfolio_samples import cities, city_evidence


def test_only_the_same_outcome_in_the_same_unit_is_compared() -> None:
    found = groups(newest([*cities(30), city_evidence("other", outcome="burglaries")]))
    assert [(group.priority, group.scale) for group in found] == [
        ("homelessness", "identity"), ("permits", "log"), ("public_safety", "log"),
    ]  # fmt: skip
    assert sum(len(group.members) for group in found) == 30 - sum(len(group.left_out) for group in found)
    assert {reason for group in found for _, reason in group.left_out} == {"not rated"}


def test_names_that_differ_in_case_and_blanks_are_one_outcome() -> None:
    made = [city_evidence("a", city="A"), city_evidence("b", city="B", outcome="Homicides ")]
    assert len(groups(newest(made))) == 1


def test_the_average_is_that_of_the_meta_analysis() -> None:
    made = newest([city_evidence(f"s{i}", city=f"c{i}", effect=-0.1 * i, std_error=0.05) for i in range(1, 5)])
    (group,) = groups(made)
    expected = pool(np.array([-0.1, -0.2, -0.3, -0.4]), np.full(4, 0.05**2))
    assert group.result.mean == pytest.approx(expected.mean)
    assert group.pooled.tau2 == pytest.approx(expected.tau2, rel=1e-4)
    assert group.nested is None
    assert len(group.without) == 4


def test_a_city_with_several_studies_makes_cities_a_level() -> None:
    made = [city_evidence(f"s{i}", city=f"c{i // 2}", effect=-0.1 - 0.05 * i, std_error=0.04) for i in range(6)]
    (group,) = groups(newest(made))
    assert group.nested is not None
    assert (group.nested.n_cities, group.result) == (3, group.nested)


def test_one_study_alone_has_no_average() -> None:
    assert groups(newest([city_evidence("a")])) == ()


def test_a_study_on_which_the_average_hangs_is_named() -> None:
    made = [city_evidence(f"s{i}", city=f"c{i}", effect=0.001 * i, std_error=0.04) for i in range(3)]
    made.append(city_evidence("big", city="Big", effect=-0.3, std_error=0.01))
    (group,) = groups(newest(made))
    assert "big" in [each.study_id for each in group.turned_by_one]


def test_the_small_study_check_waits_for_ten_studies() -> None:
    made = [city_evidence(f"s{i}", city=f"c{i}", effect=-0.03 * i, std_error=0.01 + 0.01 * i) for i in range(12)]
    (nine,), (twelve,) = groups(newest(made[:9])), groups(newest(made))
    assert nine.small is None
    assert twelve.small is not None
    assert twelve.small.p_value < 0.01


def test_chances_fall_with_the_spread_and_turn_with_the_direction() -> None:
    def of(effects: list[float]) -> float:
        made = [city_evidence(f"s{i}", city=f"c{i}", effect=effect, std_error=0.03) for i, effect in enumerate(effects)]
        (found,) = groups(newest(made))
        assert found.chances is not None
        return found.chances.new_wanted

    assert of([-0.2, -0.21, -0.19, -0.2]) > of([-0.4, 0.0, -0.3, -0.1]) > 0.5
    assert of([0.2, 0.21, 0.19]) < 0.1

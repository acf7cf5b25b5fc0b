"""Roll-outs that could have happened, and the p-value that they give."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.reassignment import randomization_p, roll_out
from evalkit.vocabulary import NEVER, IntArray

NOBODY = np.zeros(6, dtype=np.bool_)


def own_clusters(starts: list[int]) -> IntArray:
    return np.arange(len(starts))


def test_every_assignment_comes_once_and_the_observed_one_is_among_them() -> None:
    starts = [3, 3, 5, NEVER, NEVER, NEVER]
    plan = roll_out(np.array(starts), own_clusters(starts), NOBODY)
    assert plan is not None
    listed = [tuple(row.tolist()) for row in plan.every()]
    assert plan.distinct == 60 == len(listed) == len(set(listed))  # 6! / (2! 1! 3!)
    assert tuple(starts) in listed
    assert {tuple(sorted(row)) for row in listed} == {tuple(sorted(starts))}


def test_random_assignments_keep_the_starts_and_reach_each_place_alike() -> None:
    starts = [3, NEVER, NEVER, NEVER, NEVER, NEVER]
    plan = roll_out(np.array(starts), own_clusters(starts), NOBODY)
    assert plan is not None
    drawn = np.stack(list(plan.drawn(6_000, np.random.default_rng(2))))
    assert ((drawn == 3).sum(axis=1) == 1).all()
    counts = (drawn == 3).sum(axis=0)
    assert np.abs(counts - 1_000).max() < 4.5 * np.sqrt(6_000 * 5 / 36)  # six binomial counts, 4.5 standard errors


def test_clusters_move_as_one() -> None:
    plan = roll_out(np.array([4, 4, 4, 9, 9, 9]), np.array([0, 0, 0, 1, 1, 2]), NOBODY)
    assert plan is not None
    assert [row.tolist() for row in plan.every()] == [[4, 4, 4, 9, 9, 9], [9, 9, 9, 4, 4, 9], [9, 9, 9, 9, 9, 4]]


def test_a_cluster_of_two_starts_has_no_pattern_to_move() -> None:
    assert roll_out(np.array([4, 5, 9]), np.array([0, 0, 1]), np.zeros(3, dtype=np.bool_)) is None


def test_always_treated_keep_their_start() -> None:
    always = np.array([True, False, False, False])
    plan = roll_out(np.array([0, 5, NEVER, NEVER]), np.arange(4), always)
    assert plan is not None
    assert plan.distinct == 3
    assert all(row[0] == 0 for row in plan.every())


def test_the_p_value_counts_ties_and_what_cannot_be_estimated() -> None:
    others = np.array([1.0, -1.0 - 1e-13, 0.3, np.nan])
    assert randomization_p(1.0, others, exact=True) == 0.75
    assert randomization_p(-1.0, others, exact=False) == pytest.approx(4 / 5)
    assert randomization_p(2.0, np.zeros(99), exact=False) == pytest.approx(0.01)

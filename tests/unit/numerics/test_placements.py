"""Placebo assignments: every one where they are few, disjoint always."""

from __future__ import annotations

import math

import numpy as np

from evalkit.numerics.placements import by_content, n_placements, placements


def test_all_assignments_are_distinct_and_counted() -> None:
    plans = list(placements(5, [1, 2], 30, np.random.default_rng(0)))
    assert len(plans) == n_placements(5, [1, 2]) == 5 * math.comb(4, 2)
    assert len({tuple(tuple(rows.tolist()) for rows in plan) for plan in plans}) == 30


def test_random_assignments_are_disjoint_and_as_many_as_asked() -> None:
    plans = list(placements(20, [3, 4], 50, np.random.default_rng(0)))
    assert len(plans) == 50
    assert all(len(np.unique(np.concatenate(plan))) == 7 for plan in plans)


def test_the_order_by_content_follows_the_rows_wherever_they_stand() -> None:
    values = np.random.default_rng(0).standard_normal((6, 3))
    shuffled = values[::-1]
    np.testing.assert_array_equal(values[by_content(values)], shuffled[by_content(shuffled)])

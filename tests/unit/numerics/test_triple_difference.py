"""Codes of subgroups, and how estimates against several comparison cohorts are averaged."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.group_time import plan_cohort
from evalkit.numerics.influence import Influence
from evalkit.numerics.triple_difference import Subgroups, TripleEffects, code_subgroups, combine, estimate_triples
from evalkit.vocabulary import NEVER, IntArray

T = 5


def made(n: int = 96, cluster: IntArray | None = None) -> tuple[CohortSample, Subgroups, TripleEffects]:
    first = np.array([2, 3, NEVER, 9])[np.arange(n) % 4]
    eligible = np.arange(n) // 4 % 2 == 0
    subgroups, codes = code_subgroups(first, eligible, last=T - 1)
    outcome = np.random.default_rng(0).standard_normal((n, T))
    sample = sort_by_cohort(outcome, codes, kept=np.ones(n, dtype=np.bool_), cluster=cluster)
    plans = {
        g: plan_cohort(np.arange(T), g, comparison="not_yet_treated", base_period="universal", anticipation=0)
        for g in (2, 3)
    }
    return sample, subgroups, estimate_triples(sample, subgroups, plans, "reg")


def influence(sample: CohortSample, effects: TripleEffects) -> Influence:
    nothing = np.empty(0, dtype=np.int64)
    return Influence(sample, effects.groups, len(effects.part_effect), nothing, np.empty(0), np.ones(len(sample)))


def test_starts_after_the_data_are_one_cohort_with_the_never_treated() -> None:
    sample, subgroups, _ = made()
    assert subgroups.cohorts.tolist() == [2, 3, NEVER]
    assert sample.size_of(subgroups.code(NEVER, True)) == 24
    assert subgroups.lacking(sample, 2) == []


def test_cells_use_every_cohort_that_starts_later_by_itself_and_references_none() -> None:
    _, _, effects = made()
    found = {
        (cell.cohort, cell.period): cohorts for cell, (cohorts, _) in zip(effects.cells, effects.triples, strict=True)
    }
    assert found[2, 2] == (3, NEVER)
    assert found[2, 3] == (NEVER,)
    assert found[2, 1] == ()
    assert found[3, 0] == (NEVER,)


def test_least_variance_weights_sum_to_one_and_beat_weights_by_size() -> None:
    sample, _, effects = made()
    parts = influence(sample, effects)
    covariance = parts.covariance()
    least, singular = combine(effects, parts, {3: 24.0, NEVER: 48.0}, "gmm")
    by_size, _ = combine(effects, parts, {3: 24.0, NEVER: 48.0}, "by_size")
    place = [(cell.cohort, cell.period) for cell in effects.cells].index((2, 2))
    assert singular == []
    (cohorts, signs) = effects.triples[place]
    assert cohorts == (3, NEVER)
    np.testing.assert_allclose(by_size[:, place], signs @ np.array([1 / 3, 2 / 3]))
    assert np.isclose(np.linalg.lstsq(signs, least[:, place], rcond=None)[0].sum(), 1.0)
    variance = [maps[:, place] @ covariance @ maps[:, place] for maps in (least, by_size)]
    assert variance[0] < variance[1]


def test_estimates_that_too_few_clusters_cannot_tell_apart_are_averaged_by_size() -> None:
    sample, _, effects = made(cluster=np.zeros(96, dtype=np.int64))
    parts = influence(sample, effects)
    maps, singular = combine(effects, parts, {3: 24.0, NEVER: 48.0}, "gmm")
    by_size, _ = combine(effects, parts, {3: 24.0, NEVER: 48.0}, "by_size")
    assert {(cell.cohort, cell.period) for cell in singular} == {(2, 0), (2, 2)}
    np.testing.assert_array_equal(maps, by_size)


def test_a_subgroup_of_one_unit_gives_no_estimate() -> None:
    first = np.repeat([2, NEVER], 8)
    eligible = np.arange(16) % 8 > 0
    subgroups, codes = code_subgroups(first, eligible, last=T - 1)
    sample = sort_by_cohort(np.zeros((16, T)), codes, kept=np.ones(16, dtype=np.bool_))
    plan = plan_cohort(np.arange(T), 2, comparison="never_treated", base_period="varying", anticipation=0)
    effects = estimate_triples(sample, subgroups, {2: plan}, "dr")
    assert effects.cells == ()
    assert set(effects.left_out.values()) == {"too_few_comparison_units"}
    assert effects.part_effect == pytest.approx(np.zeros(len(effects.part_effect)))

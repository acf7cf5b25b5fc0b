"""Persons sorted into runs, and cells planned over them."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.cohort_effects import Rules
from evalkit.numerics.cross_section_effects import NotEstimable, SectionInfluence, estimate_sections, sort_persons
from evalkit.vocabulary import NEVER
from tests.unit.numerics.test_cross_section_regression import persons

TIME = np.arange(5)
STARTS = np.array([4, 2, 3, NEVER, 9])


def test_persons_are_sorted_by_period_and_cohort_into_runs() -> None:
    sample = persons()
    first = STARTS[sample.cell // 5]
    sections = sort_persons(sample, STARTS)
    assert (np.diff(sections.position) >= 0).all()
    np.testing.assert_array_equal(sections.first_treated, first[sections.order])
    np.testing.assert_array_equal(sections.outcome, sample.outcome[sections.order])
    for (cohort, position), rows in sections.runs.items():
        assert (sections.first_treated[rows] == cohort).all()
        assert (sections.position[rows] == position).all()
    assert sum(rows.stop - rows.start for rows in sections.runs.values()) == len(sections) == 500
    assert sections.size_of(2) == int((first == 2).sum())
    assert sections.size_of(77) == 0


def test_a_comparison_leaves_out_the_cohort_and_those_treated_by_then() -> None:
    sample = persons()
    sections = sort_persons(sample, STARTS)
    compared = {int(sections.first_treated[rows.start]) for rows in sections.compared(3, 1, after=2)}
    assert compared == {4, 9, NEVER}


def test_cells_come_in_order_with_their_counts() -> None:
    sample = persons()
    found = estimate_sections(sort_persons(sample, STARTS), TIME, Rules(), "traditional")
    assert not isinstance(found, NotEstimable)
    effects, fits = found
    assert effects.cohort.tolist() == sorted(effects.cohort.tolist())
    assert len(fits) == len(effects.cells)
    assert (effects.n_treated > 0).all()


def test_the_influence_of_shares_is_that_of_a_mean() -> None:
    sample = persons()
    sections = sort_persons(sample, STARTS)
    found = estimate_sections(sections, TIME, Rules(), "locally_efficient")
    assert not isinstance(found, NotEstimable)
    effects, fits = found
    cohorts = np.unique(effects.cohort)
    shares = np.array([(sections.first_treated == cohort).mean() for cohort in cohorts])
    influence = SectionInfluence(sections, fits, effects.is_reference, cohorts, shares, np.ones(500))
    psi = influence.matrix()
    np.testing.assert_allclose(influence.covariance(), psi.T @ psi, rtol=1e-9, atol=1e-15)
    own = (STARTS[sample.cell // 5][:, None] == cohorts) - shares
    np.testing.assert_allclose(psi[:, -len(cohorts) :], own / 500)

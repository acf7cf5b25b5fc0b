from __future__ import annotations

import numpy as np

from evalkit.numerics.did_layout import lay_out
from evalkit.numerics.leads import fit_leads

ROUNDING = 1e-11
NO_COVARIATES = np.empty((0, 6, 5))


def test_leads_of_a_cohort_sum_to_zero_and_ignore_treated_rows() -> None:
    first = np.array([3, 3, 4, 4, 9, 9])
    outcome = np.random.default_rng(1).standard_normal((6, 5))
    layout, ones = lay_out(np.ones((6, 5), bool), np.arange(5), first), np.ones((6, 5))
    found = fit_leads(outcome, NO_COVARIATES, ones, layout)
    assert found is not None
    assert layout.leads.cohort[found.cells].tolist() == [3, 3, 3, 4, 4, 4, 4]
    for cohort in (3, 4):
        own = found.effect[layout.leads.cohort[found.cells] == cohort]
        np.testing.assert_allclose(own.sum(), 0.0, atol=ROUNDING)
    wild = np.where(np.arange(5) >= first[:, None], 1e6, outcome)
    again = fit_leads(wild, NO_COVARIATES, ones, layout)
    assert again is not None
    np.testing.assert_array_equal(found.effect, again.effect)


def test_a_cohort_with_one_untreated_period_has_no_leads() -> None:
    layout = lay_out(np.ones((6, 5), bool), np.arange(5), np.array([1, 1, 4, 4, 9, 9]))
    found = fit_leads(np.zeros((6, 5)), NO_COVARIATES, np.ones((6, 5)), layout)
    assert found is not None
    assert set(layout.leads.cohort[found.cells].tolist()) == {4}


def test_one_group_alone_has_nothing_to_be_compared_with() -> None:
    layout = lay_out(np.ones((6, 5), bool), np.arange(5), np.full(6, 4))
    assert fit_leads(np.zeros((6, 5)), NO_COVARIATES, np.ones((6, 5)), layout) is None


def test_periods_in_which_the_comparison_is_not_seen_have_no_lead() -> None:
    first = np.array([4, 4, 4, 9, 9, 9])
    seen = np.ones((6, 5), dtype=bool)
    seen[3:, 0] = False
    layout = lay_out(seen, np.arange(5), first)
    found = fit_leads(np.zeros((6, 5)), NO_COVARIATES, seen.astype(float), layout)
    assert found is not None
    assert layout.leads.period[found.cells].tolist() == [1, 2, 3]

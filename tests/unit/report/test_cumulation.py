"""Sums of effects carry the interval of the sum, not the sum of intervals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.report.cumulation import cumulate
from tests.long_series import PERIODS, START, fitted

EXACT = 1e-12


def test_draws_are_added_up_one_by_one() -> None:
    rows = fitted().aggregation("event_study")
    found = cumulate(rows, "identity")
    assert rows.draws is not None
    draws = np.cumsum(rows.draws[:, START:], axis=1)
    assert np.isnan(found.value[:START]).all()
    np.testing.assert_allclose(found.value[START:], draws.mean(axis=0), rtol=EXACT)
    np.testing.assert_allclose(found.low[-1], np.quantile(draws[:, -1], 0.025), rtol=EXACT)


def test_a_frequentist_sum_has_the_variance_of_the_joint_covariance() -> None:
    estimate = fitted(bayesian=False)
    rows = estimate.aggregation("event_study")
    found = cumulate(rows, "identity")
    block = rows.covariance[START:, START:]
    for count in (1, 7, PERIODS - START):
        width = 1.959964 * np.sqrt(block[:count, :count].sum())
        at = START + count - 1
        assert found.high[at] - found.value[at] == pytest.approx(width, rel=1e-6)
    alone = np.sqrt(np.diag(block)).sum()
    assert np.sqrt(block.sum()) < alone  # errors are far from wholly dependent


def test_effects_on_a_log_are_added_up_in_the_outcomes_unit() -> None:
    estimate = fitted(bayesian=False, effect=-0.2)
    rows = estimate.aggregation("event_study")
    found = cumulate(rows, "log_link")
    level, effect = rows.observed[START:], rows.estimate[START:]
    np.testing.assert_allclose(found.value[START:], np.cumsum(level - level * np.exp(-effect)), rtol=EXACT)
    slope = level * np.exp(-effect)
    expected = slope @ rows.covariance[START:, START:] @ slope
    assert found.high[-1] - found.value[-1] == pytest.approx(1.959964 * np.sqrt(expected), rel=1e-6)


def test_logs_of_geometric_means_are_not_added_up() -> None:
    assert np.isnan(cumulate(fitted().aggregation("event_study"), "log_outcome").value).all()


def test_a_gap_ends_the_sum() -> None:
    rows = fitted().aggregation("event_study")
    keep = rows.labels != 3
    cut = {name: getattr(rows, name)[keep] for name in ("labels", "estimate", "observed")}
    assert rows.draws is not None
    gapped = dataclasses.replace(rows, **cut, draws=rows.draws[:, keep])
    found = cumulate(gapped, "identity")
    assert np.isfinite(found.value).sum() == 3

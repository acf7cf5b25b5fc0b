"""Exact draws of effects and leads from prepared series."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.exact_did import (
    Priors,
    centred_within,
    effect_draws,
    independent_scale,
    lead_cells,
    lead_draws,
    untreated_rows,
)
from evalkit.vocabulary import NEVER, FloatArray, IntArray

MCSE = 4.0  # Monte Carlo standard errors that a fixed-seed mean may stray
SIZE = 4_000
WEAK = Priors(overall=1e4, pooled=False)
START = np.repeat([4, 5, NEVER], 10)
TRUTH = np.array([1.0, 2.0, 3.0, 4.0, -1.0, 0.0, 1.0])


def sample_of(noise: float = 1.0, start: IntArray = START, seed: int = 0, spike: float = 0.0) -> Sample:
    rng = np.random.default_rng(seed)
    outcome = rng.standard_normal((30, 1)) * 3.0 + np.arange(8.0) + noise * rng.standard_normal((30, 8))
    layout = prepare(outcome, np.empty((30, 8, 0)), np.arange(8), START, 0).layout
    codes = layout.codes(layout.effects)
    outcome += np.where(codes >= 0, TRUTH[codes], 0.0)
    outcome[:10, 3] += spike
    return prepare(outcome, np.empty((30, 8, 0)), np.arange(8), start, 0)


def saturated(sample: Sample) -> tuple[FloatArray, FloatArray]:
    """Least squares on unit, period and cell dummies: effects and their covariance."""
    layout = sample.layout
    unit, period = np.nonzero(layout.used)
    codes = layout.codes(layout.effects)[unit, period]
    cells = np.where((codes >= 0)[:, None], np.eye(len(layout.effects))[codes], 0.0)
    design = np.hstack([cells, np.eye(30)[unit], np.eye(8)[period][:, 1:]])
    coefficient, squares, rank, _ = np.linalg.lstsq(design, sample.series[unit, period, 0])
    inverse = np.linalg.inv(design.T @ design)[: len(TRUTH), : len(TRUTH)]
    return coefficient[: len(TRUTH)], inverse * float(squares[0]) / (len(unit) - rank)


@pytest.mark.promise("law-weak-priors")
def test_weak_priors_give_the_least_squares_effects_and_errors() -> None:
    sample = sample_of()
    expected, covariance = saturated(sample)
    drawn = effect_draws(sample, WEAK, size=SIZE, rng=np.random.default_rng(1), autoregressive=False)
    error = np.sqrt(np.diag(covariance))
    assert np.abs((drawn.effects.mean(axis=0) - expected) / error).max() < MCSE / np.sqrt(SIZE) + 0.01
    np.testing.assert_allclose(drawn.effects.std(axis=0), error, rtol=0.06)


def test_default_priors_pull_noisy_cells_together_and_leave_their_mean() -> None:
    sample = sample_of(noise=4.0)
    expected, _ = saturated(sample)
    drawn = effect_draws(sample, Priors(), size=SIZE, rng=np.random.default_rng(1), autoregressive=False)
    pooled = drawn.effects.mean(axis=0)
    assert pooled.std() < 0.9 * expected.std()
    assert abs(pooled.mean() - expected.mean()) < 0.25 * drawn.effects.mean(axis=1).std()


def test_autoregressive_errors_are_found_to_be_so() -> None:
    rng = np.random.default_rng(3)
    errors = rng.standard_normal((300, 12))
    for t in range(1, 12):
        errors[:, t] = 0.6 * errors[:, t - 1] + 0.8 * errors[:, t]
    start = np.repeat([7, 8, NEVER], 100)
    sample = prepare(errors, np.empty((300, 12, 0)), np.arange(12), start, 0)
    drawn = effect_draws(sample, Priors(), size=SIZE, rng=rng, autoregressive=True)
    assert abs(drawn.rho.mean() - 0.6) < MCSE * drawn.rho.std()
    assert drawn.rho.std() < 0.05
    assert abs(drawn.sigma.mean() - 1.0) < MCSE * drawn.sigma.std()


def test_never_treated_comparison_ignores_what_other_cohorts_do_before_their_start() -> None:
    """A shock to one cohort's pre-period moves its own base alone."""

    def effects(spike: float) -> FloatArray:
        drawn = effect_draws(
            sample_of(spike=spike), WEAK, size=SIZE, rng=np.random.default_rng(1), autoregressive=False,
            never_treated_only=True,
        )  # fmt: skip
        return np.asarray(drawn.effects.mean(axis=0))

    moved = effects(40.0) - effects(0.0)
    np.testing.assert_allclose(moved[:4], -40.0 / 4.0, atol=0.1)  # a quarter of four pre-periods
    np.testing.assert_allclose(moved[4:], 0.0, atol=0.1)


def test_leads_show_a_spike_and_are_centred_within_cohorts() -> None:
    sample = sample_of(noise=0.1, spike=2.0)
    cells = lead_cells(sample.layout)
    drawn = lead_draws(
        sample, cells, Priors(), size=SIZE, rng=np.random.default_rng(1), autoregressive=False
    )  # fmt: skip
    first = drawn.effects.mean(axis=0)[cells.group == 0]
    np.testing.assert_allclose(first, [-0.5, -0.5, -0.5, 1.5], atol=0.15)
    np.testing.assert_allclose(centred_within(drawn.effects, cells), drawn.effects, atol=1e-10)


def test_leads_do_not_look_at_treated_rows() -> None:
    sample = sample_of()
    assert not untreated_rows(sample).layout.used[0, 4:].any()
    assert untreated_rows(sample).layout.used[25].all()


def test_without_never_treated_units_the_last_cohort_has_no_leads() -> None:
    start = np.repeat([4, 5, 7], 10)
    cells = lead_cells(sample_of(start=start).layout)
    assert np.unique(cells.cohort).tolist() == [4, 5]


def test_a_single_untreated_cell_is_no_lead() -> None:
    start = np.repeat([1, 5, NEVER], 10)
    assert np.unique(lead_cells(sample_of(start=start).layout).cohort).tolist() == [5]


def test_an_outcome_that_unit_and_period_effects_explain_wholly_is_refused() -> None:
    outcome = np.arange(30.0)[:, None] * 0.1 + np.sin(np.arange(8.0))
    sample = prepare(outcome, np.empty((30, 8, 0)), np.arange(8), START, 0)
    with pytest.raises(FloatingPointError, match="does not vary"):
        independent_scale(sample, sample.layout.effects, None, Priors())


def test_effects_without_noise_are_returned_as_they_are() -> None:
    sample = sample_of(noise=0.0)
    drawn = effect_draws(sample, Priors(), size=SIZE, rng=np.random.default_rng(1), autoregressive=False)
    np.testing.assert_allclose(drawn.effects.mean(axis=0), TRUTH, atol=0.05)

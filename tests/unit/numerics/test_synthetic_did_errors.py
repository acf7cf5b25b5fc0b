"""Replicates against the plain oracle, and what they need."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.numerics.synthetic_did import Window
from evalkit.numerics.synthetic_did_errors import Roster, bootstrap, fit_roster, jackknife, placebos, projected
from evalkit.vocabulary import FloatArray
from tests.oracle import synthetic_did as oracle

ALGEBRA = 1e-9


def roster(seed: int = 1, sizes: tuple[int, ...] = (3,), n: int = 9, cluster: int = 1) -> Roster:
    rng = np.random.default_rng(seed)
    total, periods = n + sum(sizes), 10
    y = rng.standard_normal((total, 1)) + rng.standard_normal((total, periods)).cumsum(axis=1)
    cuts = np.cumsum((n, *sizes))
    cohorts = tuple(np.arange(cuts[k], cuts[k + 1]) for k in range(len(sizes)))
    windows = tuple(Window(6 + k, 6 + k) for k in range(len(sizes)))
    return Roster(y, np.empty((0, total, periods)), np.arange(n), cohorts, windows, np.arange(total) // cluster)


def error(found: FloatArray, start: int, whole: float) -> float:
    """Jackknife error of the mean over treated periods of the first cohort."""
    left, n = found[:, start:10].mean(axis=1), len(found)
    return float(np.sqrt((n - 1) / n * np.sum((left - whole) ** 2)))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_jackknife_is_algorithm_3(seed: int) -> None:
    sample = roster(seed)
    fit = fit_roster(sample)
    found = jackknife(sample, fit)
    assert found is not None
    (weights,) = fit.weights
    expected = oracle.jackknife_error(sample.outcome[:9], sample.outcome[9:], weights.unit, weights.time, 6)
    assert error(found, 6, float(fit.cells[0, 6:].mean())) == pytest.approx(expected, rel=ALGEBRA)


def test_leaving_out_a_unit_leaves_other_cohorts_and_moves_the_shares() -> None:
    sample = roster(sizes=(3, 2))
    fit = fit_roster(sample)
    found = jackknife(sample, fit)
    assert found is not None
    of_second = found[sample.cohorts[1][0]]
    np.testing.assert_allclose(of_second[:10], fit.cells[0], atol=ALGEBRA)
    np.testing.assert_allclose(of_second[20:], [3 / 13, 1 / 13], atol=ALGEBRA)


def test_the_jackknife_leaves_out_whole_clusters() -> None:
    assert jackknife(roster(cluster=2), fit_roster(roster(cluster=2))) is not None
    whole = roster(cluster=3)  # the three treated units are one cluster
    assert jackknife(whole, fit_roster(whole)) is None


def test_all_placebos_are_used_where_they_are_few() -> None:
    sample = roster(sizes=(1,), n=5)
    fit = fit_roster(sample)
    found = placebos(sample, fit, 200, np.random.default_rng(0))
    assert len(found) == 5
    expected = []
    for i in range(5):
        others, own = np.delete(sample.outcome[:5], i, 0), sample.outcome[[i]]
        unit, time, _ = oracle.weights(others, own, 6, 6, fit.weights[0].zeta)
        expected.append(oracle.regression(others, own, unit, time, 6))
    np.testing.assert_allclose(np.sort(found[:, 6:10].mean(axis=1)), np.sort(expected), atol=1e-5)


def test_placebos_of_two_cohorts_are_counted_as_disjoint_sets() -> None:
    sample = roster(sizes=(1, 1))
    found = placebos(sample, fit_roster(sample), 9 * 8, np.random.default_rng(0))
    assert len(found) == math.perm(9, 2)
    assert len(np.unique(found.round(9), axis=0)) == math.perm(9, 2)
    assert len(placebos(sample, fit_roster(sample), 50, np.random.default_rng(0))) == 50


@pytest.mark.promise("law-donor-order")
def test_draws_depend_on_no_order_of_units() -> None:
    sample = roster(sizes=(3,))
    order = np.random.default_rng(5).permutation(12)
    place = np.argsort(order)
    moved = Roster(
        sample.outcome[order],
        sample.covariates,
        np.sort(place[:9]),
        (np.sort(place[9:]),),
        sample.windows,
        np.arange(12),
    )
    for method in (placebos, bootstrap):
        one = method(sample, fit_roster(sample), 60, np.random.default_rng(2))
        two = method(moved, fit_roster(moved), 60, np.random.default_rng(2))
        np.testing.assert_allclose(one, two, atol=1e-8)


def test_bootstrap_samples_hold_every_cohort_and_count_its_share() -> None:
    sample = roster(sizes=(2, 2))
    found = bootstrap(sample, fit_roster(sample), 60, np.random.default_rng(0))
    assert found.shape == (60, 22)
    assert (found[:, 20:] > 0.0).all()
    assert np.ptp(found[:, 20]) > 0.0


def test_slopes_are_those_of_a_regression_with_dummies() -> None:
    rng = np.random.default_rng(3)
    y, x = rng.standard_normal((5, 6)), rng.standard_normal((2, 5, 6))
    design = [values.ravel() for values in x]
    design += [np.repeat(np.eye(5)[i], 6) for i in range(5)] + [np.tile(np.eye(6)[t], 5) for t in range(6)]
    expected = np.linalg.lstsq(np.stack(design, axis=1), y.ravel(), rcond=None)[0][:2]
    np.testing.assert_allclose(projected(y, x), expected, atol=1e-10)


def test_a_covariate_without_variation_within_units_has_slope_0() -> None:
    x = np.repeat(np.arange(5.0)[:, None], 6, axis=1)[None]
    assert projected(np.random.default_rng(0).standard_normal((5, 6)), x).tolist() == [0.0]

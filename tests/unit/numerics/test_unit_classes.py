"""Precision of units under noise and deviations of their own, against dense inverses."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.panel_moments import gather, moments
from evalkit.numerics.unit_classes import ErrorLaw, class_moments, classify, project, unit_precision
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

ROUNDING = 1e-9
LAWS = [
    ErrorLaw(rho=0.4),
    ErrorLaw(rho=-0.3, site=1.2),
    ErrorLaw(rho=0.5, shock=0.7, noise=2.0),
    ErrorLaw(rho=0.0, shock=0.3, noise=1.0, site=0.8),
]


def world(seed: int = 0) -> tuple[FloatArray, BoolArray, BoolArray, IntArray, IntArray, FloatArray]:
    """Series, used rows, treated rows, cohorts, ordinals with a gap, relative variances."""
    rng = np.random.default_rng(seed)
    used = rng.random((9, 6)) > 0.2
    used[:, 0] = True
    group = np.repeat([0, 1, 2], 3).astype(np.int64)
    slope = (np.arange(6)[None, :] >= np.array([3, 4, 9])[group][:, None]) & used
    series = np.where(used[:, :, None], rng.standard_normal((9, 6, 2)), 0.0)
    return series, used, slope, group, np.array([0, 1, 2, 4, 5, 6]), rng.uniform(0.2, 2.0, (9, 6))


def dense(law: ErrorLaw, used: BoolArray, slope: BoolArray, time: IntArray, noise: FloatArray) -> FloatArray:
    lag = np.abs(time[used][:, None] - time[used][None, :])
    variance = law.shock * law.rho**lag + law.noise * np.diag(noise[used])
    return np.asarray(variance + law.site**2 * np.outer(slope[used], slope[used]))


@pytest.mark.parametrize("law", LAWS)
def test_precisions_and_determinants_are_those_of_dense_matrices(law: ErrorLaw) -> None:
    series, used, slope, group, time, noise = world()
    classes = classify(series, used, slope, group, time, noise if law.noise else None)
    precision, log_det = unit_precision(classes, time, law)
    for unit in range(9):
        variance = dense(law, used[unit], slope[unit], time, noise[unit])
        found = precision[classes.member[unit]][np.ix_(used[unit], used[unit])]
        np.testing.assert_allclose(found, np.linalg.inv(variance), atol=ROUNDING)
        assert log_det[classes.member[unit]] == pytest.approx(np.linalg.slogdet(variance)[1], abs=ROUNDING)


@pytest.mark.parametrize("law", LAWS)
def test_sums_over_units_are_those_of_dense_projections(law: ErrorLaw) -> None:
    series, used, slope, group, time, noise = world(1)
    found = class_moments(classify(series, used, slope, group, time, noise if law.noise else None), time, law, 3)
    information, cross, half = np.zeros((3, 6, 6)), np.zeros((2, 2)), 0.0
    for unit in range(9):
        inverse = np.linalg.inv(dense(law, used[unit], slope[unit], time, noise[unit]))
        ones = inverse.sum(axis=1)
        within = inverse - np.outer(ones, ones) / ones.sum()
        information[group[unit]][np.ix_(used[unit], used[unit])] += within
        cross += series[unit][used[unit]].T @ within @ series[unit][used[unit]]
        half += 0.5 * np.linalg.slogdet(inverse)[1] - 0.5 * np.log(ones.sum())
    np.testing.assert_allclose(found.information[0], information, atol=ROUNDING)
    np.testing.assert_allclose(found.cross[0], cross, atol=ROUNDING)
    assert found.log_det[0] == pytest.approx(half, abs=ROUNDING)
    assert (found.n_units, found.n_observations) == (9, used.sum())


def test_without_noise_and_deviations_the_sums_are_those_of_the_panel_moments() -> None:
    series, used, slope, group, time, _ = world(2)
    plain = moments(gather(series, used, group, 3), time, np.array([0.6]))
    found = class_moments(classify(series, used, np.zeros_like(slope), group, time), time, ErrorLaw(rho=0.6), 3)
    for name in ("information", "score", "cross", "log_det"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), atol=ROUNDING)


def test_units_alike_share_a_class_and_units_left_out_have_none() -> None:
    used = np.ones((4, 3), dtype=bool)
    classes = classify(np.zeros((4, 3, 1)), used, ~used, np.array([0, 0, 1, -1]), np.arange(3))
    assert classes.member.tolist() == [0, 0, 1, -1]
    assert classes.count.tolist() == [2.0, 1.0]


def test_a_level_of_the_unit_is_integrated_out() -> None:
    series, used, slope, group, time, _ = world(3)
    classes = classify(series, used, slope, group, time)
    projection, _ = project(unit_precision(classes, time, ErrorLaw(rho=0.3, site=0.5))[0])
    np.testing.assert_allclose(projection.sum(axis=2), 0.0, atol=ROUNDING)

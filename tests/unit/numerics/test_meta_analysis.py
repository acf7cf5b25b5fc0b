"""Random-effects meta-analysis against published figures and its own laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from evalkit.numerics.meta_analysis import (
    Method,
    between_variance,
    between_variance_interval,
    heterogeneity,
    leave_one_out,
    pool,
    small_studies,
)
from evalkit.vocabulary import FloatArray

PRINTED = 6e-5  # R metafor prints four digits
SCHOOLS = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])  # Rubin 1981, table 1
SCHOOL_ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
BCG = np.array(
    [
        [4, 119, 11, 128], [6, 300, 29, 274], [3, 228, 11, 209], [62, 13536, 248, 12619], [33, 5036, 47, 5761],
        [180, 1361, 372, 1079], [8, 2537, 10, 619], [505, 87886, 499, 87892], [29, 7470, 45, 7232],
        [17, 1699, 65, 1600], [186, 50448, 141, 27197], [5, 2493, 3, 2338], [27, 16886, 29, 17825],
    ],
    dtype=float,
)  # fmt: skip
"""Cases and others among vaccinated, then unvaccinated: the 13 trials of Colditz et al. 1994."""


def bcg() -> tuple[FloatArray, FloatArray]:
    """Log risk ratios and their variances."""
    a, b, c, d = BCG.T
    return np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


def test_eight_schools_as_metafor_prints_them() -> None:
    found = pool(SCHOOLS, SCHOOL_ERRORS**2, adjustment="none")
    assert found.mean == pytest.approx(7.6856, abs=PRINTED)
    assert found.std_error == pytest.approx(4.0719, abs=PRINTED)
    assert found.q == pytest.approx(4.7071, abs=PRINTED)
    assert found.tau2 == 0.0
    assert found.i2 == 0.0
    other = pool(SCHOOLS, SCHOOL_ERRORS**2, method="sidik_jonkman", adjustment="none")
    assert other.mean == pytest.approx(7.9192, abs=PRINTED)
    assert other.tau2 == pytest.approx(38.61, abs=6e-3)


@pytest.mark.parametrize(
    ("method", "mean", "tau2"), [("reml", -0.7145, 0.3132), ("dersimonian_laird", -0.7141, 0.3088)]
)
def test_the_vaccine_trials_as_metafor_prints_them(method: Method, mean: float, tau2: float) -> None:
    found = pool(*bcg(), method=method, adjustment="none")
    assert found.mean == pytest.approx(mean, abs=PRINTED)
    assert found.tau2 == pytest.approx(tau2, abs=PRINTED)
    if method == "reml":
        assert found.std_error == pytest.approx(0.1798, abs=PRINTED)


def test_the_interval_of_tau2_and_i2_of_the_vaccine_trials() -> None:
    """Viechtbauer 2010, section 3.2: tau2 0.3132 (0.1197, 1.1115), I2 92.22 %, Q 152.23."""
    found = pool(*bcg())
    assert found.tau2_low == pytest.approx(0.1197, abs=PRINTED)
    assert found.tau2_high == pytest.approx(1.1115, abs=PRINTED)
    assert 100 * found.i2 == pytest.approx(92.22, abs=6e-3)
    assert found.q == pytest.approx(152.23, abs=6e-3)


def test_the_restricted_likelihood_has_its_highest_point_at_the_estimate() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        v = rng.uniform(0.05, 1.0, 9)
        y = rng.normal(0.3, np.sqrt(v + rng.choice([0.0, 0.4])))

        def score(tau2: float, y: FloatArray = y, v: FloatArray = v) -> float:
            """Derivative of the restricted log likelihood (Viechtbauer 2005, eq. 11), twice."""
            w = 1.0 / (v + tau2)
            mean = w @ y / w.sum()
            return float((w**2) @ (y - mean) ** 2 - w.sum() + (w**2).sum() / w.sum())

        found = between_variance(y, v)
        if found == 0.0:
            assert score(0.0) <= 0.0
        else:
            solved = optimize.brentq(score, found / 4, found * 4)
            assert found == pytest.approx(solved, rel=1e-5)


def test_hartung_and_knapp_never_make_the_interval_narrower_than_the_normal_error() -> None:
    v = np.full(4, 0.2)
    alike = pool(np.array([1.0, 1.01, 0.99, 1.0]), v)
    assert alike.std_error == pytest.approx(np.sqrt(0.05))
    apart = pool(np.array([1.0, 3.0, -1.0, 2.0]), v)
    assert apart.std_error == pytest.approx(np.std([1.0, 3.0, -1.0, 2.0], ddof=1) / 2.0)
    assert apart.degrees_of_freedom == 3.0


def test_effects_times_b_scale_everything_by_b() -> None:
    y, v = bcg()
    one, ten = pool(y, v), pool(10.0 * y, 100.0 * v)
    assert ten.mean == pytest.approx(10.0 * one.mean, rel=1e-6)
    assert ten.tau2 == pytest.approx(100.0 * one.tau2, rel=1e-5)
    assert (ten.i2, ten.p_value) == pytest.approx((one.i2, one.p_value), rel=1e-5)


def test_a_new_place_is_less_certain_than_the_mean() -> None:
    found = pool(*bcg())
    assert found.prediction_low < found.low < found.high < found.prediction_high
    two = pool(np.array([1.0, 2.0]), np.array([0.1, 0.1]))
    assert np.isnan(two.prediction_low)


def test_fixed_effects_take_all_true_effects_as_equal() -> None:
    found = pool(*bcg(), method="fixed")
    y, v = bcg()
    assert found.mean == pytest.approx(np.average(y, weights=1 / v))
    assert found.tau2 == 0.0
    assert found.i2 == pytest.approx(1.0 - 12.0 / heterogeneity(y, v)[0])


def test_each_study_is_left_out_once() -> None:
    y, v = bcg()
    found = leave_one_out(y, v)
    assert len(found) == 13
    assert found[4].mean == pytest.approx(pool(np.delete(y, 4), np.delete(v, 4)).mean)


def test_small_studies_that_show_more_are_found() -> None:
    errors = np.linspace(0.1, 1.0, 12)
    rng = np.random.default_rng(1)
    biased = small_studies(2.0 * errors + rng.normal(0.0, 0.1, 12) * errors, errors**2)
    assert biased is not None
    assert biased.intercept == pytest.approx(2.0, abs=0.2)
    assert biased.p_value < 1e-3
    assert small_studies(np.array([1.0, 2.0, 3.0]), np.full(3, 0.5)) is None
    assert small_studies(np.array([1.0, 2.0]), np.array([0.5, 0.2])) is None


def test_the_interval_of_tau2_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        v = rng.uniform(0.1, 0.6, 10)
        low, high = between_variance_interval(rng.normal(0.0, np.sqrt(v + 0.3)), v)
        held += low <= 0.3 <= high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize(
    ("effects", "variances", "said"),
    [([1.0], [1.0], "2 effects or more"), ([1.0, 2.0], [1.0, 0.0], "positive"), ([1.0, np.nan], [1.0, 1.0], "finite")],
)
def test_numbers_that_cannot_be_pooled_are_refused(effects: list[float], variances: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pool(np.array(effects), np.array(variances))


def test_studies_that_agree_to_the_digit_have_no_variance_between_them() -> None:
    found = pool(np.full(4, 1.5), np.array([0.1, 0.2, 0.3, 0.4]), method="sidik_jonkman", adjustment="none")
    assert found.tau2 == 0.0
    assert found.mean == pytest.approx(1.5)

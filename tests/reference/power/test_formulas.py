"""Published formulas for the minimum detectable effect of difference-in-differences, met by simulation.

Burlig, F., L. Preonas and M. Woerman (2020), Panel data and experimental design, Journal of Development Economics
144, 102458, equation (2): with J units, a share P treated, m periods before and r after, residual variance s2 and
average within-unit covariances psi_B (pairs before), psi_A (pairs after) and psi_X (across),

    MDE = (t_{1-kappa} + t_{alpha/2}) sqrt( 1/(P(1-P)J) [ (m+r)/(mr) s2 + (m-1)/m psi_B + (r-1)/r psi_A - 2 psi_X ] ).

McKenzie, D. (2012), Beyond baseline and follow-up, Journal of Development Economics 99(2), 210-221, is the case of one
covariance rho s2 between all periods: the bracket is then s2 (1 - rho)(1/m + 1/r).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.power.schedule import Wishes
from evalkit.power.simulate import power
from evalkit.vocabulary import FloatArray
from tests.designs import long, study

J, TREATED, BEFORE, AFTER = 120, 48, 4, 3
DRAWS = 1_000
AGREES = 0.045
"""Relative: two and a half Monte Carlo errors of the 80 % quantile, mean of two, at 1,000 draws, and the t law."""


def burlig_preonas_woerman(s2: float, before: float, after: float, across: float) -> float:
    """Equation (2), kappa = 0.8, alpha = 0.05 two-sided, J - 1 degrees of freedom as CR1 takes them."""
    share, law = TREATED / J, stats.t(J - 1)
    bracket = (
        (BEFORE + AFTER) / (BEFORE * AFTER) * s2
        + (BEFORE - 1) / BEFORE * before
        + (AFTER - 1) / AFTER * after
        - 2.0 * across
    )
    return float((law.ppf(0.8) + law.ppf(0.975)) * np.sqrt(bracket / (share * (1.0 - share) * J)))


def mckenzie(s2: float, rho: float) -> float:
    """The same with one correlation between all periods."""
    share, law = TREATED / J, stats.t(J - 1)
    variance = s2 * (1.0 - rho) * (1.0 / BEFORE + 1.0 / AFTER) / (share * (1.0 - share) * J)
    return float((law.ppf(0.8) + law.ppf(0.975)) * np.sqrt(variance))


def ar1(rho: float, seed: int) -> FloatArray:
    """(J, T) AR(1) errors with variance 1."""
    rng = np.random.default_rng(seed)
    periods = np.arange(BEFORE + AFTER)
    root = np.linalg.cholesky(rho ** np.abs(periods[:, None] - periods[None, :]))
    return np.asarray(rng.standard_normal((J, BEFORE + AFTER)) @ root.T)


def moments(values: FloatArray) -> tuple[float, float, float, float]:
    """s2 and the three average covariances, from deviations around the period means of the sample itself.

    Variances may differ by period in a sample: s2 is the one that makes (m+r)/(mr) s2 their weighted sum.
    """
    covariance = np.cov(values, rowvar=False)
    pre, post = covariance[:BEFORE, :BEFORE], covariance[BEFORE:, BEFORE:]
    own = np.trace(pre) / BEFORE**2 + np.trace(post) / AFTER**2
    s2 = own * BEFORE * AFTER / (BEFORE + AFTER)

    def off_diagonal(block: FloatArray) -> float:
        return float((block.sum() - np.trace(block)) / (block.size - len(block)))

    return float(s2), off_diagonal(pre), off_diagonal(post), float(covariance[:BEFORE, BEFORE:].mean())


def simulated(values: FloatArray) -> float:
    wishes = Wishes(treated=TREATED, units=J, before=BEFORE, after=AFTER)
    found = power(study(), long(values), wishes, draws=DRAWS)
    return (found.detectable(0.8, "rise").effect + found.detectable(0.8, "fall").effect) / 2.0


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_the_serial_correlation_robust_formula_is_met(rho: float) -> None:
    values = ar1(rho, seed=11)
    expected = burlig_preonas_woerman(*moments(values))
    np.testing.assert_allclose(simulated(values), expected, rtol=AGREES)


def test_the_formula_with_one_correlation_is_its_special_case_and_is_met() -> None:
    rng = np.random.default_rng(12)
    rho = 0.4
    level = np.sqrt(rho) * rng.standard_normal((J, 1))
    values = level + np.sqrt(1.0 - rho) * rng.standard_normal((J, BEFORE + AFTER))
    np.testing.assert_allclose(mckenzie(1.0, rho), burlig_preonas_woerman(1.0, rho, rho, rho), rtol=1e-12)
    s2, before, after, across = moments(values)
    expected = burlig_preonas_woerman(s2, before, after, across)
    np.testing.assert_allclose(simulated(values), expected, rtol=AGREES)
    assert abs(expected / mckenzie(1.0, rho) - 1.0) < 0.1  # 120 units know their own variance to about 5 %


def test_ignoring_serial_correlation_would_promise_too_much() -> None:
    values = ar1(0.8, seed=11)
    s2, before, after, across = moments(values)
    naive = burlig_preonas_woerman(s2 - (before + after + across) / 3.0, 0.0, 0.0, 0.0)
    assert simulated(values) > 1.15 * naive

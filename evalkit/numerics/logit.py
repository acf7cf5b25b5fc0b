"""Propensity scores: a weighted logit of belonging to the treated arm, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.least_squares import solve_positive
from evalkit.vocabulary import FloatArray

SMALLEST = 1e-300
"""Stands in for a fitted probability of 0 under the logarithm."""
MAX_STEPS = 50
MAX_HALVINGS = 30
STEP_TOLERANCE = 1e-7
"""Newton's error after a step of size s is of order s squared: 1e-14 in standardized units."""
DEVIANCE_TOLERANCE = 1e-14
"""Under quasi-separation coefficients grow without end while the fitted scores settle: stop there."""


@dataclass(frozen=True, slots=True)
class LogitFit:
    """A fitted propensity score p(x) = 1 / (1 + exp(-x'gamma)).

    Attributes
    ----------
    gamma
        (p,) coefficients.
    information_inverse
        (p, p) inverse of sum_i w_i p_i (1 - p_i) x_i x_i'.
    largest
        Largest fitted score over units of either arm with weight.
    """

    gamma: FloatArray
    information_inverse: FloatArray
    largest: float


def scores(X: FloatArray, gamma: FloatArray) -> FloatArray:
    """(n,) fitted propensity scores.

    Examples
    --------
    >>> scores(np.array([[1.0, 2.0]]), np.array([0.0, 0.0])).tolist()
    [0.5]
    """
    index = X @ gamma
    np.negative(index, out=index)
    with np.errstate(over="ignore"):  # exp overflows to infinity, and the score to 0, as it should
        np.exp(index, out=index)
    index += 1.0
    return np.reciprocal(index, out=index)


def fit_logit(
    treated: FloatArray,
    treated_weight: FloatArray,
    comparison: FloatArray,
    comparison_weight: FloatArray,
    start: FloatArray | None = None,
) -> LogitFit | None:
    """Maximize the weighted log likelihood of belonging to the treated arm.

    Parameters
    ----------
    treated, comparison
        (n1, p) and (n0, p) regressors of the two arms, constant included, columns independent.
    treated_weight, comparison_weight
        (n1,) and (n0,) weights, not negative; rows of weight 0 play no part.
    start
        (p,) coefficients to start from; by default the log odds of the arms' weights.

    Returns
    -------
    LogitFit or None
        None when the arms can be told apart perfectly, so that no maximum exists.

    Examples
    --------
    >>> one = np.ones((4, 1))
    >>> fit = fit_logit(one[:1], np.ones(1), one[:3], np.ones(3))
    >>> round(float(fit.gamma[0]), 6) == round(float(np.log(1 / 3)), 6)
    True
    """
    total = float(treated_weight.sum() + comparison_weight.sum())
    arms = ((treated, treated_weight, True), (comparison, comparison_weight, False))
    gamma = _null_model(arms) if start is None else start
    deviance, gradient, information, largest = _likelihood(arms, gamma, total)
    for _ in range(MAX_STEPS):
        try:
            step = solve_positive(information, gradient)
        except np.linalg.LinAlgError:
            return None
        before = deviance
        for _ in range(MAX_HALVINGS):
            deviance, next_gradient, next_information, largest = _likelihood(arms, gamma + step, total)
            if deviance <= before + DEVIANCE_TOLERANCE:
                break
            step = step / 2.0
        gamma, gradient, information = gamma + step, next_gradient, next_information
        if np.max(np.abs(step)) < STEP_TOLERANCE or before - deviance < DEVIANCE_TOLERANCE:
            break
    try:
        inverse = solve_positive(information, np.eye(len(gamma))) / total
    except np.linalg.LinAlgError:
        return None
    return LogitFit(gamma, inverse, largest)


Arm = tuple[FloatArray, FloatArray, bool]


def _null_model(arms: tuple[Arm, Arm]) -> FloatArray:
    """Coefficients of the constant alone (the first column)."""
    gamma = np.zeros(arms[0][0].shape[1])
    gamma[0] = np.log(arms[0][1].sum() / arms[1][1].sum()) / arms[0][0][0, 0]
    return gamma


def _likelihood(arms: tuple[Arm, Arm], gamma: FloatArray, total: float) -> tuple[float, FloatArray, FloatArray, float]:
    """Deviance / 2, gradient of the log likelihood and information over the total weight, both arms added up.

    Last comes the largest fitted score of a unit with weight.
    """
    p = len(gamma)
    deviance, gradient, information, largest = 0.0, np.zeros(p), np.zeros((p, p)), 0.0
    for X_all, weight_all, is_treated in arms:
        for rows in pieces(slice(0, len(X_all))):
            X, weight = X_all[rows], weight_all[rows]
            fitted = scores(X, gamma)
            if fitted.max(initial=0.0) > largest:
                largest = max(largest, float(fitted.max(initial=0.0, where=weight > 0.0)))
            miss = 1.0 - fitted
            chosen = fitted if is_treated else miss
            deviance -= float(weight @ np.log(np.maximum(chosen, SMALLEST)))
            gradient += X.T @ (weight * miss) if is_treated else -(X.T @ (weight * fitted))
            fitted *= miss
            fitted *= weight
            information += (X * fitted[:, None]).T @ X
    return deviance / total, gradient / total, information / total, largest

"""Nested predictor weights of synthetic control (Abadie, Diamond and Hainmueller 2010, section 2.3).

    W(V) = argmin over W of (X1 - X0 W)' V (X1 - X0 W),    W >= 0, sum W = 1
    V*   = argmin over V of |Z1 - Z0 W(V)|^2,              V diagonal, V >= 0, trace 1

with predictors X and outcomes Z before the start. Where several W fit the predictors alike, the one that fits outcomes
best is taken (the optimistic form of the nested problem). The outer problem is not convex: it is solved from several
fixed starts, with the gradient of W(V) on its support, and the best is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize

from evalkit.numerics.simplex import TIE_BREAK, simplex_least_squares
from evalkit.vocabulary import FloatArray

TRIED: Final = 4
"""Starts that are improved, of all that are looked at."""
SCATTERED: Final = 40
"""Starts drawn once for all from a Dirichlet law that favours few predictors."""
STEPS: Final = 60
"""Iterations of each."""
WIDE: Final = 24.0
"""Bound on log weights: the least predictor weight is 4e-11 of the largest, which leaves the predictor out."""
BETWEEN_EQUALS: Final = 1e-7
"""Weight of outcomes beside predictors: with fewer predictors than donors, many donor weights fit them all exactly."""
SOME: Final = 0.1
NONE: Final = 1e-9
"""What a start that leans on one predictor leaves to the others together."""


@dataclass(frozen=True, slots=True)
class Nested:
    """What the outer problem ended with.

    Attributes
    ----------
    importance
        (K,) diagonal of V; sums to 1.
    weights
        (J,) donor weights W(V).
    loss
        Mean squared error of outcomes before the start.
    """

    importance: FloatArray
    weights: FloatArray
    loss: float


def standardized(X1: FloatArray, X0: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Predictors over their standard deviation among all units; those that do not vary are 0 in both.

    Parameters
    ----------
    X1, X0
        (K,) of the treated unit and (K, J) of the donors.
    """
    every = np.column_stack([X0, X1])
    centre, scale = every.mean(axis=1), every.std(axis=1, ddof=1)
    flat = scale <= 1e-12 * np.abs(every).max(axis=1)
    scale = np.where(flat, np.inf, scale)
    return (X1 - centre) / scale, (X0 - centre[:, None]) / scale[:, None]


def nested_weights(
    X1: FloatArray, X0: FloatArray, z1: FloatArray, Z0: FloatArray, *, first: FloatArray | None = None
) -> Nested:
    """Predictor weights that serve the fit of outcomes before the start best.

    Parameters
    ----------
    X1, X0
        (K,) and (K, J) predictors, standardized.
    z1, Z0
        (m,) and (m, J) outcomes before the start.
    first
        (K,) predictor weights to begin with, beside equal ones; then no other starts are looked at. For placebos,
        which differ little from the unit that they stand for.

    Examples
    --------
    >>> X0 = np.array([[0.0, 1.0, 2.0], [5.0, -5.0, 0.0]])
    >>> found = nested_weights(np.array([0.5, 9.0]), X0, np.array([0.5]), np.array([[0.0, 1.0, 2.0]]))
    >>> float(found.importance[0]) > 0.99, round(found.loss, 6)
    (True, 0.0)
    """
    count = len(X1)
    starts = [np.full(count, 1.0 / count)]
    if first is None:
        starts += [
            _by_regression(X0, Z0),
            *(_corner(count, k, rest) for k in range(count) for rest in (SOME, NONE)),
            *_scattered(count),
        ]
    else:
        starts.append(np.clip(first, np.exp(-WIDE), None) / np.clip(first, np.exp(-WIDE), None).sum())
    problem = _Outer(X1, X0, z1, Z0)
    looked_at = sorted(range(len(starts)), key=lambda k: (problem.loss(starts[k]), k))[:TRIED]
    best = problem.improved(starts[looked_at[0]])
    for k in looked_at[1:]:
        found = problem.improved(starts[k])
        if found.loss < best.loss * (1.0 - 1e-9):
            best = found
    return best


@dataclass(frozen=True, slots=True)
class _Outer:
    """Loss of predictor weights, with its gradient."""

    X1: FloatArray
    X0: FloatArray
    z1: FloatArray
    Z0: FloatArray

    @property
    def rows(self) -> tuple[FloatArray, FloatArray]:
        """Predictors above outcomes: among weights that fit the predictors alike, those that fit outcomes best."""
        return np.vstack([self.X0, self.Z0]), np.concatenate([self.X1, self.z1])

    def row_weights(self, v: FloatArray) -> FloatArray:
        spread = float(np.mean((self.Z0 - self.z1[:, None]) ** 2)) * len(self.z1)
        return np.concatenate([v, np.full(len(self.z1), BETWEEN_EQUALS / max(spread, 1e-300))])

    def donors(self, v: FloatArray) -> FloatArray:
        left, right = self.rows
        return simplex_least_squares(left, right, row_weights=self.row_weights(v))

    def loss(self, v: FloatArray) -> float:
        errors = self.Z0 @ self.donors(v) - self.z1
        return float(errors @ errors) / len(self.z1)

    def of_logs(self, logs: FloatArray) -> tuple[float, FloatArray]:
        """Loss and gradient with respect to log weights, which softmax brings to trace 1."""
        v = _softmax(logs)
        w = self.donors(v)
        errors = self.Z0 @ w - self.z1
        slope = self._slope(v, w, errors)
        return float(errors @ errors) / len(self.z1), v * (slope - v @ slope)

    def _slope(self, v: FloatArray, w: FloatArray, errors: FloatArray) -> FloatArray:
        """(K,) d loss / d v, the support of w held fixed: differentiates its KKT system."""
        on = w > 0.0
        count = int(on.sum())
        if count < 2:
            return np.zeros(len(v))
        left, right = self.rows
        every = left[:, on] - right[:, None]
        gaps = every[: len(v)]
        H = (every * self.row_weights(v)[:, None]).T @ every
        H += TIE_BREAK * max(float(np.trace(H)), 1e-300) * np.eye(count)
        system = np.block([[H, np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
        towards = np.append(self.Z0[:, on].T @ errors, 0.0) * (2.0 / len(self.z1))
        adjoint = np.linalg.lstsq(system, towards, rcond=None)[0][:count]
        slope: FloatArray = -(gaps @ adjoint) * (gaps @ w[on])
        return slope

    def improved(self, start: FloatArray) -> Nested:
        found = optimize.minimize(
            self.of_logs, np.log(start), jac=True, method="L-BFGS-B", bounds=[(-WIDE, 1.0)] * len(start),
            options={"maxiter": STEPS},
        )  # fmt: skip
        options = [(self.loss(v), place, v) for place, v in enumerate((_softmax(found.x), start))]
        loss, _, v = min(options, key=lambda each: each[:2])
        return Nested(v, self.donors(v), loss)


def _softmax(logs: FloatArray) -> FloatArray:
    raised = np.exp(logs - logs.max())
    scaled: FloatArray = raised / raised.sum()
    return scaled


def _by_regression(X0: FloatArray, Z0: FloatArray) -> FloatArray:
    """Sums of squared slopes of each outcome on all predictors across donors (the start of Abadie's software)."""
    design = np.column_stack([np.ones(X0.shape[1]), X0.T])
    slopes = np.linalg.lstsq(design, Z0.T, rcond=None)[0][1:]
    v = np.maximum((slopes**2).sum(axis=1), 1e-300)
    share = np.maximum(v / v.sum(), np.exp(-WIDE))
    start: FloatArray = share / share.sum()
    return start


def _scattered(count: int) -> list[FloatArray]:
    drawn = np.random.default_rng(0).dirichlet(np.full(count, 0.5), SCATTERED)
    drawn = np.maximum(drawn, np.exp(-WIDE))
    return list(drawn / drawn.sum(axis=1, keepdims=True))


def _corner(count: int, k: int, rest: float) -> FloatArray:
    v = np.full(count, rest / max(count - 1, 1))
    v[k] = 1.0 - rest if count > 1 else 1.0
    return v

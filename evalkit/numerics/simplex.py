r"""Least squares over the simplex: weights of at least 0 that sum to 1.

Solves

    min over w, a:  sum_t v_t (b_t - a - A_t w)^2 + ridge |w|^2    with  sum w = 1,  0 <= w <= upper,

the programme behind synthetic control (Abadie, Diamond and Hainmueller 2010, section 2.3) and synthetic
difference-in-differences (Arkhangelsky et al. 2021, eq. 4), in three steps:

1. As weights sum to 1, ``A w - b = (A - b 1') w``: a level shared by all columns cancels before anything is squared.
2. An interior-point solver (Clarabel) finds which weights are positive.
3. An active-set method takes over from there and solves each equality-constrained problem by a singular value
   decomposition, so that the optimum is exact to rounding and the weights outside the support are exactly 0.

Where several weights fit equally well, the answer is the one of least norm: it depends on no order of the columns.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from evalkit.errors import EstimationFailed, Reason
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

TIE_BREAK: Final = 1e-10
"""Ridge, relative to the largest column, under which the support is searched for: picks the least norm among equals."""
ACCURACY: Final = 1e-11
"""Asked of the interior-point solver; what it reaches only decides where the active-set method starts."""
EPS: Final = float(np.finfo(np.float64).eps)
NEARLY_EXACT: Final = 1e-8
"""Objective, relative to the largest column, below which many weights fit alike."""
ROUNDING: Final = 8.0 * EPS
"""Relative size of gradients that count as 0."""

AT_ZERO: Final = -1
FREE: Final = 0
AT_UPPER: Final = 1


@dataclass(frozen=True, slots=True)
class SimplexFit:
    """Weights with what they achieve.

    Attributes
    ----------
    weights
        (n,) at least 0, at most `upper`, with sum 1.
    intercept
        0 unless asked for.
    loss
        Sum of squared (weighted) errors, without the penalty.
    gap
        The objective, penalty included, is at most this much above the optimum (duality gap of Frank and Wolfe 1956).
    """

    weights: FloatArray
    intercept: float
    loss: float
    gap: float


def simplex_least_squares(
    A: FloatArray,
    b: FloatArray,
    *,
    ridge: float = 0.0,
    intercept: bool = False,
    row_weights: FloatArray | None = None,
    upper: float = 1.0,
) -> FloatArray:
    """(n,) weights that fit `b` by the columns of `A`; see :func:`simplex_fit`.

    Examples
    --------
    >>> A = np.array([[1.0, 0.0, 9.0], [0.0, 1.0, 9.0]])
    >>> simplex_least_squares(A, np.array([0.25, 0.75])).round(12).tolist()
    [0.25, 0.75, 0.0]
    """
    return simplex_fit(A, b, ridge=ridge, intercept=intercept, row_weights=row_weights, upper=upper).weights


def simplex_fit(
    A: FloatArray,
    b: FloatArray,
    *,
    ridge: float = 0.0,
    intercept: bool = False,
    row_weights: FloatArray | None = None,
    upper: float = 1.0,
) -> SimplexFit:
    """Fit `b` by a weighted average of the columns of `A`.

    Parameters
    ----------
    A
        (m, n) one column a donor.
    b
        (m,) what is fitted.
    ridge
        Penalty on the sum of squared weights; ``zeta^2 T_pre`` in Arkhangelsky et al. (2021).
    intercept
        Also fit a constant, free and not penalized.
    row_weights
        (m,) at least 0; 1 by default.
    upper
        Most that one column may weigh.

    Raises
    ------
    ValueError
        When shapes disagree, a number is not finite, or n * upper is below 1.
    EstimationFailed
        When the solver finds no starting point.

    Examples
    --------
    >>> fit = simplex_fit(np.eye(3), np.array([2.0, 0.0, 0.0]), upper=0.5)
    >>> fit.weights.round(12).tolist(), round(fit.loss, 12)
    ([0.5, 0.25, 0.25], 2.375)
    """
    A, b = np.asarray(A, dtype=np.float64), np.asarray(b, dtype=np.float64)
    root = _validated(A, b, ridge, row_weights, upper)
    gaps, offset = A - b[:, None], np.zeros(A.shape[1])
    if intercept:
        offset = (root**2 @ gaps) / (root @ root)
        gaps = gaps - offset
    R = _reduced(gaps * root[:, None])
    size = float(np.max(np.einsum("mn,mn->n", R, R), initial=0.0)) + ridge
    if size == 0.0:  # every column is b itself
        return SimplexFit(np.full(A.shape[1], 1.0 / A.shape[1]), -float(offset.mean()), 0.0, 0.0)
    R, penalty = R / np.sqrt(size), ridge / size
    eased = penalty + TIE_BREAK
    inside, state = _interior_point(R, eased, upper)
    if _objective(R, penalty, inside) < NEARLY_EXACT:  # the tie-break decides, and must not drown in rounding
        inside, state = _interior_point(R, eased, upper, per=eased)
    state, rough = _active_set(R, eased, upper, *_at_bounds(inside, state, upper))
    exact = _active_set(R, penalty, upper, state, rough)[1]
    gap, _, w = min((_gap(R, penalty, upper, each), place, each) for place, each in enumerate((exact, rough)))
    errors = (gaps @ w) * root
    return SimplexFit(w, -float(offset @ w), float(errors @ errors), gap * size)


def weighted_average(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """(m,) average of columns by weights that sum to 1, their common level taken off first so that it costs no digits.

    Examples
    --------
    >>> weighted_average(np.array([[1e9, 1e9 + 1.0]]), np.array([0.5, 0.5])).tolist()
    [1000000000.5]
    """
    level = columns.mean(axis=1)
    average: FloatArray = level + (columns - level[:, None]) @ weights
    return average


def _validated(A: FloatArray, b: FloatArray, ridge: float, row_weights: FloatArray | None, upper: float) -> FloatArray:
    """(m,) square roots of the row weights."""
    if A.ndim != 2 or b.shape != A.shape[:1] or A.shape[1] == 0:
        raise ValueError(f"A must be (m, n) with n of 1 or more and b (m,); got {A.shape} and {b.shape}")
    v = np.ones(len(b)) if row_weights is None else np.asarray(row_weights, dtype=np.float64)
    if v.shape != b.shape or (v < 0.0).any() or not v.any():
        raise ValueError("row_weights must have one entry a row, none below 0 and one above")
    if not (np.isfinite(A).all() and np.isfinite(b).all() and np.isfinite(v).all() and 0.0 <= ridge < np.inf):
        raise ValueError("A, b, row_weights and ridge must be finite, and ridge at least 0")
    if not (A.shape[1] * upper >= 1.0 - 1e-12 and upper <= 1.0):
        raise ValueError(f"upper must lie between 1/{A.shape[1]} and 1, got {upper}")
    return np.sqrt(v)


def _reduced(R: FloatArray) -> FloatArray:
    """At most n rows with the same cross product, by QR."""
    if R.shape[0] <= R.shape[1]:
        return R
    return np.asarray(np.linalg.qr(R)[1], dtype=np.float64)


def _interior_point(R: FloatArray, ridge: float, upper: float, *, per: float = 1.0) -> tuple[FloatArray, IntArray]:
    """(n,) solution of min (|R w|^2 + ridge |w|^2) / per by Clarabel, and the bound that each weight rests on.

    Residuals r = R w are kept as variables: with n columns and m rows the linear systems cost n m^2, not n^3. A weight
    rests on a bound where the bound's multiplier is larger than its distance.
    """
    import clarabel
    from scipy import sparse

    m, n = R.shape
    sides = [-1.0, 1.0] if upper < 1.0 else [-1.0]  # -w <= 0, w <= upper
    rows, first = _pattern(m, n, len(sides))
    own = np.vstack([np.ones((1, n)), R, np.repeat(np.array(sides)[:, None], n, axis=1)])
    values = np.concatenate([own.T.ravel(), np.full(m, -1.0)])
    constraints = sparse.csc_matrix((values, rows, first), shape=(1 + m + n * len(sides), n + m))
    count = np.arange(n + m + 1)
    P = sparse.csc_matrix(
        (np.concatenate([np.full(n, ridge), np.ones(m)]) / per, count[:-1], count), shape=(n + m, n + m)
    )
    limits = np.concatenate([[1.0], np.zeros(m + n), np.full(n * (len(sides) - 1), upper)])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = ACCURACY
    cones: list[Any] = [clarabel.ZeroConeT(1 + m), clarabel.NonnegativeConeT(n * len(sides))]
    solved = clarabel.DefaultSolver(P, np.zeros(n + m), constraints, limits, cones, settings).solve()
    w = np.asarray(solved.x)[:n]
    if not np.isfinite(w).all():
        raise EstimationFailed(
            Reason("The quadratic programme for {n} weights was not solved: {status}.", n=n, status=solved.status),
            next_step="Look for outcomes of very different size, and rescale them.",
        )
    price = np.asarray(solved.z)[1 + m :]
    state = np.where(price[:n] > w, AT_ZERO, FREE)
    if upper < 1.0:
        state = np.where(price[n:] > upper - w, AT_UPPER, state)
    return w, state.astype(np.int64)


@functools.lru_cache(maxsize=64)
def _pattern(m: int, n: int, sides: int) -> tuple[IntArray, IntArray]:
    """Row of each entry of the constraints, column by column, and where each column begins.

    A weight stands in the sum, in all residuals and in its bounds; a residual in its own equation.
    """
    shared = np.broadcast_to(np.arange(1 + m), (n, 1 + m))
    bounds = 1 + m + np.arange(n)[:, None] + n * np.arange(sides)
    rows = np.concatenate([np.hstack([shared, bounds]).ravel(), 1 + np.arange(m)])
    first = np.concatenate([np.arange(n + 1) * (1 + m + sides), n * (1 + m + sides) + 1 + np.arange(m)])
    return rows, first


def _at_bounds(w: FloatArray, state: IntArray, upper: float) -> tuple[IntArray, FloatArray]:
    """(n,) weights that rest exactly on their bounds and sum to 1, one of them at least free to move."""
    if not (state == FREE).any():
        state[np.argmax(np.minimum(w, upper - w)) if upper < 1.0 else np.argmax(w)] = FREE
    free = state == FREE
    snapped = np.where(state == AT_UPPER, upper, np.where(free, np.clip(w, 0.0, upper), 0.0))
    snapped[free] += (1.0 - snapped.sum()) / free.sum()
    return state, snapped


def _active_set(
    R: FloatArray, ridge: float, upper: float, state: IntArray, w: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Primal active-set method from feasible weights and a guess of those that rest at a bound.

    Stops where no weight at a bound would lower the objective by leaving it: optimal, as the problem is convex. A
    weight whose release brought nothing (a tie in rounding) is not tried again until the objective falls.
    """
    state, w = _feasible(R, ridge, upper, state, w)
    idle = np.zeros(len(w), dtype=bool)
    for _ in range(10 * len(w) + 30):
        gradient = R.T @ (R @ w) + ridge * w
        price = _price(gradient, state)
        slack = np.where(state == AT_ZERO, gradient - price, np.where(state == AT_UPPER, price - gradient, 0.0))
        slack[idle] = 0.0
        worst = int(np.argmin(slack))
        if slack[worst] >= -ROUNDING:  # R is scaled so that gradients are at most about 1
            break
        moved = state.copy()
        moved[worst] = FREE
        moved, trial = _feasible(R, ridge, upper, moved, w)
        if _objective(R, ridge, trial) < _objective(R, ridge, w):
            idle[:] = False
        else:
            idle[worst] = True
        state, w = moved, trial
    return state, w


def _price(gradient: FloatArray, state: IntArray) -> float:
    """Multiplier of the sum: the gradient that free weights share."""
    if (state == FREE).any():
        return float(gradient[state == FREE].mean())
    return 0.5 * float(
        gradient[state == AT_UPPER].max(initial=-np.inf) + gradient[state == AT_ZERO].min(initial=np.inf)
    )


def _feasible(
    R: FloatArray, ridge: float, upper: float, state: IntArray, start: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Optimum given the bounds that hold; steps from `start` end at the first bound, which then holds."""
    while True:
        w = _given_bounds(R, ridge, upper, state)
        free = state == FREE
        below, above = free & (w < 0.0), free & (w > upper)
        if not (below | above).any():
            return state, w
        towards = w - start
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(below, -start / towards, np.where(above, (upper - start) / towards, np.inf))
        first = int(np.argmin(reach))
        start = start + float(np.clip(reach[first], 0.0, 1.0)) * towards
        state = state.copy()
        state[first] = AT_ZERO if below[first] else AT_UPPER
        start[first] = 0.0 if below[first] else upper


def _given_bounds(R: FloatArray, ridge: float, upper: float, state: IntArray) -> FloatArray:
    """(n,) least squares over the free weights, which share what those at their upper bound leave."""
    free: BoolArray = state == FREE
    w = np.where(state == AT_UPPER, upper, 0.0)
    count, left = int(free.sum()), 1.0 - float(w.sum())
    if count == 0:
        return w
    centre = np.full(count, left / count)
    fixed = R @ w + R[:, free] @ centre
    moves = R[:, free] - R[:, free].mean(axis=1, keepdims=True)  # steps that keep the sum: their rows sum to 0
    U, scale, V = np.linalg.svd(moves, full_matrices=False)
    known = scale > scale.max(initial=0.0) * max(moves.shape) * EPS
    shrunk = np.divide(scale, scale**2 + ridge, out=np.zeros_like(scale), where=known)  # |w|^2 = |centre|^2 + |z|^2
    centre = centre - V.T @ (shrunk * (U.T @ fixed))
    w[free] = centre + (left - centre.sum()) / count
    return w


def _objective(R: FloatArray, ridge: float, w: FloatArray) -> float:
    errors = R @ w
    return float(errors @ errors + ridge * (w @ w))


def _gap(R: FloatArray, ridge: float, upper: float, w: FloatArray) -> float:
    """Bound on objective minus optimum: the objective is convex, so it lies above its tangent at w."""
    gradient = 2.0 * (R.T @ (R @ w) + ridge * w)
    order = np.argsort(gradient)
    share = np.clip(1.0 - upper * np.arange(len(w)), 0.0, upper)
    return max(0.0, float(gradient @ w - gradient[order] @ share))

"""Least squares from cross-products: which columns can be told apart, and inverses of what is left."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from evalkit.numerics.blocks import pieces
from evalkit.vocabulary import BoolArray, FloatArray

COLLINEAR = 1e-12
"""A column is collinear when the columns before it leave less than this share of its sum of squares.

Sums of squares of standardized columns carry a rounding error near 1e-15, so 1e-12 tells exact
collinearity from correlation up to 0.9999999999995.
"""


def cross_products(X: FloatArray, weight: FloatArray, Y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted cross-products of regressors with each other and with outcomes, in blocks of rows.

    Parameters
    ----------
    X, weight, Y
        (n, p) regressors, (n,) weights, (n, T) outcomes.

    Returns
    -------
    (p, p) array
        X'WX.
    (p, T) array
        X'WY.

    Examples
    --------
    >>> gram, moment = cross_products(np.array([[1.0], [2.0]]), np.array([1.0, 0.5]), np.array([[3.0], [4.0]]))
    >>> gram.tolist(), moment.tolist()
    ([[3.0]], [[7.0]])
    """
    gram, moment = np.zeros((X.shape[1], X.shape[1])), np.zeros((X.shape[1], Y.shape[1]))
    for rows in pieces(slice(0, len(X))):
        weighted = (X[rows] * weight[rows, None]).T
        gram += weighted @ X[rows]
        moment += weighted @ Y[rows]
    return gram, moment


def independent_columns(gram: FloatArray, tolerance: float = COLLINEAR) -> BoolArray:
    """Find the columns that are not a linear combination of those before them.

    Parameters
    ----------
    gram
        (p, p) cross-product X'WX, columns in order of precedence.
    tolerance
        Smallest share of a column's sum of squares that earlier columns may leave unexplained.

    Returns
    -------
    (p,) bool array
        True for the columns to keep.

    Examples
    --------
    >>> X = np.array([[1.0, 2.0, 1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
    >>> independent_columns(X.T @ X).tolist()
    [True, False, True]
    """
    if len(gram) == 1:
        return np.asarray(gram[0] > 0.0)
    left = np.array(gram, dtype=np.float64)
    total = np.diag(gram).copy()
    keep = np.zeros(len(total), dtype=np.bool_)
    for column in range(len(total)):
        pivot = left[column, column]
        if not pivot > tolerance * total[column]:
            continue
        keep[column] = True
        left -= np.outer(left[:, column], left[column]) / pivot
    return keep


def inverse_on(gram: FloatArray, keep: BoolArray) -> FloatArray:
    """Invert a cross-product on some of its columns; rows and columns of the others are 0.

    With H = inverse_on(X'WX, keep), H X'Wy are the least-squares coefficients, 0 for the columns
    left out.

    Parameters
    ----------
    gram
        (p, p) cross-product, positive definite on the columns kept.
    keep
        (p,) columns to keep.

    Raises
    ------
    numpy.linalg.LinAlgError
        When the kept columns are collinear.

    Examples
    --------
    >>> inverse_on(np.diag([4.0, 0.0]), np.array([True, False])).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    if len(gram) == 1:
        return 1.0 / gram if keep[0] else np.zeros_like(gram)
    inverse = np.zeros_like(gram)
    kept = np.ix_(keep, keep)
    scale = 1.0 / np.sqrt(np.diag(gram)[keep])
    product = np.multiply.outer(scale, scale)
    inverse[kept] = solve_positive(gram[kept] * product, np.eye(len(scale))) * product
    return inverse


def solve_positive(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve a small symmetric positive definite system, by LAPACK's own driver: no checks, no copies of factors.

    Parameters
    ----------
    matrix, right
        (p, p) and (p,) or (p, m).

    Raises
    ------
    numpy.linalg.LinAlgError
        When the matrix is not positive definite, or not finite.

    Examples
    --------
    >>> solve_positive(np.array([[4.0, 0.0], [0.0, 2.0]]), np.array([8.0, 1.0])).round(12).tolist()
    [2.0, 0.5]
    """
    if not right.size:
        return np.zeros_like(right)
    _, solution, info = lapack.dposv(matrix, right)
    if info != 0 or not np.isfinite(solution).all():
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return np.asarray(solution, dtype=np.float64).reshape(right.shape)

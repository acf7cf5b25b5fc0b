"""Few treated and many comparison clusters: the latter's residuals stand in for what is not known of the former."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy.optimize import nnls

from evalkit.errors import Reason
from evalkit.inference.contrasts import Contrasts
from evalkit.inference.reported import Interval, NotComputable
from evalkit.vocabulary import FloatArray

DRAWS = 9_999
"""Random ways to give residuals to clusters, where there are too many to use all."""
BLOCK = 2_000_000
"""Numbers drawn at a time, to bound memory."""
TIE = 1e-9
"""Relative distance within which two sums are the same number, computed in another order."""
LEAST = 20
"""Never-treated clusters that both need: their distribution takes the place of an unknown one."""


def conley_taber(contrasts: Contrasts, *, alpha: float, rng: np.random.Generator) -> Interval:
    """Interval of Conley and Taber (2011, section III): the treated clusters' errors drawn from the others' residuals.

    With N1 treated clusters and N0 comparison clusters, N0 large, theta less the effect tends to

        sum over treated j of w_j' eta_j,

    w_j being for one treated cluster sum_t (d_jt - d_j)(.) / sum_t (d_jt - d_j)^2. Its distribution is that
    of the same sum over residuals of comparison clusters, one drawn for each treated cluster (all N0^N1
    ways where these are few). The interval takes both tails alike; the sample itself is counted among
    the draws, which matters for small N0 only.

    Raises
    ------
    NotComputable
        Below 20 never-treated clusters, or where so few draws cannot reach `alpha`.
    """
    drawn = np.sort(_sums(contrasts, rng))
    count = len(drawn)
    last = int(np.floor(alpha * (1 + count) / 2.0 + 1e-9)) - 1
    if last < 0:
        raise NotComputable(
            Reason("{count} draws are too few for two tails of {tail:g} %", count=count, tail=100 * alpha / 2)
        )
    slack = _slack(drawn, contrasts.value)
    above, below = int((drawn >= contrasts.value - slack).sum()), int((drawn <= contrasts.value + slack).sum())
    return Interval(
        low=contrasts.value - float(drawn[count - 1 - last]),
        high=contrasts.value - float(drawn[last]),
        p_value=min(1.0, 2.0 * (1 + min(above, below)) / (1 + count)),
        smallest_p=2.0 / (1 + count),
        details={"n_draws": float(count), "n_never_treated_clusters": float(contrasts.never.sum())},
    )


def ferman_pinto(contrasts: Contrasts, *, alpha: float, rng: np.random.Generator) -> Interval:
    """Interval of Ferman and Pinto (2019, section III): the same, for clusters whose means differ in precision.

    The variance of W_c = w_c'eta_c is taken to be A + B / M_c with M_c the cluster's size, fitted to the
    squared residual contrasts of the never-treated clusters (A, B not negative). Residual contrasts are scaled
    to the size of the cluster whose place they take. All clusters' errors are drawn, with replacement; the
    p-value is symmetric.

    Raises
    ------
    NotComputable
        Below 20 never-treated clusters, or where clusters are all of one size.
    """
    _require_many(contrasts)
    if np.ptp(contrasts.sizes) <= 1e-9 * float(contrasts.sizes.max()):
        raise NotComputable(Reason("all clusters are of one size, so there is nothing to correct for"))
    unit = float(np.abs(contrasts.weights).max())
    shapes, member = np.unique(np.round(contrasts.weights / unit, 10), axis=0, return_inverse=True)
    small = 1.0 / contrasts.sizes
    values, scale = np.zeros((len(shapes), int(contrasts.never.sum()))), np.zeros(len(contrasts.sizes))
    for row, shape in enumerate(shapes):
        taken = unit * (contrasts.residuals() @ shape)
        variance = _Variance(taken**2, small[contrasts.never])
        values[row] = taken / np.sqrt(variance(small[contrasts.never]))
        scale[member == row] = np.sqrt(variance(small[member == row]))
    drawn = np.concatenate([
        (values[member[None, :], picked] * scale).sum(axis=1) for picked in _picked(values.shape[1], len(scale), rng)
    ])  # fmt: skip
    size = np.sort(np.abs(drawn))
    count, far = len(size), int((size >= abs(contrasts.value) - _slack(drawn, contrasts.value)).sum())
    width = float(size[min(int(np.ceil((1.0 - alpha) * (1 + count))) - 1, count - 1)])
    return Interval(
        low=contrasts.value - width,
        high=contrasts.value + width,
        p_value=(1 + far) / (1 + count),
        smallest_p=1.0 / (1 + count),
        details={"n_draws": float(count), "n_never_treated_clusters": float(contrasts.never.sum())},
    )


def _slack(drawn: FloatArray, value: float) -> float:
    """How far below the estimate a draw still counts as equal to it: outcomes with ties give equal sums."""
    return TIE * max(float(np.abs(drawn).max()), abs(value))


def _require_many(contrasts: Contrasts) -> None:
    count = int(contrasts.never.sum())
    if count < LEAST:
        raise NotComputable(
            Reason("{count} clusters are never treated; their residuals need {least} or more", count=count, least=LEAST)
        )


def _sums(contrasts: Contrasts, rng: np.random.Generator) -> FloatArray:
    """Sums over the treated clusters of w_c' e_l(c): every choice of residuals l where few, random ones otherwise."""
    _require_many(contrasts)
    values = contrasts.weights[contrasts.treated] @ contrasts.residuals().T  # (N1, N0)
    treated, others = values.shape
    if others**treated <= DRAWS:
        return np.array([float(sum(choice)) for choice in product(*values.tolist())])
    rows = np.arange(treated)
    return np.concatenate([values[rows, picked].sum(axis=1) for picked in _picked(others, treated, rng)])


def _picked(others: int, places: int, rng: np.random.Generator) -> Iterator[np.typing.NDArray[np.int64]]:
    """Blocks (b, places) of residuals drawn with replacement."""
    block = max(BLOCK // places, 1)
    for start in range(0, DRAWS, block):
        yield rng.integers(0, others, (min(block, DRAWS - start), places))


class _Variance:
    """A + B / M by least squares with A and B not negative; the mean where that vanishes somewhere."""

    def __init__(self, squares: FloatArray, small: FloatArray) -> None:
        unit = float(small.mean())
        (self.constant, slope), _ = nnls(np.column_stack([np.ones_like(small), small / unit]), squares)
        self.slope = slope / unit
        if not (self(small) > 0.0).all():
            self.constant, self.slope = float(squares.mean()) or 1.0, 0.0

    def __call__(self, small: FloatArray) -> FloatArray:
        variance: FloatArray = self.constant + self.slope * small
        return variance

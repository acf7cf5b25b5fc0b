"""What several oracles share: least squares with every column written out, and averages of cells with their errors.

Nothing is shared with the package. What a regression identifies is read off the null space of its design.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

Array = np.ndarray[Any, np.dtype[Any]]
Cell = tuple[int, int]
NULL = 1e-8
"""Length of what lies outside the row space, relative to the contrast, from which it counts as not identified."""


MAY_BE_REFUSED = "may be refused"
"""Key of figures that exist once some rows are left out, where the package may as well refuse the panel."""


class NotIdentified(Exception):
    """The oracle finds nothing to estimate: the package has to refuse."""


@dataclass(frozen=True)
class Fit:
    """Weighted least squares on all columns.

    Attributes
    ----------
    beta
        (k,) a solution.
    span
        (k, k) projector onto the row space.
    bread
        (k, k) (X'WX)^+ on it.
    residual
        (n,).
    rank
        Of the design.
    """

    X: Array
    weight: Array
    beta: Array
    span: Array
    bread: Array
    residual: Array
    rank: int

    def identifies(self, contrast: Array) -> bool:
        """Whether a combination of coefficients is the same in all solutions."""
        return bool(np.linalg.norm(contrast - self.span @ contrast) < NULL * max(1.0, float(np.linalg.norm(contrast))))

    def influence(self, contrasts: Array) -> Array:
        """(n, m) of (k, m) contrasts, one row a row of the design."""
        return np.asarray((self.X * (self.weight * self.residual)[:, None]) @ self.bread @ contrasts)


def fit(X: Array, y: Array, weight: Array | None = None) -> Fit:
    """Least squares; rows of weight 0 must be gone."""
    w = np.ones(len(y)) if weight is None else weight
    size = np.linalg.norm(X, axis=0)
    size = np.where(size > 0.0, size, 1.0)
    left, values, right = np.linalg.svd(X / size, full_matrices=False)
    kept = values > 1e-9 * values[0]
    basis, out = left[:, kept], (right[kept].T / values[kept]) / size[:, None]
    root = np.sqrt(w)[:, None]
    triangle = np.linalg.qr(basis * root)
    inner = np.linalg.solve(triangle[1], triangle[0].T @ (y * root[:, 0]))
    inverse = np.linalg.inv(triangle[1])
    beta = out @ inner
    turned = np.linalg.qr((right[kept] * size).T)[0]
    return Fit(X, w, beta, turned @ turned.T, out @ (inverse @ inverse.T) @ out.T, y - basis @ inner, int(kept.sum()))


def rank(X: Array) -> int:
    """Rank of a design, columns brought to one length."""
    if not X.size:
        return 0
    size = np.linalg.norm(X, axis=0)
    values = np.linalg.svd(X / np.where(size > 0.0, size, 1.0), compute_uv=False)
    return int((values > 1e-9 * values[0]).sum())


def dummies(codes: Array) -> list[Array]:
    """One 0/1 column a code."""
    return [(codes == code).astype(float) for code in np.unique(codes)]


def independent(columns: Sequence[Array], beside: Sequence[Array]) -> list[int]:
    """Places of the columns that are no combination of those before them and of the columns beside them."""
    kept: list[int] = []
    base = list(beside)
    reached = rank(np.column_stack(base)) if base else 0
    for place, column in enumerate(columns):
        if not column.any():
            continue
        found = rank(np.column_stack([*base, column]))
        if found > reached:
            kept.append(place)
            base.append(column)
            reached = found
    return kept


def by_unit(influence: Array, unit: Array, n: int) -> Array:
    """(N, m) sums of rows within units."""
    summed = np.zeros((n, influence.shape[1]))
    for i in range(n):
        summed[i] = influence[unit == i].sum(axis=0)
    return summed


def by_cluster(influence: Array, codes: Array) -> Array:
    """(C, m) sums of units within clusters."""
    return np.array([influence[codes == code].sum(axis=0) for code in np.unique(codes)])


@dataclass(frozen=True)
class Answer:
    """Effects by cohort and period, each with the pull of every unit on it.

    Attributes
    ----------
    cells, effect, influence
        K cells, (K,) effects and (N, K) pulls in the scale in which the covariance is their cross product.
    share, pull
        Of each cohort: its share and (N,) the pull on it; None where shares are known.
    degrees
        Of the t reference; None for the normal.
    codes
        (N,) clusters.
    zero
        Cells that are 0 by construction: a cohort's reference counts with 0 in averages by event time.
    """

    cells: list[Cell]
    effect: Array
    influence: Array
    share: Mapping[int, float]
    pull: Mapping[int, Array] | None
    codes: Array
    degrees: float | None = None
    zero: Sequence[Cell] = ()

    def figures(self) -> dict[str, float]:
        """Everything that is compared: cells, event times and the overall effect."""
        found = self.cell_figures()
        for e in sorted({t - g for g, t in self.cells}):
            still = [g for g, t in self.zero if t - g == e]
            value, psi = self._average([k for k, (g, t) in enumerate(self.cells) if t - g == e], still)
            found[f"effect at {e}"], found[f"error at {e}"] = value, self.error(psi)
        treated = [k for k, (g, t) in enumerate(self.cells) if t >= g]
        if not treated:
            raise NotIdentified("no cell after a start")
        value, psi = self._average(treated)
        return found | overall(value, self.error(psi), self.degrees)

    def cell_figures(self) -> dict[str, float]:
        """Cells alone."""
        found: dict[str, float] = {}
        for k, (g, t) in enumerate(self.cells):
            found[f"effect of cohort {g} in {t}"] = float(self.effect[k])
            found[f"error of cohort {g} in {t}"] = self.error(self.influence[:, k])
        return found

    def _average(self, places: list[int], still: Sequence[int] = ()) -> tuple[float, Array]:
        """Average with the cohorts' shares as weights, and the pull of each unit on it; `still` cohorts add 0."""
        p = np.array([self.share[self.cells[k][0]] for k in places])
        total = p.sum() + sum(self.share[g] for g in still)
        value = float(p @ self.effect[places] / total)
        psi = self.influence[:, places] @ (p / total)
        if self.pull is not None:
            for k in places:
                psi = psi + self.pull[self.cells[k][0]] * (self.effect[k] - value) / total
            for g in still:
                psi = psi - self.pull[g] * value / total
        return value, psi

    def error(self, psi: Array) -> float:
        """Root of the sum of squared pulls of clusters."""
        return float(np.sqrt((by_cluster(psi[:, None], self.codes) ** 2).sum()))


def overall(value: float, error: float, degrees: float | None) -> dict[str, float]:
    """The overall effect with its error, degrees of freedom and p-value."""
    found = {"overall effect": value, "overall error": error}
    if degrees is not None:
        found["degrees of freedom"] = degrees
    if error > ZERO:
        law = stats.norm if degrees is None else stats.t(degrees)
        found["p-value"] = float(2.0 * law.sf(abs(value) / error))
    return found


ZERO = 1e-7
"""Errors below this are rounding: effects have a size of about 1, and a p-value over rounding means nothing."""


def shares(
    weight: Array, cohort: Array, used: Array, cohorts: Sequence[int]
) -> tuple[dict[int, float], dict[int, Array]]:
    """Shares of cohorts among the units used, by weight with mean 1, and the pull of each unit on them."""
    scaled = np.where(used, weight / weight[used].mean(), 0.0)
    n = int(used.sum())
    share = {g: float(scaled[cohort == g].sum() / n) for g in cohorts}
    pull = {g: np.where(used, (scaled * (cohort == g) - share[g]) / n, 0.0) for g in cohorts}
    return share, pull


def first_weight(weight: Array, usable: Array) -> Array:
    """(N,) weight in the first usable row; 1 where there is none."""
    found = np.ones(len(weight))
    for i in range(len(weight)):
        seen = np.flatnonzero(usable[i])
        if seen.size:
            found[i] = weight[i, seen[0]]
    return found


def rows_of(usable: Array) -> tuple[Array, Array]:
    """Units and periods of the usable rows."""
    unit, period = np.nonzero(usable)
    return unit, period

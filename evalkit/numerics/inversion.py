"""All constant effects that a permutation test does not reject, solved exactly instead of searched on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray

TIE = 1e-9
"""Relative distance within which two statistics are the same number, computed in another order."""
VANISHING = 1e-10
"""Coefficients this far below the terms that they are the difference of are rounding."""
REAL = 1e-6
"""Largest imaginary part, relative, of a root that touches the axis."""
LEVEL_SLACK = 1e-12
"""1 - 0.95 is a little more than 0.05 in floating point; a share of exactly 0.05 must reject."""


@dataclass(frozen=True, slots=True)
class Family:
    """The statistics of B assignments under every constant effect c at once.

    Estimators are linear in the outcome, so under the hypothesis that treatment adds c to every treated
    cell the estimate of assignment b on y - c D is linear in c and its variance quadratic:

        theta_b(c) = shift_b + slope_b c,        V_b(c) = v_b0 + v_b1 c + v_b2 c^2.

    Attributes
    ----------
    shift, slope
        (B,) the observed assignment first. NaN where an assignment could not be estimated: it counts as at
        least as far from 0.
    variance
        (B, 3) rising powers of c; None to compare the estimates themselves.
    exact
        Whether these are all assignments; otherwise random ones after the observed, which is counted in.
    """

    shift: FloatArray
    slope: FloatArray
    variance: FloatArray | None
    exact: bool

    def p_value(self, effect: float = 0.0) -> float:
        """Share of assignments at least as far from 0 as the observed one, which is among them."""
        return float(self._shares(np.array([effect]))[0])

    @property
    def smallest_p(self) -> float:
        """The least p-value that any data could give: that of an effect beyond all bounds.

        Assignments that mirror the observed one (three of six places, swapped) tie with it for every c.
        """
        rows = self._polynomials()
        with np.errstate(invalid="ignore"):
            far = (rows[:, -1] > 0.0) | (rows == 0.0).all(axis=1)
        return float((far | np.isnan(self.shift)).mean())

    def interval(self, alpha: float) -> tuple[float, float]:
        """Smallest interval that holds every effect with a p-value above `alpha`; infinite where unbounded.

        Examples
        --------
        >>> one_of_four = Family(np.array([2.0, -1.0, 0.5, 0.0]), np.array([-1.0, 1 / 3, 1 / 3, 1 / 3]), None, True)
        >>> low, high = one_of_four.interval(alpha=0.25)
        >>> round(low, 6), round(high, 6), one_of_four.p_value(0.0)
        (1.125, 3.75, 0.25)
        """
        edges = self._edges()
        if edges.size == 0:
            inside = self._shares(np.array([0.0])) > alpha + LEVEL_SLACK
            return (-np.inf, np.inf) if inside[0] else (np.nan, np.nan)
        reach = max(1.0, float(edges[-1] - edges[0]))
        between = 0.5 * (edges[1:] + edges[:-1])
        points = np.concatenate([[edges[0] - reach], between, [edges[-1] + reach]])
        kept = np.flatnonzero(self._shares(points) > alpha + LEVEL_SLACK)
        if kept.size == 0:
            return float("nan"), float("nan")
        first, last = int(kept[0]), int(kept[-1])
        return (-np.inf if first == 0 else float(edges[first - 1])), (
            np.inf if last == len(points) - 1 else float(edges[last])
        )

    def _edges(self) -> FloatArray:
        """Effects at which some assignment changes sides, sorted."""
        found: list[float] = []
        for row in self._polynomials():
            if np.isfinite(row).all():
                found.extend(_real_roots(row))
        edges: FloatArray = np.unique(np.array(found, dtype=np.float64))
        return edges

    def _polynomials(self) -> FloatArray:
        """(B, 3 or 5) rising powers of theta_b(c)^2 V_0(c) - theta_0(c)^2 V_b(c): at least as far where not negative.

        Coefficients that are rounding beside the terms they are the difference of are 0.
        """
        squares = np.stack([self.shift**2, 2.0 * self.shift * self.slope, self.slope**2], axis=1)
        if self.variance is None:
            rows, size = squares - squares[0], np.abs(squares) + np.abs(squares[0])
        else:
            left, right = _product(squares, self.variance[0]), _product(self.variance, squares[0])
            bounds = (
                _product(np.abs(squares), np.abs(self.variance[0])),
                _product(np.abs(self.variance), np.abs(squares[0])),
            )
            rows, size = left - right, bounds[0] + bounds[1]
        with np.errstate(invalid="ignore"):
            return np.where(np.abs(rows) <= VANISHING * size, 0.0, rows)

    def _shares(self, effects: FloatArray) -> FloatArray:
        """(P,) p-values at these effects."""
        moved = (self.shift[:, None] + self.slope[:, None] * effects) ** 2
        if self.variance is None:
            far = moved >= moved[0] * (1.0 - TIE) ** 2
        else:
            v0, v1, v2 = self.variance.T
            spread = np.maximum(v0[:, None] + effects * (v1[:, None] + effects * v2[:, None]), 0.0)
            far = moved * spread[0] >= moved[0] * spread * (1.0 - TIE) ** 2
        far |= np.isnan(self.shift)[:, None]
        far[0] = True
        shares: FloatArray = far.mean(axis=0)
        return shares


def _product(rows: FloatArray, factor: FloatArray) -> FloatArray:
    """(B, 5) products of polynomials of degree 2, rising powers."""
    made = np.zeros((len(rows), 5))
    for power in range(3):
        made[:, power : power + 3] += rows * factor[power]
    return made


def _real_roots(row: FloatArray) -> list[float]:
    """Real roots of a polynomial in rising powers; none of one that vanishes everywhere."""
    present = np.flatnonzero(row)
    if present.size == 0:
        return []
    roots = np.roots(row[: int(present[-1]) + 1][::-1])
    real: BoolArray = np.abs(roots.imag) <= REAL * np.maximum(np.abs(roots), 1e-300)
    return [float(value) for value in roots.real[real]]

"""Errors of two-way fixed effects by the papers' formulas, every matrix written out: rows x rows, all dummies.

Slow and plain on purpose. Clusters' adjustment matrices are eigen-decomposed at their full size, effects enter as
dummies, and the residual maker has one row and column for each row of the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.vocabulary import FloatArray, IntArray

RADIUS = 6_371.0088


@dataclass(frozen=True)
class Regression:
    """Weighted least squares of y on x and all dummies, in weighted coordinates."""

    x: FloatArray  # (n, k), effects taken out
    design: FloatArray  # (n, q), dummies included
    residual: FloatArray
    coefficient: FloatArray

    @property
    def bread(self) -> FloatArray:
        """(k, k)."""
        return np.asarray(np.linalg.inv(self.x.T @ self.x))

    @property
    def annihilator(self) -> FloatArray:
        """(n, n) I - H."""
        return np.asarray(np.eye(len(self.x)) - self.design @ np.linalg.pinv(self.design))


def regression(data: pd.DataFrame, x: FloatArray, weight: FloatArray | None = None) -> Regression:
    """Regress data.y on x, unit and period dummies."""
    root = np.sqrt(np.ones(len(data)) if weight is None else weight)[:, None]
    effects = pd.get_dummies(data[["unit", "period"]].astype(str), dtype=float).to_numpy() * root
    inner, y = x * root, data["y"].to_numpy() * root[:, 0]
    maker = np.eye(len(data)) - effects @ np.linalg.pinv(effects)
    inner, y = maker @ inner, maker @ y
    b = np.linalg.lstsq(inner, y, rcond=None)[0]
    return Regression(inner, np.hstack([inner, effects]), y - inner @ b, b)


def power_of(matrix: FloatArray, power: float) -> FloatArray:
    """Symmetric power, directions of eigenvalue 0 left out."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-8
    return np.asarray((vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T)


def bias_reduced(made: Regression, clusters: IntArray, power: float) -> tuple[FloatArray, FloatArray]:
    """(k, k) CR2 (power -1/2) or CR3 (power -1) without a further factor, and Satterthwaite's df of each coefficient.

    With unit dummies in, I - H_jj is singular in the direction of the unit; its Moore-Penrose powers pass over it.
    """
    maker = made.annihilator
    total = np.zeros((made.x.shape[1],) * 2)
    columns: list[FloatArray] = []
    for code in np.unique(clusters):
        rows = clusters == code
        own = maker[np.ix_(rows, rows)]
        adjust = power_of(own, power)
        lifted = made.bread @ made.x[rows].T @ adjust
        score = lifted @ made.residual[rows]
        total += np.outer(score, score)
        columns.append(maker[:, rows] @ lifted.T)
    degrees = []
    for k in range(made.x.shape[1]):
        p = np.column_stack([column[:, k] for column in columns])
        inner = p.T @ p
        degrees.append(np.trace(inner) ** 2 / (inner**2).sum())
    return total, np.array(degrees)


def two_way(made: Regression, first: IntArray, second: IntArray) -> FloatArray:
    """(k, k) V_first + V_second - V_both, no corrections."""
    scores = made.x * made.residual[:, None]

    def meat(codes: IntArray) -> FloatArray:
        _, place = np.unique(codes, axis=0, return_inverse=True)
        sums = np.zeros((int(place.max()) + 1, scores.shape[1]))
        np.add.at(sums, place.ravel(), scores)
        return sums.T @ sums

    both = np.column_stack([first, second])
    total = meat(both[:, :1]) + meat(both[:, 1:]) - meat(both)
    return np.asarray(made.bread @ total @ made.bread)


def conley(made: Regression, data: pd.DataFrame, cutoff: float, bartlett: bool) -> FloatArray:
    """(k, k) by a double loop over rows: near units in one period, one unit in two periods."""
    scores = made.x * made.residual[:, None]
    total = np.zeros((made.x.shape[1],) * 2)
    place = np.radians(data[["latitude", "longitude"]].to_numpy())
    unit, period = data["unit"].to_numpy(), data["period"].to_numpy()
    for a in range(len(data)):
        for b in range(len(data)):
            if unit[a] == unit[b]:
                weight = 1.0
            elif period[a] == period[b]:
                cosine = np.sin(place[a, 0]) * np.sin(place[b, 0]) + np.cos(place[a, 0]) * np.cos(place[b, 0]) * np.cos(
                    place[a, 1] - place[b, 1]
                )
                distance = RADIUS * np.arccos(np.clip(cosine, -1.0, 1.0))
                weight = 0.0 if distance >= cutoff else 1.0 - distance / cutoff if bartlett else 1.0
            else:
                weight = 0.0
            total += weight * np.outer(scores[a], scores[b])
    return np.asarray(made.bread @ total @ made.bread)

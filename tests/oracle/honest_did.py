"""The hybrid test of Andrews, Roth and Pakes (2023) for Delta^RM by linear programmes, slow and by the book.

Nothing is shared with evalkit: moments A(beta - delta) <= 0 are written out, the nuisance effects are
kept as columns, the statistic is a linear programme (HiGHS), its conditioning range is found
by bisection on that programme, and the vertices behind the least-favourable value by enumerating bases.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.stats import norm

Array = npt.NDArray[np.float64]
BISECTIONS = 60
FAR = 1e3


@dataclass(frozen=True)
class Moments:
    """Y = A beta of the moments with effects after the reference, theta's column, the nuisance columns, cov(Y)."""

    y: Array
    theta: Array
    nuisance: Array
    covariance: Array

    @property
    def sd(self) -> Array:
        return np.sqrt(np.diag(self.covariance))


def moments(effects: Array, covariance: Array, n_pre: int, target: Array, m_bar: float, s: int, sign: float) -> Moments:
    """Moments of the polyhedron in which step s before the start (0 the earliest) is largest, with that sign."""
    size, n_post = len(effects), len(target)
    steps = np.zeros((size, size + 1))
    steps[np.arange(size), np.arange(size)] = -1.0
    steps[np.arange(size), np.arange(size) + 1] = 1.0
    steps = np.delete(steps, n_pre, axis=1)  # the reference
    after = steps[n_pre:]
    largest = sign * steps[s]
    a = np.vstack([after - m_bar * largest, -after - m_bar * largest])
    basis = np.eye(n_post)
    spare = int(np.flatnonzero(target)[0])
    gamma = np.vstack([target, np.delete(basis, spare, axis=0)])
    columns = a[:, n_pre:] @ np.linalg.inv(gamma)
    return Moments(a @ effects, columns[:, 0], columns[:, 1:], a @ covariance @ a.T)


def largest(found: Moments, y: Array) -> tuple[float, Array]:
    """The statistic eta and its multipliers: max gamma'y with gamma >= 0, gamma'X = 0, gamma'sd = 1."""
    equal = np.vstack([found.sd, found.nuisance.T])
    answer: Any = linprog(-y, A_eq=equal, b_eq=np.eye(len(equal))[0], bounds=(0, None), method="highs")
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return -float(answer.fun), np.asarray(answer.x, dtype=np.float64)


def rejects(found: Moments, theta: float, critical: float, alpha: float) -> bool:
    """The hybrid test of one theta in one polyhedron."""
    y = found.y - found.theta * theta
    eta, gamma = largest(found, y)
    if eta > critical:
        return True
    if eta <= 0.0:
        return False
    variance = float(gamma @ found.covariance @ gamma)
    direction = found.covariance @ gamma / variance
    rest = y - direction * eta

    def stays(x: float) -> bool:
        return largest(found, rest + direction * x)[0] <= x + 1e-9

    ends = []
    for far in (-FAR, FAR):
        inside, outside = eta, far
        for _ in range(BISECTIONS):
            middle = (inside + outside) / 2.0
            inside, outside = (middle, outside) if stays(middle) else (inside, middle)
        ends.append(inside)
    z, low, high = np.array([eta, ends[0], min(ends[1], critical)]) / np.sqrt(variance)
    tail = (norm.sf(z) - norm.sf(high)) / (norm.sf(low) - norm.sf(high))
    return bool(tail < (alpha - alpha / 10) / (1.0 - alpha / 10))


def vertices(found: Moments) -> Array:
    """All vertices of the dual's feasible set, from its bases."""
    equal = np.vstack([found.sd, found.nuisance.T])
    corners = []
    for chosen in itertools.combinations(range(len(found.y)), len(equal)):
        columns = list(chosen)
        if abs(np.linalg.det(equal[:, columns])) > 1e-12:
            part = np.linalg.solve(equal[:, columns], np.eye(len(equal))[0])
            if (part >= -1e-12).all():
                corner = np.zeros(len(found.y))
                corner[columns] = part
                corners.append(corner)
    return np.array(corners)

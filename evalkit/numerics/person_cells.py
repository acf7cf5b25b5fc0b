"""Repeated cross-sections as a panel of groups: means, counts and spread within, all that a Gaussian likelihood needs.

With y_jgt = m_gt + eps_j, eps_j ~ N(0, omega^2), the likelihood of n persons factors into that of their mean, which is
N(m_gt, omega^2 / n), and that of their spread around it (Fisher): rows within a cell cost one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class PersonCells:
    """Sufficient statistics of persons in G groups and T periods.

    Attributes
    ----------
    mean
        (G, T, m) of the outcome and covariates.
    count
        (G, T) persons.
    within
        (m, m) sums of products of deviations from the cell means.
    first_treated
        (G,).
    """

    mean: FloatArray
    count: FloatArray
    within: FloatArray
    first_treated: IntArray

    @property
    def degrees(self) -> int:
        """Persons less cells."""
        return int(self.count.sum()) - int((self.count > 0).sum())


def person_cells(
    values: FloatArray, group: IntArray, position: IntArray, first_treated: IntArray, n_groups: int, n_periods: int
) -> PersonCells:
    """Sum persons within groups and periods.

    Parameters
    ----------
    values
        (N, m) outcome and covariates; persons with a missing value are left out.
    group, position
        (N,) codes.
    first_treated
        (N,) of the person's group.
    n_groups, n_periods
        G and T.

    Examples
    --------
    >>> cells = person_cells(np.array([[1.0], [3.0], [5.0]]), *np.zeros((2, 3), int), np.array([9, 9, 9]), 1, 1)
    >>> cells.mean[0, 0].tolist(), cells.count.tolist(), cells.within.tolist(), cells.degrees
    ([3.0], [[3.0]], [[8.0]], 2)
    """
    known = ~np.isnan(values).any(axis=1)
    code = group[known] * n_periods + position[known]
    size, width = n_groups * n_periods, values.shape[1]
    count = np.bincount(code, minlength=size).astype(np.float64)
    kept = values[known]
    total = np.stack([np.bincount(code, weights=kept[:, k], minlength=size) for k in range(width)], axis=1)
    with np.errstate(invalid="ignore"):
        mean = total / count[:, None]
    deviation = kept - mean[code]
    starts = np.zeros(n_groups, dtype=np.int64)
    starts[group] = first_treated
    return PersonCells(
        mean.reshape(n_groups, n_periods, width), count.reshape(n_groups, n_periods), deviation.T @ deviation, starts
    )

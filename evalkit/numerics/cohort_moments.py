"""Cross-products of each cohort's units, made once: those of a comparison group are sums over its cohorts.

The cells of a panel compare few cohorts many times over. Without this every comparison would read its
units again: with never-treated units once a cohort, with not-yet-treated ones once a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evalkit.numerics.cohort_sample import CohortSample
from evalkit.numerics.doubly_robust import Moments, moments_of
from evalkit.numerics.group_time import PlannedCell
from evalkit.numerics.influence import read_arm


@dataclass(frozen=True, slots=True)
class CohortMoments:
    """Moments of cohorts as cells see them, kept by what decides on weights and regressors.

    Attributes
    ----------
    sample
        Units sorted by cohort.
    """

    sample: CohortSample
    _made: dict[tuple[int, ...], Moments] = field(default_factory=dict, init=False, repr=False)
    _levels: dict[tuple[int, ...], float] = field(default_factory=dict, init=False, repr=False)

    def of_cell(self, rows: slice, cell: PlannedCell) -> Moments:
        """Of one cohort's units in a cell."""
        key = self._key(rows, cell)
        if key not in self._made:
            self._made[key] = moments_of(read_arm(self.sample, rows, cell.period, cell.base, cell.seen))
        return self._made[key]

    def of_others(self, rows: slice, own: slice, cell: PlannedCell) -> Moments:
        """Of all cohorts within some rows but one: it is not compared with itself."""
        width, n_periods = 1 + len(self.sample.covariates), self.sample.outcome.shape[1]
        total = Moments(np.zeros((width, width)), np.zeros((width, n_periods)), 0)
        for part in self.sample.cohort_rows.values():
            if rows.start <= part.start < rows.stop and part != own:
                total += self.of_cell(part, cell)
        return total

    def treated_mean(self, own: slice, cell: PlannedCell) -> tuple[float, int]:
        """Weighted mean outcome of a cell's treated units in its period, and their number."""
        found, key = self.of_cell(own, cell), self._key(own, cell)
        total = float(found.gram[0, 0])
        if not total > 0.0:
            return float("nan"), 0
        if key not in self._levels:
            weight = self.sample.weights(cell.period, cell.base, own, cell.seen)
            self._levels[key] = float(weight @ self.sample.mean_outcome[own])
        return (float(found.moment[0, cell.period]) + self._levels[key]) / total, found.count

    def _key(self, rows: slice, cell: PlannedCell) -> tuple[int, ...]:
        if self.sample.observed is not None:
            return (rows.start, cell.base, -1, *cell.seen) if cell.seen else (rows.start, cell.base, cell.period)
        return (rows.start, cell.base) if self.sample.base_matters else (rows.start,)

"""An estimate as the weighted sum of cluster paths that it is: theta = sum over clusters c of w_c' y_c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import Reason
from evalkit.inference.refits import Statistic, shifted, spread_of, starting
from evalkit.inference.reported import NotComputable
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

EXACT = 1e-7
"""Relative distance within which the weighted sum of paths must give the estimate back."""
SAME_SHAPE = 1e-7
"""Relative distance within which two paths of weights are multiples of each other."""
MOST_REFITS = 4_000
"""Refits that finding the weights may cost."""


@dataclass(frozen=True, slots=True)
class Contrasts:
    """theta = sum_c w_c' y_c, with what is needed to say how uncertain that is.

    Attributes
    ----------
    value
        theta.
    weights
        (C, T) w_c, found by refitting; verified to give theta back.
    paths
        (C, T) mean outcome of each cluster in each period; 0 where not observed.
    observed
        (C, T) whether a cluster was observed.
    treated
        (C,) clusters with a unit that starts within the window.
    never
        (C,) clusters without a unit that is ever treated within the window.
    starts
        (C,) first treated period; the smallest where a cluster has several.
    sizes
        (C,) what a cluster mean rests on: exposure or weight where there is one, else units, averaged over
        periods.
    n_refits
        Fits that it took.
    """

    value: float
    weights: FloatArray
    paths: FloatArray
    observed: BoolArray
    treated: BoolArray
    never: BoolArray
    starts: IntArray
    sizes: FloatArray
    n_refits: int

    def residuals(self) -> FloatArray:
        """(n0, T) paths of the never-treated clusters less their mean in each period.

        They are what the paths of all clusters would vary by without the programme, if clusters are alike.

        Raises
        ------
        NotComputable
            When one of them was not observed in every period: then it has no path.
        """
        if not self.observed[self.never].all():
            raise NotComputable(Reason("some never-treated clusters were not observed in every period"))
        paths = self.paths[self.never]
        left: FloatArray = paths - paths.mean(axis=0)
        return left


def contrasts_of(panel: Panel, statistic: Statistic) -> Contrasts:
    """Find the weights by adding a little to one group of clusters in one period at a time.

    Clusters of one start are moved together and share the change equally, then by their weight; where
    neither gives the estimate back (missing cells, say), each cluster is moved by itself.

    Raises
    ------
    NotComputable
        When the estimate is no weighted sum of cluster paths (covariates, composition that changes, a
        log link), or has too many clusters and periods to find out.
    """
    if panel.cross_sections is not None:
        raise NotComputable(Reason("each row is another person, so clusters have no paths to add up"))
    value = statistic(panel)[0]
    if not np.isfinite(value):
        raise NotComputable(Reason("the statistic cannot be estimated"))
    clusters, codes = np.unique(panel.cluster_codes, return_inverse=True)
    count, periods = len(clusters), panel.n_periods
    weight, paths = _cluster_paths(panel, codes, count)
    starts = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(starts, codes, panel.first_treated)
    groups = np.unique(starts, return_inverse=True)[1]
    total = weight.sum(axis=1)
    candidates = [np.ones(count), total] if np.ptp(total) > 0.0 else [np.ones(count)]
    step, refits = spread_of(panel), 0
    if (int(groups.max()) + 1) * periods <= MOST_REFITS:
        moved = _slopes(panel, statistic, value, groups[codes], step)
        refits += moved.size
        for base in candidates:
            share = base / np.bincount(groups, base)[groups]
            found = moved[groups] * share[:, None]
            if _gives_back(found, paths, value, step):
                return _made(panel, value, found, paths, codes, starts, weight, refits)
    if count * periods > MOST_REFITS:
        raise NotComputable(
            Reason(
                "the estimate is not a sum over clusters of one start alike, and there are too many clusters and "
                "periods to find the weight of each"
            )
        )
    found = _slopes(panel, statistic, value, codes, step)
    if not _gives_back(found, paths, value, step):
        raise NotComputable(
            Reason(
                "the estimate is not a weighted sum of cluster means by period (it has covariates, units that come "
                "and go, or is not linear in the outcome)"
            )
        )
    return _made(panel, value, found, paths, codes, starts, weight, refits + found.size)


def _made(
    panel: Panel, value: float, weights: FloatArray, paths: FloatArray, codes: IntArray, starts: IntArray,
    weight: FloatArray, refits: int,
) -> Contrasts:  # fmt: skip
    count = len(paths)
    treated = np.bincount(codes, starting(panel), minlength=count) > 0
    ever = np.bincount(codes, ~panel.never_treated, minlength=count) > 0
    return Contrasts(value, weights, paths, weight > 0.0, treated, ~ever, starts, _sizes(panel, codes, weight), refits)


def _cluster_paths(panel: Panel, codes: IntArray, count: int) -> tuple[FloatArray, FloatArray]:
    """(C, T) summed weights and weighted mean outcome of each cluster; 0 where it is not observed."""
    known = panel.observed
    base = np.ones(panel.outcome.shape) if panel.weight is None else np.nan_to_num(panel.weight)
    base = np.where(known, base, 0.0)
    weight, sums = np.zeros((count, panel.n_periods)), np.zeros((count, panel.n_periods))
    np.add.at(weight, codes, base)
    np.add.at(sums, codes, base * np.where(known, panel.outcome, 0.0))
    return weight, np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0.0)


def _sizes(panel: Panel, codes: IntArray, weight: FloatArray) -> FloatArray:
    if panel.exposure is None:
        sizes: FloatArray = weight.mean(axis=1)
        return sizes
    size = np.zeros((len(weight), panel.n_periods))
    np.add.at(size, codes, np.where(panel.observed, np.nan_to_num(panel.exposure), 0.0))
    found: FloatArray = size.mean(axis=1)
    return found


def _slopes(panel: Panel, statistic: Statistic, value: float, groups: IntArray, step: float) -> FloatArray:
    """(G, T) change of the estimate when one unit is added to all of a group (of units) in a period."""
    count = int(groups.max()) + 1
    found = np.zeros((count, panel.n_periods))
    for group, period in _cells(count, panel.n_periods):
        by = np.zeros(panel.outcome.shape)
        by[groups == group, period] = step
        if not np.isnan(panel.outcome[by != 0.0]).all():
            found[group, period] = (statistic(shifted(panel, by))[0] - value) / step
    if not np.isfinite(found).all():
        raise NotComputable(Reason("the statistic cannot be estimated on a panel that is a little different"))
    return found


def _cells(count: int, periods: int) -> Iterator[tuple[int, int]]:
    return ((group, period) for group in range(count) for period in range(periods))


def _gives_back(weights: FloatArray, paths: FloatArray, value: float, step: float) -> bool:
    size = float(np.abs(weights).sum()) * step
    centred = paths - paths.mean()  # weights sum to zero, so a level common to all is rounding at best
    return abs(float((weights * centred).sum()) - value) <= EXACT * max(abs(value), size, 1e-300)

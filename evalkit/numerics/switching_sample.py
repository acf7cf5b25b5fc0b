"""Units as pairs of periods see them: sorted by when they first change, one contiguous row a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.switching_paths import Paths
from evalkit.vocabulary import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class SwitchingSample:
    """n units over T periods, sorted by `first`, then by cohort.

    Attributes
    ----------
    position
        (n,) places of the units in the panel.
    outcome
        (T, n) outcomes less the unit's own mean; 0 where not usable.
    centre
        (n,) that mean.
    usable
        (T, n); None when every cell is.
    weight
        (T, n) sampling weights; None when unweighted.
    start
        (n,) position of the first period in which the unit may react; T where there is none.
    first
        (n,) ordinals F_g.
    level, n_levels
        (n,) code of the period-one dose.
    block
        (n,) code of the cohort: units with one F_g, one first dose and one dose in F_g.
    sign
        (n,) S_g; 0 for units that do not change within the window.
    change
        (T, n) S_g (D_{g,t} - D_{g,1}); None where it is 1 from F_g on.
    cluster
        (n,) cluster codes 0..C-1; None where units are their own clusters.
    shown
        (T, n) outcomes before covariates were taken out; None where they are `outcome`.
    """

    position: IntArray
    outcome: FloatArray
    centre: FloatArray
    usable: BoolArray | None
    weight: FloatArray | None
    start: IntArray
    first: IntArray
    level: IntArray
    n_levels: int
    block: IntArray
    sign: FloatArray
    change: FloatArray | None
    cluster: IntArray | None
    shown: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.start)

    @property
    def n_clusters(self) -> int:
        """Clusters, or units where these are their own clusters."""
        return len(self) if self.cluster is None else int(self.cluster.max(initial=-1)) + 1

    def of_cohort(self, first: int) -> slice:
        """Units that change in this period."""
        return slice(*(int(np.searchsorted(self.first, first, side)) for side in ("left", "right")))

    def not_before(self, period: int) -> slice:
        """Units that cannot react before this period."""
        return slice(int(np.searchsorted(self.start, period)), len(self))


def switching_sample(
    outcome: FloatArray,
    weight: FloatArray | None,
    paths: Paths,
    time: IntArray,
    cluster: IntArray | None,
    anticipation: int,
    known: BoolArray | None = None,
) -> SwitchingSample:
    """Sort the units with a part in some comparison: those whose first dose somebody changes within the window.

    Parameters
    ----------
    outcome, weight
        (N, T); NaN where not observed. Weight None when unweighted.
    paths, time, cluster
        Of the same units; (T,) ordinals; (N,) codes or None.
    anticipation
        Periods before F_g in which a unit may already react.
    known
        (N, T) cells with all covariates; None where they have.
    """
    usable = ~np.isnan(outcome)
    if known is not None:
        usable &= known
    for left_out in (paths.apart, paths.unclear):
        if left_out is not None:
            usable &= ~left_out
    if weight is not None:
        usable &= np.nan_to_num(weight) > 0.0
    changes = paths.sign != 0.0
    shifted = np.where(changes | (paths.first <= time[-1] + anticipation), paths.first, time[-1] + 1 + anticipation)
    start = np.searchsorted(time, shifted - anticipation)
    moved = np.zeros(len(paths.levels), dtype=np.bool_)
    moved[paths.level[changes & (start > 0)]] = True
    kept = np.flatnonzero(moved[paths.level] & (start > 0) & usable.any(axis=1))
    order = kept[_order(paths, kept)]
    seen = usable[order]
    complete = bool(seen.all())
    values = outcome[order]
    if not complete:
        values[~seen] = 0.0
    centre = values.sum(axis=1) / (values.shape[1] if complete else seen.sum(axis=1))
    values -= centre[:, None]
    if not complete:
        values[~seen] = 0.0
    codes = None if cluster is None else np.unique(cluster[order], return_inverse=True)[1].astype(np.int64)
    return SwitchingSample(
        position=order,
        outcome=np.ascontiguousarray(values.T),
        centre=centre,
        usable=None if complete else np.ascontiguousarray(seen.T),
        weight=None if weight is None else np.ascontiguousarray(np.nan_to_num(weight[order]).T),
        start=start[order].astype(np.int64),
        first=paths.first[order],
        level=(np.cumsum(moved) - 1)[paths.level[order]],
        n_levels=int(moved.sum()),
        block=_blocks(paths, order),
        sign=paths.sign[order],
        change=None if paths.change is None else np.ascontiguousarray(paths.change[order].T),
        cluster=codes,
    )


def _order(paths: Paths, units: IntArray) -> IntArray:
    """Order by F_g, then first dose, then dose reached; stable. What may react first comes first, too."""
    if paths.change is None:
        return np.argsort(paths.first[units], kind="stable")
    return np.lexsort((paths.reached[units], paths.level[units], paths.first[units]))


def _blocks(paths: Paths, units: IntArray) -> IntArray:
    """Codes of runs of equal F_g, first dose and dose reached, in sorted units."""
    new = np.zeros(len(units), dtype=np.bool_)
    for key in (paths.first[units], paths.level[units]):
        new[1:] |= key[1:] != key[:-1]
    reached = np.nan_to_num(paths.reached[units], nan=-np.inf)
    new[1:] |= reached[1:] != reached[:-1]
    return np.cumsum(new).astype(np.int64)

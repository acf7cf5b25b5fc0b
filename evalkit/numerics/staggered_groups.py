"""Cohorts and comparison group of a staggered design whose comparison is one fixed set of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.vocabulary import BoolArray, IntArray

FixedComparison = Literal["never_treated", "last_treated"]


@dataclass(frozen=True, slots=True)
class StaggeredGroups:
    """Who is compared with whom, and until when.

    Attributes
    ----------
    kind
        ``never_treated`` or ``last_treated``.
    comparison
        (n,) positions of the units of the comparison group.
    cohorts
        (G,) ordinals of the cohorts compared with it.
    members
        Positions of the units of each cohort.
    n_periods
        Leading periods of the panel that are used: all, or those before the last cohort may react.
    """

    kind: FixedComparison
    comparison: IntArray
    cohorts: IntArray
    members: tuple[IntArray, ...]
    n_periods: int

    @property
    def units(self) -> IntArray:
        """Positions of all units used, ascending."""
        return np.sort(np.concatenate([self.comparison, *self.members]))


def group_units(
    time: IntArray, first_treated: IntArray, usable: BoolArray, *, anticipation: int, kind: FixedComparison | None
) -> StaggeredGroups | None:
    """Form the groups (Sun and Abraham 2021, section 4: never-treated units, or else the last cohort).

    Units that start too early to have a period before (anticipation included) take no part. Nor do units
    that start after the window but may react within it, unless they are the last cohort.

    Parameters
    ----------
    time
        (T,) ordinals.
    first_treated
        (N,) ordinals; ``NEVER`` where there is none.
    usable
        (N,) units to consider.
    anticipation
        Periods before the start in which effects are allowed.
    kind
        The comparison asked for; None for never-treated units where there are any, else the last cohort.

    Returns
    -------
    StaggeredGroups or None
        None when there is no comparison group of the kind or no cohort to compare with it.

    Examples
    --------
    >>> groups = group_units(np.arange(5), np.array([2, 3, 99]), np.ones(3, bool), anticipation=0, kind="last_treated")
    >>> groups.cohorts.tolist(), groups.comparison.tolist(), groups.n_periods
    ([2], [1], 3)
    """
    last = int(time[-1])
    never = usable & (first_treated > last + anticipation)
    eventually = usable & (first_treated > time[0] + anticipation) & ~never
    if kind is None:
        kind = "never_treated" if never.any() else "last_treated"
    n_periods = len(time)
    if kind == "never_treated":
        comparison, treated = never, eventually & (first_treated <= last)
    else:
        if not eventually.any():
            return None
        final = int(first_treated[eventually].max())
        comparison = eventually & (first_treated == final)
        treated = eventually & ~comparison
        n_periods = int(np.searchsorted(time, final - anticipation))
    cohorts = np.unique(first_treated[treated])
    if not comparison.any() or cohorts.size == 0:
        return None
    order = np.argsort(first_treated, kind="stable")
    order = order[treated[order]]
    ends = np.searchsorted(first_treated[order], cohorts, side="right")
    members = tuple(np.sort(part) for part in np.split(order, ends[:-1]))
    return StaggeredGroups(kind, np.flatnonzero(comparison), cohorts, members, n_periods)

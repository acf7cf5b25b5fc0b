"""Which cells ATT(g, t) a panel offers, against which base period and which comparison group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.vocabulary import Comparison, IntArray

BasePeriod = Literal["varying", "universal"]


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One cell ATT(g, t): positions of its period and base period, and who it is compared with.

    Attributes
    ----------
    cohort
        Ordinal of the first treated period g.
    period, base
        Positions 0..T-1; equal in the reference cell of a universal base.
    untreated_after
        The comparison group is all units first treated after this ordinal, the cohort excepted.
    is_treated
        Whether the cohort is under treatment in the period.
    base_from
        Position of the first period of the base, where the base is the mean of the periods from there to `base`;
        None where it is `base` alone.
    seen
        Positions of the periods in which a unit must be observed to take part; empty for the two of the cell.
    """

    cohort: int
    period: int
    base: int
    untreated_after: int
    is_treated: bool
    base_from: int | None = None
    seen: tuple[int, ...] = ()

    @property
    def is_reference(self) -> bool:
        """Whether the effect is 0 by construction."""
        return self.period == self.base and self.base_from in (None, self.base)


def base_position(time: IntArray, cohort: int, anticipation: int) -> int | None:
    """Position of the last period before g - anticipation; None when there is none.

    Examples
    --------
    >>> base_position(np.arange(6), 4, anticipation=1)
    2
    """
    before = int(np.searchsorted(time, cohort - anticipation, side="left"))
    return before - 1 if before > 0 else None


def plan_cohort(
    time: IntArray, cohort: int, *, comparison: Comparison, base_period: BasePeriod, anticipation: int
) -> list[PlannedCell]:
    """Plan the cells of one cohort (Callaway and Sant'Anna 2021, section 2; R `did`, `att_gt`).

    Parameters
    ----------
    time
        (T,) ordinals of the periods in the data.
    cohort
        Ordinal of the first treated period.
    comparison
        ``never_treated``: units not treated, nor anticipating treatment, up to the last period.
        ``not_yet_treated``: in neither period of the cell.
    base_period
        From g - anticipation on, both compare with the last period before that. Before it,
        ``varying`` compares each period with the one before, ``universal`` keeps the base.
    anticipation
        Periods before the start in which effects are allowed.

    Examples
    --------
    >>> cells = plan_cohort(np.arange(4), 2, comparison="never_treated", base_period="varying", anticipation=0)
    >>> [(cell.period, cell.base) for cell in cells]
    [(1, 0), (2, 1), (3, 1)]
    """
    base = base_position(time, cohort, anticipation)
    if base is None:
        return []
    cells = []
    for period in range(len(time)):
        against = period - 1 if base_period == "varying" and period <= base else base
        if against < 0:
            continue
        latest = time[-1] if comparison == "never_treated" else time[max(period, against)]
        cells.append(PlannedCell(cohort, period, against, int(latest) + anticipation, bool(time[period] >= cohort)))
    return cells

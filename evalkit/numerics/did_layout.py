"""Which observations a staggered design uses, and to which cohort-by-period cell each belongs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

UNTREATED = -1
"""Cell code of an observation that carries no effect."""


@dataclass(frozen=True, slots=True)
class CellTable:
    """K cells of cohort by period.

    Attributes
    ----------
    cohort, period, event_time
        (K,) ordinals.
    group, column
        (K,) position of the cohort in `Layout.cohorts` and of the period on the time axis.
    n_units
        (K,) units observed in the cell.
    """

    cohort: IntArray
    period: IntArray
    event_time: IntArray
    group: IntArray
    column: IntArray
    n_units: IntArray

    def __len__(self) -> int:
        return int(self.cohort.shape[0])


@dataclass(frozen=True, slots=True)
class Layout:
    """The observations used and their cells.

    Attributes
    ----------
    used
        (N, T) observations that enter the fit.
    group
        (N,) position of the unit's cohort in `cohorts`; G, one past the end, for units that stay
        untreated within the window; -1 for units left out.
    cohorts
        (G,) ordinals of the first treated periods.
    effects
        Cells under treatment, or within the anticipation window.
    leads
        Untreated cells of the treated cohorts.
    no_clean_period
        (N,) units left out because no period precedes their treatment (anticipation included).
    dropped_periods
        Ordinals in which nobody is untreated: nothing there tells a period effect from a treatment effect.
    """

    used: BoolArray
    group: IntArray
    cohorts: IntArray
    effects: CellTable
    leads: CellTable
    no_clean_period: BoolArray
    dropped_periods: IntArray

    @property
    def n_groups(self) -> int:
        """Cohorts, plus one for the units that stay untreated."""
        return len(self.cohorts) + 1

    def codes(self, cells: CellTable) -> IntArray:
        """(N, T) position of each used observation's cell in `cells`; ``UNTREATED`` where it has none."""
        lookup = np.full((self.n_groups + 1, self.used.shape[1]), UNTREATED, dtype=np.int64)
        lookup[cells.group, cells.column] = np.arange(len(cells))
        return np.where(self.used, lookup[self.group], UNTREATED)


def lay_out(observed: BoolArray, time: IntArray, first_treated: IntArray, *, anticipation: int = 0) -> Layout:
    """Sort the observations of a staggered design into cells.

    Parameters
    ----------
    observed
        (N, T) True where outcome and covariates are known.
    time
        (T,) ordinals of the periods.
    first_treated
        (N,) ordinal of the first treated period; ``NEVER`` where there is none.
    anticipation
        Periods before the start in which effects are allowed.

    Examples
    --------
    >>> import numpy as np
    >>> layout = lay_out(np.ones((3, 4), bool), np.arange(4), np.array([2, 2, 9]))
    >>> layout.effects.event_time.tolist(), layout.leads.event_time.tolist()
    ([0, 1], [-2, -1])
    """
    start = first_treated - anticipation
    treated = start[:, None] <= time[None, :]
    stays_untreated = first_treated > time[-1]
    no_clean_period = ~(observed & ~treated).any(axis=1) & observed.any(axis=1) & ~stays_untreated
    no_clean_period |= start <= time[0]
    # Anticipation of a start after the window is neither treated nor untreated: it has no cell to go to.
    used = observed & ~no_clean_period[:, None] & ~(treated & stays_untreated[:, None])
    has_untreated = (used & ~treated).any(axis=0)
    dropped = time[used.any(axis=0) & ~has_untreated]
    used &= has_untreated[None, :]
    inside = used.any(axis=1)
    cohorts = np.unique(first_treated[inside & ~stays_untreated])
    group = np.searchsorted(cohorts, first_treated).astype(np.int64)
    group[stays_untreated] = len(cohorts)
    group[~inside] = -1
    counts = np.zeros((len(cohorts) + 1, len(time)), dtype=np.int64)
    np.add.at(counts, group[inside], used[inside].astype(np.int64))
    counts = counts[:-1]
    is_effect = cohorts[:, None] - anticipation <= time[None, :]
    return Layout(
        used=used,
        group=group,
        cohorts=cohorts,
        effects=_table(counts * is_effect, cohorts, time),
        leads=_table(counts * ~is_effect, cohorts, time),
        no_clean_period=no_clean_period & observed.any(axis=1),
        dropped_periods=dropped,
    )


def cell_means(values: FloatArray, codes: IntArray, n_cells: int) -> FloatArray:
    """(K,) mean of (N, T) values within cells.

    Examples
    --------
    >>> cell_means(np.array([[1.0, 2.0], [1.0, 4.0]]), np.array([[-1, 0], [-1, 0]]), 1).tolist()
    [3.0]
    """
    inside = codes != UNTREATED
    total = np.bincount(codes[inside], weights=values[inside], minlength=n_cells)
    return np.asarray(total / np.bincount(codes[inside], minlength=n_cells))


def _table(counts: IntArray, cohorts: IntArray, time: IntArray) -> CellTable:
    group, column = np.nonzero(counts)
    return CellTable(
        cohort=cohorts[group],
        period=time[column],
        event_time=time[column] - cohorts[group],
        group=group.astype(np.int64),
        column=column.astype(np.int64),
        n_units=counts[group, column],
    )

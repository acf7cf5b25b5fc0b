"""The untreated part of a panel, and placebo panels drawn from it. Treated outcomes are masked before anything else.

A placebo panel is a window of the calendar, places that were untreated all through it, and a random roll-out over
these places. Nothing happened in it, so whatever an estimator finds there is noise: the noise of this outcome, with
its own serial correlation and its own common shocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.power.places import Places
from evalkit.power.schedule import Schedule
from evalkit.vocabulary import NEVER, FloatArray, IntArray

HistoryKind = Literal["auto", "never_treated", "before_start"]
LEAST: Final = 4
"""Fewer untreated places than this say nothing about noise."""
ENOUGH: Final = 10
"""With so many places that stay untreated, `auto` uses their whole history."""
NEARLY: Final = 0.9
"""A pool of this share of the places wanted is used as it is, without drawing any place twice."""


@dataclass(frozen=True, slots=True)
class History:
    """What may be read: outcomes before anybody could have been affected.

    Attributes
    ----------
    panel
        The study's panel with every other outcome set missing.
    places
        Places of the panel.
    windows
        (W,) first column of each window that is drawn from.
    pools
        For each window, the places untreated and observed all through it.
    length
        Periods in a window.
    kind
        ``never_treated`` or ``before_start``.
    """

    panel: Panel
    places: Places
    windows: tuple[int, ...]
    pools: tuple[IntArray, ...]
    length: int
    kind: Literal["never_treated", "before_start"]

    @property
    def n_places(self) -> int:
        """Different places that panels are drawn from."""
        return len(np.unique(np.concatenate(self.pools)))

    @property
    def smallest_pool(self) -> int:
        """Places in the window that has the fewest."""
        return min(len(pool) for pool in self.pools)

    @property
    def period_labels(self) -> tuple[str, str]:
        """First and last period that is read."""
        first, last = min(self.windows), max(self.windows) + self.length - 1
        return self.panel.calendar.text(int(self.panel.time[first])), self.panel.calendar.text(
            int(self.panel.time[last])
        )

    @property
    def untreated(self) -> FloatArray:
        """Outcomes of all pools and windows, one after the other."""
        found = []
        for window, pool in zip(self.windows, self.pools, strict=True):
            rows = np.isin(self.places.code, pool)
            found.append(self.panel.outcome[rows, window : window + self.length].ravel())
        values = np.concatenate(found)
        return values[~np.isnan(values)]


@dataclass(frozen=True, slots=True)
class Placebo:
    """One placebo panel.

    Attributes
    ----------
    panel
        Balanced on the schedule: `total` places over the window.
    groups
        (N,) cohort 1..G of each unit, 0 where it never starts.
    """

    panel: Panel
    groups: IntArray

    def shifted(self, effect: float, *, multiply: bool = False) -> Panel:
        """The panel with an effect added wherever a unit is treated; with `multiply`, outcomes times exp(effect)."""
        on = self.panel.treated
        outcome = self.panel.outcome
        moved = np.where(on, outcome * np.exp(effect), outcome) if multiply else outcome + effect * on
        return dataclasses.replace(self.panel, outcome=moved)


def blind(panel: Panel, limits: IntArray) -> Panel:
    """The panel without any outcome that the programme could have touched.

    Parameters
    ----------
    panel
        Of the study.
    limits
        (N,) first period (ordinal) of each unit that may not be read; ``NEVER`` where all may.
    """
    readable = panel.time[None, :] < limits[:, None]
    return dataclasses.replace(panel, outcome=np.where(readable, panel.outcome, np.nan))


def limits_of(panel: Panel, anticipation: int, *, before_start: bool) -> IntArray:
    """(N,) first period that may be affected: a unit's own, or the first of anybody's where `before_start`."""
    own = np.where(panel.first_treated == NEVER, NEVER, panel.first_treated - anticipation)
    starters = own[panel.first_treated > panel.time[0]]  # what was always treated has no start to wait for
    earliest = starters.min(initial=NEVER)
    return np.asarray(np.minimum(own, earliest) if before_start else own, dtype=np.int64)


def find_history(
    panel: Panel,
    places: Places,
    schedule: Schedule,
    *,
    kind: HistoryKind,
    anticipation: int,
    least_before: int,
    needed: int = 1,
    level: float = 0.05,
) -> tuple[History, Schedule]:
    """Windows and places to draw from, and the schedule as it fits into them.

    ``never_treated`` keeps the schedule's own length: places that stayed untreated for so long, mostly those that
    never started. ``before_start`` reads nothing after the first start of anybody. ``auto`` is the first where it
    offers ten places or as many as the second does, the second otherwise. `level` is that of the test, `needed` the
    periods before the first start that the estimator cannot do without, `least_before` those to keep if possible.

    Raises
    ------
    DesignRefused
        Where fewer than four places have an untreated history.
    """
    own, strict = (limits_of(panel, anticipation, before_start=early) for early in (False, True))
    early = int((panel.time < strict.max()).sum())
    chosen = kind
    if kind == "auto":
        most = _best(panel, places, own, min(schedule.length, panel.n_periods))
        offered = _best(panel, places, strict, min(early, schedule.length))
        chosen = "never_treated" if most >= min(ENOUGH, max(offered, LEAST)) else "before_start"
    limits = own if chosen == "never_treated" else strict
    room = panel.n_periods if chosen == "never_treated" else early
    if room < 2:
        raise DesignRefused(
            Reason(
                "There are {room} periods without any treatment: at least two are needed to see the noise.", room=room
            ),
            next_step="Add earlier periods, or use --history never_treated.",
        )
    fitted = schedule.fitted(min(schedule.length, room), least_before, needed)
    pools = {
        window: pool
        for window in range(panel.n_periods - fitted.length + 1)
        if len(pool := _pool(panel, places, limits, window, fitted.length)) >= LEAST
    }
    if not pools:
        raise DesignRefused(
            Reason(
                "Fewer than {least} places have {length} untreated periods in a row: too few to see how much the "
                "outcome moves by itself.",
                least=LEAST,
                length=fitted.length,
            ),
            next_step="Use --history before_start, a shorter window (--before, --after), or longer data.",
        )
    wanted = min(schedule.total, max(len(pool) for pool in pools.values()))
    kept = [window for window, pool in pools.items() if len(pool) >= wanted]
    found = History(
        blind(panel, limits),
        places,
        tuple(kept),
        tuple(pools[window] for window in kept),
        fitted.length,
        "never_treated" if chosen == "never_treated" else "before_start",
    )
    return found, _without_twins(fitted, found.smallest_pool, level)


def _without_twins(schedule: Schedule, pool: int, level: float) -> Schedule:
    """Do with a few comparison places less rather than draw some places twice: twins tie in permutation tests.

    Not where that would put a p-value of `level` out of reach.
    """
    if not NEARLY * schedule.total <= pool < schedule.total or pool <= schedule.treated:
        return schedule
    fewer = dataclasses.replace(schedule, total=pool)
    return schedule if 1.0 / fewer.distinct > level >= 1.0 / schedule.distinct else fewer


def _best(panel: Panel, places: Places, limits: IntArray, length: int) -> int:
    """Places in the window of this length that has the most."""
    if length < 2:
        return 0
    return max(len(_pool(panel, places, limits, w, length)) for w in range(panel.n_periods - length + 1))


def _pool(panel: Panel, places: Places, limits: IntArray, window: int, length: int) -> IntArray:
    """Places that nothing can have touched before a window's end, with two observed periods or more in each unit."""
    untouched = limits > panel.time[window + length - 1]
    seen = panel.observed[:, window : window + length].sum(axis=1) >= min(2, length)
    return np.flatnonzero(places.all_of(untouched & seen)).astype(np.int64)


def drawer(history: History, schedule: Schedule, *, inflate: bool) -> Callable[[np.random.Generator], Placebo]:
    """A function that draws one placebo panel.

    Places are drawn without replacement where the pool is large enough, with it otherwise. Drawn with
    replacement from m places, deviations are (m - 1)/m times as variable as in the population; `inflate` undoes
    that, around the mean of each period.
    """
    base, length = history.panel, history.length
    groups_of_places = schedule.groups
    column = schedule.columns()
    values = {
        window: _window_values(history, window, pool, inflate and len(pool) < schedule.total)
        for window, pool in zip(history.windows, history.pools, strict=True)
    }
    shared = base.cluster is not None and len(np.unique(base.cluster)) < base.n_units
    codes = base.cluster if shared else None  # units that are their own clusters stay so when drawn twice
    members = {int(place): history.places.units(int(place)) for pool in history.pools for place in pool}

    def draw(rng: np.random.Generator) -> Placebo:
        position = int(rng.integers(len(history.windows)))
        window, pool = history.windows[position], history.pools[position]
        replace = len(pool) < schedule.total
        chosen = rng.choice(pool, schedule.total) if replace else rng.permutation(pool)[: schedule.total]
        if history.places.by_cluster:
            parts = [members[int(place)] for place in chosen]
            rows = np.concatenate(parts)
            of_place = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
            cluster: IntArray | None = of_place.astype(np.int64)
            groups = groups_of_places[of_place]
        else:
            rows, groups = chosen, groups_of_places
            cluster = None if codes is None else np.unique(codes[rows], return_inverse=True)[1]
        time = base.time[window : window + length]
        first = np.where(groups == 0, NEVER, time[column[np.maximum(groups, 1) - 1]])
        cut = np.s_[rows, window : window + length]
        panel = dataclasses.replace(
            base,
            outcome=values[window][rows],
            time=time,
            first_treated=first.astype(np.int64),
            units=pd.RangeIndex(len(rows)),
            weight=None if base.weight is None else base.weight[cut],
            covariates={name: matrix[cut] for name, matrix in base.covariates.items()},
            exposure=None if base.exposure is None else base.exposure[cut],
            cluster=cluster,
            dose=None,  # the schedule says who is treated
            remarks=(),
        )
        return Placebo(panel, groups)

    return draw


def _window_values(history: History, window: int, pool: IntArray, inflate: bool) -> FloatArray:
    values = history.panel.outcome[:, window : window + history.length]
    if not inflate:
        return values
    rows = np.isin(history.places.code, pool)
    mean = np.nanmean(values[rows], axis=0)
    return np.asarray(mean + (values - mean) * np.sqrt(len(pool) / (len(pool) - 1)))

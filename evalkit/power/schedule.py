"""A roll-out: how many places start when, among how many, watched for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError
from evalkit.power.places import Places
from evalkit.vocabulary import NEVER, IntArray

HORIZON = 400
"""Periods after the data in which a planned start may lie."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Starts by cohort; places are the clusters that start together, or single units.

    Attributes
    ----------
    offsets
        Periods from the first start to each cohort's start: 0 first, then increasing.
    sizes
        Places in each cohort.
    total
        Places in all, those that never start within the window included.
    before
        Periods observed before the first start.
    after
        Periods observed from the last start on, its own first one included.

    Examples
    --------
    >>> made = Schedule(offsets=(0, 2), sizes=(22, 78), total=150, before=5, after=3)
    >>> made.treated, made.length, made.delivered
    (100, 10, 344)
    """

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    total: int
    before: int
    after: int

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.sizes) or not self.sizes or self.offsets[0] != 0:
            raise ValueError("offsets start at 0 and have one size each")
        if any(size < 1 for size in self.sizes) or any(np.diff(self.offsets) < 1):
            raise ValueError("every cohort has a place, and starts after the one before it")
        if self.treated > self.total:
            raise ConfigError(
                f"The roll-out starts {self.treated} places, and there are {self.total} in all.",
                next_step=f"Give --units {self.treated + 1} or more, or start fewer places.",
            )

    @property
    def treated(self) -> int:
        """Places that start within the window."""
        return sum(self.sizes)

    @property
    def length(self) -> int:
        """Periods in the window."""
        return self.before + self.offsets[-1] + self.after

    @property
    def delivered(self) -> int:
        """Place-periods under the programme within the window."""
        end = self.offsets[-1] + self.after
        return sum(size * (end - offset) for size, offset in zip(self.sizes, self.offsets, strict=True))

    @property
    def groups(self) -> IntArray:
        """(total,) cohort 1..G of each place in a fixed order, the ones that never start (0) last."""
        codes = np.repeat(np.arange(1, len(self.sizes) + 1), self.sizes)
        return np.concatenate([codes, np.zeros(self.total - self.treated, dtype=np.int64)]).astype(np.int64)

    @property
    def distinct(self) -> int:
        """Different ways to give the starts to the places."""
        ways, left = 1, self.total
        for size in self.sizes:
            ways, left = ways * math.comb(left, size), left - size
        return ways

    def columns(self) -> IntArray:
        """(G,) position of each cohort's first treated period in the window."""
        return self.before + np.array(self.offsets, dtype=np.int64)

    def fitted(self, length: int, least_before: int, needed: int = 1) -> Schedule:
        """The same roll-out in a window of `length` periods, when it is shorter than its own.

        Periods before the first start go first (down to `least_before`), then periods after the last one
        (down to 1), then the cohorts move together, then periods before the start again (down to `needed`).

        Examples
        --------
        >>> Schedule((0, 2), (5, 5), 20, before=6, after=3).fitted(8, least_before=4)
        Schedule(offsets=(0, 2), sizes=(5, 5), total=20, before=4, after=2)
        """
        if length >= self.length:
            return self
        least = max(needed, min(self.before, least_before, length - len(self.offsets)))
        before = max(least, self.before - (self.length - length))
        after = max(1, length - before - self.offsets[-1])
        spread = length - before - after
        if spread < len(self.offsets) - 1:
            raise ConfigError(
                f"The untreated history has {length} periods: too few for {before} before the first start and "
                f"{len(self.offsets)} cohorts that start one after another.",
                next_step="Ask for fewer cohorts (--cohorts), or add earlier periods to the data.",
            )
        offsets = self.offsets
        if spread < offsets[-1]:
            offsets = _squeezed(offsets, spread)
        return Schedule(offsets, self.sizes, self.total, before, length - before - offsets[-1])


def _squeezed(offsets: Sequence[int], spread: int) -> tuple[int, ...]:
    """Increasing offsets between 0 and `spread`, as near as can be to the proportions of the old ones."""
    moved = [0]
    for offset in offsets[1:]:
        moved.append(max(round(offset * spread / offsets[-1]), moved[-1] + 1))
    last = len(moved) - 1
    return tuple(min(value, spread - (last - place)) for place, value in enumerate(moved))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line; None leaves it as the study has it.

    Attributes
    ----------
    treated, units
        Places that start, and places in all.
    cohorts
        One number: so many cohorts of equal size. Several: their sizes in order.
    every
        Periods between cohorts.
    starts
        Label of a period to the number of places that start in it.
    before, after
        Periods before the first start, and from the last start on.
    """

    treated: int | None = None
    units: int | None = None
    cohorts: tuple[int, ...] = ()
    every: int = 1
    starts: Mapping[str, int] | None = None
    before: int | None = None
    after: int | None = None

    def __post_init__(self) -> None:
        if self.starts and (self.cohorts or self.treated):
            raise ConfigError(
                "--schedule says how many start when, so that --cohorts and --treated cannot be given as well.",
                next_step="Give one or the other.",
            )
        if len(self.cohorts) > 1 and self.treated is not None and self.treated != sum(self.cohorts):
            raise ConfigError(
                f"--treated {self.treated} contradicts --cohorts {','.join(map(str, self.cohorts))}, which add up to "
                f"{sum(self.cohorts)}.",
                next_step="Leave out --treated.",
            )


def schedule_for(panel: Panel, places: Places, wishes: Wishes, event_window: tuple[int, int]) -> Schedule:
    """The study's own roll-out, changed as wished.

    A roll-out that lies in the future is watched as long as the study's event window says.

    Raises
    ------
    ConfigError
        For a wish that contradicts another one or the data.
    """
    starts = _starts(panel, places, wishes)
    offsets, sizes = _cohorts(starts, wishes)
    total = wishes.units or max(int((~places.always).sum()), sum(sizes))
    first, inside = min(starts), [start for start in starts if start < panel.n_periods]
    if len(inside) == len(starts):
        before = first if wishes.before is None else wishes.before
        after = panel.n_periods - first - offsets[-1] if wishes.after is None else wishes.after
        if after < 1:
            before, after = max(before + after - 1, 1), 1
    else:
        after = event_window[1] + 1 if wishes.after is None else wishes.after
        room = panel.n_periods - offsets[-1] - after
        before = max(room, -event_window[0]) if wishes.before is None else wishes.before
    return Schedule(offsets, sizes, total, before, after)


def _starts(panel: Panel, places: Places, wishes: Wishes) -> dict[int, int]:
    """Position of each start, counted from the first period of the data, to its number of places."""
    if wishes.starts:
        return {_position(panel, label): count for label, count in wishes.starts.items()}
    known = places.starts[~places.always & (places.starts != NEVER)]
    inside = known[known <= panel.time[-1]]
    values, counts = np.unique(inside if inside.size else known, return_counts=True)
    if not values.size:
        count = wishes.treated or sum(wishes.cohorts if len(wishes.cohorts) > 1 else ())
        if not count:
            raise ConfigError(
                "Nobody has started yet in these data, so the study has no roll-out of its own.",
                next_step="Give --treated N, --cohorts 22,78, or --schedule with the planned starts.",
            )
        return {panel.n_periods: count}
    return {_column(panel, int(value)): int(count) for value, count in zip(values, counts, strict=True)}


def _column(panel: Panel, ordinal: int) -> int:
    """Position of a period; those after the data are counted on."""
    if ordinal > panel.time[-1]:
        return panel.n_periods - 1 + ordinal - int(panel.time[-1])
    return int(np.searchsorted(panel.time, ordinal))


def _position(panel: Panel, label: str) -> int:
    known = {panel.calendar.text(o): o for o in range(int(panel.time[0]) + 1, int(panel.time[-1]) + HORIZON)}
    if label not in known:
        raise ConfigError(
            f"--schedule names the period '{label}', in which nobody can start.",
            allowed=f"periods after {panel.calendar.text(int(panel.time[0]))}, the first, written as in the data",
            next_step=f"For example --schedule {panel.calendar.text(int(panel.time[-1]) + 1)}=5.",
        )
    return _column(panel, known[label])


def _cohorts(starts: Mapping[int, int], wishes: Wishes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Offsets and sizes after the wishes."""
    positions = sorted(starts)
    own = [starts[position] for position in positions]
    treated = wishes.treated or sum(own)
    if wishes.cohorts:
        sizes = list(wishes.cohorts) if len(wishes.cohorts) > 1 else shared_out(treated, [1.0] * wishes.cohorts[0])
        if min(sizes) < 1:
            raise ConfigError(
                f"{treated} places cannot make {len(sizes)} cohorts of at least one place.",
                next_step="Ask for fewer cohorts, or more places with --treated.",
            )
        return tuple(wishes.every * k for k in range(len(sizes))), tuple(sizes)
    sizes = shared_out(treated, own)
    kept = [(p, s) for p, s in zip(positions, sizes, strict=True) if s > 0]
    return tuple(p - kept[0][0] for p, _ in kept), tuple(s for _, s in kept)


def shared_out(count: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers that add up to `count`, as near to the shares as can be (largest remainders, first ones first).

    Examples
    --------
    >>> shared_out(10, [1, 1, 1]), shared_out(100, [22, 78])
    ([4, 3, 3], [22, 78])
    """
    exact = [count * share / sum(shares) for share in shares]
    whole = [math.floor(value + 1e-9) for value in exact]
    by_rest = sorted(range(len(shares)), key=lambda k: whole[k] - exact[k])
    for k in by_rest[: count - sum(whole)]:
        whole[k] += 1
    return whole

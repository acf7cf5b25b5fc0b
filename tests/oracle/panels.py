"""Small random panels of many kinds, as plain arrays for oracles and as the frame that the package reads.

Periods are 0..T-1 and first treated periods positions among them: 0 or less for always treated, T or more for a start
after the window, 99 for never. The frame carries the same under the labels of its kind: integers, dates or months
spelled out, unit names as numbers or text, rows in random order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel

Array = np.ndarray[Any, np.dtype[Any]]
Outcome = Literal["levels", "counts", "shares"]
NEVER = 99
KINDS = (
    "balanced", "unbalanced", "weights", "large weight ratios", "clusters", "covariates", "ties", "singletons",
    "always treated", "no never-treated", "starts after the window", "dates", "all at once",
)  # fmt: skip
"""What is unusual about a panel; the seed chooses in turn."""


@dataclass(frozen=True)
class Small:
    """One panel of N units over T periods.

    Attributes
    ----------
    y
        (N, T); NaN where there is no row.
    first
        (N,) positions.
    x
        (N, T, p) covariates ``x0``, ``x1``; the second is constant within units. p is 0 without.
    weight, cluster
        (N, T), (N,); None where there are none.
    dose, exposure, eligible, place
        (N, T), (N, T), (N,) and (N, 2) degrees, where an estimator reads them; else None.
    """

    seed: int
    kind: str
    y: Array
    first: Array
    x: Array
    weight: Array | None = None
    cluster: Array | None = None
    dose: Array | None = None
    exposure: Array | None = None
    eligible: Array | None = None
    place: Array | None = None

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def periods(self) -> int:
        return int(self.y.shape[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the covariates."""
        return tuple(f"x{place}" for place in range(self.x.shape[2]))

    @property
    def codes(self) -> Array:
        """(N,) clusters; units where there are none."""
        return np.arange(self.n) if self.cluster is None else self.cluster

    @property
    def weights(self) -> Array:
        """(N, T) weights; ones where there are none, 0 where there is no row."""
        return np.where(np.isnan(self.y), 0.0, 1.0 if self.weight is None else self.weight)

    def rng(self, key: int) -> np.random.Generator:
        """For further choices, e.g. settings."""
        return np.random.default_rng([self.seed, key])

    def frame(self) -> pd.DataFrame:
        """One row a unit and period that was observed, in random order."""
        rng = self.rng(2)
        clock, never = self._clock()
        text = self.seed % 2 == 1 or self.kind == "dates"
        units = [f"{7 * i % 31:03d}{'NA' if i % 3 else ''}-{i}" if text else str(3 * i + 1) for i in range(self.n)]
        rows = []
        for i, t in np.argwhere(~np.isnan(self.y) if self.dose is None else np.ones(self.y.shape, bool)):
            row = {
                "unit": units[i] if text else int(units[i]),
                "period": clock(int(t)),
                "y": self.y[i, t],
                "start": never if self.first[i] == NEVER else clock(int(self.first[i])),
            }
            row |= {name: self.x[i, t, p] for p, name in enumerate(self.names)}
            extras = (("w", self.weight), ("dose", self.dose), ("size", self.exposure))
            row |= {name: values[i, t] for name, values in extras if values is not None}
            if self.cluster is not None:
                row["group"] = f"g{self.cluster[i]:03d}"
            if self.eligible is not None:
                row["eligible"] = int(self.eligible[i])
            if self.place is not None:
                row |= {"latitude": self.place[i, 0], "longitude": self.place[i, 1]}
            rows.append(row)
        found = pd.DataFrame(rows)
        if self.kind == "dates":
            found["start"] = pd.to_datetime(found["start"])
        return found.sample(frac=1.0, random_state=int(rng.integers(2**31))).reset_index(drop=True)

    def panel(self) -> Panel:
        """The frame as the package reads it."""
        further = [name for name in ("eligible", "latitude", "longitude") if self._has(name)]
        return Panel.from_frame(
            self.frame(),
            unit="unit",
            period="period",
            outcome="y",
            cohort="start" if self.dose is None else None,
            dose=None if self.dose is None else "dose",
            covariates=[*self.names, *further],
            weight=None if self.weight is None else "w",
            cluster=None if self.cluster is None else "group",
            exposure=None if self.exposure is None else "size",
        )

    def _has(self, name: str) -> bool:
        return (self.eligible if name == "eligible" else self.place) is not None

    def _clock(self) -> tuple[Any, object]:
        """Position to label, and the label of never."""
        if self.kind == "dates":
            return (lambda t: pd.Timestamp("2019-11-01") + pd.DateOffset(months=t)), pd.NaT
        first = 3 if self.seed % 3 else 1998  # a start before it is never 0, which would mean never
        return (lambda t: t + first), np.nan if self.seed % 4 else 0


def draw(
    seed: int, *, outcome: Outcome = "levels", units: tuple[int, int] = (10, 24), periods: tuple[int, int] = (4, 8)
) -> Small:
    """Draw the panel of a seed; its kind is ``KINDS[seed % 13]``."""
    kind = KINDS[seed % len(KINDS)]
    rng = np.random.default_rng([seed, 1])
    n, t = int(rng.integers(*units)), int(rng.integers(*periods))
    first = _starts(kind, n, t, rng)
    every = kind == "all at once"
    x = np.empty((n, t, 0))
    if every or kind == "covariates":
        moving = rng.standard_normal((n, t)) + 0.3 * rng.standard_normal((n, 1))
        x = np.stack([moving, np.repeat(rng.standard_normal((n, 1)), t, axis=1)], axis=2)
    on = np.arange(t) >= first[:, None]
    y = rng.standard_normal((n, 1)) + 0.3 * np.arange(t) + rng.standard_normal((n, t))
    y += np.where(on, 1.0 + 0.2 * (np.arange(t) - first[:, None]), 0.0) + 0.5 * x.sum(axis=2)
    y = _as(outcome, y, ties=kind == "ties", rng=rng)
    weight = None
    if every or kind == "weights":
        weight = rng.uniform(0.5, 3.0, (n, t))
    if kind == "large weight ratios":
        weight = 10.0 ** rng.uniform(-3.0, 3.0, (n, 1)) * rng.uniform(0.5, 2.0, (n, t))
        weight[rng.random((n, t)) < 0.04] = 0.0
    cluster = None
    if every or kind in ("clusters", "starts after the window"):
        cluster = _clusters(first, rng)
    if every or kind in ("unbalanced", "singletons", "dates"):
        y = _holes(y, 0.15 if every else 0.25, kind == "singletons", rng)
    return Small(seed, kind, y, first, x, weight, cluster)


def with_switching(world: Small) -> Small:
    """Give it a dose that rises, falls and may cross its first value."""
    rng = world.rng(3)
    dose = np.repeat(rng.integers(0, 2, (world.n, 1)), world.periods, axis=1).astype(float)
    for i in range(world.n):
        start = int(np.clip(world.first[i], 1, world.periods))
        for t in range(start, world.periods):
            if t == start:
                dose[i, t:] += rng.choice([-1.0, 1.0, 1.0, 2.0])
            elif rng.random() < 0.2:
                dose[i, t:] = rng.integers(0, 3)
    return replace(world, dose=dose)


def with_eligibility(world: Small) -> Small:
    """Say who could be treated: half of each cohort, chosen at random."""
    rng = world.rng(4)
    eligible = np.zeros(world.n, dtype=bool)
    for start in np.unique(world.first):
        own = rng.permutation(np.flatnonzero(world.first == start))
        eligible[own[: (len(own) + 1) // 2]] = True
    return replace(world, eligible=eligible)


def _starts(kind: str, n: int, t: int, rng: np.random.Generator) -> Array:
    """Starts of one to three cohorts, two units each at least; the rest never."""
    count = int(rng.integers(1, min(4, t)))
    cohorts = np.sort(rng.choice(np.arange(1, t), count, replace=False))
    first = np.full(n, NEVER)
    share = n * 3 // 5
    first[:share] = cohorts[np.arange(share) % count]
    if kind in ("no never-treated", "all at once") and (count > 1 or kind == "no never-treated"):
        first[share:] = cohorts[rng.integers(0, count, n - share)]
        if kind == "all at once":
            first[share : share + 3] = NEVER
    if kind in ("always treated", "all at once"):
        first[: max(2, n // 6)] = rng.integers(-1, 1, max(2, n // 6))
    if kind == "starts after the window":
        first[-3:] = t + rng.integers(0, 3, 3)
    if kind == "singletons":
        single = np.setdiff1d(np.arange(1, t), cohorts)
        if single.size:
            first[0] = rng.choice(single)
    return np.asarray(rng.permutation(first))


def _clusters(first: Array, rng: np.random.Generator) -> Array:
    """Clusters of one to four units; every other panel gives a cluster units of one start alone."""
    n = len(first)
    if rng.random() < 0.5:
        return rng.integers(0, max(4, n // 2), n)
    order = np.argsort(first, kind="stable")
    codes = np.empty(n, dtype=np.int64)
    codes[order] = np.cumsum(np.diff(first[order], prepend=first[order][0]) != 0) * n
    codes[order] += np.arange(n) // 2
    return np.unique(codes, return_inverse=True)[1]


def _holes(y: Array, share: float, single: bool, rng: np.random.Generator) -> Array:
    """Leave rows out; every unit keeps one row and every period two."""
    y = y.copy()
    n, t = y.shape
    hole = rng.random((n, t)) < share
    if single:
        hole[0] = True
        hole[0, rng.integers(t)] = False  # a unit seen once
        hole[3:, rng.integers(1, t - 1)] = True  # a period with few rows
    for i in range(n):
        if hole[i].all():
            hole[i, rng.integers(t)] = False
    hole[1:3] &= ~hole[1:].all(axis=0)  # every period has two rows
    for period in np.flatnonzero((~hole).sum(axis=0) < 2):
        hole[1:3, period] = False
    y[hole] = np.nan
    return y


def _as(outcome: Outcome, index: Array, *, ties: bool, rng: np.random.Generator) -> Array:
    """The outcome whose index this is."""
    if outcome == "counts":
        return np.asarray(rng.poisson(np.exp(0.5 + 0.3 * index)), dtype=float)
    if outcome == "shares":
        return (rng.random(index.shape) < 1.0 / (1.0 + np.exp(-0.5 * index))).astype(float)
    return np.round(index) if ties else index


@dataclass(frozen=True)
class Persons:
    """Repeated cross-sections: every row another person.

    Attributes
    ----------
    y, group, period
        (n,).
    start
        (G,) first treated period of each group, 99 for never.
    x
        (n, p).
    weight, cluster
        (n,); cluster None where persons are independent.
    """

    seed: int
    y: Array
    group: Array
    period: Array
    start: Array
    x: Array
    weight: Array
    cluster: Array | None

    def rng(self, key: int) -> np.random.Generator:
        """For further choices."""
        return np.random.default_rng([self.seed, key])

    def panel(self) -> Panel:
        """As the package reads it."""
        start = self.start[self.group].astype(float)
        frame = pd.DataFrame(
            {
                "place": [f"P{g}" for g in self.group], "year": self.period + 2001, "y": self.y, "w": self.weight,
                "start": np.where(start == NEVER, np.nan, start + 2001),
                "who": np.zeros(len(self.y), dtype=int) if self.cluster is None else self.cluster,
            }
        )  # fmt: skip
        for p in range(self.x.shape[1]):
            frame[f"x{p}"] = self.x[:, p]
        return Panel.from_frame(
            frame.sample(frac=1.0, random_state=self.seed), group="place", period="year", outcome="y", cohort="start",
            weight="w", covariates=[f"x{p}" for p in range(self.x.shape[1])],
            cluster=None if self.cluster is None else "who",
        )  # fmt: skip


def draw_persons(seed: int) -> Persons:
    """Four to six groups over three or four periods, four to seven persons in each."""
    rng = np.random.default_rng([seed, 5])
    groups, periods = int(rng.integers(4, 7)), int(rng.integers(3, 5))
    start = np.array([1, 2, NEVER, NEVER, 1, 2])[:groups]
    cells = [(g, t) for g in range(groups) for t in range(periods) for _ in range(int(rng.integers(4, 8)))]
    group, period = np.array(cells).T
    x = rng.standard_normal((len(cells), int(rng.integers(0, 2)))) + 0.2 * group[:, None]
    y = rng.standard_normal(groups)[group] + 0.4 * period + 0.5 * x.sum(axis=1) + rng.standard_normal(len(cells))
    y = y + np.where(period >= start[group], 1.0, 0.0)
    y = np.round(y) if seed % 4 == 1 else y
    weight = rng.uniform(0.5, 2.0, len(cells)) if seed % 3 else np.ones(len(cells))
    cluster = [None, group, rng.integers(0, 9, len(cells))][seed % 3]
    return Persons(seed, y, group, period, start, x, weight, cluster)


def draw_donors(
    seed: int, *, donors: tuple[int, int] = (5, 9), before: tuple[int, int] = (9, 13), holes: bool = True, most: int = 4
) -> Small:
    """A panel with one to four treated units (`most`), of one start or two, and places that share a factor.

    Every fourth panel has a donor with a gap (where `holes`), another fourth a start after the window and a unit that
    always was treated; every fifth clusters above the units.
    """
    rng = np.random.default_rng([seed, 7])
    j, pre, post = int(rng.integers(*donors)), int(rng.integers(*before)), int(rng.integers(2, 5))
    starts = [[pre], [pre, pre], [pre, pre + 1], [pre, pre + 1, pre, pre + 1][:most]][seed % 4]
    first = np.array([*starts, *([NEVER] * j)])
    if seed % 4 == 2:
        first = np.append(first, [0, pre + post + 3])
    n, t = len(first), pre + post
    factor = rng.standard_normal(t).cumsum()
    y = rng.standard_normal((n, 1)) + rng.uniform(0.2, 1.0, (n, 1)) * factor + 0.5 * rng.standard_normal((n, t))
    y = y + np.where(np.arange(t) >= first[:, None], 1.0, 0.0)
    if holes and seed % 4 == 3:
        y[-1, rng.integers(t)] = np.nan
    if seed % 7 == 3:
        y = np.round(2.0 * y) / 2.0
    cluster = None
    if seed % 5 == 4:
        cluster = np.arange(n)
        cluster[-2:] = cluster[-3]
    order = rng.permutation(n)
    kind = "dates" if seed % 6 == 5 else "donors"
    shuffled = None if cluster is None else cluster[order]
    return Small(seed, kind, y[order], first[order], np.empty((n, t, 0)), cluster=shuffled)


def draw_series(seed: int, *, counts: bool = False) -> Small:
    """One series, with gaps in every third; the other places of the panel never start."""
    rng = np.random.default_rng([seed, 9])
    t = int(rng.integers(24, 61))
    start = int(rng.integers(10, t - 8))
    noise = rng.standard_normal(t)
    for s in range(1, t):
        noise[s] += 0.5 * noise[s - 1]
    others = int(rng.integers(0, 4)) if not counts else 0
    since = np.arange(t) - start
    index = 0.03 * np.arange(t) + np.where(since >= 0, 1.0 + 0.05 * since, 0.0) + (0.2 if counts else 1.0) * noise
    y = np.vstack([index, 0.02 * np.arange(t) + rng.standard_normal((others, t))])
    if counts:
        y = rng.poisson(np.exp(1.5 + y)).astype(float)
    if seed % 3 == 2:
        y[0, rng.choice(t, t // 8, replace=False)] = np.nan
        y[0, [0, start, t - 1]] = np.nan_to_num(y[0, [0, start, t - 1]])
    first = np.array([start] + [NEVER] * others)
    return Small(seed, "series", y, first, np.empty((1 + others, t, 0)))


def draw_clusters(seed: int, *, comparison: tuple[int, int], one_start: bool, sizes: bool, most: int = 3) -> Small:
    """Clusters of units that start together, one to three (`most`) of them treated; of several sizes where `sizes`.

    Every third panel has ties; every other panel has two starts unless `one_start`.
    """
    rng = np.random.default_rng([seed, 11])
    never, treated, t = int(rng.integers(*comparison)), int(rng.integers(1, most + 1)), int(rng.integers(4, 7))
    first_of = [2, 2 if one_start or seed % 2 else 3, 2][:treated] + [NEVER] * never
    count = [int(rng.integers(1, 4)) if sizes else 1 for _ in first_of]
    cluster = np.repeat(np.arange(len(first_of)), count)
    first = np.array(first_of)[cluster]
    shock = rng.standard_normal((len(first_of), t))[cluster]
    y = rng.standard_normal((len(first), 1)) + shock + rng.standard_normal((len(first), t))
    y = y + np.where(np.arange(t) >= first[:, None], 0.8, 0.0)
    if seed % 3 == 2:
        y = np.round(y)
    order = rng.permutation(len(first))
    return Small(seed, "clusters", y[order], first[order], np.empty((len(first), t, 0)), cluster=cluster[order])

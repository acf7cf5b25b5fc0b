"""Differences between two periods, of units that changed treatment and of units that did not yet.

Everything that de Chaisemartin and D'Haultfoeuille's estimator reports is a weighted sum of such differences, so that
cost grows with units times pairs of periods, whatever the number of doses and cohorts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalkit.numerics.switching_sample import SwitchingSample
from evalkit.vocabulary import NEVER, BoolArray, FloatArray, IntArray

TABLE = 4_000_000
"""Combinations of group and cluster that are counted by a table; more are sorted."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Units that start in one period, compared between their base period and another one.

    Attributes
    ----------
    cohort
        Ordinal F_g of the units that changed.
    base, period
        Positions of the base period and of the one it is compared with.
    target
        `period` for effects; for a placebo the position as far after the base as `period` lies before it.
    until
        Position of the period up to which comparison units must not have reacted: `target`, or the last one.
    exposure
        Periods since F_g at `target`, F_g's own counted: 1 for the effect in F_g.
    """

    cohort: int
    base: int
    period: int
    target: int
    until: int
    exposure: int

    @property
    def is_placebo(self) -> bool:
        """Whether both periods lie before the unit may react."""
        return self.period < self.base


@dataclass(frozen=True, slots=True)
class PairFit:
    """Sums of one pair over the units that changed and have a comparison.

    Attributes
    ----------
    total
        Sum of weight times S_g DID_{g,l}.
    mass, units
        Sum of weights, and number of units.
    dose, cumulative
        Sums of weight times S_g (D_{g,t} - D_{g,1}) at `target`, and of its sum from F_g to `target`.
    level
        Weighted sum of outcomes at `period`.
    slope_changed, shift_changed
        (b,) by cohort, from `first_block` on: contribution to the error of `total` is weight times
        (slope times difference plus shift).
    slope_compared, shift_compared
        (Q,) the same of comparison units, by period-one dose.
    """

    pair: Pair
    total: float
    mass: float
    units: int
    dose: float
    cumulative: float
    level: float
    first_block: int
    slope_changed: FloatArray
    shift_changed: FloatArray
    slope_compared: FloatArray
    shift_compared: FloatArray


def plan_pairs(
    sample: SwitchingSample, time: IntArray, effects: int | None, placebos: int | None, *, never: bool = False
) -> list[Pair]:
    """Pairs by cohort: effects of exposure up to `effects`, and up to `placebos` mirrored periods before the base.

    With `never` only units that do not react in any period are a comparison.
    """
    last = len(time) - 1
    position = {int(ordinal): place for place, ordinal in enumerate(time)}
    pairs = []
    changes = sample.sign != 0.0
    cohorts, where = np.unique(sample.first[changes], return_index=True)
    starts = sample.start[changes][where]
    for cohort, start in zip(cohorts, starts, strict=True):
        base = int(start) - 1
        for period in range(base + 1, len(time)):
            exposure = int(time[period] - cohort) + 1
            if effects is None or exposure <= effects:
                pairs.append(Pair(int(cohort), base, period, period, last if never else period, exposure))
        for period in range(base - 1, -1, -1):
            distance = int(time[base] - time[period])
            target = position.get(int(time[base]) + distance)
            if target is not None and (placebos is None or distance <= placebos):
                until = last if never else target
                pairs.append(Pair(int(cohort), base, period, target, until, int(time[target] - cohort) + 1))
    return pairs


def differences(sample: SwitchingSample, pair: Pair, rows: slice | IntArray) -> tuple[FloatArray, FloatArray | None]:
    """Differences of some units, and their weights: 0 where a period is not usable, None where all are 1."""
    difference = sample.outcome[pair.period, rows] - sample.outcome[pair.base, rows]
    if sample.usable is None and sample.weight is None:
        return difference, None
    weight = np.ones(len(difference)) if sample.weight is None else sample.weight[pair.target, rows].copy()
    if sample.usable is not None:
        for place in {pair.period, pair.base, pair.target}:
            weight *= sample.usable[place, rows]
    return difference, weight


def fit_pair(sample: SwitchingSample, pair: Pair, allowed: BoolArray) -> PairFit | None:
    """Fit one pair; None where nobody who changed has a comparison.

    Parameters
    ----------
    sample, pair
        The units, and the periods compared.
    allowed
        (n,) units whose change may count.
    """
    q = sample.n_levels
    compared = Group.of(sample, pair, sample.not_before(pair.until + 1))
    by_level = compared.tally(compared.level, q)
    changed = Group.of(sample, pair, sample.of_cohort(pair.cohort))
    changed = changed.among(allowed[changed.rows] & (by_level.mass[changed.level] > 0.0))
    weight = changed.full_weight()
    if not (weight > 0.0).any():
        return None
    sign = sample.sign[changed.rows]
    signed = weight * sign
    dose, cumulative = _doses(sample, pair, changed.rows)
    shown = sample.outcome if sample.shown is None else sample.shown
    block = sample.block[changed.rows]
    first_block = int(block[0])
    side = 2 * changed.level + (sign < 0.0)
    of_block = np.zeros(int(block[-1]) - first_block + 1, dtype=np.int64)
    of_block[block - first_block] = side
    by_block = changed.tally(block - first_block, len(of_block))
    ratio = np.zeros((q, 2))
    np.divide(
        np.bincount(side, signed, 2 * q).reshape(q, 2),
        by_level.mass[:, None],
        where=by_level.mass[:, None] > 0.0,
        out=ratio,
    )
    lonely = bool(((by_block.count == 1.0) & (by_block.mass > 0.0)).any() or (by_level.count == 1.0).any())
    pooled = _pooled(compared, changed, side, q) if lonely else _Tally(*np.zeros((3, 2 * q)))
    mean, factor = by_level.or_pooled(pooled.mean.reshape(q, 2), pooled.count.reshape(q, 2))
    mean_b, factor_b = by_block.or_pooled(pooled.mean[of_block, None], pooled.count[of_block, None])
    slope = np.where(by_block.mass > 0.0, np.where(of_block % 2 == 0, factor_b[:, 0], -factor_b[:, 0]), 0.0)
    return PairFit(
        pair=pair,
        total=float(signed @ (changed.gap - by_level.mean[changed.level])),
        mass=float(weight.sum()),
        units=int(np.count_nonzero(weight)),
        dose=float(weight.sum() if dose is None else weight @ dose),
        cumulative=float(weight.sum() * pair.exposure if cumulative is None else weight @ cumulative),
        level=float(weight @ (shown[pair.period, changed.rows] + sample.centre[changed.rows])),
        first_block=first_block,
        slope_changed=slope,
        shift_changed=-slope * mean_b[:, 0],
        slope_compared=-(ratio * factor).sum(axis=1),
        shift_compared=(ratio * factor * mean).sum(axis=1),
    )


def has_effect(sample: SwitchingSample, pair: Pair) -> BoolArray:
    """(n,) units that changed, with a usable outcome in both periods and a comparison."""
    compared = Group.of(sample, pair, sample.not_before(pair.until + 1))
    changed = Group.of(sample, pair, sample.of_cohort(pair.cohort))
    found = np.zeros(len(sample), dtype=np.bool_)
    mass = compared.tally(compared.level, sample.n_levels).mass
    found[changed.rows] = (mass[changed.level] > 0.0) & (changed.full_weight() > 0.0)
    return found


def _doses(sample: SwitchingSample, pair: Pair, rows: slice) -> tuple[FloatArray | None, FloatArray | None]:
    if sample.change is None:
        return None, None
    return sample.change[pair.target, rows], sample.change[pair.base + 1 : pair.target + 1, rows].sum(axis=0)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Weighted sums of differences by group, and how many clusters stand behind each.

    Attributes
    ----------
    mass, total
        (G,) sums of weights, and of weight times difference.
    count
        (G,) units, or clusters where there are some, with a positive weight.
    """

    mass: FloatArray
    total: FloatArray
    count: FloatArray

    @property
    def mean(self) -> FloatArray:
        """(G,) weighted means; 0 where the mass is."""
        return np.divide(self.total, self.mass, where=self.mass > 0.0, out=np.zeros(len(self.mass)))

    def or_pooled(self, mean: FloatArray, count: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means to measure deviations from, and the factors that make up for estimating them.

        A group's own mean and sqrt(n / (n - 1)) where n is at least 2; else those of the pooled units; else 0 and 1.
        Shapes (G, k), as those of the pooled figures.
        """
        alone = self.count[:, None] < 2.0
        used = np.where(alone, count, self.count[:, None])
        factor = np.sqrt(np.divide(used, used - 1.0, where=used >= 2.0, out=np.ones(used.shape)))
        return np.where(alone, np.where(count >= 2.0, mean, 0.0), self.mean[:, None]), factor


@dataclass(frozen=True, slots=True)
class Group:
    """Units on one side of a pair.

    Attributes
    ----------
    rows
        Their places in the sample.
    gap, weight
        (m,) differences and weights; weight None where all are 1.
    level
        (m,) code of the period-one dose.
    cluster, n_clusters
        (m,) codes, None where units are their own clusters.
    """

    rows: slice
    gap: FloatArray
    weight: FloatArray | None
    level: IntArray
    cluster: IntArray | None
    n_clusters: int

    @classmethod
    def of(cls, sample: SwitchingSample, pair: Pair, rows: slice) -> Group:
        """Read one side of a pair."""
        cluster = None if sample.cluster is None else sample.cluster[rows]
        return cls(rows, *differences(sample, pair, rows), sample.level[rows], cluster, sample.n_clusters)

    def among(self, chosen: BoolArray) -> Group:
        """The same units, those not chosen at weight 0."""
        return self if chosen.all() else replace(self, weight=self.full_weight() * chosen)

    def full_weight(self) -> FloatArray:
        """(m,) weights, ones where there are none."""
        return np.ones(len(self.gap)) if self.weight is None else self.weight

    def tally(self, code: IntArray, n_codes: int) -> _Tally:
        """Sums by group."""
        if n_codes == 1 and self.weight is None and self.cluster is None:
            size = float(len(self.gap))
            return _Tally(np.array([size]), np.array([self.gap.sum()]), np.array([size]))
        mass = np.bincount(code, self.weight, n_codes).astype(np.float64)
        value = self.gap if self.weight is None else self.weight * self.gap
        total = np.bincount(code, value, n_codes).astype(np.float64)
        if self.weight is None and self.cluster is None:
            return _Tally(mass, total, mass)
        return _Tally(mass, total, self.counted(code, n_codes))

    def counted(self, code: IntArray, n_codes: int) -> FloatArray:
        """(G,) units or clusters by group, those with a positive weight."""
        used = np.ones(len(code), dtype=np.bool_) if self.weight is None else self.weight > 0.0
        if self.cluster is None:
            return np.bincount(code[used], minlength=n_codes).astype(np.float64)
        return _distinct(code[used], self.cluster[used], n_codes, self.n_clusters)


def _pooled(compared: Group, changed: Group, side: IntArray, q: int) -> _Tally:
    """Changed and comparison units together, (2 Q,) by period-one dose and direction of change."""
    both = []
    for number in range(2):
        mine = changed.among(side % 2 == number)
        joint = Group(
            slice(0, 0),
            np.concatenate([compared.gap, mine.gap]),
            np.concatenate([compared.full_weight(), mine.full_weight()]),
            np.concatenate([compared.level, mine.level]),
            None
            if compared.cluster is None or mine.cluster is None
            else np.concatenate([compared.cluster, mine.cluster]),
            compared.n_clusters,
        )
        both.append(joint.tally(joint.level, q))
    mass, total, count = (
        np.stack([getattr(tally, name) for tally in both], axis=1).reshape(-1) for name in ("mass", "total", "count")
    )
    return _Tally(mass, total, count)


def _distinct(group: IntArray, cluster: IntArray, n_groups: int, n_clusters: int) -> FloatArray:
    """(G,) distinct clusters in each group.

    Examples
    --------
    >>> _distinct(np.array([0, 0, 1]), np.array([5, 5, 2]), 3, 6).tolist()
    [1.0, 1.0, 0.0]
    """
    key = group * n_clusters + cluster
    if n_groups * n_clusters <= TABLE:
        seen = np.zeros(n_groups * n_clusters, dtype=np.bool_)
        seen[key] = True
        return np.asarray(seen.reshape(n_groups, n_clusters).sum(axis=1), dtype=np.float64)
    return np.bincount(np.unique(key) // n_clusters, minlength=n_groups).astype(np.float64)


def contributions(sample: SwitchingSample, fits: Sequence[PairFit], allowed: BoolArray, rows: IntArray) -> FloatArray:
    """(P, m) contributions of some units to the error of each pair's total."""
    made = np.zeros((len(fits), len(rows)))
    start, level, block = sample.start[rows], sample.level[rows], sample.block[rows]
    first = np.where(allowed[rows], sample.first[rows], NEVER)
    for number, fit in enumerate(fits):
        pair = fit.pair
        for who, slope, shift, code in (
            (np.flatnonzero(first == pair.cohort), fit.slope_changed, fit.shift_changed, block - fit.first_block),
            (np.flatnonzero(start > pair.until), fit.slope_compared, fit.shift_compared, level),
        ):
            if len(who):
                gap, weight = differences(sample, pair, rows[who])
                value = slope[code[who]] * gap + shift[code[who]]
                made[number, who] = value if weight is None else value * weight
    return made


def chunks(sample: SwitchingSample, size: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows in pieces that keep clusters whole, and where in each piece a cluster begins."""
    if sample.cluster is None:
        for low in range(0, len(sample), size):
            rows = np.arange(low, min(low + size, len(sample)))
            yield rows, np.arange(len(rows))
        return
    order = np.argsort(sample.cluster, kind="stable")
    begins = np.flatnonzero(np.diff(sample.cluster[order], prepend=-1))
    low = 0
    while low < len(begins):
        high = max(int(np.searchsorted(begins, begins[low] + size)), low + 1)
        stop = begins[high] if high < len(begins) else len(order)
        yield order[begins[low] : stop], begins[low:high] - begins[low]
        low = high

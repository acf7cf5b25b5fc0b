"""Comparable findings put together: the same outcome in the same unit, in several cities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.evidence.values import Scale
from evalkit.numerics.meta_analysis import Pooled, SmallStudies, leave_one_out, pool, small_studies
from evalkit.numerics.normal_hierarchy import HierarchyPrior
from evalkit.numerics.normal_hierarchy import pool as pool_bayesian
from evalkit.numerics.three_level import Nested, pool_nested
from evalkit.synthesis.entries import Effect, Entry, effect_of
from evalkit.vocabulary import Direction, FloatArray

FEWEST_FOR_SMALL: Final = 10
"""Studies below which a small-study check says nothing (Cochrane Handbook 13.3.5.4)."""


DRAWS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Chances:
    """What a Bayesian hierarchical model of the same effects says (flat on the mean, exact quadrature over the spread).

    Attributes
    ----------
    mean_wanted
        Probability that the mean effect lies in the direction the city wants.
    new_wanted
        Probability that the effect in a new city does.
    new_low, new_high
        Interval of the effect in a new city.
    tau_scale
        Scale of the half-normal prior of the spread between studies: the spread of the effects seen, or the median
        standard error where that is larger.
    """

    mean_wanted: float
    new_wanted: float
    new_low: float
    new_high: float
    tau_scale: float


@dataclass(frozen=True, slots=True)
class Group:
    """Studies of one priority that measured the same outcome in the same unit.

    Attributes
    ----------
    priority, outcome, unit, scale, direction
        What they share. Effects are in `unit`, or in log points where `scale` is ``log``.
    members, effects
        Studies with an effect, and that effect.
    left_out
        Studies of the group without one, and why.
    pooled
        Mean and spread over the studies.
    nested
        The same with cities as a level of their own, where one has several studies; None otherwise.
    without
        The pooled effect without each study in turn; empty with two studies.
    small
        Whether small studies show other effects; None with fewer than ten.
    chances
        Of a Bayesian hierarchical model; None with fewer than three studies.
    """

    priority: str
    outcome: str
    unit: str
    scale: Scale
    direction: Direction
    members: tuple[Entry, ...]
    effects: tuple[Effect, ...]
    left_out: tuple[tuple[Entry, str], ...]
    pooled: Pooled
    nested: Nested | None
    without: tuple[Pooled, ...]
    small: SmallStudies | None
    chances: Chances | None

    @property
    def result(self) -> Pooled | Nested:
        """What is reported: cities as a level of their own where that can be told."""
        return self.nested or self.pooled

    @property
    def n_cities(self) -> int:
        """Different cities among the members."""
        return len({each.city for each in self.members})

    @property
    def turned_by_one(self) -> tuple[Entry, ...]:
        """Studies without which the mean changes its sign, or its interval takes in 0 or leaves it."""
        whole = (np.sign(self.pooled.mean), self.pooled.low <= 0.0 <= self.pooled.high)
        return tuple(
            member
            for member, without in zip(self.members, self.without, strict=False)
            if (np.sign(without.mean), without.low <= 0.0 <= without.high) != whole
        )


def groups(entries: Sequence[Entry], *, level: float = 0.95) -> tuple[Group, ...]:
    """Put together what may be compared; an outcome that one study alone measured has no group.

    Studies are comparable when priority, outcome, unit, direction and scale of analysis are the same: nothing is
    converted.
    """
    found: dict[tuple[str, str, str, Scale, Direction], list[Entry]] = {}
    for entry in entries:
        if entry.evidence is None:
            continue
        outcome, scale = entry.evidence.outcomes[0], entry.evidence.estimates[0].scale
        key = (entry.priority, " ".join(outcome.name.casefold().split()), outcome.unit, scale, outcome.direction)
        found.setdefault(key, []).append(entry)
    made = (_group(key, members, level) for key, members in sorted(found.items(), key=lambda item: item[0][:4]))
    return tuple(group for group in made if group is not None)


def _group(key: tuple[str, str, str, Scale, Direction], entries: Sequence[Entry], level: float) -> Group | None:
    told = [(entry, effect_of(entry)) for entry in entries]
    kept = [(entry, effect) for entry, effect in told if isinstance(effect, Effect)]
    if len(kept) < 2:
        return None
    members = tuple(entry for entry, _ in kept)
    effects = tuple(effect for _, effect in kept)
    y = np.array([effect.value for effect in effects])
    v = np.array([effect.std_error for effect in effects]) ** 2
    city = np.unique([entry.city for entry in members], return_inverse=True)[1]
    nested = 1 < city.max() + 1 < len(members)
    first = entries[0].evidence
    return Group(
        priority=key[0],
        outcome=first.outcomes[0].name if first is not None else key[1],
        unit=key[2],
        scale=key[3],
        direction=key[4],
        members=members,
        effects=effects,
        left_out=tuple((entry, effect) for entry, effect in told if isinstance(effect, str)),
        pooled=pool(y, v, level=level),
        nested=pool_nested(y, v, city, level=level) if nested else None,
        without=leave_one_out(y, v, level=level) if len(members) > 2 else (),
        small=small_studies(y, v) if len(members) >= FEWEST_FOR_SMALL else None,
        chances=_chances(y, np.sqrt(v), key[4], level) if len(members) > 2 else None,
    )


def _chances(effects: FloatArray, errors: FloatArray, direction: Direction, level: float) -> Chances:
    scale = max(float(np.std(effects, ddof=1)), float(np.median(errors)))
    drawn = pool_bayesian(effects, errors, HierarchyPrior(tau_scale=scale)).draws(DRAWS, np.random.default_rng(0))
    sign = 1.0 if direction == "higher_better" else -1.0
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn.new, [tail, 1.0 - tail])
    return Chances(
        float(np.mean(sign * drawn.mu > 0.0)), float(np.mean(sign * drawn.new > 0.0)), float(low), float(high), scale
    )

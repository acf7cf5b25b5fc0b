"""Placebos in space: the effect on the treated beside the effects that the same method finds where nothing happened.

Abadie, Diamond and Hainmueller (2010), section 3.4: each donor takes the place of the treated. If the programme did
nothing, the
treated unit's statistic is as likely to have any rank among those of the donors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from evalkit.inference.unit_gaps import UnitGaps, shared_donors
from evalkit.uncertainty import OwnInterval
from evalkit.vocabulary import FloatArray, IntArray

TIE: Final = 1e-9
"""Relative distance within which two statistics are the same number."""


@dataclass(frozen=True, slots=True)
class PlaceboTest:
    """The test of a constant effect, and what it compares.

    Attributes
    ----------
    effect
        Overall effect: mean gap under treatment over all treated units and periods.
    scale
        What the statistic divides by: the error before the start; 1 where gaps are compared as they are.
    others
        (M,) placebo statistics: absolute mean gap over its scale.
    exact
        Whether these are all there are, not a random choice.
    """

    effect: float
    scale: float
    others: FloatArray
    exact: bool

    @property
    def smallest_p(self) -> float:
        """The least p-value that any data could have given."""
        return 1.0 / (1 + len(self.others))

    def rank(self, effect: float = 0.0) -> int:
        """Place of the treated from the top, under a constant effect; ties count against it."""
        statistic = abs(self.effect - effect) / self.scale
        return 1 + int((self.others >= statistic * (1.0 - TIE)).sum())

    def p_value(self, effect: float = 0.0) -> float:
        """Share of units, the treated included, with a statistic at least as large."""
        return self.rank(effect) * self.smallest_p

    def interval(self, level: float) -> tuple[float, float] | None:
        """All effects with a p-value above 1 - level; None where every effect has one.

        The statistic rests on the mean gap alone, so it is an interval for the mean effect whatever its path.
        """
        allowed = math.floor((1.0 - level) * (1 + len(self.others)) + TIE)
        if allowed < 1:
            return None
        reach = float(np.sort(self.others)[-allowed]) * self.scale
        return self.effect - reach, self.effect + reach


def placebo_test(units: Sequence[UnitGaps], *, scaled: bool, draws: int, rng: np.random.Generator) -> PlaceboTest:
    """Compare the overall effect with that of donors put in the place of all treated units at once.

    With one treated unit every donor is used. With several, each placebo takes one donor for each of them; all ways
    where there are at most `draws`, random ones otherwise. Treated units fitted by the same donors err together,
    placebos drawn apart do not: their statistics are widened by as much
    (:func:`~evalkit.inference.unit_gaps.shared_donors`).
    """
    share = np.array([float(unit.pool.post.sum()) for unit in units])
    share /= share.sum()
    chosen, exact = _assignments([unit.placebos.donors for unit in units], draws, rng)
    effects = [unit.placebos.gaps[:, unit.pool.post].mean(axis=1) for unit in units]
    mean = sum(
        (w * own[column] for w, own, column in zip(share, effects, chosen.T, strict=True)), np.zeros(len(chosen))
    )
    scale, scales = 1.0, np.ones(len(chosen))
    if scaled:
        scale = math.sqrt(sum((w * unit.error) ** 2 for w, unit in zip(share, units, strict=True)))
        squares = [
            (w * unit.placebos.error[column]) ** 2 for w, unit, column in zip(share, units, chosen.T, strict=True)
        ]
        scales = np.sqrt(sum(squares, np.zeros(len(chosen))))
    overall = float(sum(w * unit.effect for w, unit in zip(share, units, strict=True)))
    return PlaceboTest(overall, scale, np.abs(mean) / scales * _wider(units, share), exact)


def _wider(units: Sequence[UnitGaps], share: FloatArray) -> float:
    """How much more the mean of units that share donors varies than that of placebos drawn apart."""
    size = share * np.array([unit.error for unit in units])
    if not size.any():
        return 1.0
    return float(np.sqrt(size @ shared_donors(units) @ size / (size @ size)))


def _assignments(donors: Sequence[IntArray], draws: int, rng: np.random.Generator) -> tuple[IntArray, bool]:
    """(M, N) positions among each treated unit's placebos, and whether these are all ways.

    Drawn with replacement: without it the mean of N out of J donors varies less than that of N treated units, by
    1 - N/J, and the test would reject too often.
    """
    sizes = [len(each) for each in donors]
    if len(sizes) == 1 or math.prod(sizes) <= draws:
        return np.array(list(product(*map(range, sizes))), dtype=np.int64).reshape(-1, len(sizes)), True
    return np.column_stack([rng.integers(0, size, draws) for size in sizes]), False


def error_ratios(unit: UnitGaps) -> tuple[float, FloatArray]:
    """The treated unit's root mean squared gap after the start over that before it, and (M,) those of its placebos."""
    post = unit.pool.post
    own = math.sqrt(float((unit.gap[post] ** 2).mean())) / unit.error
    return own, np.sqrt((unit.placebos.gaps[:, post] ** 2).mean(axis=1)) / unit.placebos.error


def ratio_rank(unit: UnitGaps) -> tuple[int, int]:
    """Rank of the treated unit's error ratio among all units, and their number."""
    own, others = error_ratios(unit)
    return 1 + int((others >= own * (1.0 - TIE)).sum()), 1 + len(others)


def as_own_interval(test: PlaceboTest, level: float, **details: float) -> OwnInterval | None:
    """The interval to report; None where so few placebos cannot give one at this level."""
    bounds = test.interval(level)
    if bounds is None:
        return None
    return OwnInterval(
        method="placebo_in_space",
        low=bounds[0],
        high=bounds[1],
        level=level,
        p_value=test.p_value(),
        smallest_p=test.smallest_p,
        details={
            "rank": float(test.rank()),
            "placebos": float(len(test.others)),
            "all_ways": float(test.exact),
            **details,
        },
    )

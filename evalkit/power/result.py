"""What a design could detect: power at any effect, and the effect detected with any power, each with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import stats

from evalkit.power.detection import Thresholds
from evalkit.power.history import History
from evalkit.power.rule import TestKind
from evalkit.power.schedule import Schedule
from evalkit.vocabulary import FloatArray, Remark

Way = Literal["rise", "fall"]
CONFIDENCE: Final = 0.95
"""Of the Monte Carlo interval of a minimum detectable effect."""
SIZE_BAND: Final = (0.03, 0.07)
"""Sizes at the 5 % level that need no warning; scaled in proportion at other levels."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """A minimum detectable effect, as a positive size on the scale of the analysis.

    Attributes
    ----------
    effect
        Infinite where the test reaches this power at no effect.
    low, high
        95 % Monte Carlo interval, from order statistics.
    """

    power: float
    effect: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Power:
    """Power of one design.

    Attributes
    ----------
    schedule
        As simulated.
    history
        What was read.
    thresholds
        Of each placebo panel.
    test
        Which test decided.
    level
        Of the test, 0.05 for intervals at 95 %.
    linear
        Whether y + c D moves estimate and interval by c, tried on several panels; if so nothing was refitted.
    log_link
        Whether effects are differences of logs although the outcome is not logged.
    n_failed
        Placebo panels that the estimator refused; they count as not detecting anything.
    distinct
        Different roll-outs of one panel: 1/distinct bounds a permutation test's p-value from below.
    remarks
        What the reader must know.
    """

    schedule: Schedule
    history: History
    thresholds: Thresholds
    test: TestKind
    level: float
    linear: bool
    log_link: bool
    n_failed: int
    distinct: int
    remarks: tuple[Remark, ...] = ()

    @property
    def draws(self) -> int:
        """R."""
        return len(self.thresholds.rise)

    def of(self, way: Way) -> FloatArray:
        """(R,) thresholds one way."""
        return self.thresholds.rise if way == "rise" else self.thresholds.fall

    def power_at(self, effect: float, way: Way) -> tuple[float, float]:
        """Share of panels in which a change of this size (positive) is detected as such, and its Monte Carlo error.

        The error is the binomial one, sqrt(p (1 - p) / R), and at least that of one panel in R.
        """
        share = float(np.mean(self.of(way) < effect))
        return share, self._error(share)

    def size(self) -> tuple[float, float]:
        """Share of placebo panels in which a change either way is declared although nothing happened."""
        share = float(np.mean((self.thresholds.rise < 0.0) | (self.thresholds.fall < 0.0)))
        return share, self._error(share)

    def size_is_off(self) -> bool:
        """Whether the size lies outside 3 to 7 % (of a 5 % test) by more than twice its error."""
        share, error = self.size()
        low, high = (bound * self.level / 0.05 for bound in SIZE_BAND)
        too_low = share + 2.0 * error < low and self.test == "interval"  # exact tests of few places are coarse
        return too_low or share - 2.0 * error > high

    def detectable(self, power: float, way: Way) -> Detectable:
        """Smallest change detected with this power: the quantile of the thresholds.

        The interval takes the order statistics whose ranks bound a binomial(R, power) count at 95 %.
        """
        ordered = np.sort(self.of(way))
        count = len(ordered)
        rank = math.ceil(power * count - 1e-9)
        tail = (1.0 - CONFIDENCE) / 2.0
        low, high = (int(stats.binom(count, power).ppf(q)) for q in (tail, 1.0 - tail))

        def at(position: int) -> float:
            return max(float(ordered[min(max(position, 1), count) - 1]), 0.0)

        above = at(high + 1) if high < count else float("inf")
        return Detectable(power, at(rank), at(low), above)

    def _error(self, share: float) -> float:
        least = 1.0 / self.draws
        inside = min(max(share, least), 1.0 - least)
        return math.sqrt(inside * (1.0 - inside) / self.draws)

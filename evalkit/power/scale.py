"""From the scale of the analysis to the one people speak of: per cent, percentage points, or the outcome's unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.errors import ConfigError
from evalkit.evidence.digits import few_digits
from evalkit.evidence.finding import POINTS, mid_scale
from evalkit.evidence.natural import share_base
from evalkit.evidence.speaking import unit_after
from evalkit.language import phrase, with_unit
from evalkit.power.result import Power, Way
from evalkit.study.spec import Outcome
from evalkit.vocabulary import FloatArray


@dataclass(frozen=True, slots=True)
class Scale:
    """How sizes of one outcome are shown.

    Attributes
    ----------
    is_log
        Effects as analysed are differences of logs, shown in per cent.
    factor
        Shown size of 1 as analysed, where not in logs.
    unit
        Of shown sizes.
    level
        Mean outcome without the programme (geometric where it is logged), in the outcome's own unit.
    """

    is_log: bool
    factor: float
    unit: str
    level: float

    def shown(self, effect: float, way: Way) -> float:
        """A positive size as analysed, as shown (positive).

        Examples
        --------
        >>> round(Scale(True, 1.0, "%", 1.0).shown(0.1, "fall"), 2)
        9.52
        """
        if not self.is_log:
            return self.factor * effect
        return 100.0 * math.expm1(effect) if way == "rise" else -100.0 * math.expm1(-effect)

    def analysed(self, shown: float, way: Way) -> float:
        """A positive shown size on the scale of the analysis.

        Raises
        ------
        ConfigError
            For a size that cannot be, such as a fall of 100 %.
        """
        if shown <= 0.0 or (self.is_log and way == "fall" and shown >= 100.0):
            raise ConfigError(
                f"A {way} of {shown:g} {self.unit} cannot be.",
                allowed=f"a size above 0{' and below 100 %' if self.is_log and way == 'fall' else ''}",
                next_step="Give the size without a sign, in the unit of the headline.",
            )
        if not self.is_log:
            return shown / self.factor
        return math.log1p(shown / 100.0) if way == "rise" else -math.log1p(-shown / 100.0)

    def words(self, shown: float) -> str:
        """A shown size with its unit."""
        number = few_digits(shown)
        return with_unit(number, unit_after(number, self.unit))


def scale_for(outcome: Outcome, found: Power, unit: str | None = None) -> Scale:
    """The scale of a study's primary outcome; `unit` is its unit as told."""
    return make_scale(outcome, found.history.untreated, found.log_link, unit)


def make_scale(outcome: Outcome, untreated: FloatArray, log_link: bool, unit: str | None = None) -> Scale:
    """The scale of an outcome whose untreated values are known; `unit` is its unit as told."""
    mean = float(np.mean(untreated))
    if outcome.transform == "log":
        return Scale(True, 1.0, "%", math.exp(mean))
    if log_link:
        return Scale(True, 1.0, "%", mean)
    if outcome.family == "proportion":
        return Scale(False, 100.0 / share_base(outcome), phrase("percentage points"), mean)
    return Scale(False, 1.0, unit or outcome.unit, mean)


def wanted(outcome: Outcome) -> Way:
    """The way that the city wants the outcome to go."""
    return "rise" if outcome.direction == "higher_better" else "fall"


def mid_as_analysed(outcome: Outcome, scale: Scale, way: Way) -> float | None:
    """The smallest change that matters, as a positive size on the scale of the analysis.

    Read as the evidence summary reads it; a size in another unit than the analysis is converted at the mean level
    without the programme. None where none is declared, or where it cannot be converted.
    """
    if outcome.mid is None:
        return None
    declared, size = mid_scale(outcome), outcome.mid.value
    if outcome.family == "proportion" and outcome.mid.unit.strip().lower().startswith(POINTS):
        size *= share_base(outcome) / 100.0
    if declared == "log":
        return size
    if not scale.is_log:
        return size if declared == "natural" else size / 100.0 * abs(scale.level)
    share = size / 100.0 if declared == "percent" else size / scale.level
    if way == "rise":
        return math.log1p(share)
    return -math.log1p(-share) if share < 1.0 else None

"""What a method of inference returns, and how it says that it does not apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalkit.errors import Reason


class NotComputable(Exception):
    """The method has no interval for this design; the reason says why, as a clause."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(str(reason))


class TooCostly(NotComputable):
    """The method exists for this design, and takes too many refits of a panel of this size."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval for the overall effect, and the p-value of "the effect is 0" that belongs to it.

    Attributes
    ----------
    low, high
        In the unit of the outcome as analysed.
    p_value
        Two-sided.
    smallest_p
        The least p-value that any data could have given; None where it has no bound.
    degrees_of_freedom
        Of a t reference; None without one.
    details
        Further figures by name.
    """

    low: float
    high: float
    p_value: float
    smallest_p: float | None = None
    degrees_of_freedom: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)

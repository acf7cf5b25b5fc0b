"""What every figure of a check needs to know of the study: names and units in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """Names and units, as the figures write them.

    Attributes
    ----------
    outcome
        Name of the primary outcome.
    effect_unit
        Unit that effects are drawn in: per cent where the analysis is on logs.
    step
        One period in words, e.g. ``year``.
    interval
        In words, e.g. ``95 % confidence interval``.
    marks
        Effects at which a change starts to matter (MID); empty where none is declared.
    """

    outcome: str
    effect_unit: str
    step: str
    interval: str
    marks: tuple[float, ...] = ()

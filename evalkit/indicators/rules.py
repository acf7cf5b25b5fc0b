"""How often a steady process trips the rules of its control chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from evalkit.numerics.control_chart import Rule

PERIODS_BETWEEN: Final[Mapping[frozenset[Rule], float]] = {
    frozenset({"beyond_limits"}): 370.4,
    frozenset({"beyond_limits", "two_of_three"}): 225.4,
    frozenset({"beyond_limits", "run_of_eight"}): 152.7,
    frozenset({"beyond_limits", "two_of_three", "run_of_eight"}): 122.1,
}
"""Mean periods between false alarms with known limits (Champ and Woodall 1987, table 1)."""


def periods_between(rules: Sequence[Rule]) -> float | None:
    """Mean periods until a steady process trips one of the rules; None where it is not known.

    Examples
    --------
    >>> periods_between(["run_of_eight", "beyond_limits"])
    152.7
    """
    return PERIODS_BETWEEN.get(frozenset(rules))

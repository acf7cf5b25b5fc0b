"""Effects as the reader of a check meets them: percent where the analysis is in logs, else in the outcome's unit."""

from __future__ import annotations

import math
from typing import Final

from evalkit.checks.base import CheckContext
from evalkit.language import localized, mark, with_unit
from evalkit.study.told import told

NO_ONE_START: Final = mark(
    "Treatment rises, falls or changes again: it has no one start to be moved or given to others."
)
"""Why a check that moves the start of treatment does not run on a dose."""
NOT_ALL_THAT_START: Final = mark(
    "The estimate compares eligible with ineligible units; the two-way coefficient takes all that start as treated."
)
"""Why the two-way coefficient does not judge a triple difference."""
PLACES_UNKNOWN: Final = mark(
    "Starts were given to places, eligible and ineligible units together, and no cluster says which units share one."
)
"""Why such a check does not run on a triple difference by units."""


def amount(context: CheckContext, effect: float, *, signed: bool = True, two_way: bool = False) -> str:
    """One effect or bias with its unit, to two significant digits.

    With `two_way` it is a linear coefficient on the outcome as analysed, whatever the scale of the estimate.

    Examples
    --------
    >>> from evalkit.checks.wording import two_digits
    >>> two_digits(-0.0546), two_digits(1234.0), two_digits(0.0)
    ('-0.055', '1,200', '0')
    """
    is_ratio = bool(context.estimate.facts.get("log_link")) and not two_way
    is_log = context.spec.primary_outcome.transform == "log" or is_ratio
    value = 100.0 * math.expm1(effect) if is_log else effect
    unit = "%" if is_log else told(context.spec).primary_outcome.unit
    return with_unit(two_digits(value if signed else abs(value)), unit)


def two_digits(value: float) -> str:
    """Two significant digits, no exponent, thousands separated."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = round(value, 1 - math.floor(math.log10(abs(value))))
    decimals = max(0, 1 - math.floor(math.log10(abs(rounded))))
    return localized(f"{rounded:,.{decimals}f}")

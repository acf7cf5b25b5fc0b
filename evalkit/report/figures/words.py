"""Numbers as a policy reader sees them under a figure: few digits, a real minus sign, one unit."""

from __future__ import annotations

import math

from evalkit.language import localized, phrase, say
from evalkit.language.nouns import counted, step_of, steps

__all__ = ["counted", "number", "span", "step_of", "steps"]

MINUS = "−"


def number(value: float, digits: int = 2) -> str:
    """A number to `digits` significant digits, never in powers of ten.

    Examples
    --------
    >>> number(0.01943), number(-1234.5), number(0.0), number(7.0)
    ('0.019', '−1,200', '0', '7')
    >>> number(float("nan"))
    'not known'
    """
    if math.isnan(value):
        return phrase("not known")
    if math.isinf(value):
        return phrase("unbounded")
    if value == 0.0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    text = f"{abs(rounded):,.{max(places, 0)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return localized(f"{MINUS}{text}" if rounded < 0 else text)


def span(low: float, high: float, digits: int = 2) -> str:
    """An interval in words.

    Examples
    --------
    >>> span(-0.0563, 0.095)
    '−0.056 to 0.095'
    """
    return say("{low} to {high}", low=number(low, digits), high=number(high, digits))

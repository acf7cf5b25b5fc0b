"""Numbers as a policy reader sees them under a figure: few digits, a real minus sign, one unit."""

from __future__ import annotations

import math

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
        return "not known"
    if math.isinf(value):
        return "unbounded"
    if value == 0.0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    text = f"{abs(rounded):,.{max(places, 0)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{MINUS}{text}" if rounded < 0 else text


def span(low: float, high: float, digits: int = 2) -> str:
    """An interval in words.

    Examples
    --------
    >>> span(-0.0563, 0.095)
    '−0.056 to 0.095'
    """
    return f"{number(low, digits)} to {number(high, digits)}"


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number.

    Examples
    --------
    >>> counted(1, "period"), counted(3, "estimator"), counted(2, "4 years")
    ('1 period', '3 estimators', '2 × 4 years')
    """
    if noun[:1].isdigit():
        return f"{count} × {noun}"
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

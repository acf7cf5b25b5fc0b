"""Numbers as prose shows them: few digits, thousands separated, millions spelled out."""

from __future__ import annotations

import math
from decimal import Decimal

from evalkit.evidence.phrases import WORDS
from evalkit.language import current, localized

MILLION, BILLION = 1_000_000, 1_000_000_000


def few_digits(number: float, digits: int = 2) -> str:
    """Round to significant digits and write plainly.

    Examples
    --------
    >>> [few_digits(x) for x in (0.0372, 4.96, 85_123, 1_234_567, 0.0, 0.1)]
    ['0.037', '5', '85,000', '1.2 million', '0', '0.1']

    Other languages write millions out: "billón" and "bilhão" are a thousandfold apart, and a noun after "millones"
    needs a preposition.

    >>> from evalkit.language import speaking
    >>> with speaking("pt"):
    ...     few_digits(0.0372), few_digits(1_234_567)
    ('0,037', '1.200.000')
    """
    if not math.isfinite(number):
        raise ValueError(f"cannot write {number} in prose")
    rounded = rounded_to(number, digits)
    if current() != "en":
        return localized(_plain(rounded))
    size = abs(rounded)
    for limit, word in ((BILLION, "billion"), (MILLION, "million")):
        if size >= limit:
            return f"{_plain(rounded / limit)} {WORDS[word]}"
    return _plain(rounded)


def rounded_to(number: float, digits: int = 2) -> Decimal:
    """Round half up in decimal, as people do.

    Examples
    --------
    >>> rounded_to(0.125, 2)
    Decimal('0.13')
    """
    exact = Decimal(repr(float(number)))
    if exact == 0:
        return Decimal(0)
    step = Decimal(1).scaleb(exact.adjusted() - digits + 1)
    return (exact / step).to_integral_value(rounding="ROUND_HALF_UP") * step


def _plain(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def significant_digits(text: str) -> int:
    """Significant digits of a number as written; trailing zeros of a whole number do not count.

    Examples
    --------
    >>> [significant_digits(t) for t in ("85,000", "0.037", "1.20", "2006")]
    [2, 2, 3, 4]
    """
    plain = text.replace(",", "")
    whole, _, part = plain.partition(".")
    if part:
        return len((whole + part).lstrip("0")) or 1
    return len(whole.strip("0")) or 1

"""Numbers and dates as the Unicode CLDR writes them in the language spoken; how many digits is decided elsewhere."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Final

from evalkit.language.catalogue import tongue
from evalkit.language.spoken import Language, current

_SWAP: Final = re.compile(r"[.,](?=\d)")


def localized(number: str) -> str:
    """A number written the English way ("1,234.5"), with the separators of the language spoken.

    Examples
    --------
    >>> from evalkit.language import speaking
    >>> with speaking("pt"):
    ...     localized("−1,234.5"), localized("0.05")
    ('−1.234,5', '0,05')
    """
    decimal, group = separators(current())
    if (decimal, group) == (".", ","):
        return number
    return _SWAP.sub(lambda found: decimal if found.group(0) == "." else group, number)


def plain(number: str) -> str:
    """A number written in the language spoken, the English way and without separators of thousands.

    Examples
    --------
    >>> plain("1,234.5")
    '1234.5'
    """
    decimal, group = separators(current())
    return number.replace(group, "").replace(decimal, ".")


def percent_sign() -> str:
    """What follows a number that is a percentage.

    Examples
    --------
    >>> percent_sign()
    ' %'
    """
    language = current()
    return " %" if language == "en" else tongue(language).percent


def with_unit(number: str, unit: str) -> str:
    """A number and its unit; a percentage as the language writes it.

    Examples
    --------
    >>> from evalkit.language import speaking
    >>> with_unit("5", "%"), with_unit("5", "calls")
    ('5 %', '5 calls')
    >>> with speaking("pt"):
    ...     with_unit("5", "% das casas")
    '5% das casas'
    """
    return f"{number}{percent_sign()}{unit[1:]}" if unit.startswith("%") else f"{number} {unit}"


def long_date(day: dt.date) -> str:
    """A day in words.

    Examples
    --------
    >>> from evalkit.language import speaking
    >>> long_date(dt.date(2024, 5, 3))
    '3 May 2024'
    >>> with speaking("es"):
    ...     long_date(dt.date(2024, 5, 3))
    '3 de mayo de 2024'
    """
    language = current()
    if language == "en":
        return f"{day.day} {day:%B %Y}"
    from babel.dates import format_date

    return format_date(day, "long", locale=tongue(language).cldr)


@cache
def separators(language: Language) -> tuple[str, str]:
    """Decimal separator and separator of thousands."""
    if language == "en":
        return ".", ","
    from babel.numbers import get_decimal_symbol, get_group_symbol

    return get_decimal_symbol(tongue(language).cldr), get_group_symbol(tongue(language).cldr)


@cache
def is_one(language: Language, count: int) -> bool:
    """Whether a count takes the singular: CLDR's plural rule (0 does in Portuguese)."""
    if language == "en":
        return count == 1
    from babel import Locale

    return Locale.parse(tongue(language).cldr).plural_form(count) == "one"

"""Separators, per cent and dates as the Unicode CLDR has them."""

from __future__ import annotations

import datetime as dt

import pytest
from babel.numbers import format_decimal

from evalkit.evidence.digits import few_digits
from evalkit.language import LANGUAGES, Language, localized, long_date, percent_sign, speaking
from evalkit.language.catalogue import tongue
from evalkit.language.numbers import plain

NUMBERS = (0.05, 1234.5, 1_234_567.0, 12.0)


@pytest.mark.parametrize("language", ["es", "pt"])
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_reads_as_babel_writes_it(language: Language, number: float) -> None:
    with speaking(language):
        wanted = format_decimal(number, format="#,##0.###", locale=tongue(language).cldr)
        assert localized(f"{number:,.10g}") == wanted
        assert float(plain(wanted)) == number


def test_latin_american_spanish_has_a_decimal_point_and_brazil_a_comma() -> None:
    heard = {}
    for language in LANGUAGES:
        with speaking(language):
            heard[language] = (few_digits(0.0372), few_digits(85_123), few_digits(1_234_567), percent_sign())
    assert heard == {
        "en": ("0.037", "85,000", "1.2 million", " %"),
        "es": ("0.037", "85,000", "1,200,000", " %"),
        "pt": ("0,037", "85.000", "1.200.000", "%"),
    }


def test_days_are_named_in_the_language() -> None:
    day, heard = dt.date(2024, 5, 3), []
    for language in LANGUAGES:
        with speaking(language):
            heard.append(long_date(day))
    assert heard == ["3 May 2024", "3 de mayo de 2024", "3 de maio de 2024"]

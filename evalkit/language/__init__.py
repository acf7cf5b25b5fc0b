"""Words in the reader's language: templates, numbers, dates and grammar. See docs/languages.md."""

from evalkit.language.codes import coded, readable
from evalkit.language.grammar import bare, is_plural, people_of, plural, unit_after
from evalkit.language.numbers import localized, long_date, percent_sign, with_unit
from evalkit.language.spoken import LANGUAGES, Language, current, known_language, speaking
from evalkit.language.templates import Phrases, mark, phrase, say, say_count, why

__all__ = [
    "LANGUAGES",
    "Language",
    "Phrases",
    "bare",
    "coded",
    "current",
    "is_plural",
    "known_language",
    "localized",
    "long_date",
    "mark",
    "people_of",
    "percent_sign",
    "phrase",
    "plural",
    "readable",
    "say",
    "say_count",
    "speaking",
    "unit_after",
    "why",
    "with_unit",
]

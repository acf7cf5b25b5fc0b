"""Numbers as a policy reader sees them under a figure: few digits, a real minus sign, one unit."""

from __future__ import annotations

import math
from typing import Final

from evalkit.language import Phrases, current, localized, phrase, say
from evalkit.language.numbers import is_one

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


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number.

    Examples
    --------
    >>> counted(1, "period"), counted(3, "estimator"), counted(2, "4 years")
    ('1 period', '3 estimators', '2 × 4 years')
    """
    if noun[:1].isdigit():
        return f"{count} × {step_of(noun)}"
    return f"{count} {NOUNS[noun][0 if is_one(current(), count) else 1]}"


def step_of(step: str) -> str:
    """One period in words, in the language spoken: "year", "4 years".

    Examples
    --------
    >>> step_of("year"), step_of("4 years")
    ('year', '4 years')
    """
    if not step[:1].isdigit():
        return NOUNS[step][0] if step in NOUNS else phrase(step)
    count, _, noun = step.partition(" ")
    single = noun.removesuffix("s")
    return f"{count} {NOUNS[single][1] if single in NOUNS else phrase(noun)}"


def steps(step: str) -> str:
    """Several steps in words.

    Examples
    --------
    >>> steps("year"), steps("4 years")
    ('years', 'periods of 4 years')
    """
    if step[:1].isdigit():
        return say("periods of {step}", step=step_of(step))
    return NOUNS[step][1] if step in NOUNS else f"{step}s"


_NOUNS: Final = {
    "period": ("period", "periods"),
    "year": ("year", "years"),
    "quarter": ("quarter", "quarters"),
    "month": ("month", "months"),
    "week": ("week", "weeks"),
    "day": ("day", "days"),
    "hour": ("hour", "hours"),
    "place": ("place", "places"),
    "estimator": ("estimator", "estimators"),
    "other estimator": ("other estimator", "other estimators"),
    "comparison": ("comparison", "comparisons"),
    "cell": ("cell", "cells"),
    "date": ("date", "dates"),
    "specification": ("specification", "specifications"),
    "group": ("group", "groups"),
    "confounder": ("confounder", "confounders"),
    "cohort": ("cohort", "cohorts"),
    "unit": ("unit", "units"),
    "placebo": ("placebo", "placebos"),
}
NOUNS: Final = Phrases(_NOUNS)
"""Nouns that are counted beneath figures: after exactly one, and after any other number."""

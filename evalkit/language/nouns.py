"""Periods and other things that are counted, in the language spoken: "1 period", "2 years"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from evalkit.errors import named
from evalkit.language.numbers import is_one, localized
from evalkit.language.spoken import current
from evalkit.language.templates import Phrases, phrase, say, why


def counted(count: int, noun: str) -> str:
    """A count with its noun in the right number.

    Examples
    --------
    >>> counted(1, "period"), counted(3, "estimator"), counted(2, "4 years")
    ('1 period', '3 estimators', '2 × 4 years')
    """
    if noun[:1].isdigit():
        return f"{count} × {step_of(noun)}"
    return f"{localized(format(count, ','))} {NOUNS[noun][0 if is_one(current(), count) else 1]}"


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


def quoted(names: Iterable[object], limit: int = 5) -> str:
    """Names in quotation marks, and how many were left out.

    Examples
    --------
    >>> quoted(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    return why(named(names, limit))

"""The linter that every generated sentence passes: what a summary must never say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from evalkit.errors import EvalkitError
from evalkit.evidence.digits import significant_digits
from evalkit.evidence.standard import Prose
from evalkit.language import current
from evalkit.language.catalogue import tongue
from evalkit.language.numbers import plain, separators


class ForbiddenWording(EvalkitError):
    """A generated sentence says what the evidence standard forbids."""


def lint(sentence: str, prose: Prose, *, bayesian: bool, very_low: bool = False, digits: bool = True) -> str:
    """Return the sentence, or refuse it by the words of the language spoken.

    Parameters
    ----------
    sentence
        With the study's own names left out: nobody may be refused for the name of a programme.
    prose
        Forbidden patterns of English and the number of digits; other languages bring patterns of their own.
    bayesian
        Whether "probability" and "chance" have a meaning in this run.
    very_low
        Whether the certainty is Very low: no causal verb then.
    digits
        Whether numbers may have few significant digits only (prose, not readings of checks).

    Raises
    ------
    ForbiddenWording
        Naming the words.

    Examples
    --------
    >>> from evalkit.evidence.standard import shipped
    >>> lint("No pre-trend detected.", shipped().prose, bayesian=False)
    'No pre-trend detected.'
    """
    words = prose if current() == "en" else tongue(current())
    _refuse(sentence, words.forbidden, "is forbidden in every summary")
    if not bayesian:
        _refuse(sentence, words.forbidden_frequentist, "has no meaning in a frequentist run")
    if very_low:
        _refuse(sentence, words.causal, "claims a cause, and the certainty is Very low")
    if digits:
        for number in number_pattern(*separators(current())).findall(sentence):
            if significant_digits(plain(number.rstrip(".,"))) > prose.significant_digits:
                raise ForbiddenWording(
                    f"The number {number} in '{sentence}' has more than {prose.significant_digits} significant digits.",
                    next_step="Round it with evalkit.evidence.digits.few_digits.",
                )
    return sentence


@cache
def number_pattern(decimal: str = ".", group: str = ",") -> re.Pattern[str]:
    """Numbers as a language writes them."""
    decimal, group = re.escape(decimal), re.escape(group)
    return re.compile(rf"(?<![\w{decimal}])\d[\d{group}]*(?:{decimal}\d+)?")


def _refuse(sentence: str, patterns: Iterable[str], why: str) -> None:
    for pattern in patterns:
        found = re.search(rf"\b(?:{pattern})\b", sentence, flags=re.IGNORECASE)
        if found:
            raise ForbiddenWording(
                f"The wording '{found.group(0)}' {why}: '{sentence}'",
                next_step="Word it by the evidence standard, section 4.",
            )

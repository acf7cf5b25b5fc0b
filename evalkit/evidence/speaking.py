"""The voice of the summary: fills a template, and passes it through the linter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalkit.evidence.digits import few_digits
from evalkit.evidence.lint import lint
from evalkit.evidence.phrases import SENTENCES, WORDS
from evalkit.evidence.schema_rating import CertaintyLabel
from evalkit.evidence.standard import Standard
from evalkit.language import current, is_plural, plural, unit_after
from evalkit.language.catalogue import tongue

__all__ = ["Voice", "higher_or_lower", "is_plural", "plural", "sentence_case", "unit_after"]


@dataclass(frozen=True, slots=True)
class Voice:
    """Speaks under one standard, for one run.

    Attributes
    ----------
    standard
        Verbs and forbidden words.
    label
        Certainty, which decides the verb.
    bayesian
        Whether chances may be named.
    """

    standard: Standard
    label: CertaintyLabel
    bayesian: bool

    def say(self, key: str, names: Mapping[str, str] | None = None, **parts: str) -> str:
        """Fill a template.

        Parameters
        ----------
        key
            Of `phrases.SENTENCES`.
        names
            The study's own words (programme, outcome, unit, periods): not linted, since nobody may be
            refused for a name.
        parts
            Everything that evalkit words itself: numbers, verbs, parts already said.

        Raises
        ------
        ForbiddenWording
            When the filled template breaks the standard.
        """
        template, names = SENTENCES[key], names or {}
        neutral = template.format(**dict.fromkeys(names, "it"), **parts)
        lint(neutral, self.standard.prose, bayesian=self.bayesian, very_low=self.label == "Very low")
        return template.format(**names, **parts)

    def number(self, value: float) -> str:
        """A number as prose shows it."""
        return few_digits(value, self.standard.prose.significant_digits)

    def verb(self, rises: bool, subject: str) -> str:
        """The GRADE verb for this certainty; there is none at Very low or where nothing is rated."""
        if self.label == "Very low" or self.label == "Not rated":  # noqa: PLR1714 (narrows the type)
            raise ValueError(f"there is no verb at certainty {self.label}")
        if current() != "en":
            one, many = tongue(current()).verbs[self.label]["increase" if rises else "decrease"]
            return many if is_plural(subject) else one
        verbs = self.standard.verbs[self.label]
        forms = verbs.increase if rises else verbs.decrease
        return forms.many if is_plural(subject) else forms.one

    def range_of(self, low: float, high: float) -> tuple[str, str]:
        """Bounds of an interval beyond 0, as sizes, smaller one first."""
        first, second = sorted((abs(low), abs(high)))
        return self.number(first), self.number(second)


def sentence_case(text: str) -> str:
    """The first letter capital, the rest as written."""
    return text[:1].upper() + text[1:]


def higher_or_lower(value: float) -> str:
    """Word for the direction of a difference."""
    return WORDS["higher"] if value > 0.0 else WORDS["lower"]

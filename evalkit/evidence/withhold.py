"""Small counts of people in texts: what the gate, which sees tables only, cannot withhold. It fails closed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from evalkit.data.panel import Panel
from evalkit.evidence.disclosure import Policy, small
from evalkit.evidence.ledger import SAMPLE_FLOW, Ledger
from evalkit.evidence.phrases import WORDS
from evalkit.language import current, localized, phrase, say
from evalkit.language.numbers import separators
from evalkit.vocabulary import Diagnostic, Remark

BY_COHORT: Final = frozenset({"goodman_bacon", "leave_one_cohort_out", "twfe_weights"})
"""Checks whose figures are effects of single cohorts, of pairs of them, or of all but one."""
_ONE_NAME: Final = "(name withheld)"
_NAMES: Final = re.compile(
    r"\(name withheld\)(?:(?:, | and )\(name withheld\))*(?: and \d+ more| y \d+ más| e mais \d+)?"
)
_QUOTED: Final = re.compile(r"(?<!\w)'(.+?)'(?!\w)")
_WHOLE: Final = re.compile(r"(?<![\w.,%=-])(?<!\w = )\d[\d,]*(?![\w%]|[.,:-]\d|-|\s*%)")
_OTHERWISE: Final = re.compile(
    r"\s+(?:event time|periods?|points?|years?|quarters?|months?|weeks?|days?|cohorts?|cells?|groups?|chains?|draws?"
    r"|divergences|specifications?|estimators?"
    r"|periodos?|períodos?|puntos?|pontos?|años?|anos?|trimestres?|mes(?:es)?|mês|semanas?|d[ií]as?|cohortes?|coortes?"
    r"|celdas?|células?|grupos?|cadenas?|cadeias?|extracciones|amostras|divergencias?|divergências?|especificaci(?:ón|ones)"
    r"|especificaç(?:ão|ões)|estimadores?|estimador)\b"
)
"""Words after a number that does not count people."""
_MOMENT: Final = re.compile(
    r"\b(?:before|after|since|in|from|to|and|until|period|time|year"
    r"|antes de|después de|depois de|desde|en|em|de|hasta|até|y|e|a|periodo|período|año|ano)\s$"
)
_LOCAL: Final = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+)(?![\w])")
_ENGLISH: Final = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?![\w])")
_SWAPPED: Final = str.maketrans(".,", ",.")
_YEARS: Final = range(1500, 2501)


def in_text(text: str, rules: Policy, known: Collection[str] = (), *, every: bool = False) -> str:
    """A generated text without names of people and without numbers that give a small count away.

    With one small count in a text the larger ones are withheld as well, since their difference would be
    the small one. Every whole number is taken for a count, unless what stands around it says otherwise.

    Parameters
    ----------
    text
        Any sentence with counts of units or rows.
    rules
        Texts about places stay as they are.
    known
        Quoted names that are not those of people: columns, outcomes.
    every
        Withhold counts though none here is small: the small one could be had from them and a total elsewhere.

    Examples
    --------
    >>> people = Policy("persons", 11, "")
    >>> in_text("15 units left out (3 treated, 12 comparison): 'Ann', 'Bo'.", people)
    '11 or more units left out (fewer than 11 treated, 11 or more comparison): (names withheld).'
    >>> in_text("40 units start within 2 periods after 2004.", people)
    '40 units start within 2 periods after 2004.'
    """
    if rules.subject != "persons":
        return text
    if separators(current()) != (".", ","):  # numbers are read the English way, and written back
        english = _LOCAL.sub(lambda found: found.group(0).translate(_SWAPPED), text)
        return _ENGLISH.sub(lambda found: localized(found.group(0)), _withheld(english, rules, known, every=every))
    return _withheld(text, rules, known, every=every)


def _withheld(text: str, rules: Policy, known: Collection[str], *, every: bool) -> str:
    hidden = _QUOTED.sub(lambda found: found.group(0) if found.group(1) in known else _ONE_NAME, text)
    hidden = _NAMES.sub(phrase("(names withheld)"), hidden)
    put = _put(hidden, rules)
    counts = [
        found for found in _WHOLE.finditer(hidden)
        if _counts_people(found, hidden) and not any(start <= found.start() < end for start, end in put)
    ]  # fmt: skip
    if not every and not any(small(rules, _number(found)) for found in counts):
        return hidden
    parts, end = [], 0
    for found in counts:
        parts += [hidden[end : found.start()], in_words(_number(found), rules)]
        end = found.end()
    return "".join(parts) + hidden[end:]


def in_words(count: int, rules: Policy) -> str:
    """A count of people beside one that is withheld.

    Examples
    --------
    >>> [in_words(count, Policy("persons", 11, "")) for count in (0, 3, 40)]
    ['0', 'fewer than 11', '11 or more']
    """
    if count == 0:
        return "0"
    return WORDS.say("fewer_than" if small(rules, count) else "or_more", limit=rules.min_cell)


def in_remark(
    remark: Remark, rules: Policy, known: Collection[str] = (), *, every: bool = False
) -> tuple[str, int | None, int | None]:
    """Text and counts of a remark; both counts are withheld where one is small, or where `every` count is."""
    hide = every or small(rules, remark.treated) or small(rules, remark.comparison)
    counts = (None, None) if hide else (remark.treated, remark.comparison)
    return in_text(phrase(remark.text), rules, known, every=every), *counts


def has_small_cohort(panel: Panel, rules: Policy) -> bool:
    """Whether a cohort has few people, so that effects with and without each cohort would tell theirs."""
    return any(small(rules, int((panel.first_treated == cohort).sum())) for cohort in panel.cohorts)


def without_cohort_effects(diagnostics: Iterable[Diagnostic], panel: Panel, rules: Policy) -> tuple[Diagnostic, ...]:
    """The checks; those by cohort without numbers where the people of a cohort, or those who never start, are few."""
    if not has_small_cohort(panel, rules) and not small(rules, int(panel.never_treated.sum())):
        return tuple(diagnostics)
    said = say("Withheld: a cohort has fewer than {min_cell} people.", min_cell=rules.min_cell)
    return tuple(
        replace(found, value=None, details=(), reading=said, exhibit=None) if found.id in BY_COHORT else found
        for found in diagnostics
    )  # fmt: skip


def checks_shown(
    diagnostics: Iterable[Diagnostic], panel: Panel, rules: Policy, book: Ledger
) -> tuple[Diagnostic, ...]:
    """The checks without small counts of people in their readings, and without what gives such a count away."""
    told = []
    for found in without_cohort_effects(diagnostics, panel, rules):
        if found.id == SAMPLE_FLOW and book.hides(SAMPLE_FLOW):
            told.append(replace(found, value=None, details=(), reading=WORDS["flow_withheld"], exhibit=None))
        else:
            told.append(replace(found, reading=in_text(found.reading, rules, every=book.hides_arms)))
    return tuple(told)


def in_check(found: Diagnostic, rules: Policy) -> Diagnostic:
    """A check without small counts of people, in its reading or its figures."""
    hide = small_details(found, rules)
    kept = tuple((name, value) for name, value in found.details if name not in hide)
    return replace(found, reading=in_text(found.reading, rules), details=kept)


def small_details(found: Diagnostic, rules: Policy) -> frozenset[str]:
    """Figures that count people and are to be withheld: with one small count, all counts."""
    counts = {name: value for name, value in found.details if _is_count(name)}
    return frozenset(counts) if any(small(rules, value) for value in counts.values()) else frozenset()


def _is_count(name: str) -> bool:
    counted = name.startswith("n_") or name.endswith("_units") or name == "always_treated"
    return counted and not any(word in name for word in ("period", "skipped", "cohort"))


def _put(text: str, rules: Policy) -> list[tuple[int, int]]:
    """Where words stand that were put for a withheld count already."""
    said = [re.escape(WORDS.say(key, limit=rules.min_cell)) for key in ("fewer_than", "or_more")]
    return [found.span() for found in re.finditer("|".join(said), text)]


def _counts_people(found: re.Match[str], text: str) -> bool:
    if _OTHERWISE.match(text, found.end()):
        return False
    return not (_number(found) in _YEARS and _MOMENT.search(text[: found.start()]))


def _number(found: re.Match[str]) -> int:
    return int(found.group(0).replace(",", ""))

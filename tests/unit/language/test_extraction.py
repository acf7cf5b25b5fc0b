"""The catalogues: every template of the source has a translation in every language, with the same holes."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po

from evalkit.language.extraction import holes, po_file, templates, translations
from evalkit.language.spoken import LANGUAGES, Language

OTHERS = tuple(language for language in LANGUAGES if language != "en")
FOUND = templates()


def test_templates_are_found_in_calls_dictionaries_pages_and_the_rating_table() -> None:
    files = {each.file for each in FOUND}
    assert {"evalkit/evidence/phrases.py", "configs/evidence/standard.yaml"} <= files
    english = {part for each in FOUND for part in each.english}
    assert "{Programme} {verb} {outcome} by about {size} {unit} ({lo} to {hi}, {interval}), {levels}." in english


@pytest.mark.parametrize("language", OTHERS)
def test_every_template_has_a_translation_and_no_translation_is_left_over(language: Language) -> None:
    known = translations(language)
    assert {each.english for each in FOUND} == set(known)
    missing = [english for english, translated in known.items() if not all(translated)]
    assert missing == [], "run `python -m evalkit.language.extraction`, then translate these"


@pytest.mark.parametrize("language", OTHERS)
def test_holes_are_the_same_in_every_language(language: Language) -> None:
    differ = [
        (english, translated)
        for english, translated in translations(language).items()
        for one, other in zip(english, translated, strict=True) if holes(one) != holes(other)
    ]  # fmt: skip
    assert differ == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_fuzzy(language: Language) -> None:
    with po_file(language).open("rb") as stream:
        assert [message.id for message in read_po(stream, locale=language) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", OTHERS)
def test_spaces_at_the_ends_and_line_breaks_are_kept(language: Language) -> None:
    differ = [
        (english, translated)
        for english, translated in translations(language).items()
        for one, other in zip(english, translated, strict=True)
        if _ends(one) != _ends(other) or one.count("\n") != other.count("\n")
    ]  # fmt: skip
    assert differ == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_percent_sign_stands_as_the_language_writes_it(language: Language) -> None:
    wrong = {"es": r"(?:\d|\})%", "pt": r"(?:\d|\})\s%"}[language]
    found = [part for translated in translations(language).values() for part in translated if re.search(wrong, part)]
    assert found == []


def _ends(text: str) -> tuple[bool, bool]:
    return text.startswith(" "), text.endswith(" ")

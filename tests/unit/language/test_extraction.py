"""The catalogues: every template of the source has a translation in every language, with the same holes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from evalkit.language import extraction
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


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_that_is_written_anew_keeps_its_translations_and_loses_what_is_gone(
    language: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, known = po_file(language).read_text("utf-8"), translations(language)
    monkeypatch.setattr(extraction, "templates", lambda: FOUND)
    monkeypatch.setattr(extraction, "po_file", lambda code: tmp_path / f"{code}.po")
    extraction.write(language, {**known, ("gone",): ("ido",)})
    assert extraction.translations(language) == {each.english: known[each.english] for each in FOUND}
    written = (tmp_path / f"{language}.po").read_text("utf-8")
    assert written.split("\n#: ")[0] == shipped.split("\n#: ")[0], "the same head, without a date"


def test_templates_that_are_new_come_in_without_a_translation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [next(each for each in FOUND if len(each.english) == count) for count in (1, 2)]
    monkeypatch.setattr(extraction, "templates", lambda: few)
    monkeypatch.setattr(extraction, "po_file", lambda code: tmp_path / f"{code}.po")
    assert extraction.translations("es") == {}
    extraction.update()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["es.po", "pt.po"]
    assert extraction.translations("pt") == {each.english: ("",) * len(each.english) for each in few}


def test_texts_that_are_no_literals_are_no_templates() -> None:
    source = "from evalkit.language import say_count\n"
    assert list(extraction._in_source(source + "say_count(one, '{count} places', 2)\n", "x.py")) == []
    (found,) = extraction._in_source(source + "say_count('{count} place', '{count} places', 2)\n", "x.py")
    assert (found.english, found.line) == (("{count} place", "{count} places"), 2)
    (page,) = extraction._in_page("{{ _(heading) }}{{ _('Who decides') }}", "x.j2")
    assert page.english == ("Who decides",)

"""Templates: holes with names, numbers by the CLDR, prepositions that merge with articles."""

from __future__ import annotations

import pytest

from evalkit.language import Phrases, mark, phrase, say, say_count, speaking
from evalkit.language.grammar import unit_after

WORDS = Phrases({"level": "from about {counterfactual} to about {observed}"})
PAIRS = Phrases({"pair": ("higher", "lower")})


def test_a_template_without_a_translation_stays_english() -> None:
    unknown = "this {thing} has no translation"
    with speaking("es"):
        assert phrase(unknown).format(thing="x") == "this x has no translation"


def test_a_dictionary_answers_in_the_language_spoken() -> None:
    assert WORDS.say("level", counterfactual="4", observed="5") == "from about 4 to about 5"
    with speaking("es"):
        assert WORDS["level"] == "de alrededor de {counterfactual} a alrededor de {observed}"
        assert PAIRS["pair"] == ("más alto", "más bajo")
    assert list(WORDS) == ["level"]


def test_numbers_in_holes_get_the_separators_of_the_language() -> None:
    template = mark("from {first} to {last}")
    with speaking("pt"):
        assert say(template, first=1234.5, last="x") == "de 1234,5 a x"
        assert phrase("p = {p}").format(p=0.05) == "p = 0,05"
    with speaking("es"):
        assert phrase("p = {p}").format(p=0.05) == "p = 0.05"


def test_a_text_in_a_hole_keeps_its_own_points() -> None:
    with speaking("pt"):
        assert phrase("p = {p}").format(p="v1.2") == "p = v1.2"


@pytest.mark.parametrize(
    ("language", "outcome", "heard"),
    [
        ("es", "el consumo", "del consumo"),
        ("es", "los homicidios", "de los homicidios"),
        ("pt", "o consumo", "do consumo"),
        ("pt", "as mortes", "das mortes"),
        ("pt", "homicides", "de homicides"),
    ],
)
def test_a_preposition_merges_with_the_article_of_a_name(language: str, outcome: str, heard: str) -> None:
    template = "The finding is favourable: {outcome} came out {higher_or_lower}, the direction the city wants."
    with speaking(language):  # type: ignore[arg-type]
        assert f" {heard} " in phrase(template).format(outcome=outcome, higher_or_lower="x")


def test_a_percentage_in_a_unit_is_set_as_the_language_does() -> None:
    for language, heard in (("en", "a fall of 5 %"), ("es", "una disminución de 5 %"), ("pt", "uma queda de 5%")):
        with speaking(language):  # type: ignore[arg-type]
            assert phrase("a fall of {size} {unit}").format(size="5", unit="%") == heard


def test_a_count_takes_the_plural_of_the_language() -> None:
    assert [say_count("{count} period", "{count} periods", n) for n in (0, 1, 3)] == [
        "0 periods",
        "1 period",
        "3 periods",
    ]


def test_holes_of_a_translated_template_need_names() -> None:
    with speaking("es"), pytest.raises(TypeError, match="names"):
        phrase("p = {p}").format(0.05)


def test_a_key_with_several_templates_is_not_filled_as_one() -> None:
    with pytest.raises(TypeError, match="'pair' holds several templates"):
        PAIRS.say("pair")


def test_a_word_without_a_known_ending_stays_as_it_is() -> None:
    with speaking("es"):
        assert unit_after("1", "km nuevos") == "km nuevo"

"""Declared words of indicators and trees: told where translated, strict keys, nothing of the data renamed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evalkit.config import load_equality
from evalkit.language import speaking
from evalkit.study.equality import EqualitySpec
from evalkit.study.told_measures import (
    told_equality,
    told_group,
    told_indicator,
    untranslated_equality,
    untranslated_indicator,
)
from tests.indicator_worlds import spec


def test_an_indicator_is_told_in_the_language_spoken_and_declared_elsewhere() -> None:
    asked = spec(translations={"pt": {"title": "Chamadas", "unit": "chamadas"}})
    with speaking("pt"):
        told = told_indicator(asked)
        assert (told.title, told.measure.unit, told.owner) == ("Chamadas", "chamadas", "Call centre")
        assert untranslated_indicator(asked) == untranslated_indicator(told) == ("city", "owner")
    assert told_indicator(asked) is asked
    with speaking("es"):
        assert told_indicator(asked) is asked
        assert untranslated_indicator(asked) == ("title", "city", "owner", "measure.unit")


def test_a_tree_keeps_the_values_of_its_data_under_new_names() -> None:
    asked = load_equality("sample_city")
    with speaking("es"):
        told = told_equality(asked)
        assert told_group(asked, "East side") == "Lado este"
        assert untranslated_equality(asked) == ()
    assert [each.key for _, _, each in told.indicators] == [each.key for _, _, each in asked.indicators]
    assert [each.groups for _, _, each in told.indicators] == [each.groups for _, _, each in asked.indicators]
    assert "Desempleo" in {each.name for _, _, each in told.indicators}
    replaced = next(each.replaces for _, _, each in told.indicators if each.replaces is not None)
    assert replaced.name == "Sucursales bancarias"
    assert untranslated_equality(asked) == ()


def test_names_without_a_translation_are_listed_by_level() -> None:
    plain = load_equality("sample_city").model_dump(mode="json")
    plain["translations"] = {"es": {"title": "Indicadores", "themes": {"Housing": "Vivienda"}}}
    with speaking("es"):
        missing = untranslated_equality(EqualitySpec.model_validate(plain))
    assert missing == ("city", "owner", "description", "note", "themes", "topics", "indicators", "groups")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"themes": {"Houses": "Vivienda"}}, "did you mean 'Housing'"),
        ({"topics": {"Mortalty": "Mortalidad"}}, "did you mean 'Mortality'"),
        ({"groups": {"East": "Este"}}, "translates into 'es' the group 'East'"),
        ({"indicators": {"Unemployment": {"unit": "personas"}}}, "both or neither begin with '%'"),
        ({"titel": "Indicadores"}, "Extra inputs are not permitted"),
    ],
)
def test_a_translation_of_what_is_not_declared_is_refused(words: dict[str, object], reason: str) -> None:
    plain = load_equality("sample_city").model_dump(mode="json")
    plain["translations"] = {"es": words}
    with pytest.raises(ValidationError, match=reason):
        EqualitySpec.model_validate(plain)


def test_a_percentage_stays_one_in_every_language() -> None:
    with pytest.raises(ValidationError, match="both or neither begin with '%'"):
        spec("share", translations={"es": {"unit": "llamadas"}})


def test_an_indicator_without_words_of_its_own_stays_as_declared_beside_one_that_has_them() -> None:
    plain = load_equality("sample_city").model_dump(mode="json")
    plain["translations"] = {"es": {"indicators": {"Unemployment": {"name": "Desempleo"}}}}
    asked = EqualitySpec.model_validate(plain)
    with speaking("es"):
        pairs = zip(asked.indicators, told_equality(asked).indicators, strict=True)
        changed = {old.name: new.name for (_, _, old), (_, _, new) in pairs if new != old}
    assert changed == {"Unemployment": "Desempleo"}

"""A study's words in further languages: strict keys, nothing that changes a number."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from evalkit.config import load_study
from evalkit.language import speaking
from evalkit.study.spec import StudySpec
from evalkit.study.told import told, told_group, told_units, untranslated
from tests.simulated import spec


def with_words(**words: Any) -> StudySpec:
    return StudySpec.model_validate({**spec().model_dump(mode="json"), "translations": {"es": words}})


def test_an_outcome_that_is_not_declared_is_refused_with_the_closest() -> None:
    name = spec().primary_outcome.name
    with pytest.raises(ValidationError, match=f"did you mean '{name}'"):
        with_words(outcomes={f"{name}s": {"name": "los puntajes"}})


def test_a_lost_limitation_is_refused() -> None:
    with pytest.raises(ValidationError, match="translates 0 limitations"):
        with_words(use={"limitations": []})


def test_a_unit_that_becomes_a_percentage_is_refused() -> None:
    with pytest.raises(ValidationError, match="both or neither begin with '%'"):
        with_words(outcomes={spec().primary_outcome.name: {"unit": "% de las casas"}})


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValidationError, match="'en', 'es' or 'pt'"):
        StudySpec.model_validate({**spec().model_dump(mode="json"), "translations": {"sp": {}}})


def test_words_without_a_translation_stay_as_declared_and_are_listed() -> None:
    asked = with_words(title="Un estudio", assignment={"unit": "lugar", "units": "lugares"})
    assert told(asked) is asked
    with speaking("es"):
        assert told(asked).title == "Un estudio"
        assert told(asked).question == asked.question
        assert told_units(asked) == "lugares"
        assert "title" not in untranslated(asked)
        assert "question.population" in untranslated(asked)
    assert untranslated(asked) == ()


@pytest.mark.parametrize("name", ["castle_doctrine", "enterprise_zones", "organ_donation", "workers_compensation",
                                  "california_traffic", "proposition_99"])  # fmt: skip
@pytest.mark.parametrize("language", ["es", "pt"])
def test_every_shipped_study_is_translated_whole(name: str, language: str) -> None:
    study = load_study(name, [f"language={language}"])
    assert study.language == language
    with speaking(study.language):
        assert untranslated(study.spec) == ()


def test_outcomes_groups_and_costs_are_told_in_the_language_and_keep_their_numbers() -> None:
    declared = spec().model_dump(mode="json")
    name = declared["outcomes"][0]["name"]
    declared["outcomes"][0]["mid"] = {"value": 2.0, "rationale": "a tenth of the gap"}
    declared["equity"] = [{"name": "income", "column": "income", "reference": "high"}]
    line = {"quantity": 3, "unit_cost": 10, "year": 2020}
    declared["cost"] = {
        "currency": "EUR", "base_year": 2020, "perspective": "the city",
        "threshold": {"value": 100, "rationale": "what others pay"},
        "ingredients": [{"name": "teachers", **line}, {"name": "books", **line}],
    }  # fmt: skip
    declared["translations"] = {
        "es": {
            "outcomes": {name: {"mid": {"rationale": "un décimo de la brecha"}}},
            "groups": {"income": "ingreso"},
            "cost": {"perspective": "la ciudad", "threshold": "lo que pagan otros", "ingredients": {"books": "libros"}},
        },
        "pt": {"cost": {"perspective": "a cidade"}},
    }
    asked = StudySpec.model_validate(declared)
    with speaking("es"):
        made = told(asked)
        assert (told_group(asked, "income"), told_group(asked, "age")) == ("ingreso", "age")
    assert told_group(asked, "income") == "income"
    assert asked.cost is not None
    assert asked.cost.threshold is not None
    assert made.cost is not None
    assert made.cost.threshold is not None
    mid = made.primary_outcome.mid
    assert mid is not None
    assert (mid.value, mid.rationale) == (2.0, "un décimo de la brecha")
    assert made.cost.perspective == "la ciudad"
    assert [line.name for line in made.cost.ingredients] == ["teachers", "libros"]
    assert made.cost.threshold == asked.cost.threshold.model_copy(update={"rationale": "lo que pagan otros"})
    with speaking("pt"):
        half = told(asked).cost
    assert half is not None
    assert (half.perspective, half.threshold) == ("a cidade", asked.cost.threshold)

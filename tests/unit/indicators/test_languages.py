"""Indicators and equality trees in three languages: the same numbers, other words, and no English left."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from evalkit.config import load_equality
from evalkit.indicators.document import IndicatorDocument
from evalkit.indicators.document import document as indicator_document
from evalkit.indicators.equality_document import EqualityDocument, tables
from evalkit.indicators.equality_document import document as tree_document
from evalkit.indicators.equality_result import Equality, evaluate_equality
from evalkit.indicators.result import Indicator
from evalkit.indicators.tables import periods_table
from evalkit.language import Language, speaking
from evalkit.language.catalogue import sentences
from evalkit.report.measure_bundle import equality_figures, identity_of, indicator_figures
from evalkit.report.measure_page import equality_page, indicator_page, render
from tests.unit.indicators.conftest import Made

ROOT = Path(__file__).resolve().parents[3]
LOCAL: tuple[Language, ...] = ("es", "pt")
FRAGMENT = 20
"""Letters of a fixed part of a template that are too many to stand in a translation by chance."""
HOLE = re.compile(r"\{[^}]*\}")
OF_RUN = frozenset({"run_id", "created_at", "config_sha", "language"})
WORDS = {
    "es": {"title": "Llamadas atendidas tarde", "unit": "llamadas al mes", "owner": "Central", "city": "Ciudad"},
    "pt": {"title": "Chamadas atendidas tarde", "unit": "chamadas por mês", "owner": "Central", "city": "Cidade"},
}


@pytest.fixture(scope="module")
def found(made: Made) -> Indicator:
    return made("count", {"seed": 4}, translations=WORDS, **{"measure.about": "places"})


@pytest.fixture(scope="module")
def tree() -> Equality:
    return evaluate_equality(load_equality("sample_city", ["equality.draws=1000"]), data_root=ROOT, seed=0)


def of_indicator(found: Indicator, language: Language) -> tuple[IndicatorDocument, str]:
    """Document and page in a language; no page in English, which other tests look at."""
    with speaking(language):
        table, record = periods_table(found)
        made = indicator_document(found, identity_of(found.spec, {}, 1, None), record)
        if language == "en":
            return made, ""
        page = indicator_page(made, table, indicator_figures(found, table, made), "")
        return made, render(page, language=language)


def of_tree(tree: Equality, language: Language) -> tuple[EqualityDocument, str]:
    with speaking(language):
        scores, gaps, record = tables(tree)
        made = tree_document(tree, identity_of(tree.spec, {}, 1, None), record)
        if language == "en":
            return made, ""
        return made, render(equality_page(made, scores, gaps, equality_figures(made), ""), language=language)


@pytest.fixture(scope="module")
def told(found: Indicator, tree: Equality) -> dict[tuple[str, Language], tuple[Any, str]]:
    return {
        **{("indicator", language): of_indicator(found, language) for language in ("en", *LOCAL)},
        **{("equality", language): of_tree(tree, language) for language in ("en", *LOCAL)},
    }


@pytest.mark.parametrize("kind", ["indicator", "equality"])
@pytest.mark.parametrize("language", LOCAL)
def test_numbers_and_codes_do_not_depend_on_the_language(told: Any, kind: str, language: Language) -> None:
    assert numbers(told[kind, language][0].model_dump(mode="json")) == numbers(told[kind, "en"][0].model_dump())


@pytest.mark.parametrize("kind", ["indicator", "equality"])
@pytest.mark.parametrize("language", LOCAL)
def test_no_english_template_is_left_on_the_page(told: Any, kind: str, language: Language) -> None:
    page = told[kind, language][1]
    text = " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)).split())
    alts = " ".join(html.unescape(each) for each in re.findall(r'(?:alt|aria-label|content)="([^"]*)"', page))
    shown = f"{text} {alts}"
    left = [
        fragment
        for english, translated in sentences(language).items() if english != translated
        for fragment in (part.strip() for part in HOLE.split(english) if len(part.strip()) >= FRAGMENT)
        if fragment in shown and fragment not in translated
    ]  # fmt: skip
    assert left == []
    assert f'<html lang="{language}">' in page


def test_declared_words_are_told_and_numbers_are_written_as_in_the_language(told: Any) -> None:
    spanish, portuguese = told["indicator", "es"][0], told["indicator", "pt"][0]
    assert spanish.sentences["headline"].startswith("Llamadas atendidas tarde: ")
    assert portuguese.unit == "chamadas por mês"
    tree = told["equality", "pt"][0]
    assert tree.city == "Cidade de Exemplo"
    assert re.search(r"\d+,\d", tree.sentences["headline"])
    assert {"Lado leste", "Sem plano de saúde"} <= set(re.findall(r"[A-Z][^<>()\d]*[a-zé]", told["equality", "pt"][1]))


def test_levels_keep_the_names_by_which_they_are_followed_across_languages(told: Any) -> None:
    english, spanish = told["equality", "en"][0], told["equality", "es"][0]
    assert [node.declared or node.name for node in spanish.nodes] == [node.name for node in english.nodes]
    assert {node.declared for node in english.nodes} == {""}


def test_what_has_no_translation_is_named_in_a_remark(made: Made) -> None:
    found = made("count", {"seed": 4}, translations={"es": {"title": "Llamadas"}}, **{"measure.about": "places"})
    with speaking("es"):
        document = indicator_document(found, identity_of(found.spec, {}, 1, None), periods_table(found)[1])
    assert "quedan como fueron declaradas: city, owner, measure.unit." in document.remarks[-1]


def numbers(value: Any) -> Any:
    """The document without its words."""
    if isinstance(value, dict):
        kept = {key: numbers(each) for key, each in value.items() if key not in (*OF_RUN, "sentences", "remarks")}
        return {key: each for key, each in kept.items() if each is not None}
    if isinstance(value, list | tuple):
        return [numbers(each) for each in value]
    return None if isinstance(value, str) else value

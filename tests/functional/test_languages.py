"""One study in three languages: the same numbers, no English left, hostile names harmless, threads that do not mix."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.evaluation import Evaluation, evaluate
from evalkit.language import LANGUAGES, Language, current
from evalkit.language.extraction import templates, translations
from evalkit.report.brief_html import brief_html
from evalkit.report.brief_md import brief_md
from evalkit.report.compose import compose
from evalkit.report.contents import Contents
from evalkit.study.spec import Choice, Study
from evalkit.study.translations import Translation
from evalkit.testing.simulate import staggered_frame
from tests.simulated import spec

RULES = yaml.safe_load((Path(__file__).parents[2] / "configs" / "evidence" / "standard.yaml").read_text("utf-8"))
CHECKS = ("pre_trends", "placebo_period", "leave_one_cohort_out", "sample_flow")
HOSTILE = "<script>alert(1)</script>"
WORDS_ONLY = frozenset({"run_id", "created_at", "config_sha", "sentences"})
"""Keys of the evidence that hold words, or that no two runs share."""
FRAGMENT = 24
"""Letters of a fixed part of a template that are too many to stand in a translation by chance."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Evaluation]:
    """The same study in each language, all at once, each in a thread of its own."""
    folder = tmp_path_factory.mktemp("languages")
    staggered_frame(n_units=60, n_periods=8, effect=2.0, seed=5).to_csv(folder / "simulated.csv", index=False)
    asked = spec()
    outcome = asked.primary_outcome.name
    words = {
        "es": {"programme": f"la {HOSTILE}", "outcomes": {outcome: {"name": "los puntajes", "unit": "puntos"}}},
        "pt": {"programme": f"a {HOSTILE}", "outcomes": {outcome: {"name": "as notas", "unit": "pontos"}}},
    }
    asked = asked.model_copy(
        update={"translations": {code: Translation.model_validate(each) for code, each in words.items()}}
    )

    def run(language: Language) -> Evaluation:
        return evaluate(
            Study(
                spec=asked, estimator=Choice(name="callaway_santanna"), robustness=(),
                checks=tuple(Choice(name=name) for name in CHECKS), evidence=RULES, seed=7, data_root=str(folder),
                language=language,
            )
        )  # fmt: skip

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(LANGUAGES, pool.map(run, LANGUAGES), strict=True))


@pytest.fixture(scope="module")
def pages(told: dict[Language, Evaluation]) -> dict[Language, Contents]:
    return {language: compose(found, provenance={}, study_yaml="{}") for language, found in told.items()}


def test_numbers_and_codes_do_not_depend_on_the_language(told: dict[Language, Evaluation]) -> None:
    stripped = {language: _numbers(found.evidence.to_dict()) for language, found in told.items()}
    assert stripped["es"] == stripped["en"]
    assert stripped["pt"] == stripped["en"]
    labels = {found.evidence.finding.label + found.evidence.rating.label for found in told.values()}
    assert len(labels) == 1


def test_the_evidence_says_which_language_it_speaks_and_threads_do_not_mix(told: dict[Language, Evaluation]) -> None:
    assert [found.evidence.identity.language for found in told.values()] == list(LANGUAGES)
    heard = {language: found.evidence.sentences.certainty.split()[0] for language, found in told.items()}
    assert heard == {"en": "Certainty", "es": "La", "pt": "A"}
    assert current() == "en"


def test_names_stand_in_the_sentences_with_their_articles(told: dict[Language, Evaluation]) -> None:
    assert "los puntajes" in told["es"].evidence.sentences.finding
    assert re.search(r"\b[dn]as notas", told["pt"].evidence.sentences.finding)


@pytest.mark.parametrize("language", ["es", "pt"])
def test_no_english_template_is_left_on_the_page(pages: dict[Language, Contents], language: Language) -> None:
    text = html.unescape(
        re.sub(r"<style>.*?</style>|<pre>.*?</pre>|<[^>]+>", " ", brief_html(pages[language]), flags=re.S)
    )
    text = " ".join(text.split())
    known = translations(language)
    left = [
        fragment
        for each in templates()
        for english, translated in zip(each.english, known[each.english], strict=True) if english != translated
        for fragment in _fixed(english) if fragment in text and fragment not in translated
    ]  # fmt: skip
    assert left == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.promise("secure-names-report")
def test_a_hostile_name_is_shown_and_never_run(pages: dict[Language, Contents], language: Language) -> None:
    page = brief_html(pages[language])
    assert f'<html lang="{language}">' in page
    assert HOSTILE not in page
    assert (html.escape(HOSTILE) in page) == (language != "en")
    assert re.search(r"(?<!\\)<script", brief_md(pages[language])) is None


def _fixed(template: str) -> list[str]:
    """Fixed parts of a template that are long enough to be told from a word that languages share."""
    return [part.strip() for part in re.split(r"\{[^}]*\}", template) if len(part.strip()) >= FRAGMENT]


def _numbers(value: Any) -> Any:
    """The document without its sentences: numbers, truth values and the keys that hold them."""
    if isinstance(value, dict):
        kept = {key: _numbers(each) for key, each in value.items() if key not in WORDS_ONLY}
        return {key: each for key, each in kept.items() if each is not None}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return None if isinstance(value, str) else value

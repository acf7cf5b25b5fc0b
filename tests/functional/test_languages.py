"""One study in three languages: the same numbers, no English left (nor in refusals), hostile names harmless."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from evalkit.errors import EvalkitError
from evalkit.evaluation import Evaluation, evaluate
from evalkit.language import LANGUAGES, Language, current, speaking, why
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
CHECKS = (
    "pre_trends", "placebo_period", "leave_one_cohort_out", "sample_flow", "placebo_outcomes", "wild_bootstrap",
)  # fmt: skip
ONE = {"name": "outcome", "column": "y", "unit": "points", "direction": "higher_better"}
NOT_ESTIMABLE = (
    {"name": "flat", "column": "flat", "unit": "points", "direction": "higher_better", "role": "placebo"},
    {"name": "lost", "column": "lost", "unit": "points", "direction": "higher_better", "role": "secondary",
     "transform": "log"},
)  # fmt: skip
"""Further outcomes: one that never varies, and one whose logarithm does not exist in all rows."""
REFUSING = (
    Choice(name="triple_difference", settings={"eligible": "poor"}),
    Choice(name="stacked_did", settings={"event_window": (-40, 40)}),
    Choice(name="poisson_fixed_effects"),
    Choice(name="interrupted_time_series", settings={"comparison": "none", "covariates": ["x"]}),
    Choice(name="synthetic_control", settings={"outcome_lags": ["1066"]}),
)
"""Further estimators, each with a reason of another kind not to estimate."""
HOSTILE = "<script>alert(1)</script>"
WORDS_ONLY = frozenset({"run_id", "created_at", "config_sha", "sentences"})
"""Keys of the evidence that hold words, or that no two runs share."""
FRAGMENT = 24
"""Letters of a fixed part of a template that are too many to stand in a translation by chance."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Evaluation]:
    """The same study in each language, all at once, each in a thread of its own."""
    folder = tmp_path_factory.mktemp("languages")
    frame = staggered_frame(n_units=60, n_periods=8, effect=2.0, seed=5)
    frame["flat"], frame["lost"] = 1.0, np.where(frame.index % 9 == 0, 0.0, 2.0)
    frame["zone"] = np.where(frame.unit.isin(frame.unit[frame.cohort == 0].unique()[:5]), "hills", "valley")
    frame.to_csv(folder / "simulated.csv", index=False)
    asked = spec(
        outcomes=[ONE, *NOT_ESTIMABLE],
        equity=[{"name": "zone", "column": "zone", "reference": "valley"}],
        assignment={"unit": "city"},
    )
    outcome = asked.primary_outcome.name
    words = {
        "es": {
            "programme": f"la {HOSTILE}",
            "assignment": {"unit": "ciudad"},
            "outcomes": {outcome: {"name": "los puntajes", "unit": "puntos"}},
        },
        "pt": {
            "programme": f"a {HOSTILE}",
            "assignment": {"unit": "cidade"},
            "outcomes": {outcome: {"name": "as notas", "unit": "pontos"}},
        },
    }
    asked = asked.model_copy(
        update={"translations": {code: Translation.model_validate(each) for code, each in words.items()}}
    )

    def run(language: Language) -> Evaluation:
        return evaluate(
            Study(
                spec=asked, estimator=Choice(name="callaway_santanna"), robustness=REFUSING,
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


@pytest.mark.parametrize("language", ["es", "pt"])
@pytest.mark.parametrize(
    "word", ["Very low", "Not rated", "not_run", "(primary)", "not recorded", "arms: low", ": low;"]
)
def test_labels_and_codes_of_ratings_are_told_too(
    pages: dict[Language, Contents], language: Language, word: str
) -> None:
    assert word not in html.unescape(brief_html(pages[language]))


@pytest.mark.parametrize("language", ["es", "pt"])
def test_why_there_is_no_estimate_is_told_in_the_language_and_logged_in_english(
    told: dict[Language, Evaluation], pages: dict[Language, Contents], language: Language
) -> None:
    found = told[language]
    refused = {**found.robustness, **found.other_outcomes}
    reasons = [each for each in refused.values() if isinstance(each, EvalkitError)]
    assert len(reasons) == len(REFUSING) + len(NOT_ESTIMABLE)
    page = html.unescape(re.sub(r"<[^>]+>", "", brief_html(pages[language])))
    for reason in reasons:
        with speaking(language):
            assert why(reason) in page
        assert reason.what not in page
    english = {**told["en"].robustness, **told["en"].other_outcomes}
    assert [str(each) for each in reasons] == [str(english[label]) for label in refused]
    (compared,) = found.evidence.equity
    assert {"es": "no hay estimación para hills: Datos:", "pt": "não há estimativa para hills: Dados:"}[
        language
    ] in str(compared)


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

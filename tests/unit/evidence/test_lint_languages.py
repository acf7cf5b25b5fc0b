"""The linter in Spanish and Portuguese: the same sins, in other words."""

from __future__ import annotations

import pytest

from evalkit.evidence.lint import ForbiddenWording, lint
from evalkit.evidence.phrases import SENTENCES
from evalkit.evidence.standard import shipped
from evalkit.language import Language, speaking
from evalkit.language.catalogue import tongue

PROSE = shipped().prose
FORBIDDEN = {
    "es": [
        "El programa no tiene ningún efecto.",
        "La ley no tuvo efecto.",
        "Sin impacto en los delitos.",
        "No hubo impacto.",
        "El resultado es estadísticamente significativo.",
        "La diferencia fue significativa.",
        "Esto prueba que funciona.",
        "Un programa probado.",
        "Esto demuestra su eficacia.",
        "El estudio no logró encontrar un cambio.",
        "El programa fracasó.",
        "Los datos muestran una tendencia hacia la mejora.",
    ],
    "pt": [
        "O programa não tem nenhum efeito.",
        "A lei não teve efeito.",
        "Sem impacto nos crimes.",
        "Não houve impacto.",
        "O resultado é estatisticamente significativo.",
        "A diferença foi significativa.",
        "Isso prova que funciona.",
        "Um programa comprovado.",
        "Isso demonstra sua eficácia.",
        "O estudo não conseguiu encontrar uma mudança.",
        "O programa fracassou.",
        "Os dados mostram uma tendência de melhora.",
    ],
}
CHANCES = {
    "es": ["Hay una probabilidad de 90 en 100.", "Existe la posibilidad de mejora."],
    "pt": ["Há uma probabilidade de 90 em 100.", "As chances são boas.", "Há possibilidade de melhora."],
}
CAUSAL = {
    "es": ["El programa redujo los robos.", "Puede reducir las muertes.", "La ley aumentó los homicidios.",
           "El programa evitó 30 muertes.", "Mejoró las notas.", "Disminuyeron los delitos."],
    "pt": ["O programa reduziu os roubos.", "Pode reduzir as mortes.", "A lei aumentou os homicídios.",
           "O programa evitou 30 mortes.", "Melhorou as notas.", "Diminuiu os crimes."],
}  # fmt: skip
FAIR = {
    "es": ["No se detectó una tendencia previa.", "La evidencia es muy incierta.", "Una disminución de 5 %.",
           "El nivel resultó alrededor de 3 robos más bajo.", "Probablemente."],
    "pt": ["Não se detectou tendência prévia.", "A evidência é muito incerta.", "Uma queda de 5%.",
           "O nível ficou cerca de 3 roubos mais baixo.", "Provavelmente."],
}  # fmt: skip


def cases(sentences: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, sentence) for language, each in sentences.items() for sentence in each]


@pytest.mark.parametrize(("language", "sentence"), cases(FORBIDDEN))
def test_what_no_summary_may_say_is_refused_in_every_language(language: Language, sentence: str) -> None:
    with speaking(language), pytest.raises(ForbiddenWording, match="forbidden"):
        lint(sentence, PROSE, bayesian=True)


@pytest.mark.parametrize(("language", "sentence"), cases(CHANCES))
def test_chances_are_refused_on_a_frequentist_run_alone(language: Language, sentence: str) -> None:
    with speaking(language):
        assert lint(sentence, PROSE, bayesian=True) == sentence
        with pytest.raises(ForbiddenWording, match="frequentist"):
            lint(sentence, PROSE, bayesian=False)


@pytest.mark.parametrize(("language", "sentence"), cases(CAUSAL))
def test_verbs_of_cause_are_refused_at_very_low_certainty_alone(language: Language, sentence: str) -> None:
    with speaking(language):
        assert lint(sentence, PROSE, bayesian=False, digits=False) == sentence
        with pytest.raises(ForbiddenWording, match="cause"):
            lint(sentence, PROSE, bayesian=False, very_low=True)


@pytest.mark.parametrize(("language", "sentence"), cases(FAIR))
def test_fair_sentences_pass(language: Language, sentence: str) -> None:
    with speaking(language):
        assert lint(sentence, PROSE, bayesian=False, very_low=True) == sentence


def test_digits_are_counted_as_the_language_writes_them() -> None:
    with speaking("pt"):
        lint("Cerca de 1.200.000 casos, ou 0,037.", PROSE, bayesian=False)
        with pytest.raises(ForbiddenWording, match="significant digits"):
            lint("Cerca de 1,234.", PROSE, bayesian=False)


@pytest.mark.parametrize("language", ["es", "pt"])
def test_every_verb_of_certainty_is_one_that_very_low_forbids(language: Language) -> None:
    with speaking(language):
        for directions in tongue(language).verbs.values():
            for forms in directions.values():
                for verb in forms:
                    with pytest.raises(ForbiddenWording, match="cause"):
                        lint(f"X {verb} Y.", PROSE, bayesian=False, very_low=True)


@pytest.mark.parametrize("language", ["es", "pt"])
def test_the_words_of_the_standard_pass_their_own_linter(language: Language) -> None:
    with speaking(language):
        for key, template in SENTENCES.items():
            lint(template, PROSE, bayesian=True, very_low=key.startswith("uncertain"), digits=False)

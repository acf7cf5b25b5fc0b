"""What a design would detect, in Spanish and Portuguese: sentences and numbers of their own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from evalkit.language import Language, speaking
from evalkit.power.rollout_words import NAMES, schedule_in_words
from evalkit.power.schedule import Schedule
from evalkit.power.words import often
from tests.unit.power.test_words import words

STAGED = Schedule((0, 1, 4), (1, 2, 3), total=1_200, before=3, after=2)
SHARE: dict[str, Any] = {"family": "proportion", "unit": "share of pupils", "direction": "higher_better"}


@pytest.mark.parametrize(
    ("language", "headline", "verdict"),
    [
        ("es", "Este diseño detectaría una disminución de 3.2 points o más cuatro de cada cinco veces; el menor cambio "
         "que importa es de 1 point.", "pasarían sin verse"),
        ("pt", "Este desenho detectaria uma queda de 3,2 points ou mais quatro em cada cinco vezes; a menor mudança "
         "que importa é de 1 point.", "passaria sem ser vista"),
    ],
)  # fmt: skip
def test_what_is_detected_is_told_beside_what_matters(language: Language, headline: str, verdict: str) -> None:
    made = words(2.0, mid={"value": 1, "rationale": "r"})
    with speaking(language):
        assert made.headline(0.8) == headline
        assert verdict in made.verdict(0.8)


def test_the_design_its_history_and_its_test_are_told_whole() -> None:
    made = words(1.0, schedule=STAGED)
    with speaking("pt"):
        assert made.design().startswith("6 de 1200 ")
        assert "1 no começo, 2 depois de 1 período, 3 depois de 4 períodos" in made.design()
        assert "sem o programa o tempo todo" in made.history()
        assert made.test() == "O intervalo próprio da estimativa, ao nível de 5%."
        assert "(erro de Monte Carlo" in made.size()
        assert re.search(r"\d,\d%", made.size())


def test_shares_are_told_in_percentage_points_of_the_language() -> None:
    with speaking("es"):
        assert "puntos porcentuales" in words(0.1, **SHARE).headline(0.9)
        assert often(0.85) == "en 85 % de los casos"


@pytest.mark.parametrize("language", ["es", "pt"])
def test_every_schedule_has_a_name_in_the_language(language: Language) -> None:
    plain = [name for name in NAMES if name not in ("held", "planned")]
    with speaking(language):
        assert not {schedule_in_words(name) for name in plain} & set(plain)
        held = schedule_in_words("equal waves, 12.5 % held back (as planned)")
    assert (
        held
        == {
            "es": "oleadas iguales, 12.5 % en espera (como está planeado)",
            "pt": "ondas iguais, 12,5% em espera (como planejado)",
        }[language]
    )

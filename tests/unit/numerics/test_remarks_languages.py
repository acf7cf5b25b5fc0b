"""Remarks on the sample in the language spoken: numbers as it writes them, names as they stand, constants too."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.evidence.disclosure import Policy
from evalkit.evidence.withhold import in_remark
from evalkit.language import LANGUAGES, Language, speaking
from evalkit.language.nouns import quoted
from evalkit.numerics import did_remarks, sample_remarks, series_remarks

PLACES = Policy("places", 11, "")
PEOPLE = Policy("persons", 11, "")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "12 unidades con el programa desde el primer periodo se dejaron fuera"),
        ("pt", "12 unidades com o programa desde o primeiro período foram deixadas de fora"),
    ],
)
def test_units_left_out_are_told_with_their_number(language: Language, said: str) -> None:
    with speaking(language):
        (remark,) = sample_remarks.excluded_units(np.ones(12, dtype=np.bool_), np.zeros(12, dtype=np.bool_), 0)
    assert remark.text.startswith(said)
    assert remark.treated == 12


def test_a_list_of_names_says_how_many_are_left_out() -> None:
    with speaking("pt"):
        assert quoted(["Ana", "Rui", "Zé"], limit=2) == "'Ana', 'Rui' e mais 1"


def test_a_constant_remark_is_told_when_it_is_shown() -> None:
    with speaking("es"):
        text = in_remark(did_remarks.PRIOR_ONLY, PLACES)[0]
    assert text.startswith("Se ignoró el resultado")


def test_small_counts_of_people_are_withheld_in_every_language() -> None:
    for language in LANGUAGES:
        with speaking(language):
            (remark,) = sample_remarks.seen_once(np.ones(4, dtype=np.bool_), np.zeros(4, dtype=np.bool_))
            shown = in_remark(remark, PEOPLE)
        assert "4" not in shown[0]
        assert "11" in shown[0]
        assert shown[1:] == (None, None)


def test_the_errors_of_a_series_are_told_with_the_number_of_lags() -> None:
    with speaking("pt"):
        assert "uma" not in series_remarks.absorbed(["x"]).text
        assert series_remarks.left_out(1, 2, "month").text == (
            "Fica de fora do modelo e do efeito: 1 mês antes do início e 2 meses a partir do início."
        )

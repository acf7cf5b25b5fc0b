"""Which language is spoken is a matter of the block it is set in."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalkit.errors import ConfigError
from evalkit.language import Language, current, known_language, say, speaking
from evalkit.language.templates import phrase


def test_english_is_spoken_unless_something_else_is_set() -> None:
    assert current() == "en"
    with speaking("es"):
        assert current() == "es"
    assert current() == "en"


def test_the_language_is_reset_after_an_error() -> None:
    with pytest.raises(ValueError, match="stop"), speaking("pt"):
        raise ValueError("stop")
    assert current() == "en"


def test_threads_that_speak_different_languages_do_not_mix() -> None:
    together = threading.Barrier(3)

    def heard(language: Language) -> set[str]:
        with speaking(language):
            together.wait()
            return {say("{units} with the programme", units="x") + phrase("higher") for _ in range(500)}

    with ThreadPoolExecutor(3) as pool:
        found = dict(zip(("en", "es", "pt"), pool.map(heard, ("en", "es", "pt")), strict=True))
    assert all(len(words) == 1 for words in found.values())
    assert [next(iter(words)).endswith(end) for words, end in zip(found.values(), ("higher", "más alto", "mais alto"),
                                                                  strict=True)] == [True] * 3  # fmt: skip
    assert current() == "en"


@pytest.mark.parametrize(
    ("typed", "near"), [("sp", "es"), ("Spanish", "es"), ("portugues", "pt"), ("eng", "en"), ("pt_BR", "pt")]
)
def test_an_unknown_language_is_refused_with_the_closest_known(typed: str, near: str) -> None:
    with pytest.raises(ConfigError) as error:
        known_language(typed)
    assert f"'{near}'" in str(error.value.next_step)
    assert "en (English), es (Spanish), pt (Portuguese)" in str(error.value.allowed)

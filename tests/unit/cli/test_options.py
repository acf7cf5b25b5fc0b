from __future__ import annotations

import pytest

from evalkit.cli.options import split_words
from evalkit.errors import ConfigError


def test_words_are_split_as_a_shell_would() -> None:
    assert split_words("""a=1 "study.title='Stop, look'" b=[1,2]""") == ["a=1", "study.title='Stop, look'", "b=[1,2]"]


def test_an_empty_text_holds_no_words() -> None:
    assert split_words("") == []
    assert split_words("  ") == []


def test_a_quotation_mark_that_is_never_closed_is_refused() -> None:
    with pytest.raises(ConfigError, match="Cannot split"):
        split_words("study.title='open")

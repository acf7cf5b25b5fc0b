"""Names that YAML, Hydra and pandas read as something else, from the config and the file to the panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config import load_study
from evalkit.data.study_panel import load_frame, panel_for
from evalkit.errors import ConfigError
from tests.small_study import frame, study, write_data, write_study

WORDS = ("NA", "NO", "007", "12:30", "null", "1e3", "True", "nan", "2001-01-01")
READ_AS_ANOTHER = {"null", "1e3", "True", "nan"}
"""Unquoted these mean nothing, a number or a truth value to YAML and Hydra: refused where text is needed."""
pytestmark = pytest.mark.promise("trap-08")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = frame()
    names = sorted(data["place"].unique())
    write_data(tmp_path, data.assign(place=data["place"].replace(dict(zip(names, WORDS, strict=False)))))
    write_study(tmp_path, study())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_places_of_a_file_keep_their_names(folder: Path) -> None:
    made = load_study("lights")
    panel = panel_for(load_frame(made), made.spec, made.spec.outcomes[0])
    assert set(WORDS) <= set(panel.units.tolist())
    assert len(panel.units) == 24


@pytest.mark.parametrize("word", WORDS)
def test_a_place_that_is_typed_is_that_place_or_is_refused_with_the_way_to_quote_it(folder: Path, word: str) -> None:
    for typed in (word, f"'{word}'"):
        changed = f"+study.equity=[{{name: group, column: place, reference: {typed}}}]"
        if typed in READ_AS_ANOTHER:
            with pytest.raises(ConfigError, match=r"study\.equity\.0\.reference"):
                load_study("lights", [changed])
        else:
            assert load_study("lights", [changed]).spec.equity[0].reference == word

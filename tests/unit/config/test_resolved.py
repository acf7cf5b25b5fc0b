from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config import config_sha, load_study, read_resolved, resolved_yaml
from evalkit.errors import ConfigError
from tests.small_study import study, write_study


def test_a_resolved_study_reads_back_as_itself(folder: Path) -> None:
    content = study(equity=[{"name": "12:30", "column": "007", "reference": "NO"}])
    content["title"] = "yes: ¿quién?\nsecond line"
    write_study(folder, content)
    loaded = load_study("lights")
    file = folder / "study.yaml"
    file.write_text(resolved_yaml(loaded), encoding="utf-8")
    assert read_resolved(file) == loaded


def test_the_text_and_the_hash_do_not_depend_on_the_order_of_keys(folder: Path) -> None:
    first = load_study("lights")
    write_study(folder, dict(reversed(study().items())))
    again = load_study("lights")
    assert resolved_yaml(first) == resolved_yaml(again)
    assert config_sha(first) == config_sha(again)


def test_the_hash_moves_with_every_choice_but_not_with_where_the_data_lie(folder: Path) -> None:
    base = config_sha(load_study("lights"))
    for override in ("seed=1", "study.design.anticipation=1", "estimator.anticipation=1", "check.pre_trends.alpha=0.1"):
        assert config_sha(load_study("lights", [override])) != base, override
    assert config_sha(load_study("lights", ["data_root=/elsewhere"])) == base


@pytest.mark.promise("trap-05")
def test_a_study_yaml_with_code_in_it_is_refused(folder: Path) -> None:
    file = folder / "study.yaml"
    file.write_text("spec: {_target_: os.system}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"spec\._target_"):
        read_resolved(file)


@pytest.mark.parametrize("text", ["- a list\n", "spec: {}\n", "spec: [\n"])
def test_what_is_no_resolved_study_is_refused(text: str, folder: Path) -> None:
    file = folder / "study.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_resolved(file)


def test_a_file_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        read_resolved(folder / "nowhere.yaml")

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.workspace.files import class_name, create, require_estimator_name, require_study_name


@pytest.mark.parametrize("name", ["night_buses", "Night-buses2"])
def test_a_name_that_can_be_a_file_is_taken(name: str) -> None:
    require_study_name(name)


@pytest.mark.parametrize(("name", "offered"), [("../x", "x"), ("2 fast", "study_2_fast"), ("a b!", "a_b")])
def test_a_name_that_cannot_comes_with_one_that_can(name: str, offered: str) -> None:
    with pytest.raises(ConfigError) as refused:
        require_study_name(name)
    assert f"For example: {offered}." in str(refused.value)
    require_study_name(offered)


def test_a_keyword_is_no_estimator() -> None:
    with pytest.raises(ConfigError, match="cannot name an estimator"):
        require_estimator_name("class")


def test_the_class_is_named_after_its_module() -> None:
    assert class_name("change_of_means_2") == "ChangeOfMeans2"


def test_nothing_is_written_where_one_file_exists(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="never writes over"):
        create(tmp_path, {"a": "1", "b": "2"})
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b").read_text("utf-8") == "mine"


def test_a_script_can_be_run_and_folders_are_made(tmp_path: Path) -> None:
    written = create(tmp_path / "new", {".ci/check": "#!/bin/sh\n", "deep/er/file": ""})
    assert [path.name for path in written] == ["check", "file"]
    assert written[0].stat().st_mode & 0o100


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="Could not write"):
        create(tmp_path / "data", {"a": ""})

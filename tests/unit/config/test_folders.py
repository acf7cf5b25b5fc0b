from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config.folders import Folders, packaged
from evalkit.errors import ConfigError


def test_the_packaged_folder_holds_the_main_config_and_every_group() -> None:
    assert (packaged() / "config.yaml").is_file()
    for group in ("study", "estimator", "check", "evidence", "tracking"):
        assert list((packaged() / group).glob("*.yaml")), group


def test_without_configs_in_the_working_folder_only_the_packaged_ones_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Folders.find() == Folders((packaged(),), ".")


def test_the_users_own_folder_comes_first_and_its_parent_holds_the_data(folder: Path) -> None:
    found = Folders.find()
    assert found.search == (folder / "configs", packaged())
    assert found.data_root == "."


def test_a_named_config_folder_elsewhere_brings_its_own_data_root(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "configs").mkdir()
    found = Folders.find(elsewhere / "configs")
    assert found.search[0] == elsewhere / "configs"
    assert found.data_root == str(elsewhere)


def test_a_checkouts_own_configs_are_searched_once() -> None:
    assert Folders.find(packaged()).search == (packaged(),)


def test_a_config_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        Folders.find(tmp_path / "nowhere")


def test_options_join_the_users_and_the_packaged_names(folder: Path) -> None:
    assert {"lights", "castle_doctrine"} <= set(Folders.find().options("study"))


def test_the_users_file_hides_a_packaged_one_of_the_same_name(folder: Path) -> None:
    (folder / "configs" / "priorities.yaml").write_text("- {id: parks, title: Parks}\n", encoding="utf-8")
    assert Folders.find().file("priorities.yaml") == folder / "configs" / "priorities.yaml"


def test_an_installation_without_its_configs_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalkit.config.folders.__file__", str(tmp_path / "evalkit" / "config" / "folders.py"))
    with pytest.raises(ConfigError, match="configs that ship with evalkit are missing"):
        packaged()

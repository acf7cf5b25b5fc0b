from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.checks import registry
from evalkit.config import check_settings, declared_studies, priorities, studies
from evalkit.errors import ConfigError
from tests.small_study import write_study


def test_studies_are_listed_with_their_titles(folder: Path) -> None:
    assert studies()["lights"] == "Street lights and crime"
    assert "castle_doctrine" in studies()


def test_a_study_that_cannot_be_read_is_listed_with_the_reason(folder: Path) -> None:
    write_study(folder, "title: [", name="broken")
    assert studies()["broken"].startswith("cannot be read: broken.yaml")


def test_the_users_own_priorities_replace_the_packaged_ones(folder: Path) -> None:
    assert "public_safety" in priorities()
    (folder / "configs" / "priorities.yaml").write_text("- {id: parks, title: Parks}\n", encoding="utf-8")
    assert priorities() == {"parks": "Parks"}


def test_a_list_of_priorities_without_titles_is_refused(folder: Path) -> None:
    (folder / "configs" / "priorities.yaml").write_text("- parks\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not a list of priorities"):
        priorities()


def test_every_built_in_check_has_standard_settings_that_its_class_takes() -> None:
    standard = check_settings()
    assert sorted(standard) == sorted(registry.BUILT_IN)
    for name, settings in standard.items():
        registry.get(name)(**settings)


def test_a_folders_own_studies_are_declared_and_not_those_that_ship_with_evalkit(folder: Path) -> None:
    write_study(folder, "title: Night buses\ncity: Lima\n", name="night_buses")
    write_study(folder, "title: [", name="broken")
    declared = {found.id: (found.title, found.city) for found in declared_studies()}
    assert set(declared) == {"lights", "night_buses"}
    assert declared["night_buses"] == ("Night buses", "Lima")
    assert {"castle_doctrine", "night_buses"} <= set(studies())


def test_a_file_that_is_no_study_is_not_declared(folder: Path) -> None:
    (folder / "configs" / "study" / "notes.yaml").write_text("- a list\n- of notes\n", encoding="utf-8")
    assert [each.id for each in declared_studies()] == ["lights"]

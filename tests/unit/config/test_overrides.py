from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config.folders import Folders
from evalkit.config.overrides import prepare, sweep_jobs, unknown_choice
from evalkit.errors import ConfigError


@pytest.fixture
def folders(folder: Path) -> Folders:
    return Folders.find()


def test_values_are_forced_in_and_groups_are_chosen(folders: Folders) -> None:
    typed = ["study=lights", "seed=7", "+study.design.level=0.9", "++estimator.anticipation=1", "~study.cost"]
    assert prepare(typed, folders) == [
        "study=lights",
        "++seed=7",
        "++study.design.level=0.9",
        "++estimator.anticipation=1",
        "~study.cost",
    ]


def test_hydras_own_settings_pass_as_they_are(folders: Folders) -> None:
    typed = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert prepare(typed, folders) == typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sed=7", "'seed'"),
        ("studdy=lights", "'study'"),
        ("estimater.anticipation=1", "'estimator.anticipation'"),
        ("estimator=calaway", "'callaway_santanna'"),
        ("study=ligths", "'lights'"),
        ("tracking=sever", "'server'"),
    ],
)
def test_an_unknown_word_is_answered_with_the_closest_one(typed: str, meant: str, folders: Folders) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare([typed], folders)
    assert f"Did you mean {meant}?" in str(caught.value)


def test_each_choice_of_a_sweep_is_checked(folders: Folders) -> None:
    with pytest.raises(ConfigError, match="There is no study 'castle'"):
        prepare(["study=lights,castle"], folders)


@pytest.mark.parametrize("typed", ["seed", "=7", "seed=[1", "a b=c"])
def test_what_the_grammar_cannot_read_is_quoted_back(typed: str, folders: Folders) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare([typed], folders)
    assert f"'{typed}'" in caught.value.what
    assert caught.value.allowed is not None


def test_a_study_named_without_its_key_is_answered_with_the_key(folders: Folders) -> None:
    with pytest.raises(ConfigError, match="study=castle_doctrine"):
        prepare(["castle_doctrine"], folders)


def test_an_estimator_that_resembles_none_may_live_in_a_file(folders: Folders) -> None:
    with pytest.raises(ConfigError, match="--plugin"):
        prepare(["study=castle_doctrine", "estimator=zzz"], folders)


def test_a_registered_estimator_needs_no_config_of_its_own(folders: Folders) -> None:
    assert prepare(["estimator=mine"], folders, plugins=["mine"]) == ["estimator=mine"]


def test_a_sweep_runs_every_combination_once_in_order() -> None:
    jobs = sweep_jobs(["study=a,b", "estimator=c,d", "++seed=7", "hydra/launcher=joblib"])
    assert jobs == [
        ["study=a", "estimator=c", "++seed=7"],
        ["study=a", "estimator=d", "++seed=7"],
        ["study=b", "estimator=c", "++seed=7"],
        ["study=b", "estimator=d", "++seed=7"],
    ]


def test_a_continuous_range_cannot_be_swept() -> None:
    with pytest.raises(ConfigError, match="Cannot sweep"):
        sweep_jobs(["estimator.level=interval(0.8,0.9)"])


def test_a_city_is_asked_for_where_no_table_lists_any() -> None:
    assert unknown_choice("city", "gary", []).allowed == "none: there is no configs/cities.yaml"
    assert unknown_choice("tracking", "x", []).allowed == "none: there is no folder configs/tracking"

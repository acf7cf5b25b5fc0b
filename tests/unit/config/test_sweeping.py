from __future__ import annotations

import importlib.util
import os
from functools import partial
from pathlib import Path

import pytest

from evalkit.config.sweeping import check_launcher, launcher_of, launching, plan_sweep
from evalkit.errors import ConfigError, EvalkitError
from tests.small_study import study, write_study
from tests.unit.config.sweep_jobs import fail_on_two, write_number


def numbers(folder: Path) -> list[list[str]]:
    """What each job wrote: its number, process and working folder."""
    return [file.read_text(encoding="utf-8").split("\n") for file in sorted(folder.glob("job-*.txt"))]


def test_the_plan_lists_what_will_run_as_typed(folder: Path) -> None:
    planned = plan_sweep(["study=lights,castle_doctrine", "seed=1,2", "hydra/launcher=joblib"], None)
    assert planned[0] == ("study=lights", "seed=1")
    assert len(planned) == 4


def test_a_wrong_name_is_found_before_anything_runs(folder: Path) -> None:
    with pytest.raises(ConfigError, match="There is no study 'ligths'"):
        plan_sweep(["study=lights,ligths"], None)


def test_a_pattern_names_all_configs_that_match(folder: Path) -> None:
    write_study(folder, study(id="lights_two"), name="lights_two")
    assert plan_sweep(["study=glob(light*)"], None) == [("study=lights",), ("study=lights_two",)]
    assert plan_sweep(["study=glob(light*,exclude=*two)"], None) == [("study=lights",)]
    assert len(plan_sweep(["study=lights", "estimator=glob(*)"], None)) > 10


@pytest.mark.parametrize(
    ("word", "message"), [("study=glob(zebra*)", "No study matches"), ("seed=glob(*)", "no list of names")]
)
def test_a_pattern_that_matches_nothing_is_refused(word: str, message: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_sweep(["study=lights", word], None)


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_each_job_gets_its_number_and_the_working_folder(launcher: str, folder: Path) -> None:
    words = [
        "study=lights",
        f"hydra/launcher={launcher}",
        *(["hydra.launcher.n_jobs=2"] if launcher != "basic" else []),
    ]
    sweep = folder / "it's a sweep"
    with launching(partial(write_number, folder), overrides=words, config_dir=None, folder=sweep) as run:
        run([3, 5])
        run([7])
    found = numbers(folder)
    assert [lines[0] for lines in found] == ["3", "5", "7"]
    assert {lines[2] for lines in found} == {str(folder)}
    assert all((lines[1] == str(os.getpid())) is (launcher == "basic") for lines in found)


def test_an_error_of_a_job_is_reported_after_the_others_ran(folder: Path) -> None:
    with (
        launching(partial(fail_on_two, folder), overrides=["study=lights"], config_dir=None, folder=folder) as run,
        pytest.raises(EvalkitError, match="job 2 is unlucky"),
    ):
        run([1, 2, 3])
    assert [lines[0] for lines in numbers(folder)] == ["1", "3"]


def test_a_launcher_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match="hydra/launcher/rai"):
        check_launcher(["hydra/launcher=rai"], None)


def test_ray_is_a_launcher_that_says_how_it_is_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))
    with pytest.raises(ConfigError, match="not installed") as refused:
        check_launcher(["hydra/launcher=ray"], None)
    assert "evalkit[ray]" in str(refused.value)


@pytest.mark.parametrize("word", ["hydra.launcher._target_=os.system", "hydra.sweeper._target_=subprocess.run"])
@pytest.mark.promise("trap-05")
def test_a_launcher_cannot_be_made_to_run_other_code(word: str, folder: Path) -> None:
    with pytest.raises(EvalkitError):
        check_launcher(["hydra/launcher=joblib", word], None)


@pytest.mark.parametrize(
    ("typed", "launcher"), [([], "basic"), (["hydra/launcher=basic"], "basic"), (["hydra/launcher=joblib"], "joblib")]
)
def test_the_launcher_is_the_one_that_was_typed(typed: list[str], launcher: str) -> None:
    assert launcher_of(["study=lights", *typed]) == launcher

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from evalkit.config.sweeping import is_parallel, launch_sweep, plan_sweep
from evalkit.errors import ConfigError, EvalkitError
from tests.unit.config.sweep_jobs import compose_again, fail_on_seed_2, write_overrides


def test_the_plan_lists_what_will_run_as_typed(folder: Path) -> None:
    planned = plan_sweep(["study=lights,castle_doctrine", "seed=1,2"], None)
    assert planned[0] == ("study=lights", "seed=1")
    assert len(planned) == 4


def test_a_wrong_name_is_found_before_anything_runs(folder: Path) -> None:
    with pytest.raises(ConfigError, match="There is no study 'ligths'"):
        plan_sweep(["study=lights,ligths"], None)


def test_each_combination_gets_its_overrides_and_a_folder_of_its_own(folder: Path) -> None:
    sweep = folder / "it's a sweep"
    launch_sweep(["study=lights", "seed=1,2"], write_overrides, config_dir=None, folder=sweep)
    jobs = [(sweep / str(number) / "job.txt").read_text(encoding="utf-8").split("\n") for number in range(2)]
    assert [lines[:2] for lines in jobs] == [["study=lights", "++seed=1"], ["study=lights", "++seed=2"]]
    assert all(lines[-1] == f"cwd={folder}" for lines in jobs), "jobs stay in the working folder"


def test_a_sweep_litters_no_working_folder_and_gives_the_command_line_back(folder: Path) -> None:
    typed = list(sys.argv)
    launch_sweep(["study=lights", "seed=1"], write_overrides, config_dir=None, folder=folder / "sweep")
    assert sorted(path.name for path in folder.iterdir()) == ["configs", "sweep"]
    assert sys.argv == typed
    assert "HYDRA_FULL_ERROR" not in os.environ


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_job_composes_its_own_config_from_its_overrides(launcher: str, folder: Path) -> None:
    words = ["study=lights", "seed=1,2", f"hydra/launcher={launcher}"]
    launch_sweep(words, compose_again, config_dir=None, folder=folder / "sweep")
    texts = [(folder / "sweep" / str(number) / "job.txt").read_text(encoding="utf-8") for number in range(2)]
    assert texts == ["lights 1", "lights 2"]


def test_an_error_of_a_job_is_reported_after_the_others_ran(folder: Path) -> None:
    with pytest.raises(EvalkitError, match="seed 2 is unlucky"):
        launch_sweep(["study=lights", "seed=1,2,3"], fail_on_seed_2, config_dir=None, folder=folder / "sweep")
    assert (folder / "sweep" / "2" / "job.txt").is_file()


def test_joblib_runs_jobs_in_other_processes(folder: Path) -> None:
    words = ["study=lights", "seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    launch_sweep(words, write_overrides, config_dir=None, folder=folder / "sweep")
    texts = [(folder / "sweep" / str(number) / "job.txt").read_text(encoding="utf-8") for number in range(2)]
    assert all(f"pid={os.getpid()}\n" not in text for text in texts)


def test_a_launcher_that_is_not_installed_is_named(folder: Path) -> None:
    with pytest.raises(EvalkitError, match="hydra/launcher/rai"):
        launch_sweep(["study=lights", "hydra/launcher=rai"], write_overrides, config_dir=None, folder=folder / "sweep")


@pytest.mark.parametrize(
    ("typed", "parallel"), [([], False), (["hydra/launcher=basic"], False), (["hydra/launcher=joblib"], True)]
)
def test_only_other_launchers_than_the_basic_one_run_jobs_side_by_side(typed: list[str], parallel: bool) -> None:
    assert is_parallel(["study=lights", *typed]) is parallel

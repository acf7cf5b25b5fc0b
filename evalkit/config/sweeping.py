"""Sweeps: hand a job to one of Hydra's launchers, once for every combination of overrides."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalkit.config.composing import CONFIG_NAME, bare_estimators
from evalkit.config.folders import Folders
from evalkit.config.overrides import parse, prepare, sweep_jobs
from evalkit.errors import EvalkitError
from evalkit.estimators import registry

Job = Callable[[tuple[str, ...], Path], None]
"""Called with the overrides of one combination and a folder of its own."""

_SETTINGS = (
    "hydra.job.chdir=false",
    "hydra.output_subdir=null",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)


def plan_sweep(overrides: Sequence[str], config_dir: Path | None) -> list[tuple[str, ...]]:
    """The combinations that a sweep will run, in order, as typed.

    Raises
    ------
    ConfigError
        For overrides that cannot be read or name what does not exist.
    """
    prepare(overrides, Folders.find(config_dir), plugins=registry.names())
    return [tuple(job) for job in sweep_jobs(overrides)]


def launch_sweep(overrides: Sequence[str], job: Job, *, config_dir: Path | None, folder: Path) -> None:
    """Run all combinations with the launcher that ``hydra/launcher=`` names.

    Parameters
    ----------
    overrides
        As typed, choices separated by commas.
    job
        Run for each combination, in other processes where the launcher says so: it must be
        importable, and report by writing files.
    config_dir
        Folder looked into before the packaged configs.
    folder
        New folder of the sweep; each job gets ``folder/<number>``.

    Raises
    ------
    EvalkitError
        If the launcher itself stopped; jobs that did not run have written nothing.
    """
    import hydra

    from evalkit.config.search_path import searching

    folders = Folders.find(config_dir)
    prepared = prepare(overrides, folders, plugins=registry.names())
    words = ["evalkit", "--multirun", *_SETTINGS, f"hydra.sweep.dir='{_escaped(folder)}'", *prepared]
    task = _task(job)
    with searching(folders.search, bare_estimators(folders)), _as_program(words):
        main = hydra.main(config_path=str(folders.search[-1]), config_name=CONFIG_NAME, version_base="1.3")
        try:
            main(task)()
        except EvalkitError:
            raise
        except Exception as error:  # whatever a launcher raises, the finished jobs are reported
            lines = str(error).strip().splitlines()
            raise EvalkitError(
                f"The sweep's launcher stopped: {type(error).__name__}: {lines[0] if lines else ''}",
                next_step="Run the jobs that are missing again, e.g. with hydra/launcher=basic.",
            ) from error


def is_parallel(overrides: Sequence[str]) -> bool:
    """Whether the jobs run in other processes, several at once."""
    chosen = [str(word.value()) for word in parse(overrides) if word.key_or_group == "hydra/launcher"]
    return bool(chosen) and chosen[-1] != "basic"


def _task(job: Job) -> Callable[[Any], None]:
    """What Hydra calls: composed configs are not used, each job composes its own from its overrides."""

    def task(_: Any) -> None:
        from hydra.core.hydra_config import HydraConfig

        settings = HydraConfig.get()
        job(tuple(settings.overrides.task), Path(settings.runtime.output_dir))

    return task


@contextmanager
def _as_program(words: list[str]) -> Iterator[None]:
    """Let Hydra read `words` as its command line, and raise its errors instead of printing them."""
    typed, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv, os.environ["HYDRA_FULL_ERROR"] = words, "1"
    try:
        yield
    finally:
        sys.argv = typed
        os.environ.pop("HYDRA_FULL_ERROR")
        if full is not None:
            os.environ["HYDRA_FULL_ERROR"] = full


def _escaped(folder: Path) -> str:
    return str(folder).replace("\\", "\\\\").replace("'", "\\'")

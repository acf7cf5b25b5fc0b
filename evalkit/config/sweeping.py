"""Sweeps: list the combinations that were asked for, and hand their numbers to one of Hydra's launchers.

What a launcher gets is a number and a folder, not a config: jobs are composed and checked once, before the
first one starts, and Hydra's own composition in each worker, which nobody reads, stays as small as it can be.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from evalkit.config.folders import Folders
from evalkit.config.overrides import expanded, is_launch, parse, prepare, sweep_jobs
from evalkit.config.safety import refuse_launch_code
from evalkit.errors import ConfigError, EvalkitError
from evalkit.estimators import registry

Job = Callable[[int], object]
"""Called with the number of a job, in another process where the launcher says so: it reports by writing files."""

CONFIG: Final = "evalkit_sweep"
_SETTINGS: Final = (
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
    folders, plugins = Folders.find(config_dir), registry.names()
    spelled = expanded(overrides, folders, plugins=plugins)
    prepare(spelled, folders, plugins=plugins)
    return [tuple(job) for job in sweep_jobs(spelled)]


def launcher_of(overrides: Sequence[str]) -> str:
    """Name of the launcher: ``basic`` runs jobs one after the other in this process."""
    chosen = [str(word.value()) for word in parse(overrides) if word.key_or_group == "hydra/launcher"]
    return chosen[-1] if chosen else "basic"


@contextlib.contextmanager
def launching(
    job: Job,
    *,
    overrides: Sequence[str],
    config_dir: Path | None,
    folder: Path,
    check_hosts: Callable[[Collection[str]], None] | None = None,
    stopping: Callable[[], bool] | None = None,
) -> Iterator[Callable[[Sequence[int]], None]]:
    """Yield what runs jobs, by their numbers, with the launcher that ``hydra/launcher=`` names.

    It returns when none of them runs any more, and may be called again; workers stay warm between calls. It raises
    `EvalkitError` if the launcher itself stopped: jobs that did not run have then written nothing.

    Parameters
    ----------
    job
        Must be picklable by reference: a function of an importable module, bound with `functools.partial`.
    overrides
        As typed; those for Hydra are heeded.
    config_dir
        Folder looked into before the packaged configs, also for launchers of one's own.
    folder
        Of the sweep; job 7 gets ``folder/7``.
    check_hosts
        Given the names of the machines that would take jobs, where the launcher knows them.
    stopping
        Asked by launchers that can call jobs back.

    Raises
    ------
    ConfigError
        For a launcher that does not exist, or would run code from a config.
    """
    with _launcher(_Numbered(job), overrides, config_dir, folder) as launcher:
        ours = hasattr(launcher, "check_hosts")  # the others know neither machines nor a way back
        if ours:
            launcher.check_hosts, launcher.stopping = check_hosts, stopping
        try:
            yield functools.partial(_launch, launcher)
        finally:
            if ours:
                launcher.close()


def check_launcher(overrides: Sequence[str], config_dir: Path | None) -> None:
    """Find out whether there is such a launcher, before anything is opened or written.

    Raises
    ------
    ConfigError
        If it does not exist, is not installed, or would run code from a config.
    """
    with _launcher(_Numbered(int), overrides, config_dir, Path()) as launcher:
        if hasattr(launcher, "check_installed"):
            launcher.check_installed()


def _launch(launcher: Any, numbers: Sequence[int]) -> None:
    try:
        for result in launcher.launch([[f"job={number}"] for number in numbers], initial_job_idx=0):
            _ = result.return_value  # what a job could not catch itself is raised here
    except EvalkitError:
        raise
    except Exception as error:  # whatever a launcher raises, the finished jobs are reported
        lines = str(error).strip().splitlines()
        raise EvalkitError(
            f"The sweep's launcher stopped: {type(error).__name__}: {lines[0] if lines else ''}",
            next_step="Start the same command again: it runs what is missing. To look for the cause, one job at a "
            "time: hydra/launcher=basic.",
        ) from error


class _Numbered:
    """What Hydra calls: it takes the number out of the small config and runs the job."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def __call__(self, config: Any) -> None:
        self.job(int(config.job))


@contextlib.contextmanager
def _launcher(task: _Numbered, overrides: Sequence[str], config_dir: Path | None, folder: Path) -> Iterator[Any]:
    """The launcher, made by Hydra from its own part of the overrides."""
    from hydra import compose, initialize_config_dir
    from hydra._internal.callbacks import Callbacks
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.core.singleton import Singleton
    from hydra.errors import HydraException
    from hydra.types import HydraContext
    from omegaconf import OmegaConf

    from evalkit.config import ray_launcher
    from evalkit.config.search_path import searching

    before = Singleton.get_state()
    store = ConfigStore.instance()
    store.store(name=CONFIG, node={"job": 0})
    store.store(group="hydra/launcher", name="ray", node=ray_launcher.SETTINGS, provider="evalkit")
    words = [str(word.input_line) for word in parse(overrides) if is_launch(word)]
    folders = Folders.find(config_dir)
    GlobalHydra.instance().clear()
    try:
        with (
            searching(folders.search),
            initialize_config_dir(str(folders.search[-1]), job_name="evalkit", version_base="1.3"),
        ):
            try:
                config = compose(CONFIG, [*_SETTINGS, f"hydra.sweep.dir='{_escaped(folder)}'", *words], True)
            except HydraException as error:
                raise ConfigError(
                    f"The sweep cannot be launched: {str(error).strip().splitlines()[0]}",
                    allowed="hydra/launcher=basic|joblib|ray and their settings, e.g. hydra.launcher.n_jobs=4",
                ) from None
            node: Any = OmegaConf.to_container(config.hydra, resolve=False)
            chosen = dict(node["launcher"])
            loader = GlobalHydra.instance().config_loader()
            context = HydraContext(loader, Callbacks())
            given: dict[str, Any] = {"hydra_context": context, "task_function": task, "config": config}
            if chosen.pop("_target_", None) == ray_launcher.SETTINGS["_target_"]:
                launcher = ray_launcher.RayLauncher(**chosen)
                launcher.setup(**given)
                yield launcher
            else:
                refuse_launch_code(node)
                yield Plugins.instance().instantiate_launcher(**given)
    finally:
        Singleton.set_state(before)


def _escaped(folder: Path) -> str:
    return str(folder).replace("\\", "\\\\").replace("'", "\\'")

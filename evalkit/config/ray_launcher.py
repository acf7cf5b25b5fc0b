"""``hydra/launcher=ray``: jobs on a Ray cluster, or on Ray's processes of this machine.

A launcher of our own, because the published plug-in pins packages that evalkit needs newer, fetches files for one
cloud, and gives the whole sweep up when one worker is lost (docs/decisions). Here a lost worker costs its own job;
jobs are never repeated by Ray itself, so that none is counted twice: the sweep decides about a second attempt.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from evalkit.errors import ConfigError, EvalkitError

SETTINGS: Final[dict[str, Any]] = {
    "_target_": "evalkit.config.ray_launcher.RayLauncher",
    "address": None,  # of a cluster ("auto", "10.0.0.1:6379", "ray://..."); else RAY_ADDRESS; else a local one
    "num_cpus": None,  # of a local one: how many jobs of one CPU run at once; all by default
    "cpus_per_job": 1,
    "memory_per_job": None,  # bytes that a node must have free
}
WAIT_SECONDS: Final = 0.5
GRACE_SECONDS: Final = 10.0
_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # Ctrl-C is ours to handle
    "RAY_worker_niceness": "0",  # Ray's 15 lets jobs starve on a machine that does anything else
}


class RayLauncher(Launcher):
    """Runs each job as a task of Ray; its worker processes stay warm between jobs.

    Parameters
    ----------
    address, num_cpus, cpus_per_job, memory_per_job
        See `SETTINGS`.

    Attributes
    ----------
    check_hosts
        Told the names of the machines of the cluster before the first job; may refuse them.
    stopping
        Once it says so, running jobs are interrupted and no further ones are started.
    """

    def __init__(
        self,
        address: str | None = None,
        num_cpus: int | None = None,
        cpus_per_job: float = 1,
        memory_per_job: float | None = None,
    ) -> None:
        self.address, self.num_cpus = address, num_cpus
        self.cpus_per_job, self.memory_per_job = cpus_per_job, memory_per_job
        self.check_hosts: Callable[[Collection[str]], None] | None = None
        self.stopping: Callable[[], bool] | None = None
        self._joined = False
        self.context: Any = None
        self.task: Any = None
        self.config: Any = None

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Keep what Hydra hands over."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run all jobs; one that is lost with its worker has a failed result, and the others go on.

        Raises
        ------
        ConfigError
            If Ray is not installed, or does not start.
        """
        ray = self._ray()
        options: dict[str, Any] = {"num_cpus": self.cpus_per_job, "max_retries": 0, "retry_exceptions": False}
        if self.memory_per_job is not None:
            options["memory"] = self.memory_per_job
        run = ray.remote(**options)(_run)
        task = ray.put(self.task)
        waiting = {run.remote(task, list(words)): place for place, words in enumerate(job_overrides)}
        results: dict[int, JobReturn] = {}
        try:
            self._collect(ray, waiting, results)
        finally:
            _call_back(ray, list(waiting))
        return [results[place] for place in sorted(results)]

    def check_installed(self) -> None:
        """Refuse where Ray is missing.

        Raises
        ------
        ConfigError
            Naming the extra that brings it.
        """
        if importlib.util.find_spec("ray") is None:
            raise ConfigError(
                "hydra/launcher=ray needs Ray, which is not installed.",
                next_step='pip install "evalkit[ray]", or hydra/launcher=joblib for the processors of this machine.',
            )

    def close(self) -> None:
        """Leave the cluster; one that was started for this sweep ends."""
        if self._joined:
            importlib.import_module("ray").shutdown()
        self._joined = False

    def _collect(self, ray: Any, waiting: dict[Any, int], results: dict[int, JobReturn]) -> None:
        """Take results as they come, until all are there or somebody asks to stop."""
        while waiting and not (self.stopping and self.stopping()):
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=WAIT_SECONDS)
            for reference in done:
                place = waiting.pop(reference)
                results[place] = _result(ray, reference)

    def _ray(self) -> Any:
        """Ray, joined to the cluster; without one, started on this machine."""
        self.check_installed()
        os.environ.update({name: value for name, value in _ENVIRONMENT.items() if name not in os.environ})
        ray: Any = importlib.import_module("ray")
        if not ray.is_initialized():  # else it is the cluster of whoever calls from Python, and theirs to end
            self._join(ray)
            self._joined = True
        if self.check_hosts is not None:
            self.check_hosts({str(node["NodeManagerHostname"]) for node in ray.nodes() if node["Alive"]})
        return ray

    def _join(self, ray: Any) -> None:
        address = self.address or os.environ.get("RAY_ADDRESS")
        local = {} if address else {"num_cpus": self.num_cpus, "include_dashboard": False}
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EvalkitError(
                f"Ray did not start or could not be reached at {address or 'this machine'}: {reason}",
                next_step="See `ray status`; all machines need the same Python, Ray, evalkit and cluster token.",
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():  # Ray would end the sweep with a core dump
                for number, handler in handlers.items():
                    signal.signal(number, handler)


def _run(task: Any, overrides: list[str]) -> None:
    """In a worker: the number is all that a job needs."""
    from omegaconf import OmegaConf

    task(OmegaConf.from_dotlist(overrides))


def _result(ray: Any, reference: Any) -> JobReturn:
    found = JobReturn()
    try:
        found.return_value = ray.get(reference)
        found.status = JobStatus.COMPLETED
    except ray.exceptions.RayTaskError as error:  # the job raised
        found.return_value = error.cause
        found.status = JobStatus.FAILED
    except ray.exceptions.RayError:  # its worker is gone: the sweep sees that it left no word
        found.return_value = None
        found.status = JobStatus.COMPLETED
    return found


def _call_back(ray: Any, references: list[Any]) -> None:
    """Interrupt what still runs, gently first, so that jobs can close what they opened."""
    for reference in references:
        ray.cancel(reference, force=False)
    if references:
        _, left = ray.wait(references, num_returns=len(references), timeout=GRACE_SECONDS)
        for reference in left:
            ray.cancel(reference, force=True)

"""What the launcher asks of Ray; sweeps on a real one are in ``tests/functional/test_sweep.py``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.config.ray_launcher import RayLauncher
from evalkit.errors import EvalkitError


class Ray:
    """Calls that were made; tasks run when they are waited for, and `busy` ones never end."""

    class exceptions:  # noqa: N801 (the name of Ray's own module)
        class RayTaskError(Exception):
            cause: BaseException | None = None

        class RayError(Exception):
            pass

    def __init__(self, *, joined: bool = False, busy: Sequence[int] = (), refuses: str | None = None) -> None:
        self.joined, self.busy, self.refuses = joined, busy, refuses
        self.calls: list[tuple[Any, ...]] = []
        self.options: dict[str, Any] = {}
        self.count = 0

    def is_initialized(self) -> bool:
        return self.joined

    def init(self, **settings: Any) -> None:
        if self.refuses is not None:
            raise ConnectionError(self.refuses)
        self.calls.append(("init", settings["address"]))

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeManagerHostname": "one", "Alive": True}, {"NodeManagerHostname": "two", "Alive": False}]

    def remote(self, **options: Any) -> Callable[[Any], Any]:
        self.options = options

        def task(*given: Any) -> int:
            self.count += 1
            return self.count - 1

        return lambda function: SimpleNamespace(remote=task)

    def put(self, task: Any) -> Any:
        return task

    def wait(self, references: list[int], *, num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        done = [each for each in references if each not in self.busy]
        return done[:num_returns], [each for each in references if each in self.busy]

    def get(self, reference: int) -> str:
        return f"job {reference}"

    def cancel(self, reference: int, *, force: bool) -> None:
        self.calls.append(("cancel", reference, force))

    def shutdown(self) -> None:
        self.calls.append(("shutdown",))


@pytest.fixture
def launching(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ray], RayLauncher]:
    def made(ray: Ray, **settings: Any) -> RayLauncher:
        monkeypatch.setitem(sys.modules, "ray", ray)
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        launcher = RayLauncher(**settings)
        monkeypatch.setattr(launcher, "check_installed", lambda: None)
        return launcher

    return made


Launching = Callable[..., RayLauncher]


def test_a_cluster_that_was_started_for_the_sweep_ends_with_it_and_its_machines_are_looked_at(
    launching: Launching,
) -> None:
    ray, seen = Ray(), set[str]()
    launcher = launching(ray, address="10.0.0.1:6379")
    launcher.check_hosts = seen.update
    assert [each.return_value for each in launcher.launch([["seed=1"], ["seed=2"]], 0)] == ["job 0", "job 1"]
    launcher.close()
    launcher.close()
    assert ray.calls == [("init", "10.0.0.1:6379"), ("shutdown",)]
    assert seen == {"one"}, "a machine that is gone is not asked about"
    assert "memory" not in ray.options


def test_a_cluster_of_whoever_calls_is_theirs_to_end_and_a_job_s_memory_is_reserved(launching: Launching) -> None:
    ray = Ray(joined=True)
    launcher = launching(ray, memory_per_job=2e9)
    launcher.launch([["seed=1"]], 0)
    launcher.close()
    assert ray.calls == []
    assert (ray.options["memory"], ray.options["max_retries"]) == (2e9, 0)


def test_jobs_that_run_when_a_sweep_is_stopped_are_called_back_gently_first(launching: Launching) -> None:
    ray = Ray(busy=(2,))
    launcher = launching(ray)
    launcher.stopping = lambda: True
    assert launcher.launch([["seed=1"], ["seed=2"], ["seed=3"]], 0) == []
    gently = [("cancel", number, False) for number in range(3)]
    assert ray.calls[1:] == [*gently, ("cancel", 2, True)]


@pytest.mark.parametrize(("told", "said"), [("no such host\nand more", "no such host"), ("", "ConnectionError")])
def test_a_cluster_that_cannot_be_reached_is_named_with_the_first_line_of_the_reason(
    told: str, said: str, launching: Launching
) -> None:
    launcher = launching(Ray(refuses=told), address="10.0.0.1:6379")
    with pytest.raises(EvalkitError, match=rf"could not be reached at 10\.0\.0\.1:6379: {said}\n") as refused:
        launcher.launch([["seed=1"]], 0)
    assert "ray status" in str(refused.value.next_step)


def test_a_sweep_may_be_started_from_another_thread(launching: Launching) -> None:
    launcher, found = launching(Ray()), []
    thread = threading.Thread(target=lambda: found.extend(launcher.launch([["seed=1"]], 0)))
    thread.start()
    thread.join()
    assert [each.return_value for each in found] == ["job 0"]

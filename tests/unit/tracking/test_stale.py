from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalkit.tracking import stale
from evalkit.tracking.live import running
from evalkit.tracking.stale import find_stale, is_alive


def test_a_store_without_runs_has_no_stale_ones(uri: str) -> None:
    assert find_stale(uri) == []


def test_a_run_whose_process_works_is_not_stale(uri: str) -> None:
    with running("castle_doctrine", "public_safety", "Castle", tracking_uri=uri):
        assert find_stale(uri) == []


def test_a_process_that_is_gone_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not is_alive(process.pid, int(time.time() * 1000))


def test_a_killed_process_that_nobody_collected_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "print('ready', flush=True)"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"ready\n"
        # Its pipe is closed, so it has ended or is about to; `waitid` waits for that without collecting it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(process.pid, int(time.time() * 1000))


def test_a_later_process_of_the_same_number_is_another_one() -> None:
    assert is_alive(os.getpid(), int(time.time() * 1000))
    assert not is_alive(os.getpid(), 0)


def test_a_process_of_another_user_works_and_so_does_one_that_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = int(1000 * time.time())
    here = os.getpid()
    assert stale.is_alive(here, now)
    assert not stale.is_alive(here, 0), "a process that began later has got the number of another"

    def forbidden(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", forbidden)
    assert stale.is_alive(here, now)
    monkeypatch.setattr(stale, "Path", lambda place: tmp_path / "none")
    assert stale.is_alive(here, 0), "without /proc the number alone has to do"

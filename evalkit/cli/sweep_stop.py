"""Stopping a sweep: running jobs close what they opened, no further ones start, no process is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from evalkit.cli.failures import EXIT_TERMINATED
from evalkit.cli.screen import Screen
from evalkit.cli.sweep_job import GRACE_SECONDS, STATUS, STOP, begun
from evalkit.cli.sweep_words import worded


class Stop:
    """Whether somebody asked the sweep to stop, and how.

    Parameters
    ----------
    folder
        Of this start of the sweep.
    screen
        Where it is said.

    Attributes
    ----------
    asked
        Once true, it stays so.
    """

    def __init__(self, folder: Path, screen: Screen) -> None:
        self.folder, self.screen = folder, screen
        self.asked = False
        self._signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT and SIGTERM: gently the first time, at once the second."""
        if self.asked:
            self._signal = self._signal or number
            self.leave()
        self.asked, self._signal = True, number
        (self.folder / STOP).touch()
        for pid in self.working():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
        self.screen.note(worded("stopping"))
        later = threading.Timer(GRACE_SECONDS, signal.raise_signal, (signal.SIGINT,))
        later.daemon = True
        later.start()
        self._timer = later

    def working(self) -> set[int]:
        """Processes of this machine that are at a job."""
        busy = [
            each
            for place in self.folder.glob("*/")
            if place.name.isdigit() and not (place / STATUS).exists()
            for each in begun(self.folder, int(place.name))
        ]
        here = {int(each["pid"]) for each in busy if each.get("host") == socket.gethostname()}
        return here - {os.getpid()}

    def leave(self) -> None:
        """End as the signal asks, where there was one; nothing otherwise.

        Raises
        ------
        KeyboardInterrupt, SystemExit
            After SIGINT, after SIGTERM.
        """
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self._signal:
            raise SystemExit(EXIT_TERMINATED)

    def quiet(self) -> None:
        """Call off the second, harder stop: everything has ended."""
        timer = getattr(self, "_timer", None)
        if timer is not None:
            timer.cancel()


@contextlib.contextmanager
def stoppable(stop: Stop, *, active: bool) -> Iterator[None]:
    """Let `stop` handle the signals while jobs run in other processes; jobs of this process handle them themselves."""
    if not active or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        stop.quiet()
        for number, handler in before.items():
            signal.signal(number, handler)

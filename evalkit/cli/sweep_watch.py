"""Live progress of a sweep, from the files that its jobs leave: the same whatever runs them, and wherever."""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from evalkit.cli.failures import printable
from evalkit.cli.screen import Screen
from evalkit.cli.sweep_job import begun, status_of
from evalkit.cli.sweep_words import STATES, worded
from evalkit.tracking.redact import redact

EVERY_SECONDS: Final = 0.5
MOST_NAMES: Final = 3
_IN_THE_TITLE: Final = ("study=", "city=")


class Watch:
    """What is known of the jobs so far.

    Parameters
    ----------
    folder
        Of this start of the sweep.
    typed
        Overrides of each job.
    """

    def __init__(self, folder: Path, typed: Sequence[Sequence[str]]) -> None:
        self.folder = folder
        self.names = short_names(typed)
        self.ended: Counter[str] = Counter()
        self._waiting = list(range(len(typed)))
        self.running: list[int] = []

    def news(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Jobs that ended since the last call, with their statuses, one after the other; one counts once it is told."""
        for number in tuple(self._waiting):
            status = status_of(self.folder, number)
            if status is not None:
                self._waiting.remove(number)
                self.ended[str(status["state"])] += 1
                yield number, status
        self.running = [number for number in self._waiting if begun(self.folder, number)]

    def line(self, number: int, status: dict[str, Any]) -> str:
        """One line on a job that has ended."""
        return worded(
            "line",
            ended=self.ended.total(),
            count=len(self.names),
            state=status["state"],
            job=self.names[number],
            text=status.get("what") or status.get("headline") or "",
        )

    def counts(self) -> str:
        """Jobs by state."""
        return ", ".join(worded("count", state=state, count=self.ended[state]) for state in STATES if self.ended[state])

    def summary(self) -> str:
        """How far it is."""
        ended, count = self.ended.total(), len(self.names)
        if not self.running:
            return worded("progress", ended=ended, count=count)
        names = "; ".join(self.names[number] for number in self.running[:MOST_NAMES])
        more = "" if len(self.running) <= MOST_NAMES else " ..."
        return worded("progress_running", ended=ended, count=count, names=names + more)


@contextmanager
def watching(screen: Screen, folder: Path, typed: Sequence[Sequence[str]]) -> Iterator[None]:
    """Show progress while the body runs: a bar on a terminal, a line for each job otherwise, nothing if quiet."""
    if screen.quiet:
        yield
        return
    watch, over = Watch(folder, typed), threading.Event()
    show = _bar if sys.stderr.isatty() else _lines
    thread = threading.Thread(target=contextvars.copy_context().run, args=(show, watch, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=10 * EVERY_SECONDS)


def _lines(watch: Watch, over: threading.Event) -> None:
    start = time.monotonic()
    last = False
    while not last:
        last = over.wait(EVERY_SECONDS)
        for number, status in watch.news():
            click.echo(f"[{time.monotonic() - start:6.1f} s] {printable(watch.line(number, status))}", err=True)


def _bar(watch: Watch, over: threading.Event) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(bar_width=32), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=len(watch.names))
        last = False
        while not last:
            last = over.wait(EVERY_SECONDS)
            for number, status in watch.news():
                if status["exit_code"]:
                    bars.console.print(escape(printable(watch.line(number, status))))
            running = "; ".join(watch.names[number] for number in watch.running[:MOST_NAMES])
            text = escape(printable(f"{watch.counts()}  {running}"))
            bars.update(task, completed=watch.ended.total(), description=text)


def short_names(typed: Sequence[Sequence[str]]) -> list[str]:
    """Jobs by what tells them apart: words that all share are left out."""
    return [" ".join(words) or " ".join(job) for words, job in zip(_own_words(typed), typed, strict=True)]


def called(typed: Sequence[Sequence[str]]) -> list[str]:
    """What the titles of their studies do not say of jobs: the estimator where there are several, any other choice.

    Examples
    --------
    >>> called([("study=lights", "city=austin", "estimator=imputation"), ("study=lights", "city=waco", "seed=2")])
    ['imputation', 'seed=2']
    >>> called([("study=lights", "city=austin"), ("study=lights", "city=waco")])
    ['', '']
    """
    return [
        redact(", ".join(word.removeprefix("estimator=") for word in words if not word.startswith(_IN_THE_TITLE)))
        for words in _own_words(typed)
    ]


def _own_words(typed: Sequence[Sequence[str]]) -> list[list[str]]:
    """Each job's words that not all jobs share; none where there is one job."""
    shared = set.intersection(*(set(job) for job in typed))
    return [[word.lstrip("+") for word in job if word not in shared] for job in typed]

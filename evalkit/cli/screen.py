"""What a person sees: progress on stderr, results on stdout; plain lines where there is no terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from evalkit.cli.failures import printable

Tell = Callable[..., None]
"""Called as ``tell(text)`` or ``tell(text, share_done)``."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a verb writes to.

    Attributes
    ----------
    quiet
        No progress; results are still written.
    as_json
        Results as one JSON document on stdout.
    """

    quiet: bool = False
    as_json: bool = False

    @contextmanager
    def progress(self) -> Iterator[Tell]:
        """Show steps as they come: a bar with the time on a terminal, a line each otherwise."""
        if self.quiet:
            yield _silent
        elif sys.stderr.isatty():
            with _bar() as tell:
                yield tell
        else:
            yield _lines()

    def note(self, text: str) -> None:
        """A remark beside the result, on stderr."""
        if not self.quiet:
            click.echo(printable(text), err=True)

    def facts(self, title: str, rows: Mapping[str, str], document: Mapping[str, Any]) -> None:
        """Names and values: a framed table on a terminal, lines otherwise, `document` with ``--json``."""
        if self.as_json:
            self.document(document)
        elif sys.stdout.isatty():
            _rich_facts(title, rows)
        else:
            width = max((len(name) for name in rows), default=0)
            click.echo(printable(title))
            for name, value in rows.items():
                below = "\n" + " " * (width + 4)
                click.echo(f"  {name:<{width}}  {printable(value).replace(chr(10), below)}".rstrip())

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows under column names; a list of objects with ``--json``."""
        if self.as_json:
            self.document([dict(zip(columns, row, strict=True)) for row in rows])
        elif sys.stdout.isatty():
            _rich_table(title, columns, rows)
        else:
            cells = [[printable(cell).replace("\n", " ") for cell in row] for row in [columns, *rows]]
            widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
            for row in cells:
                click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def document(self, content: Any) -> None:
        """One JSON document on stdout."""
        click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def _silent(text: str, share: float | None = None) -> None:
    """Report to nobody."""


def _lines() -> Tell:
    """One line for each new step, with the seconds since the start."""
    start = time.monotonic()
    last = ""

    def tell(text: str, share: float | None = None) -> None:
        nonlocal last
        if text != last:
            last = text
            click.echo(f"[{time.monotonic() - start:5.1f} s] {printable(text)}", err=True)

    return tell


@contextmanager
def _bar() -> Iterator[Tell]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    steps: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def tell(text: str, share: float | None = None) -> None:
            if text not in steps:
                for done in steps.values():
                    bars.update(done, total=1.0, completed=1.0)
                    bars.stop_task(done)
                steps[text] = bars.add_task(escape(printable(text)), total=None)
            if share is not None:
                bars.update(steps[text], total=1.0, completed=share)

        yield tell


def _rich_facts(title: str, rows: Mapping[str, str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title), style="bold"), box=box.ROUNDED, show_header=False, title_justify="left")
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(Text(name), Text(printable(value)))
    Console().print(table)


def _rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="bold"), box=box.ROUNDED, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)

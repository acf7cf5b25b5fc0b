"""How errors are shown: what happened, what was allowed, what to do next; never a traceback unasked."""

from __future__ import annotations

import json
import os
import traceback
from typing import Any, Final

import click

from evalkit.errors import EvalkitError

EXIT_CRASHED: Final = 1
EXIT_INTERRUPTED: Final = 130
EXIT_TERMINATED: Final = 143
DEBUG: Final = "EVALKIT_DEBUG"


def as_dict(error: EvalkitError) -> dict[str, Any]:
    """An error as ``--json`` shows it.

    Examples
    --------
    >>> from evalkit.errors import DataError
    >>> as_dict(DataError("Row 3 is empty."))["exit_code"]
    3
    """
    return {
        "kind": type(error).__name__,
        "what": error.what,
        "allowed": error.allowed,
        "next_step": error.next_step,
        "exit_code": error.exit_code,
    }


def show_error(error: EvalkitError, *, as_json: bool) -> int:
    """Write an expected error to stderr and return its exit code."""
    if as_json:
        click.echo(json.dumps({"error": as_dict(error)}, ensure_ascii=False), err=True)
    else:
        click.echo(f"Error: {printable(str(error))}", err=True)
    _show_traceback(error)
    return error.exit_code


def show_crash(error: Exception, *, as_json: bool) -> int:
    """Write an error that nobody foresaw to stderr, in two lines."""
    lines = str(error).strip().splitlines()
    what = f"evalkit failed in a way it should not: {type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
    next_step = f"Set {DEBUG}=1 to see the traceback, and report it with the command that you typed."
    if as_json:
        crash = {"kind": type(error).__name__, "what": what, "allowed": None, "next_step": next_step, "exit_code": 1}
        click.echo(json.dumps({"error": crash}, ensure_ascii=False), err=True)
    else:
        click.echo(f"Error: {printable(what)}\n  Next: {next_step}", err=True)
    _show_traceback(error)
    return EXIT_CRASHED


def printable(text: str) -> str:
    r"""Text without control characters: a study's title must not steer the terminal.

    Examples
    --------
    >>> printable("safe\x1b[2J title\n  Next: read")
    'safe[2J title\n  Next: read'
    """
    return "".join(character for character in text if character in "\n\t" or character.isprintable())


def _show_traceback(error: BaseException) -> None:
    if os.environ.get(DEBUG) == "1":
        click.echo("".join(traceback.format_exception(error)), err=True)

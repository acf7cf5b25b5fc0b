"""The `evalkit` command: find the verb, run it, turn errors into words and exit codes.

Verbs are imported when they are used, so that ``evalkit --help`` answers at once.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

import click
from click.shell_completion import CompletionItem

from evalkit import __version__
from evalkit.cli.failures import EXIT_INTERRUPTED, EXIT_TERMINATED, show_crash, show_error
from evalkit.errors import ConfigError, EvalkitError, closest

VERBS: Final = {
    "init": ("evalkit.cli.init:init", "Make a workspace: configs, studies, data, estimators, README, CI file."),
    "new": ("evalkit.cli.new:new", "Write a new study from its data, or a new estimator with its test."),
    "run": ("evalkit.cli.run:run", "Evaluate a study: estimate, check, rate, write the brief, log to MLflow."),
    "list": ("evalkit.cli.listing:list_", "List studies, estimators, checks or priorities."),
    "validate": ("evalkit.cli.validate:validate", "Check a study's config, data and design; estimate nothing."),
    "plan": ("evalkit.cli.plan:plan", "Lock a study's plan before outcomes are seen; say what differs from it."),
    "power": ("evalkit.cli.power:power", "The smallest change that a study's design would detect."),
    "rollout": ("evalkit.cli.rollout:rollout", "Compare roll-out schedules, and draw who starts when."),
    "report": ("evalkit.cli.report:report", "Show what a finished run found and where its pages are."),
    "reproduce": ("evalkit.cli.reproduce:reproduce", "Run a logged study again and compare every headline number."),
    "compare": ("evalkit.cli.compare:compare", "Two runs side by side: config, data, estimates, with a figure."),
    "decide": ("evalkit.cli.decide:decide", "Record what the city decided after reading a run."),
    "indicator": ("evalkit.cli.indicator:indicator", "An indicator's control chart, and its chance of the target."),
    "equality": ("evalkit.cli.equality:equality", "Equality scores of a city, with the path to their targets."),
    "portfolio": ("evalkit.cli.portfolio:portfolio", "One site of all studies, comparable findings put together."),
    "sync": ("evalkit.cli.sync:sync", "Log the finished bundles that the store does not have yet."),
    "ui": ("evalkit.cli.ui:ui", "Open the local MLflow store in a browser."),
    "doctor": ("evalkit.cli.doctor:doctor", "Check the installation, the store and runs left open."),
    "completion": ("evalkit.cli.completion:completion", "Print the script for tab completion in bash, zsh or fish."),
}
"""Verb -> (where it is, what it does)."""

COMPLETE: Final = "_EVALKIT_COMPLETE"
"""Environment variable by which a shell asks for completions."""

EPILOG: Final = (
    "Exit codes: 0 done; 2 usage or config; 3 data; 4 design refused; 5 estimation failed or not rated; "
    "6 done but not synced; 7 differs from what was run or locked before; 130/143 interrupted."
)


class Verbs(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb.

        Raises
        ------
        ConfigError
            With the closest verb.
        """
        if cmd_name not in VERBS:
            near = closest(cmd_name, VERBS)
            raise ConfigError(
                f"evalkit has no verb '{cmd_name}'.",
                allowed=", ".join(VERBS),
                next_step=f"Did you mean '{near}'?" if near else "See `evalkit --help`.",
            )
        module, _, attribute = VERBS[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs from the table, importing none of them."""
        verbs = [CompletionItem(name, help=text) for name, (_, text) in VERBS.items() if name.startswith(incomplete)]
        return verbs or click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in VERBS.items()])


@click.group(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="evalkit")
def evalkit() -> None:
    """From one config to trustworthy, standardized evidence on whether a programme worked.

    Start with: evalkit init my-city, then evalkit new study NAME --data FILE.csv; or evalkit run study=castle_doctrine.
    """


def main(argv: Sequence[str] | None = None) -> int:  # noqa: PLR0911 (one return for each way to end)
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process by default.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    if argv is None and COMPLETE in os.environ:
        return _complete()
    try:
        with _terminate_as_exit():
            code: Any = evalkit.main(args=arguments, prog_name="evalkit", standalone_mode=False)
    except EvalkitError as error:
        return show_error(error, as_json=as_json)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        return 0
    except click.ClickException as error:
        hint = error.ctx.get_usage() if isinstance(error, click.UsageError) and error.ctx else None
        return show_error(ConfigError(error.format_message(), next_step=hint), as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What was finished is on disk.", err=True)
        return EXIT_INTERRUPTED
    except SystemExit as stop:
        if stop.code == EXIT_TERMINATED:
            click.echo("Terminated. What was finished is on disk.", err=True)
        return stop.code if isinstance(stop.code, int) else 1
    except BrokenPipeError:  # `evalkit list studies | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 (the last resort: a person reads words, not a traceback)
        return show_crash(error, as_json=as_json)
    return code if isinstance(code, int) else 0


def _complete() -> int:
    """Answer a shell that asks what may stand at the cursor; it never shows an error there."""
    from evalkit.cli.completion import install

    install()
    try:
        evalkit.main(prog_name="evalkit", complete_var=COMPLETE)
    except EvalkitError:  # a verb that does not exist, a folder that is gone: nothing to suggest
        return 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


@contextmanager
def _terminate_as_exit() -> Iterator[None]:
    """Turn SIGTERM into SystemExit(143), so that runs are closed and workers ended on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)

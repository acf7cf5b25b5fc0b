"""Options that several verbs share."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from evalkit.errors import ConfigError
from evalkit.language import LANGUAGES

F = TypeVar("F", bound=Callable[..., Any])

quiet = click.option("--quiet", "-q", is_flag=True, help="No progress; the result is still printed.")
as_json = click.option(
    "--json", "as_json", is_flag=True, help="The result as JSON on stdout, errors as JSON on stderr."
)
config_dir = click.option(
    "--config-dir",
    type=click.Path(path_type=Path),
    help="Folder of configs looked into before the packaged ones.  [default: ./configs]",
)
plugin = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE|MODULE",
    help="A Python file of yours that defines an estimator, or an installed module; it is run. May be repeated.",
)


def _languages(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [code for code in LANGUAGES if code.startswith(incomplete)]


def language(help_text: str, default: str | None = "en") -> Callable[[F], F]:
    """The option ``--language`` of verbs that compose no config; the others take ``language=``."""
    return click.option(
        "--language", default=default, show_default=default is not None, metavar="CODE", help=help_text,
        shell_complete=_languages,
    )  # fmt: skip


def _suggested(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Overrides that a shell may complete a word to."""
    from evalkit.cli.suggestions import suggest

    return suggest(incomplete, context.params.get("overrides") or (), context.params.get("config_dir"))


overrides = click.argument("overrides", nargs=-1, metavar="study=NAME [KEY=VALUE ...]", shell_complete=_suggested)


def _suggested_measures(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from evalkit.cli.suggestions import suggest_measure

    return suggest_measure(str(context.command.name), incomplete, context.params.get("config_dir"))


measure_name = click.argument(
    "name", metavar="NAME",
    shell_complete=lambda context, parameter, text: [
        word.partition("=")[2] for word in _suggested_measures(context, parameter, f"{context.command.name}={text}")
    ],
)  # fmt: skip
measure_overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE ...]", shell_complete=_suggested_measures)
"""Of `indicator` and `equality`."""


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Apply several options as one decorator, in the order in which help lists them."""

    def apply(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return apply


def split_words(text: str) -> list[str]:
    """Split overrides that came as one word, as `mlproject` hands them over.

    Raises
    ------
    ConfigError
        For a quotation mark that is never closed.

    Examples
    --------
    >>> split_words("seed=7 'study.title=Stop and look'"), split_words("")
    (['seed=7', 'study.title=Stop and look'], [])
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"Cannot split the overrides {text!r}: {error}.", next_step="Close the quotes.") from None

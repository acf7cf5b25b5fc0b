"""`evalkit list`: what can be named in a config and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import EvalkitError

KINDS = ("studies", "indicators", "equality", "estimators", "checks", "priorities")


@click.command(name="list")
@click.argument("kind", type=click.Choice(KINDS))
@options.together(options.plugin, options.config_dir, options.as_json)
def list_(kind: str, plugins: tuple[str, ...], config_dir: Path | None, as_json: bool) -> int:
    """List studies, indicators, equality trees, estimators, checks or priorities."""
    from evalkit.cli import plugins as plugin_files

    plugin_files.load(plugins)
    screen = Screen(as_json=as_json)
    columns, listed = ROWS[kind](config_dir)
    screen.table(kind.capitalize(), columns, listed)
    return 0


Rows = tuple[Sequence[str], Sequence[Sequence[str]]]


def _studies(config_dir: Path | None) -> Rows:
    from evalkit.config import studies

    return ("study", "title"), list(studies(config_dir).items())


def _indicators(config_dir: Path | None) -> Rows:
    from evalkit.config import measures

    return ("indicator", "title"), list(measures("indicator", config_dir).items())


def _equality(config_dir: Path | None) -> Rows:
    from evalkit.config import measures

    return ("equality", "title"), list(measures("equality", config_dir).items())


def _priorities(config_dir: Path | None) -> Rows:
    from evalkit.config import priorities

    return ("priority", "title"), list(priorities(config_dir).items())


def _estimators(config_dir: Path | None) -> Rows:
    from evalkit.cli import overview
    from evalkit.estimators import registry

    known = overview.read()["estimators"]
    rows = []
    for name in registry.names():
        if name in known:
            rows.append((name, known[name]["answers"], known[name]["needs"]))
            continue
        try:  # of another package or a file: only its class can say
            needs = registry.get(name).needs
        except EvalkitError as error:
            rows.append((name, "", error.what))
            continue
        rows.append((name, needs.answers, overview.in_words(needs)))
    return ("estimator", "answers", "needs"), rows


def _checks(config_dir: Path | None) -> Rows:
    from evalkit.checks import registry
    from evalkit.cli import overview
    from evalkit.config import check_settings

    standard, known = check_settings(config_dir), overview.read()["checks"]
    rows = []
    for name in registry.names():
        settings = ", ".join(f"{key}={value}" for key, value in standard.get(name, {}).items())
        takes = known[name] if name in known else registry.get(name).null_in_words
        rows.append((name, takes, settings))
    return ("check", "takes for granted", "settings"), rows


ROWS: Final[Mapping[str, Callable[[Path | None], Rows]]] = {
    "studies": _studies,
    "indicators": _indicators,
    "equality": _equality,
    "estimators": _estimators,
    "checks": _checks,
    "priorities": _priorities,
}
"""What `evalkit list KIND` shows."""

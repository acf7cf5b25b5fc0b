"""`evalkit list`: what can be named in a config and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import EvalkitError
from evalkit.estimators.base import Needs

KINDS = ("studies", "estimators", "checks", "priorities")


@click.command(name="list")
@click.argument("kind", type=click.Choice(KINDS))
@options.together(options.plugin, options.config_dir, options.as_json)
def list_(kind: str, plugins: tuple[Path, ...], config_dir: Path | None, as_json: bool) -> int:
    """List studies, estimators, checks or priorities."""
    from evalkit.cli import plugins as plugin_files

    plugin_files.load(plugins)
    screen = Screen(as_json=as_json)
    rows = {"studies": _studies, "estimators": _estimators, "checks": _checks, "priorities": _priorities}[kind]
    columns, listed = rows(config_dir)
    screen.table(kind.capitalize(), columns, listed)
    return 0


Rows = tuple[Sequence[str], Sequence[Sequence[str]]]


def _studies(config_dir: Path | None) -> Rows:
    from evalkit.config import studies

    return ("study", "title"), list(studies(config_dir).items())


def _priorities(config_dir: Path | None) -> Rows:
    from evalkit.config import priorities

    return ("priority", "title"), list(priorities(config_dir).items())


def _estimators(config_dir: Path | None) -> Rows:
    from evalkit.estimators import registry

    rows = []
    for name in registry.names():
        try:
            needs = registry.get(name).needs
        except (EvalkitError, ImportError) as error:
            rows.append((name, "", f"cannot be loaded: {error}"))
            continue
        rows.append((name, needs.answers, in_words(needs)))
    return ("estimator", "answers", "needs"), rows


def in_words(needs: Needs) -> str:
    """What a design must offer.

    Examples
    --------
    >>> in_words(Needs(answers="", never_treated=True, pre_periods=2))
    'never-treated units; 2 periods before the start; treatment that stays on'
    """
    periods = f"{needs.pre_periods} period{'s' if needs.pre_periods != 1 else ''} before the start"
    parts = [
        "never-treated units" if needs.never_treated else "",
        periods if needs.pre_periods else "",
        "a 0/1 column of who is eligible" if needs.eligibility else "",
        "treatment that stays on" if needs.absorbing else "",
        "counts or rates" if needs.counts else "",
        "units followed over time, or repeated cross-sections" if needs.repeated_cross_sections else "",
    ]
    return "; ".join(part for part in parts if part)


def _checks(config_dir: Path | None) -> Rows:
    from evalkit.checks import registry
    from evalkit.config import check_settings

    standard = check_settings(config_dir)
    rows = []
    for name in registry.names():
        settings = ", ".join(f"{key}={value}" for key, value in standard.get(name, {}).items())
        rows.append((name, registry.get(name).null_in_words, settings))
    return ("check", "takes for granted", "settings"), rows

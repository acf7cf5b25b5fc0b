"""What `indicator` and `equality` share: composing, logging, and what a run of them comes to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from evalkit.cli import options
from evalkit.cli.execute import tracking_uri
from evalkit.cli.screen import Screen
from evalkit.config import Tracking
from evalkit.errors import NotSynced
from evalkit.language import phrase, say
from evalkit.tracking.links import absolute
from evalkit.tracking.log import LoggedRun
from evalkit.tracking.measures import log_measure
from evalkit.tracking.store import resolve

common = options.together(
    options.measure_name,
    options.measure_overrides,
    click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
                 help="Folder that gets the bundle."),
    options.config_dir,
    options.quiet,
    options.as_json,
)  # fmt: skip
"""Arguments of both verbs."""


def finish(
    screen: Screen, title: str, bundle: Path, tracking: Tracking, rows: Mapping[str, str], document: Mapping[str, Any]
) -> int:
    """Log the bundle, show what was found and where it lies, and return the exit code.

    The bundle is on disk before the store is asked, so that a dead store loses nothing.
    """
    uri = tracking_uri(tracking)
    logged, problem = _log(bundle, uri)
    page = "" if logged is None else absolute(resolve(uri), logged.run_page)
    where = {
        phrase("Page"): str(bundle / "brief.html"),
        "MLflow": page or phrase("not logged yet; `evalkit sync` does it"),
    }
    found = {**document, "bundle": str(bundle), "run_id": None if logged is None else logged.run_id, "link": page}
    screen.facts(title, {**rows, **where}, found)
    if problem is None:
        return 0
    screen.note(say("Warning: {reason}", reason=problem))
    return problem.exit_code


def _log(bundle: Path, uri: str | None) -> tuple[LoggedRun | None, NotSynced | None]:
    try:
        return log_measure(bundle, tracking_uri=uri), None
    except NotSynced as error:
        return None, error

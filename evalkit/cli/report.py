"""`evalkit report`: what a finished run found and where to read it; nothing is computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evalkit.cli import options
from evalkit.cli.bundles import FETCHED, locate, logged
from evalkit.cli.screen import Screen
from evalkit.errors import DataError


@click.command()
@click.argument("run", metavar="BUNDLE|RUN_ID")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@options.as_json
def report(run: str, results: Path, as_json: bool) -> int:
    """Show what a finished run found and where its pages are.

    BUNDLE is a folder that `evalkit run` wrote; RUN_ID is the id of a run, as the brief or MLflow show it.
    """
    bundle = locate(run, results)
    evidence = _evidence(bundle)
    sentences, rating = evidence["sentences"], evidence["rating"]
    rows = {
        "Headline": sentences["headline"],
        "Certainty": sentences["certainty"],
        "Finding": evidence["finding"]["label"].replace("_", " "),
        "Rating": rating["label"],
        "Brief": str(bundle / "brief.html"),
        "Evidence": str(bundle / "evidence.json"),
        "MLflow": _where(bundle),
    }
    Screen(as_json=as_json).facts(evidence["identity"]["study_id"], rows, {"bundle": str(bundle), **evidence})
    return 0


def _where(bundle: Path) -> str:
    """How to open the run's page in MLflow."""
    from evalkit.tracking.links import absolute, artifact_page
    from evalkit.tracking.store import resolve

    where = logged(bundle)
    if where is None:
        return "not logged yet; `evalkit sync` does it"
    page = absolute(resolve(where.store), artifact_page(where.experiment_id, where.run_id))
    return page if where.store.startswith("http") else f"`evalkit ui`, then {page}"


def _evidence(bundle: Path) -> dict[str, Any]:
    if not (bundle / "COMPLETE").is_file() and bundle.parent.name != FETCHED:
        raise DataError(
            f"{bundle} is not a finished bundle: it has no file COMPLETE.",
            next_step="Name a folder that `evalkit run` wrote to its end.",
        )
    try:
        content: dict[str, Any] = json.loads((bundle / "evidence.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{bundle / 'evidence.json'} cannot be read: {error}.", next_step="Run it again.") from None
    return content

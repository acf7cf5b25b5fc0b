"""`evalkit sync`: log every finished bundle that the tracking store does not have yet."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import DataError, EvalkitError, NotSynced

MEASURES = ("indicators", "equality")
"""Folders within the results that hold bundles of indicators and equality trees."""


@click.command()
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@options.as_json
def sync(results: Path, as_json: bool) -> int:
    """Log the bundles that a run could not log: the store did not answer, or the run was cut short.

    A bundle that is logged already is left alone, so this can be repeated at any time.
    """
    from evalkit.tracking.log import log_bundle
    from evalkit.tracking.measures import log_measure

    screen = Screen(as_json=as_json)
    waiting = [marker.parent for marker in sorted(results.glob("*/*/COMPLETE"))]
    measured = [marker.parent for name in MEASURES for marker in sorted((results / name).glob("*/*/COMPLETE"))]
    waiting = [bundle for bundle in (*waiting, *measured) if not (bundle / "SYNCED").exists()]
    done: list[str] = []
    failed: dict[str, EvalkitError] = {}
    for bundle in waiting:
        try:
            (log_measure if bundle in measured else log_bundle)(bundle)
        except (NotSynced, DataError) as error:
            failed[str(bundle)] = error
        else:
            done.append(str(bundle))
    rows = {
        "Logged now": ", ".join(done) or "none",
        "Still waiting": ", ".join(failed) or "none",
    }
    content = {"logged": done, "failed": {name: reason.what for name, reason in failed.items()}}
    screen.facts(f"{len(waiting)} bundles were not in the store", rows, content)
    for name, reason in failed.items():
        screen.note(f"Warning: {name}: {reason}")
    return max((reason.exit_code for reason in failed.values()), default=0)

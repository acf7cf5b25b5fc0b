"""At the end of a sweep: offer the store once more what it did not take while the jobs ran."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalkit.cli.execute import tracking_uri
from evalkit.cli.sweep_job import JOB, STATUS, write_status
from evalkit.config import Composed
from evalkit.errors import DataError, NotSynced
from evalkit.language import speaking
from evalkit.tracking.links import absolute
from evalkit.tracking.log import log_bundle
from evalkit.tracking.store import opened, resolve


def logged_late(folder: Path, statuses: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Log the bundles that have no run yet; the statuses, with what came of it, in their order.

    A store that does not answer now either is asked once, not once for each job.

    Parameters
    ----------
    folder
        Of this start of the sweep.
    statuses
        How each job ended, by its number.
    """
    silent: set[str] = set()
    return [
        _late(folder / str(number), status, silent) if status.get("bundle") and not status.get("run_id") else status
        for number, status in enumerate(statuses)
    ]


def _late(place: Path, status: dict[str, Any], silent: set[str]) -> dict[str, Any]:
    composed = Composed.model_validate(json.loads((place / JOB).read_text(encoding="utf-8"))["composed"])
    store = resolve(tracking_uri(composed.tracking))
    if store.uri in silent:
        return status
    try:
        with opened(store):
            pass
    except NotSynced:
        silent.add(store.uri)
        return status
    try:
        with speaking(composed.study.language):
            logged = log_bundle(Path(status["bundle"]), tracking_uri=store.uri)
    except (NotSynced, DataError) as error:
        return {**status, "what": error.what, "not_synced": error.what}
    link = absolute(store, logged.run_page)
    found = {**status, "run_id": logged.run_id, "link": link, "not_synced": None, "what": None}
    if status["state"] == "not logged":
        found |= {"state": "done", "exit_code": 0}
    write_status(place / STATUS, found)
    return found

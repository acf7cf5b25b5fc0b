"""When runs of a study in the store read its outcomes: every run that was opened did, or was about to."""

from __future__ import annotations

import datetime as dt
from typing import Final

from evalkit.tracking.store import Store, opened

PAGE: Final = 1000


def outcome_reads(store: Store, study_id: str) -> list[dt.datetime]:
    """Start of every run of a study, oldest first.

    Raises
    ------
    NotSynced
        If the store cannot be reached.
    """
    with opened(store) as client:
        experiments = client.search_experiments(filter_string="name LIKE 'evalkit/%'", max_results=PAGE)
        ids = [experiment.experiment_id for experiment in experiments]
        if not ids:
            return []
        wanted = f"tags.`evalkit.study` = '{study_id}' and tags.`evalkit.role` = 'study'"
        found = client.search_runs(ids, filter_string=wanted, max_results=PAGE, order_by=["attributes.start_time ASC"])
        return [dt.datetime.fromtimestamp(run.info.start_time / 1000, dt.UTC).replace(microsecond=0) for run in found]

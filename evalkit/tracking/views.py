"""The experiment of a mayoral priority: its name, its description, and its saved view "Evidence"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from evalkit.errors import NotSynced
from evalkit.tracking.collisions import through_collisions
from evalkit.tracking.description import NOTE, describe
from evalkit.tracking.links import VIEW_ID
from evalkit.tracking.store import Store, artifact_location

if TYPE_CHECKING:
    from mlflow import MlflowClient

_VIEW_TAG: Final = f"mlflow.sharedViewState.{VIEW_ID}"
# A fixed stamp: the view is part of the software, and writing it again must change nothing.
_VIEW_MS: Final = 1_735_689_600_000
NEWEST_FIRST: Final = "attributes.`Created`"
"""MLflow's server takes this for ``attributes.start_time``, its pages do not, and that is why it stands here: sorted
by that name they fold the jobs of a sweep under its run, and the findings would be behind a plus sign."""
_COLUMNS: Final = (
    "tags.`evalkit.finding`",
    "tags.`evalkit.certainty`",
    "tags.`evalkit.headline`",
    "tags.`evalkit.priority`",
    "metrics.`effect`",
    "metrics.`effect_low`",
    "metrics.`effect_high`",
)
_WIDTHS: Final = {"tags.`evalkit.headline`": 560, "tags.`evalkit.finding`": 120, "tags.`evalkit.certainty`": 110}


def experiment_name(priority: str) -> str:
    """Name of the experiment of a priority.

    Examples
    --------
    >>> experiment_name("public_safety")
    'evalkit/public_safety'
    """
    return f"evalkit/{priority}"


def ensure_experiment(client: MlflowClient, store: Store, priority: str) -> str:
    """Return the id of the priority's experiment, with its description and view in place.

    A deleted experiment of that name is restored: MLflow would neither give the name out again nor log to it.
    """
    experiment_id, tags = _find_or_create(client, store, priority)
    if tags.get(_VIEW_TAG) != saved_view():
        through_collisions(lambda: client.set_experiment_tag(experiment_id, _VIEW_TAG, saved_view()))
    if NOTE not in tags:
        describe(client, experiment_id, priority)
    return experiment_id


def _find_or_create(client: MlflowClient, store: Store, priority: str) -> tuple[str, dict[str, str]]:
    from mlflow.exceptions import MlflowException

    name = experiment_name(priority)
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            created = client.create_experiment(name, artifact_location=artifact_location(store, name))
            return str(created), {}
        except MlflowException as error:
            # Somebody else's process created it between the two calls.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = client.get_experiment_by_name(name)
        if found is None:
            raise NotSynced(
                f"The experiment '{name}' is not to be found in {store.shown}, nor can it be created.",
                next_step="Ask whoever runs the server whether you may read it.",
            )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id), dict(found.tags)


def saved_view() -> str:
    """The view "Evidence" as the pages store it: studies only, newest first, findings in words."""
    state = {
        "searchFilter": "tags.`evalkit.role` = 'study'",
        "orderByKey": NEWEST_FIRST,
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(_COLUMNS),
        "columnOrder": list(_COLUMNS),
        "columnWidths": _WIDTHS,
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "FIRST_10_RUNS",
        "viewMaximized": True,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    envelope = {"name": "Evidence", "createdAt": _VIEW_MS, "updatedAt": _VIEW_MS, "state": json.dumps(state)}
    return json.dumps(envelope)

from __future__ import annotations

import json

from evalkit.tracking.description import NOTE
from evalkit.tracking.store import opened, resolve
from evalkit.tracking.views import ensure_experiment, saved_view


def test_the_view_shows_studies_with_their_findings_first() -> None:
    envelope = json.loads(saved_view())
    state = json.loads(envelope["state"])
    assert envelope["name"] == "Evidence"
    assert state["searchFilter"] == "tags.`evalkit.role` = 'study'"
    assert state["selectedColumns"][0] == "tags.`evalkit.finding`"


def test_the_view_is_newest_first_but_does_not_fold_jobs_under_their_sweep(uri: str) -> None:
    key = json.loads(json.loads(saved_view())["state"])["orderByKey"]
    assert key != "attributes.start_time", "under this name MLflow's pages nest runs"
    with opened(resolve(uri)) as client:
        old, new = (client.create_run("0", start_time=at, run_name=str(at)) for at in (1, 2))
        found = client.search_runs(["0"], order_by=[f"{key} DESC"])
    assert [run.info.run_id for run in found] == [new.info.run_id, old.info.run_id]


def test_an_experiment_is_made_once_and_keeps_a_description_that_people_wrote(uri: str) -> None:
    store = resolve(uri)
    with opened(store) as client:
        made = ensure_experiment(client, store, "health")
        client.set_experiment_tag(made, NOTE, "Our own words.")
        assert ensure_experiment(client, store, "health") == made
        tags = client.get_experiment(made).tags
    assert tags[NOTE] == "Our own words."
    assert tags["mlflow.sharedViewState.evidence"] == saved_view()


def test_a_deleted_experiment_comes_back(uri: str) -> None:
    store = resolve(uri)
    with opened(store) as client:
        made = ensure_experiment(client, store, "health")
        client.delete_experiment(made)
        assert ensure_experiment(client, store, "health") == made
        assert client.get_experiment(made).lifecycle_stage == "active"

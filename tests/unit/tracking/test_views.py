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

from __future__ import annotations

import json

import pytest
from mlflow.exceptions import MlflowException

from evalkit.errors import NotSynced
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


def test_an_experiment_that_another_process_makes_between_two_questions_is_taken(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = resolve(uri)
    with opened(store) as client:
        made = ensure_experiment(client, store, "health")
        answers = iter([None, client.get_experiment(made)])
        monkeypatch.setattr(client, "get_experiment_by_name", lambda name: next(answers))
        assert ensure_experiment(client, store, "health") == made


def test_an_experiment_that_exists_and_may_not_be_read_is_said_so(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = resolve(uri)
    with opened(store) as client:
        ensure_experiment(client, store, "health")
        monkeypatch.setattr(client, "get_experiment_by_name", lambda name: None)
        with pytest.raises(NotSynced, match=r"'evalkit/health' is not to be found .* nor can it be created"):
            ensure_experiment(client, store, "health")


def test_another_failure_to_make_an_experiment_is_told_as_it_is(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str, **more: object) -> None:
        raise MlflowException("the disk is full")

    def ensure() -> None:
        store = resolve(uri)
        with opened(store) as client:
            monkeypatch.setattr(client, "create_experiment", full)
            ensure_experiment(client, store, "health")

    with pytest.raises(NotSynced, match="the disk is full"):
        ensure()

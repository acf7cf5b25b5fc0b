from __future__ import annotations

import math

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils import validation

from evalkit.tracking import fields
from evalkit.tracking.store import opened, resolve

HOSTILE = ["r_hat[tau]", "n (log)", "écart", "a\nb", "../up", "", "x" * 400, "tab\t", "50 %", "a//b", "/"]


@pytest.mark.promise("trap-10")
def test_the_limits_are_those_of_the_installed_mlflow() -> None:
    assert fields.PARAM_CHARACTERS == validation.MAX_PARAM_VAL_LENGTH
    assert fields.TAG_CHARACTERS == validation.MAX_TAG_VAL_LENGTH
    assert fields.KEY_CHARACTERS == validation.MAX_ENTITY_KEY_LENGTH
    assert fields.BATCH == validation.MAX_PARAMS_TAGS_PER_BATCH


@pytest.mark.promise("trap-10")
def test_mlflow_accepts_every_name_that_comes_out() -> None:
    for raw in HOSTILE:
        name = fields.name(raw)
        for kind in ("_validate_param_name", "_validate_tag_name", "_validate_metric_name"):
            getattr(validation, kind)(name)


@pytest.mark.promise("trap-10")
def test_numbers_that_mlflow_would_distort_are_left_out_and_named() -> None:
    kept, left = fields.metrics({"effect": 2, "high": math.inf, "low": -math.inf, "p": math.nan, "none": None})
    assert kept == {"effect": 2.0}
    assert left == ["high is inf", "low is -inf", "p is nan"]


@pytest.mark.promise("trap-10")
def test_a_long_param_is_cut_and_says_so() -> None:
    value = fields.params({"study": {"columns": "x" * 7000}})["study.columns"]
    assert len(value) == fields.PARAM_CHARACTERS
    assert value.endswith(fields.ELLIPSIS)


@pytest.mark.promise("trap-10")
def test_a_long_tag_is_cut_and_says_so() -> None:
    value = fields.tags({"evalkit.headline": "x" * 9000})["evalkit.headline"]
    assert len(value) == fields.TAG_CHARACTERS
    assert value.endswith(fields.ELLIPSIS)


@pytest.mark.promise("trap-10")
def test_a_store_takes_hostile_names_and_long_values_as_they_come_out_and_keeps_all_of_them(uri: str) -> None:
    """A bad name in a batch would reject the whole batch."""
    metrics = {fields.name(raw): float(number) for number, raw in enumerate(HOSTILE)}
    params = {fields.name(f"{raw} {number}"): "x" * 7000 for number, raw in enumerate(HOSTILE)}
    kept, left = fields.metrics({**metrics, "high": math.inf})
    cut = fields.params(params)
    tags = fields.tags({fields.name(f"tag {raw} {number}"): "y" * 9000 for number, raw in enumerate(HOSTILE)})
    with opened(resolve(uri)) as client:
        run_id = client.create_run("0").info.run_id
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, 0, 0) for name, value in kept.items()],
            params=[Param(name, value) for name, value in cut.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        stored = client.get_run(run_id).data
    assert left == ["high is inf"]
    assert stored.metrics == kept
    assert stored.params == cut
    assert tags.items() <= stored.tags.items()
    assert len(tags) == len(HOSTILE)


@pytest.mark.promise("secure-addresses")
def test_credentials_in_a_choice_are_not_logged() -> None:
    assert "canary" not in str(fields.params({"source": {"url": "postgresql://u:canary@db/x"}}))


def test_two_entries_of_one_name_are_both_kept() -> None:
    chosen = {"robustness": [{"name": "bayesian_did", "chains": 2}, {"name": "bayesian_did", "chains": 4}]}
    assert sorted(v for k, v in fields.params(chosen).items() if k.endswith("chains")) == ["2", "4"]


def test_empty_tags_are_left_out() -> None:
    assert fields.tags({"a": "", "b": None, "c": "x"}) == {"c": "x"}


def test_entities_of_mlflow_can_be_built_from_them() -> None:
    assert Metric("effect", 1.0, 0, 0).value == 1.0
    assert Param("a", "1").key == "a"

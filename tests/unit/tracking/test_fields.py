from __future__ import annotations

import math

import pytest
from mlflow.entities import Metric, Param
from mlflow.utils import validation

from evalkit.tracking import fields

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

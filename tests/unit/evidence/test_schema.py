"""The schema: shipped as generated, and kept by every summary."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import pytest

from evalkit.errors import DesignRefused
from evalkit.evidence.schema import SCHEMA_VERSION, Evidence, generate_schema, shipped_schema
from tests.unit.evidence import made


def summaries() -> dict[str, Evidence]:
    """Summaries of all kinds."""
    log = made.spec({"transform": "log"})
    cost = {"currency": "USD", "base_year": 2024, "ingredients": [{"name": "lamps", "quantity": 2, "unit_cost": 3}]}
    full = made.spec(cost=cost, equity=[{"name": "race", "column": "race", "reference": "white"}])
    return {
        "frequentist": made.summary(made.estimate(-2.0), full, robustness={"other": DesignRefused("no units")}),
        "log": made.summary(made.estimate(-0.1, observed=3.0), log),
        "bayesian": made.summary(made.estimate(0.0, draws=made.posterior(-2.0))),
        "not rated": made.summary(made.estimate(0.0, draws=made.posterior(-2.0), sampler={"rhat_max": math.nan})),
        "no level": made.summary(made.estimate(-2.0, observed=math.nan)),
        "no checks": made.summary(made.estimate(-2.0), diagnostics=[made.diagnostic("pre_trends", "not_run", None)]),
    }


def test_the_shipped_schema_is_what_the_models_generate() -> None:
    assert shipped_schema() == generate_schema()


def test_the_shipped_schema_is_valid_json_schema_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(shipped_schema())
    assert shipped_schema()["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("name", sorted(summaries()))
def test_every_summary_passes_both_validators_and_comes_back_the_same(name: str) -> None:
    evidence = summaries()[name]
    plain = evidence.to_dict()
    jsonschema.Draft202012Validator(shipped_schema()).validate(plain)
    assert plain["identity"]["schema_version"] == SCHEMA_VERSION
    again = Evidence.model_validate(json.loads(evidence.to_json()))
    assert again == evidence


@pytest.mark.parametrize("name", sorted(summaries()))
def test_json_never_holds_nan_or_infinity(name: str) -> None:
    def refuse(word: str) -> float:
        raise AssertionError(f"{word} in the JSON of '{name}'")

    json.loads(summaries()[name].to_json(), parse_constant=refuse)


def broken(change: str) -> dict[str, Any]:
    plain = made.summary(made.estimate(-2.0)).to_dict()
    if change == "unknown key":
        plain["extra"] = 1
    elif change == "present but missing":
        plain["sample"]["n_units"] = {"value": 3, "how": "missing", "reason": "r"}
    elif change == "missing without reason":
        plain["sample"]["n_units"] = {"value": None, "how": "missing", "reason": ""}
    elif change == "absent but derived":
        plain["sample"]["n_units"] = {"value": None, "how": "derived", "reason": ""}
    elif change == "certainty 5":
        plain["rating"]["certainty"] = 5
    elif change == "no limitation":
        plain["use"]["limitations"] = []
    elif change == "unknown finding":
        plain["finding"]["label"] = "a success"
    return plain


@pytest.mark.parametrize(
    "change",
    ["unknown key", "present but missing", "missing without reason", "absent but derived", "certainty 5",
     "no limitation", "unknown finding"],
)  # fmt: skip
def test_both_validators_refuse_a_broken_summary(change: str) -> None:
    plain = broken(change)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(shipped_schema()).validate(plain)
    with pytest.raises(ValueError, match="validation error"):
        Evidence.model_validate(plain)


def test_every_block_of_the_standard_is_there() -> None:
    blocks = {
        "identity", "governance", "question", "assignment", "delivery", "outcomes", "sample", "estimates", "natural",
        "diagnostics", "equity", "cost", "synthesis", "plan", "rating", "use", "finding", "sentences",
        "summary_of_findings",
    }  # fmt: skip
    assert blocks == set(Evidence.model_fields)

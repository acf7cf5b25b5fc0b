"""The schemas of indicators and equality trees: shipped as generated, and kept by every document."""

from __future__ import annotations

import json

import jsonschema
import pytest

from evalkit.indicators import document as indicators
from evalkit.indicators import equality_document as trees
from evalkit.indicators.json_schema import generate, shipped, to_json
from evalkit.indicators.tables import periods_table
from evalkit.report.measure_bundle import identity_of
from tests.unit.indicators.conftest import Made

SHIPPED = [
    (indicators.IndicatorDocument, "indicator", indicators.SCHEMA_VERSION),
    (trees.EqualityDocument, "equality", trees.SCHEMA_VERSION),
]


@pytest.fixture
def indicator(made: Made) -> indicators.IndicatorDocument:
    found = made("count", {"seed": 4}, **{"measure.about": "places"})
    return indicators.document(found, identity_of(found.spec, {}, 1, None), periods_table(found)[1])


@pytest.mark.parametrize(("model", "kind", "version"), SHIPPED)
def test_the_shipped_schema_is_what_the_models_generate(
    model: type[indicators.IndicatorDocument], kind: str, version: str
) -> None:
    made = generate(model, kind, version)
    assert shipped(kind, version) == made, "write it anew to evalkit/indicators/schemas, under a new version"
    jsonschema.Draft202012Validator.check_schema(made)


def test_what_is_written_keeps_the_schema_and_reads_back_the_same(indicator: indicators.IndicatorDocument) -> None:
    plain = json.loads(indicator.to_json())
    jsonschema.Draft202012Validator(shipped("indicator", indicators.SCHEMA_VERSION)).validate(plain)
    assert indicators.IndicatorDocument.model_validate(plain) == indicator


def test_a_document_that_does_not_keep_it_is_not_written(indicator: indicators.IndicatorDocument) -> None:
    with pytest.raises(jsonschema.ValidationError):
        to_json(indicator.model_copy(update={"status": "soon"}), "indicator", indicators.SCHEMA_VERSION)


def test_a_tree_of_the_first_version_is_still_read() -> None:
    assert trees.EqualityDocument.model_fields["schema_version"].annotation is not None
    first = shipped("equality", "1.1.0")["properties"]["schema_version"]["enum"]
    assert first == ["1.0.0", "1.1.0"]

"""The record for catalogues: schema.org and DCAT 3 in one node, with nothing to fetch."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from evalkit.evidence.schema import Evidence
from evalkit.report.bundle import bundle_files
from evalkit.report.evidence_table import EVIDENCE
from evalkit.report.jsonld import CONTEXT, catalog, dataset
from tests import report_samples as samples

FILES = {"evidence.csv": b"a\n", "evidence.parquet": b"PAR1", "evidence.json": b"{}"}


def record() -> dict[str, Any]:
    return dataset(samples.evidence(), FILES, EVIDENCE)


def prefixes(node: object) -> set[str]:
    """Prefixes of all keys and types."""
    if isinstance(node, dict):
        types = node.get("@type", [])
        named = [*node, *(types if isinstance(types, list) else [types])]
        own = {name.partition(":")[0] for name in named if ":" in name}
        return own.union(*(prefixes(value) for key, value in node.items() if key != "@context"))
    if isinstance(node, list):
        return set().union(*(prefixes(each) for each in node))
    return set()


def test_it_is_a_dataset_of_both_vocabularies_with_what_they_ask_for() -> None:
    made = record()
    assert set(made["@type"]) == {"Dataset", "dcat:Dataset"}
    for name in ("name", "description", "identifier", "keywords", "dateCreated", "distribution", "variableMeasured"):
        assert made[name], name
    for name in ("dct:title", "dct:description", "dct:identifier", "dct:issued", "dcat:keyword", "dcat:distribution"):
        assert made[name], name
    assert made["dct:title"] == made["name"]
    assert made["dct:issued"]["@type"] == "xsd:dateTime"
    assert 50 <= len(made["description"]) <= 5000  # what search engines for data sets accept


def test_every_prefix_is_declared_and_no_context_is_fetched() -> None:
    made = record()
    assert made["@context"] == CONTEXT
    assert all(isinstance(value, str) and value.endswith(("/", "#")) for value in CONTEXT.values())
    assert prefixes(made) <= set(CONTEXT)


def test_each_file_is_a_distribution_with_its_hash_and_media_type() -> None:
    made = record()
    listed = {each["contentUrl"]: each for each in made["distribution"]}
    assert set(listed) == set(FILES)
    for name, content in FILES.items():
        digest = hashlib.sha256(content).hexdigest()
        assert listed[name]["sha256"] == listed[name]["spdx:checksum"]["spdx:checksumValue"]["@value"] == digest
        assert listed[name]["dcat:byteSize"]["@value"] == str(len(content))
    assert listed["evidence.csv"]["encodingFormat"] == "text/csv"
    assert [each["@id"] for each in made["dcat:distribution"]] == [each["@id"] for each in made["distribution"]]


def test_columns_of_the_table_are_its_variables() -> None:
    assert [each["name"] for each in record()["variableMeasured"]] == [column.name for column in EVIDENCE]


def test_a_portfolio_is_a_catalogue_of_its_studies() -> None:
    made = catalog("Our programmes", [samples.evidence(), samples.evidence("Other")], FILES, EVIDENCE, "Example City")
    assert set(made["@type"]) == {"DataCatalog", "dcat:Catalog"}
    whole, *studies = made["dcat:dataset"]
    assert len(whole["distribution"]) == len(FILES)
    assert [each["@id"] for each in studies] == ["urn:uuid:0123456789abcdef"] * 2
    assert made["dct:publisher"]["name"] == "Example City"
    assert prefixes(made) <= set(CONTEXT)


def test_a_portfolio_without_evidence_has_a_record_too() -> None:
    made = catalog("Planned", [], FILES, EVIDENCE, "")
    assert len(made["dcat:dataset"]) == 1
    assert "dct:publisher" not in made


def test_the_bundle_describes_the_files_that_it_holds_and_its_pages_hold_no_script() -> None:
    files = bundle_files(samples.contents(samples.HOSTILE))
    made = json.loads(files["dataset.jsonld"])
    for each in made["distribution"]:
        assert hashlib.sha256(files[each["contentUrl"]]).hexdigest() == each["sha256"]
    assert b"<script" not in files["brief.html"]
    package = json.loads(files["datapackage.json"])
    resources = {each["path"]: each for each in package["resources"]}
    assert {"evidence.csv", "evidence.parquet"} <= set(resources)
    assert resources["evidence.parquet"]["format"] == "parquet"
    assert len({each["name"] for each in package["resources"]}) == len(resources)


def test_a_study_without_a_setting_covers_no_place() -> None:
    assert record()["spatialCoverage"]["name"] == "Example City"
    plain = samples.evidence().model_dump()
    absent = {"value": None, "how": "missing", "reason": "not declared"}
    bare = Evidence.model_validate({**plain, "question": {**plain["question"], "setting": absent}})
    assert "spatialCoverage" not in dataset(bare, FILES, EVIDENCE)

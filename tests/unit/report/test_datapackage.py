from __future__ import annotations

from evalkit.report.columns import DIAGNOSTICS, ESTIMATES, EVENT_STUDY
from evalkit.report.datapackage import datapackage
from evalkit.report.files import sha256

CONTENT = b"id\nx\n"


def test_a_resource_states_size_hash_and_meaning_of_each_column() -> None:
    tables = {"Diagnostics.csv": ("Checks", DIAGNOSTICS, CONTENT)}
    package = datapackage(name="Castle", title="T", description="D", created="2026-01-01T00:00:00Z", tables=tables)
    (resource,) = package["resources"]
    assert package["name"] == "castle"
    assert (resource["name"], resource["bytes"]) == ("diagnostics", len(CONTENT))
    assert resource["hash"] == f"sha256:{sha256(CONTENT)}"
    assert [field["name"] for field in resource["schema"]["fields"]] == [column.name for column in DIAGNOSTICS]


def test_every_exported_column_is_described_once() -> None:
    for columns in (ESTIMATES, EVENT_STUDY, DIAGNOSTICS):
        names = [column.name for column in columns]
        assert len(set(names)) == len(names)
        assert all(column.description.endswith(".") for column in columns)

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow.parquet as pq

from evalkit.report.csv_file import from_csv
from evalkit.report.evidence_table import EVIDENCE
from evalkit.report.files import sha256
from evalkit.report.portfolio_site import write_site
from evalkit.synthesis.entries import Entry, newest
from evalkit.synthesis.portfolio import build
from tests.portfolio_samples import cities


def test_a_site_holds_all_evidence_as_data_and_describes_each_table(tmp_path: Path) -> None:
    found = cities(3)
    made = build(newest(found), title="Ours", priorities={})
    write_site(made, tmp_path, {})
    table = from_csv((tmp_path / "evidence.csv").read_bytes(), EVIDENCE)
    assert set(table["study"]) == {each.identity.study_id for each in found}
    assert pq.read_table(io.BytesIO((tmp_path / "evidence.parquet").read_bytes())).num_rows == len(table)
    package = json.loads((tmp_path / "datapackage.json").read_text("utf-8"))
    for resource in package["resources"]:
        content = (tmp_path / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{sha256(content)}"
        assert all(field["description"] for field in resource["schema"]["fields"])
    assert {each["path"] for each in package["resources"]} == {
        "evidence.csv", "evidence.parquet", "findings.csv", "criteria.csv", "synthesis.csv",
    }  # fmt: skip
    record = json.loads((tmp_path / "dataset.jsonld").read_text("utf-8"))
    assert len(record["dcat:dataset"]) == 1 + len(found)


def test_plans_alone_make_a_package_without_rows(tmp_path: Path) -> None:
    planned = Entry("buses", "Lima", "mobility", "Buses", "planned")
    write_site(build([planned], title="Ours", priorities={}), tmp_path, {})
    package = json.loads((tmp_path / "datapackage.json").read_text("utf-8"))
    assert "created" not in package
    assert len(from_csv((tmp_path / "evidence.csv").read_bytes(), EVIDENCE)) == 0

"""Later versions: a decision is added, nothing is overwritten, and a version that was touched is refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.evidence.schema import DecisionBlock
from evalkit.report.bundle import COMPLETE, MANIFEST, bundle_files, manifest_of
from evalkit.report.files import sha256
from evalkit.report.versions import amend, newest
from tests import report_samples as samples

FIRST = DecisionBlock(who="City council", date=dt.date(2026, 3, 1), next_step="test_more")
SECOND = DecisionBlock(who="Mayor's office", date=dt.date(2026, 9, 1), next_step="scale", note="Two more districts.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished bundle of the sample study."""
    files = bundle_files(samples.contents())
    manifest = manifest_of(files, study_id="sample", run_id="0123456789abcdef")
    bundle = tmp_path / "sample" / "0123456789abcdef"
    for name, content in {**files, MANIFEST: manifest, COMPLETE: f"{sha256(manifest)}\n".encode()}.items():
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_bytes(content)
    return bundle


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_decision_adds_files_and_overwrites_none(folder: Path) -> None:
    before = content(folder)
    amend(folder, FIRST)
    after = content(folder)
    assert {name: after[name] for name in before} == before
    assert {"evidence.v2.json", "brief.v2.html", "brief.v2.md", "manifest.v2.json"} <= set(after) - set(before)


def test_each_version_names_the_one_before_it_and_keeps_every_decision(folder: Path) -> None:
    amend(folder, FIRST)
    amend(folder, SECOND)
    found = newest(folder)
    assert found.number == found.evidence.identity.version == 3
    assert found.evidence.identity.supersedes == f"sha256:{sha256((folder / 'evidence.v2.json').read_bytes())}"
    assert found.evidence.use.decisions == (FIRST, SECOND)
    assert found.evidence.use.decision == SECOND
    assert "Decided: scale it up, by Mayor's office on 1 September 2026. Two more" in found.file("brief.md").decode()


def test_numbers_stay_as_they_are(folder: Path) -> None:
    first, second = newest(folder).evidence, amend(folder, FIRST).evidence
    assert second.estimates == first.estimates
    assert second.rating == first.rating
    assert second.identity.run_id == first.identity.run_id
    second.to_dict()


def test_the_record_of_a_version_names_the_files_of_that_version(folder: Path) -> None:
    amend(folder, FIRST)
    record = json.loads((folder / "dataset.v2.jsonld").read_text("utf-8"))
    for each in record["distribution"]:
        assert ".v2." in each["contentUrl"]
        assert sha256((folder / each["contentUrl"]).read_bytes()) == each["sha256"]


def test_the_same_decision_twice_is_one(folder: Path) -> None:
    assert amend(folder, FIRST).number == amend(folder, FIRST).number == 2


def test_a_version_without_its_manifest_does_not_count(folder: Path) -> None:
    amend(folder, FIRST)
    (folder / "manifest.v2.json").unlink()
    assert newest(folder).number == 1
    assert amend(folder, SECOND).evidence.use.decisions == (SECOND,)


@pytest.mark.parametrize("name", ["evidence.v2.json", "brief.v2.html", "evidence.json"])
def test_a_version_that_was_touched_is_refused(folder: Path, name: str) -> None:
    amend(folder, FIRST)
    (folder / name).write_bytes((folder / name).read_bytes().replace(b"Example", b"Another"))
    with pytest.raises(DataError, match="has changed"):
        newest(folder)


def test_a_version_that_does_not_follow_the_one_before_is_refused(folder: Path) -> None:
    amend(folder, FIRST)
    amend(folder, SECOND)
    for name in ("evidence", "brief", "dataset", "manifest"):  # version 2 goes, and version 3 takes its place
        for path in folder.glob(f"{name}.v3.*"):
            kept = path.read_bytes() if name != "manifest" else path.read_bytes().replace(b".v3.", b".v2.")
            path.with_name(path.name.replace(".v3.", ".v2.")).write_bytes(kept)
            path.unlink()
    with pytest.raises(DataError, match="does not follow version 1"):
        newest(folder)


def test_what_was_fetched_of_a_bundle_can_be_decided_on_too(folder: Path) -> None:
    (folder / COMPLETE).unlink()  # a store holds no marker
    assert amend(folder, FIRST).number == 2

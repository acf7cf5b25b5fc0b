from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evalkit.errors import DataError, NotSynced
from evalkit.tracking.bundle import Bundle
from tests.unit.tracking.bundles import HEADLINE, evidence, write_bundle


def test_a_whole_bundle_is_read(tmp_path: Path) -> None:
    bundle = Bundle.read(write_bundle(tmp_path, run_id="u-1"))
    assert bundle.uuid == "u-1"
    assert bundle.priority == "public_safety"
    assert bundle.headline == HEADLINE
    assert bundle.primary["label"] == "callaway_santanna"
    assert bundle.created_ms == 1_740_830_400_000


def test_a_bundle_without_its_last_marker_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "COMPLETE").unlink()
    with pytest.raises(DataError, match="not a finished bundle"):
        Bundle.read(folder)


def test_a_changed_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "estimates.csv").write_text("label,estimate\ncallaway_santanna,9\n")
    with pytest.raises(DataError, match=r"estimates\.csv has changed"):
        Bundle.read(folder)


def test_a_lost_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "brief.html").unlink()
    with pytest.raises(DataError, match=r"brief\.html is in manifest\.json but not on disk"):
        Bundle.read(folder)


@pytest.mark.parametrize(("block", "field"), [("identity", "run_id"), ("question", "priority"), ("rating", "label")])
def test_evidence_without_a_needed_field_is_refused(tmp_path: Path, block: str, field: str) -> None:
    folder = write_bundle(tmp_path, summary=evidence("u-1", **{block: {field: None}}))
    with pytest.raises(DataError, match=rf"lacks {block}\.{field}"):
        Bundle.read(folder)


@pytest.mark.promise("secure-rows")
def test_only_what_is_on_the_list_leaves_the_machine(tmp_path: Path) -> None:
    extra = {"draws.nc": b"posterior", "rows.csv": b"ssn\n1\n", "figures/.hidden": b"", "SYNCED": b""}
    sent = {path.name for path in Bundle.read(write_bundle(tmp_path, files=extra)).shared()}
    assert not sent & {"draws.nc", "rows.csv", ".hidden", "SYNCED", "COMPLETE"}
    assert {"brief.html", "evidence.json", "event_study.png"} <= sent


@pytest.mark.promise("secure-addresses")
def test_an_address_with_a_password_stops_everything(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, study_yaml="study: {data: {url: 'postgresql://ana:canary@db/x'}}\n")
    with pytest.raises(NotSynced, match=r"study\.yaml holds an address with a password") as refused:
        Bundle.read(folder).shared()
    assert "canary" not in str(refused.value)


def test_both_ways_to_list_a_file_in_the_manifest_are_read(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    with_sizes = {name: {"sha256": sha, "bytes": 0} for name, sha in manifest["files"].items()}
    (folder / "manifest.json").write_text(json.dumps({"files": with_sizes}))
    assert Bundle.read(folder).study_id == "castle_doctrine"


def test_evidence_without_an_estimate_is_refused(tmp_path: Path) -> None:
    summary = {**evidence("u-1"), "estimates": []}
    with pytest.raises(DataError, match="holds no estimate"):
        Bundle.read(write_bundle(tmp_path, run_id="u-1", summary=summary))


def test_a_table_that_a_bundle_has_not_is_empty(tmp_path: Path) -> None:
    bundle = Bundle.read(write_bundle(tmp_path))
    assert bundle.table("none.csv") == []
    assert len(bundle.table("event_study.csv")) == 8


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"evidence.v2.json": {"sha256": "0" * 64}}, "evidence.v2.json is not as manifest.v2.json knows it"),
        ([{"path": "evidence.v2.json", "sha256": "0" * 64}], "evidence.v2.json is not as manifest.v2.json knows it"),
        (None, "manifest.v2.json lists no files"),
    ],
)
def test_a_later_version_that_was_edited_is_refused(files: object, words: str, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "evidence.v2.json").write_text("{}", encoding="utf-8")
    (folder / "manifest.v2.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    with pytest.raises(DataError, match=words):
        Bundle.read(folder).versions()
    sha256 = hashlib.sha256(b"{}").hexdigest()
    for listed in ({"evidence.v2.json": sha256}, [{"path": "evidence.v2.json", "sha256": sha256}]):
        (folder / "manifest.v2.json").write_text(json.dumps({"files": listed}), encoding="utf-8")
        assert [file.name for file in Bundle.read(folder).versions()] == ["evidence.v2.json", "manifest.v2.json"]


@pytest.mark.parametrize(("text", "words"), [("[]", "holds no JSON object"), ("{", "is not JSON")])
def test_a_manifest_of_a_later_version_that_cannot_be_read_is_refused(text: str, words: str, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path)
    (folder / "manifest.v2.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        Bundle.read(folder).versions()

from __future__ import annotations

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

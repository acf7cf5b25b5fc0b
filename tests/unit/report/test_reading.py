from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.report.bundle import write_bundle
from evalkit.report.files import sha256
from evalkit.report.reading import _fetched, read_bundle
from tests import report_samples as samples


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("written")
    return write_bundle(samples.castle(), root, provenance={}, study_yaml="seed: 0\n")


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(written, tmp_path / written.parent.name / written.name))


def _relist(folder: Path, name: str, entry: dict[str, object]) -> None:
    """Change the manifest and seal it again, as somebody who wants to mislead would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = entry
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "COMPLETE").write_text(sha256((folder / "manifest.json").read_bytes()))


def test_a_whole_bundle_is_read(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert bundle.contents.evidence == samples.castle().evidence
    assert {"counterfactual", "event_study", "forest"} <= {figure.id for figure in bundle.contents.figures}


@pytest.mark.parametrize("name", ["evidence.json", "estimates.csv", "figures/forest.png"])
def test_one_flipped_byte_is_found(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match="has changed since"):
        read_bundle(folder)


def test_a_truncated_file_is_found(folder: Path) -> None:
    path = folder / "estimates.csv"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"estimates.csv has changed"):
        read_bundle(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "event_study.csv").unlink()
    with pytest.raises(DataError, match=r"event_study.csv is missing"):
        read_bundle(folder)


def test_a_changed_manifest_is_found(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="since the bundle was finished"):
        read_bundle(folder)


def test_a_folder_without_complete_is_refused(folder: Path) -> None:
    (folder / "COMPLETE").unlink()
    with pytest.raises(DataError, match="not a finished bundle"):
        read_bundle(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_manifest_that_leads_outside_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("x")
    _relist(folder, name, {"sha256": sha256(b"x"), "bytes": 1})
    with pytest.raises(DataError, match="outside itself"):
        read_bundle(folder)


def test_a_link_in_place_of_a_file_is_refused(folder: Path) -> None:
    content = (folder / "brief.md").read_bytes()
    (folder.parent / "elsewhere.md").write_bytes(content)
    (folder / "brief.md").unlink()
    (folder / "brief.md").symlink_to(folder.parent / "elsewhere.md")
    with pytest.raises(DataError, match="outside itself"):
        read_bundle(folder)


def test_evidence_of_another_version_says_which_program_reads_it(folder: Path) -> None:
    evidence = json.loads((folder / "evidence.json").read_text())
    evidence["identity"]["schema_version"] = "9.0.0"
    (folder / "evidence.json").write_text(json.dumps(evidence))
    content = (folder / "evidence.json").read_bytes()
    _relist(folder, "evidence.json", {"sha256": sha256(content), "bytes": len(content)})
    with pytest.raises(DataError, match="this version of evalkit cannot read it"):
        read_bundle(folder)


def test_another_program_s_bundle_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": "other"}))
    (folder / "COMPLETE").write_text(sha256((folder / "manifest.json").read_bytes()))
    with pytest.raises(DataError, match="does not describe a bundle of evalkit"):
        read_bundle(folder)


def test_a_file_that_changed_on_its_way_from_the_store_is_refused(folder: Path) -> None:
    fetched = _fetched(folder)
    (folder / "brief.md").unlink()
    assert set(fetched) - set(_fetched(folder)) == {"brief.md"}, "what was not fetched is not missed"
    (folder / "evidence.json").write_text("{}")
    with pytest.raises(DataError, match=r"evidence\.json has changed since the bundle was written"):
        _fetched(folder)

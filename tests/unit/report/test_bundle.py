from __future__ import annotations

import errno
import json
import os
import signal
import warnings
from pathlib import Path

import pytest

from evalkit.config import resolved_yaml
from evalkit.errors import ConfigError, EvalkitError
from evalkit.evidence.schema import Evidence
from evalkit.report.brief_html import brief_html
from evalkit.report.bundle import write_bundle
from evalkit.report.compose import compose
from evalkit.report.contents import Contents
from evalkit.report.files import sha256
from evalkit.report.gallery import GALLERY
from evalkit.report.reading import read_bundle
from tests import report_samples as samples

EXPECTED = {
    "COMPLETE", "manifest.json", "evidence.json", "brief.html", "brief.md", "estimates.csv", "event_study.csv",
    "brief.docx", "evidence.csv", "evidence.parquet", "dataset.jsonld",
    "diagnostics.csv", "study.yaml", "provenance.json", "disclosure.json", "datapackage.json", "figures/index.json",
    *(f"figures/{name}.{kind}" for name in ("event_study", "counterfactual", "forest") for kind in ("svg", "png")),
}  # fmt: skip


def _write(root: Path, *overrides: str) -> Path:
    evaluation = samples.castle(*overrides)
    study_yaml = resolved_yaml(evaluation.study)
    return write_bundle(evaluation, root, provenance={"git_sha": None}, study_yaml=study_yaml)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One finished bundle, for tests that only read."""
    return _write(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def composed() -> Contents:
    """The contents of that bundle, pictures drawn."""
    evaluation = samples.castle()
    return compose(evaluation, provenance={"git_sha": None}, study_yaml=resolved_yaml(evaluation.study))


@pytest.fixture
def composed_once(monkeypatch: pytest.MonkeyPatch, composed: Contents) -> None:
    """Spare tests of the writing the drawing of the same pictures."""
    monkeypatch.setattr("evalkit.report.bundle.compose", lambda *_, **__: composed)


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _of_checks(folder: Path) -> set[str]:
    """Pictures that the study's checks add."""
    kinds = tuple(f"figures/{kind}" for kind in GALLERY)
    return {name for name in _files(folder) if name.startswith(kinds)}


def test_a_bundle_holds_the_files_of_the_contract(folder: Path) -> None:
    assert folder.parent.name == "castle_doctrine"
    assert folder.name == samples.castle().evidence.identity.run_id
    assert _files(folder) - _of_checks(folder) == EXPECTED
    assert {"figures/leave_one_out.svg", "figures/leave_one_out.png"} <= _of_checks(folder)


def test_a_bayesian_run_adds_its_draws(tmp_path: Path) -> None:
    folder = _write(tmp_path, "estimator=bayesian_did")
    assert _files(folder) - _of_checks(folder) == EXPECTED | {"draws.nc"}


def test_the_manifest_knows_every_file_and_complete_knows_the_manifest(folder: Path) -> None:
    manifest = (folder / "manifest.json").read_bytes()
    listed = json.loads(manifest)["files"]
    assert set(listed) == _files(folder) - {"manifest.json", "COMPLETE"}
    assert all(sha256((folder / name).read_bytes()) == entry["sha256"] for name, entry in listed.items())
    assert (folder / "COMPLETE").read_text().strip() == sha256(manifest)


def test_a_bundle_is_written_once(folder: Path, composed_once: None) -> None:
    with pytest.raises(ConfigError, match="a run is written once"):
        _write(folder.parents[1])


@pytest.mark.parametrize("written", [1, 7, 19])
@pytest.mark.promise("fault-disk-full")
def test_a_disk_that_fills_up_leaves_no_complete_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, composed_once: None, written: int
) -> None:
    calls = iter(range(1000))

    def fsync(descriptor: int) -> None:
        if next(calls) >= 2 * written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("evalkit.report.files.os.fsync", fsync)
    with pytest.raises(EvalkitError, match="Free space on the disk"):
        _write(tmp_path)
    (folder,) = (tmp_path / "castle_doctrine").iterdir()
    assert "COMPLETE" not in _files(folder)
    assert not [name for name in _files(folder) if name.endswith(".part")]
    with pytest.raises(EvalkitError, match="not a finished bundle"):
        read_bundle(folder)


@pytest.mark.parametrize("written", [8, 2_000])
@pytest.mark.promise("fault-kill-writing")
def test_a_process_that_is_killed_while_it_writes_leaves_a_bundle_that_is_whole_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, composed_once: None, written: int
) -> None:
    """With `written` files on disk the process is gone as by `kill -9`; the last case lives to write them all."""
    calls, synced = iter(range(10_000)), os.fsync

    def fsync(descriptor: int) -> None:
        if next(calls) >= 2 * written:
            os.kill(os.getpid(), signal.SIGKILL)
        synced(descriptor)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which are not needed
        child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr("evalkit.report.files.os.fsync", fsync)
            _write(tmp_path)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    (folder,) = (tmp_path / "castle_doctrine").iterdir()
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert "COMPLETE" not in _files(folder)
        with pytest.raises(EvalkitError, match="not a finished bundle"):
            read_bundle(folder)
    else:
        assert written == 2_000
        assert read_bundle(folder).contents.evidence == samples.castle().evidence


def test_the_evidence_reads_back_whole(folder: Path) -> None:
    stored = Evidence.model_validate_json((folder / "evidence.json").read_bytes())
    assert stored == samples.castle().evidence


def test_the_page_can_be_made_again_from_the_bundle_to_the_byte(folder: Path) -> None:
    assert brief_html(read_bundle(folder).contents).encode() == (folder / "brief.html").read_bytes()


def test_the_data_package_describes_the_tables_as_they_are(folder: Path) -> None:
    package = json.loads((folder / "datapackage.json").read_text())
    for resource in package["resources"]:
        content = (folder / resource["path"]).read_bytes()
        if resource["format"] == "csv":
            header = content.decode().splitlines()[0].split(",")
            assert [field["name"] for field in resource["schema"]["fields"]] == header
        assert (resource["bytes"], resource["hash"]) == (len(content), f"sha256:{sha256(content)}")


@pytest.mark.promise("secure-rows")
def test_no_row_of_the_data_and_no_unit_name_leaves_with_the_bundle(folder: Path) -> None:
    outcome = samples.castle().panel.outcome
    texts = [path.read_text() for path in folder.glob("*.csv")]
    assert not [value for value in outcome[:, 0] for text in texts if repr(float(value)) in text]

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from evalkit.errors import ConfigError, EvalkitError
from evalkit.report.files import folder_for, sha256, write_whole


def _fail_with(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("evalkit.report.files.os.fsync", fsync)


def test_a_written_file_has_its_content_and_no_temporary_neighbour(tmp_path: Path) -> None:
    write_whole(tmp_path / "figures" / "a.svg", b"<svg/>")
    assert (tmp_path / "figures" / "a.svg").read_bytes() == b"<svg/>"
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["a.svg"]


def test_a_full_disk_leaves_no_file_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, errno.ENOSPC)
    with pytest.raises(EvalkitError, match="Free space on the disk") as caught:
        write_whole(tmp_path / "evidence.json", b"{}")
    assert "evidence.json" in caught.value.what
    assert list(tmp_path.iterdir()) == []


def test_content_is_synced_before_its_name_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr("evalkit.report.files.os.fsync", lambda _: seen.append((tmp_path / "a").exists()))
    write_whole(tmp_path / "a", b"x")
    assert seen == [False, True]


def test_a_folder_one_may_not_write_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(EvalkitError, match="folder that you may write to"):
        folder_for(tmp_path, "study", "run")


def test_a_file_where_the_folder_should_be_is_an_error_one_can_read(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(EvalkitError, match="Could not write"):
        folder_for(tmp_path / "results", "study", "run")


@pytest.mark.promise("trap-09")
def test_a_run_is_written_once(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "study", "run")
    assert folder == tmp_path / "study" / "run"
    with pytest.raises(ConfigError, match="exists already"):
        folder_for(tmp_path, "study", "run")


@pytest.mark.parametrize("name", ["..", "../up", "a/b", "", ".hidden", "a b", "x" * 200, "a\x00"])
def test_ids_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a folder"):
        folder_for(tmp_path, name, "run")
    with pytest.raises(ConfigError, match="cannot name a folder"):
        folder_for(tmp_path, "study", name)


def test_sha256_of_a_known_text() -> None:
    # FIPS 180-2, appendix B.1.
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evalkit.config import load_study
from evalkit.estimators import registry
from evalkit.report.finished import find_finished, job_key

KEY = "0" * 32


def bundle(root: Path, name: str, *, key: str = KEY, complete: bool = True) -> Path:
    folder = root / "lights" / name
    folder.mkdir(parents=True)
    (folder / "provenance.json").write_text(json.dumps({"job_key": key}), encoding="utf-8")
    if complete:
        (folder / "COMPLETE").touch()
    return folder


def test_only_a_whole_bundle_of_the_same_key_counts(tmp_path: Path) -> None:
    bundle(tmp_path, "a", complete=False)
    bundle(tmp_path, "b", key="1" * 32)
    assert find_finished(tmp_path, "lights", KEY) is None
    whole = bundle(tmp_path, "c")
    assert find_finished(tmp_path, "lights", KEY) == whole
    assert find_finished(tmp_path, "other", KEY) is None


def test_of_two_the_older_one_is_taken(tmp_path: Path) -> None:
    older, newer = bundle(tmp_path, "a"), bundle(tmp_path, "b")
    os.utime(newer / "COMPLETE", (1e9, 1e9))
    assert find_finished(tmp_path, "lights", KEY) == newer
    assert older != newer


def test_a_bundle_that_cannot_be_read_counts_for_nothing(tmp_path: Path) -> None:
    (bundle(tmp_path, "a") / "provenance.json").write_text("{", encoding="utf-8")
    assert find_finished(tmp_path, "lights", KEY) is None


def test_config_data_release_and_foreign_code_make_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study("enterprise_zones")
    key = job_key(study, config_sha="c", data_sha="d")
    assert key == job_key(study, config_sha="c", data_sha="d")
    others = {job_key(study, config_sha="x", data_sha="d"), job_key(study, config_sha="c", data_sha="x")}
    monkeypatch.setattr("evalkit.__version__", "99.0")
    others.add(job_key(study, config_sha="c", data_sha="d"))
    monkeypatch.undo()

    class Foreign:
        __module__ = "mine"

    code = tmp_path / "mine.py"
    monkeypatch.setattr(registry, "get", lambda name: Foreign)
    monkeypatch.setattr("inspect.getsourcefile", lambda cls: str(code))
    for text in ("one", "two"):
        code.write_text(text, encoding="utf-8")
        others.add(job_key(study, config_sha="c", data_sha="d"))
    assert len({key, *others}) == 6

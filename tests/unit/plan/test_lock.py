from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.plan import lock as locks
from evalkit.plan.lock import Lock, checked_url, lock, read, write
from tests.small_study import built


@pytest.fixture
def made() -> Lock:
    return lock(built(), who=" Office ", data=None, accesses=[], asked=["results/access.jsonl"])


def test_a_lock_is_read_back_as_it_was_written(made: Lock, tmp_path: Path) -> None:
    path = locks.path_for(tmp_path, "lights")
    write(path, made)
    assert read(path) == made
    assert (made.who, made.status, made.seen_before, made.intact) == ("Office", "internal_lock", False, True)


def test_a_lock_that_was_edited_is_known(made: Lock, tmp_path: Path) -> None:
    path = tmp_path / "plan.lock.json"
    write(path, made)
    content = json.loads(path.read_text("utf-8"))
    content["plan"]["seed"] = 8
    path.write_text(json.dumps(content), encoding="utf-8")
    found = read(path)
    assert found is not None
    assert not found.intact


def test_no_file_is_no_lock_and_another_file_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path / "plan.lock.json") is None
    (tmp_path / "plan.lock.json").write_text('{"format": "other"}', encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "plan.lock.json")


def test_a_registry_makes_it_public(made: Lock) -> None:
    found = locks.linked(made, "https://osf.io/ab12c")
    assert found.status == "public"
    assert found.plan_sha == made.plan_sha


@pytest.mark.parametrize("url", ["http://osf.io/a", "osf.io", "https://ana:pw@osf.io/a", "file:///x"])
def test_an_address_that_is_none_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked_url(url)
    assert "pw" not in str(refused.value)


def test_somebody_must_lock_it(made: Lock) -> None:
    with pytest.raises(ConfigError, match="somebody"):
        lock(built(), who=" ", data=None, accesses=[], asked=[])


def test_a_lock_that_replaces_another_keeps_its_head(made: Lock) -> None:
    (kept,) = locks.replaced(made, "new data")
    assert (kept["who"], kept["reason"], kept["plan_sha256"]) == ("Office", "new data", made.plan_sha)

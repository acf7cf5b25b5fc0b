from __future__ import annotations

import getpass
import json
import platform
import subprocess
from pathlib import Path

import pytest

from evalkit.report import provenance as module
from evalkit.report.provenance import provenance

CANARY = "canary-7f3e-not-a-real-secret"


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q")
    (tmp_path / "a.txt").write_text("one\n")
    _git(tmp_path, "add", "a.txt")
    _git(tmp_path, "commit", "-q", "-m", "First")
    return tmp_path


def test_a_clean_checkout_is_told_from_a_dirty_one(checkout: Path) -> None:
    clean = provenance(checkout)
    assert len(clean["git_sha"]) == 40
    assert (clean["git_dirty"], clean["git_diff_sha256"]) == (False, None)
    (checkout / "a.txt").write_text("two\n")
    dirty = provenance(checkout)
    assert dirty["git_dirty"] is True
    assert len(dirty["git_diff_sha256"]) == 64


def test_outside_a_checkout_nothing_is_made_up(tmp_path: Path) -> None:
    assert provenance(tmp_path)["git_sha"] is None
    assert provenance(tmp_path)["git_dirty"] is None


def test_the_lock_is_found_from_a_folder_below(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("numpy==2.0\n")
    (checkout / "below").mkdir()
    # sha256 of "numpy==2.0\n", by sha256sum.
    expected = "4e6648d7d85857bfc096a531dd6dcd0f7423b987d7a61e232eee8ac7deff0b96"
    assert provenance(checkout / "below")["lock_sha256"] == expected


def test_neither_environment_nor_address_nor_names_are_recorded(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{CANARY}@db.example/x")
    _git(checkout, "remote", "add", "origin", f"https://user:{CANARY}@example.org/repo.git")
    text = json.dumps(provenance(checkout))
    assert CANARY not in text
    assert "tester" not in text
    assert f'"{platform.node()}"' not in text
    assert f'"{getpass.getuser()}"' not in text
    assert str(checkout) not in text


def test_a_commit_hook_does_not_redirect_the_question(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = provenance(checkout)["git_sha"]
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert provenance(checkout)["git_sha"] == sha


def test_versions_of_packages_that_move_numbers_are_there() -> None:
    packages = provenance()["packages"]
    assert packages["numpy"]
    assert packages["linearmodels"]


def test_without_git_and_a_list_of_processors_nothing_is_made_up(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert provenance(checkout)["git_sha"] is None
    monkeypatch.setattr("platform.processor", lambda: "arm")
    for text in (None, "processor : 0\n"):
        monkeypatch.setattr(module, "Path", lambda place, text=text: _Listing(text))
        assert module._cpu_model() == "arm"


class _Listing:
    """``/proc/cpuinfo`` as another machine has it, or not."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def is_file(self) -> bool:
        return self.text is not None

    def read_text(self, **how: str) -> str:
        return self.text or ""


def test_a_git_that_does_not_answer_is_no_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*command: object, **settings: object) -> None:
        raise subprocess.TimeoutExpired("git", 1.0)

    monkeypatch.setattr("subprocess.run", hang)
    assert provenance(checkout)["git_sha"] is None


def test_no_lock_up_to_the_root_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK", "of-no-project.lock")
    assert module._lock(tmp_path) is None

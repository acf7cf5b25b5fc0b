"""`evalkit report --language`: the brief of a finished run in another language, from the same numbers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evalkit.cli.main import main
from tests.functional.conftest import Planned


@pytest.fixture(scope="module")
def bundle(planned: Planned) -> Path:
    return planned.folder / str(planned.kept["bundle"])


@pytest.fixture(scope="module")
def told(planned: Planned, bundle: Path) -> dict[str, bytes]:
    """The brief in Spanish, written into the bundle; the files that it had before are as they were."""
    before = hashes(bundle)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(planned.folder)
        assert main(["report", str(bundle), "--language", "es", "-q"]) == 0
    new = {path.name: path.read_bytes() for path in bundle.iterdir() if path.name.startswith("brief.es.")}
    assert {name: each for name, each in hashes(bundle).items() if name not in new} == before
    return new


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def test_three_pages_stand_beside_those_of_the_run(told: dict[str, bytes]) -> None:
    assert set(told) == {"brief.es.html", "brief.es.md", "brief.es.docx"}


def test_the_page_speaks_the_language_and_is_of_the_same_run(told: dict[str, bytes], bundle: Path) -> None:
    page = told["brief.es.html"].decode()
    identity = json.loads((bundle / "evidence.json").read_text("utf-8"))["identity"]
    assert '<html lang="es">' in page
    assert "La certeza es" in page
    assert identity["run_id"] in page
    assert identity["language"] == "en"


def test_words_of_the_study_without_a_translation_are_named(told: dict[str, bytes]) -> None:
    assert "no tienen traducción y quedan" in told["brief.es.html"].decode()


def test_what_cannot_be_retold_is_refused_and_nothing_is_written(
    planned: Planned, bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(planned.folder)
    assert main(["report", str(bundle), "--language", "en"]) == 2
    assert "in 'en' already" in capsys.readouterr().err
    assert main(["report", str(bundle), "--language", "fr"]) == 2
    assert "does not speak the language 'fr'" in capsys.readouterr().err
    data = tmp_path / "data"
    data.mkdir()
    table = (planned.folder / "data" / "lights.csv").read_text("utf-8").splitlines()
    (data / "lights.csv").write_text("\n".join([table[0], *reversed(table[2:])]) + "\n", encoding="utf-8")
    words = ["report", str(bundle), "--language", "pt", "--data-root", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*words, "-q"]) in (3, 7)
    assert not (tmp_path / "out").exists()

"""The docs become a site that reads without a network; the reference says what the code has."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.cli.main import VERBS, main
from evalkit.evidence.schema import Evidence
from evalkit.study.spec import StudySpec

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(?:https?:)?//|<link[^>]*\shref=\"?(?:https?:)?//[^>]*stylesheet"
)
IMPORTED = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"a dead link, a dead anchor, or a page that mkdocs.yml does not list:\n{done.stderr}"
    return folder


def said(page: Path) -> str:
    """The text of a page, without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    assert [page.name for page in pages if FETCHED.search(page.read_text("utf-8"))] == []
    assert [sheet.name for sheet in site.rglob("*.css") if IMPORTED.search(sheet.read_text("utf-8"))] == []


def test_the_reference_has_every_verb_key_field_and_name(site: Path) -> None:
    verbs, keys, fields, names = (
        said(site / "reference" / f"{page}.html")
        for page in ("command-line", "study-keys", "evidence-fields", "python")
    )
    assert [verb for verb in VERBS if f"evalkit {verb}" not in verbs] == []
    assert [key for key in StudySpec.model_fields if key not in keys] == []
    assert [field for field in Evidence.model_fields if field not in fields] == []
    assert [name for name in ("Panel", "CallawaySantAnna", "evaluate", "check_estimator") if name not in names] == []


def test_the_gallery_has_every_study_with_its_protocol_and_command(site: Path) -> None:
    for config in (ROOT / "configs" / "study").glob("*.yaml"):
        page = site / "gallery" / config.stem / "index.html"
        assert f"evalkit run study={config.stem}" in said(page) or list(
            (ROOT / "studies").glob(f"{config.stem}/evidence")
        )
        assert (page.parent / "protocol.html").is_file()
        assert f'href="{config.stem}/index.html"' in (site / "gallery" / "index.html").read_text("utf-8")


def test_links_out_of_the_docs_folder_lead_to_the_sites_copy(site: Path) -> None:
    assert 'href="repository/GLOSSARY.html"' in (site / "index.html").read_text("utf-8")
    assert 'href="gallery/castle_doctrine/protocol.html"' in (site / "index.html").read_text("utf-8")


def test_no_list_is_shown_as_running_text(site: Path) -> None:
    pages = {
        page.name: re.findall(r"<p>[^<]*\n(?:- |1\. )[^\n]*", page.read_text("utf-8")) for page in site.rglob("*.html")
    }
    assert {name: found for name, found in pages.items() if found} == {}


def test_the_commands_of_the_first_study_run_up_to_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "first-study.md").read_text("utf-8")
    lines = [line for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert lines[-1] == "evalkit run study=claims"  # the studies' own tests run whole evaluations
    monkeypatch.chdir(tmp_path)
    for line in lines[:-1]:
        program, *arguments = shlex.split(line, comments=True)
        if program == "cd":
            monkeypatch.chdir(tmp_path / arguments[0])
        elif program == "python":
            subprocess.run([sys.executable, *arguments], check=True)
        else:
            assert main(arguments) == 0, capsys.readouterr().err
    assert "FILL IN" in Path("configs/study/claims.yaml").read_text("utf-8")

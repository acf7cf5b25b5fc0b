"""What the pages say is true: their code runs, their keys exist, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from evalkit.checks.registry import BUILT_IN as CHECKS
from evalkit.estimators.registry import BUILT_IN
from evalkit.evidence.standard import shipped
from evalkit.study import spec
from evalkit.study.part import Part
from evalkit.study.spec import StudySpec

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "studies").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

PYTHON = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text("utf-8")) if found == language]


def with_python() -> list[Path]:
    return [page for page in PAGES if blocks(page, "python")]


@pytest.mark.parametrize("page", with_python(), ids=lambda page: page.stem)
def test_the_python_of_a_page_runs_from_top_to_bottom_and_prints_what_stands_below_it(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {"__name__": f"page_{page.stem}"}
    for number, (code, shown) in enumerate(PYTHON.findall(page.read_text("utf-8")), start=1):
        capsys.readouterr()
        exec(compile(code, f"{page.name}, block {number}", "exec"), names)
        assert not shown or capsys.readouterr().out.strip() == shown.strip()


def test_the_page_on_studies_names_every_key() -> None:
    page = (ROOT / "docs" / "writing-a-study.md").read_text("utf-8")
    models = [found for found in vars(spec).values() if isinstance(found, type) and issubclass(found, Part)]
    keys = {key for model in models if model is not spec.Study for key in model.model_fields}
    quoted = set(re.findall(r"[`{,]\s*(\w+)(?=[`,:}])", page))
    assert len(keys) > 60
    assert sorted(keys - quoted) == []


def test_the_page_on_checks_names_every_check() -> None:
    page = (ROOT / "docs" / "checks.md").read_text("utf-8")
    listed = re.findall(r"^\| \[?`(\w+)`", page, re.MULTILINE)
    assert sorted(listed) == sorted(CHECKS)


def test_the_example_study_of_the_page_is_valid() -> None:
    example = blocks(ROOT / "docs" / "writing-a-study.md", "yaml")[0]
    content = yaml.safe_load(example)
    assert content.pop("defaults")[0] == {"override /estimator": "callaway_santanna"}
    study: BaseModel = StudySpec.model_validate(content)
    assert isinstance(study, StudySpec)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_page_on_designs_names_every_estimator_and_links_its_page() -> None:
    page = (ROOT / "docs" / "choose-a-design.md").read_text("utf-8")
    assert [name for name in BUILT_IN if f"](methods/{name}.md)" not in page] == []
    needs = page.partition("## What each needs")[2].partition("##")[0]
    assert [name for name in BUILT_IN if f"| `{name}` |" not in needs] == []


def test_the_page_on_designs_reads_the_rule_table_as_it_is() -> None:
    page = (ROOT / "docs" / "choose-a-design.md").read_text("utf-8")
    rows = shipped().inference.rows
    named = [row.method for row in rows if not row.only_if_asked and row.method != "credible"]
    said = page.partition("## Which interval is reported")[2]
    places = [said.index(f"`{method}`", said.index("|---|---|---|")) for method in named]
    assert places == sorted(places)
    clustered = next(row for row in rows if row.method == "clustered")
    assert (
        f"at least {clustered.treated} treated, {clustered.comparison} to compare with, {clustered.total} in all"
        in page
    )


@pytest.mark.parametrize("page", sorted(BUILT_IN))
def test_the_page_of_an_estimator_shows_a_figure(page: str) -> None:
    text = (ROOT / "docs" / "methods" / f"{page}.md").read_text("utf-8")
    assert f"](img/{page}.png)" in text or f"](img/{page}.svg)" in text

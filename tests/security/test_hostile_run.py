"""A whole run in which every name that a city types is hostile: what is shown, and what MLflow keeps of it."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.main import main
from tests.small_study import frame, study, write_data, write_study

HOSTILE = "=1+1 <script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) `b` {{ d }} {% x %}"
FENCED = re.compile(r"^(`{3,})[^`]*$.*?^\1`*$", flags=re.MULTILINE | re.DOTALL)
"""Text in Markdown that is shown as it is."""
LIVE = re.compile(r"(?<!\\)(<(script|img src=x)|\]\(javascript)")
"""Markup that nothing takes the meaning of."""

pytestmark = [pytest.mark.calibration, pytest.mark.timeout(600)]


class Tags(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet runs it: numbers may have a sign."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return False


def hostile(value: Any) -> Any:
    """The same with a hostile ending to every text."""
    if isinstance(value, dict):
        return {key: hostile(each) for key, each in value.items()}
    return f"{HOSTILE} {value}" if isinstance(value, str) else value


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a study of hostile words, about places with hostile names, was run."""
    folder = tmp_path_factory.mktemp("hostile")
    content = study(checks=["sample_flow", "pre_trends", "leave_one_cohort_out"], robustness=["callaway_santanna"])
    for key in ("title", "programme", "question"):
        content[key] = hostile(content[key])
    content["city"] = HOSTILE
    outcome = content["outcomes"][0]
    content["outcomes"] = [{**outcome, "unit": hostile(outcome["unit"]), "mid": hostile(outcome["mid"])}]
    content["robustness"] = ["callaway_santanna"]
    data = frame()
    write_data(write_study(folder, content), data.assign(place=HOSTILE + data["place"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "study=lights", "--quiet"]) == 0
    return folder


@pytest.mark.promise("secure-names-report", "secure-page")
def test_every_page_of_the_run_shows_hostile_words_and_holds_nothing_that_runs(ran: Path) -> None:
    pages = sorted(ran.rglob("*.html"))
    assert pages
    for page in pages:
        found = Tags(page.read_text("utf-8")).found
        assert not {tag for tag, _ in found} & {"script", "iframe", "object", "embed", "form", "link", "base"}, page
        assert not [name for _, attributes in found for name in attributes if name.startswith("on")], page
        assert all((a["src"] or "").startswith("data:image/") for tag, a in found if tag == "img"), page
    assert "&lt;script&gt;alert(1)" in next(ran.glob("results/*/*/brief.html")).read_text("utf-8")
    for text in ran.glob("results/*/*/*.md"):
        assert not LIVE.search(FENCED.sub("", text.read_text("utf-8"))), text


@pytest.mark.promise("secure-formulas")
def test_no_cell_of_any_table_of_the_run_is_a_formula(ran: Path) -> None:
    tables = [path for path in ran.rglob("*.csv") if "data" not in path.relative_to(ran).parts]
    assert len(tables) > 3
    for path in tables:
        with path.open(encoding="utf-8", newline="") as file:
            assert not [cell for row in csv.reader(file) for cell in row if is_formula(cell)], path


@pytest.mark.promise("secure-names-tracking")
def test_notes_of_the_run_in_mlflow_hold_hostile_words_as_text(ran: Path) -> None:
    with sqlite3.connect(ran / "mlflow.db") as store:
        query = "select value from {} where key = 'mlflow.note.content'"
        notes = [str(row[0]) for table in ("tags", "experiment_tags") for row in store.execute(query.format(table))]
        statuses = {status for (status,) in store.execute("select status from runs")}
    assert statuses == {"FINISHED"}
    assert notes
    assert any("alert(1)" in note for note in notes)
    for note in notes:
        assert not LIVE.search(note), note
    for picture in ran.rglob("*.svg"):
        assert "<script" not in picture.read_text("utf-8"), picture
    evidence = json.loads(next(ran.glob("results/*/*/evidence.json")).read_text("utf-8"))
    assert HOSTILE in json.dumps(evidence, ensure_ascii=False)

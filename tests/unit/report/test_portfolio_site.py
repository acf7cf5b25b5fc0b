"""The portfolio's page and tables."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evalkit.errors import EvalkitError
from evalkit.language.catalogue import sentences
from evalkit.language.extraction import templates
from evalkit.report.portfolio_site import write_site
from evalkit.synthesis.entries import Entry, newest
from evalkit.synthesis.portfolio import Portfolio, build
from tests.portfolio_samples import cities, city_evidence
from tests.report_samples import HOSTILE

SHOWN = (
    "portfolio_site.py", "portfolio.html.j2", "synthesis/words.py", "synthesis/portfolio.py", "figures/synthesis.py"
)  # fmt: skip
PRIORITIES = {"public_safety": "Public safety", "homelessness": "Homelessness", "permits": "Permits"}


def portfolio(count: int = 12) -> Portfolio:
    entries = [*newest(cities(count)), Entry("planned", "Lima", "permits", "A permit desk", "planned")]
    return build(entries, title="What our programmes changed", priorities=PRIORITIES)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_a_site_has_a_page_its_briefs_and_its_tables(tmp_path: Path) -> None:
    made = portfolio()
    files = write_site(made, tmp_path / "site", {"study_001": b"<p>one</p>"})
    names = sorted(path.relative_to(tmp_path / "site").as_posix() for path in files)
    assert names == [
        "briefs/0000.html", "criteria.csv", "datapackage.json", "dataset.jsonld", "evidence.csv", "evidence.parquet",
        "findings.csv", "index.html", "portfolio.json", "synthesis.csv",
    ]  # fmt: skip
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert page.count('<a href="briefs/') == 1
    assert page.count('<tr class="study row') == 13
    assert page.count("<img") == len(made.groups) == 3


def test_every_link_and_every_filter_of_the_page_leads_somewhere(tmp_path: Path) -> None:
    write_site(portfolio(), tmp_path, {"study_001": b"<p>one</p>"})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for target in re.findall(r'href="([^"#][^"]*)"', page):
        assert (tmp_path / target).is_file(), target
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page
    for identifier, mark in re.findall(r"body:has\(#([\w-]+):checked\) \.study:not\(\.(\w+)\)", page):
        shown = f'id="{identifier}"' in page
        used = re.search(rf'class="study row [^"]*\b{mark}\b', page) is not None
        assert shown == used, identifier


def test_the_counts_on_the_buttons_are_those_of_the_rows(tmp_path: Path) -> None:
    write_site(portfolio(), tmp_path, {})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for mark, count in re.findall(r'<label for="\w+-([a-z]\d)">[^<]+\((\d+)\)</label>', page):
        assert len(re.findall(rf'class="study row [^"]*\b{mark}\b', page)) == int(count)


def test_tables_hold_what_the_summaries_say(tmp_path: Path) -> None:
    made = portfolio()
    write_site(made, tmp_path, {})
    found = {row["study"]: row for row in rows(tmp_path / "findings.csv")}
    assert len(found) == 13
    one = next(each for each in made.entries if each.study_id == "study_001")
    assert one.evidence is not None
    assert float(found["study_001"]["effect"]) == one.evidence.estimates[0].effect.value
    assert found["study_000"]["effect"] == ""  # not rated
    criteria = rows(tmp_path / "criteria.csv")[0]
    assert (criteria["city"], criteria["launched"]) == ("all", "12")
    document = json.loads((tmp_path / "portfolio.json").read_text(encoding="utf-8"))
    assert len(document["synthesis"]) == len(rows(tmp_path / "synthesis.csv")) == 3


@pytest.mark.promise("secure-names-report")
def test_hostile_names_are_text(tmp_path: Path) -> None:
    entries = newest([city_evidence(f"s{i}", city=f"{HOSTILE}{i}", title=HOSTILE, outcome=HOSTILE) for i in range(3)])
    made = build(entries, title=HOSTILE, priorities={})
    write_site(made, tmp_path, {})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    parser = _Elements()
    parser.feed(page)
    assert "script" not in parser.seen
    assert parser.handlers == []
    cells = [row["city"] for row in rows(tmp_path / "findings.csv")]
    assert all(not cell.startswith(("=", "+", "@")) for cell in cells)


@pytest.mark.promise("secure-formulas")
def test_formulas_are_disarmed_in_the_tables(tmp_path: Path) -> None:
    write_site(build(newest([city_evidence("s", city="=1+1")]), title="T", priorities={}), tmp_path, {})
    assert rows(tmp_path / "findings.csv")[0]["city"] == "'=1+1"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file", encoding="utf-8")
    with pytest.raises(EvalkitError, match="site"):
        write_site(portfolio(3), tmp_path / "site", {})


@pytest.fixture(scope="module")
def spanish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sitio")
    write_site(portfolio(), folder, {}, language="es")
    return folder


def test_a_page_in_spanish_has_no_english_template_left(spanish: Path) -> None:
    page = (spanish / "index.html").read_text(encoding="utf-8")
    assert '<html lang="es">' in page
    assert "13 estudios en 13 ciudades: 1 en preparación, " in page
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())
    ours = [part for found in templates() for part in found.english if found.file.endswith(SHOWN)]
    told = sentences("es")
    for english in ours:
        piece = max(re.split(r"\{[^}]*\}", english), key=len).strip()
        if len(piece) > 8 and told.get(english) != english:
            assert piece not in text, english


def test_findings_keep_the_language_of_their_run_and_the_page_says_so(spanish: Path, tmp_path: Path) -> None:
    page = (spanish / "index.html").read_text(encoding="utf-8")
    assert "Lo que dice cada estudio está en el idioma en que se ejecutó: inglés (12)." in page
    assert page.count('<p lang="en">The programme may reduce ') == 12
    write_site(portfolio(3), tmp_path, {})
    assert "the language in which it was run" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_tables_are_the_same_in_every_language(spanish: Path, tmp_path: Path) -> None:
    write_site(portfolio(), tmp_path, {})
    for name in ("findings.csv", "criteria.csv", "synthesis.csv", "evidence.csv", "datapackage.json"):
        assert (spanish / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_numbers_are_written_as_the_language_writes_them(tmp_path: Path) -> None:
    made = [city_evidence(f"s{i}", city=f"c{i}", priority="homelessness", effect=-1234.5 - i) for i in range(3)]
    write_site(build(newest(made), title="T", priorities={}), tmp_path, {}, language="pt")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<td class="n">−1.230</td>' in page
    assert "intervalos de 95%" in page
    assert "1.200 people per 10,000 residents mais baixo" in page


def test_hostile_names_are_text_in_spanish_too(tmp_path: Path) -> None:
    made = [city_evidence(f"s{i}", city=f"{HOSTILE}{i}", title=HOSTILE, outcome=HOSTILE) for i in range(3)]
    write_site(build(newest(made), title=HOSTILE, priorities={}), tmp_path, {}, language="es")
    parser = _Elements()
    parser.feed((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "script" not in parser.seen
    assert parser.handlers == []


class _Elements(HTMLParser):
    """Names of all elements, and attributes that would run something."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

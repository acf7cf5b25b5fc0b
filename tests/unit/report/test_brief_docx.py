"""The Word brief: the page's words, in a structure that screen readers follow."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import docx
import pytest
from docx.document import Document

from evalkit.report.brief_docx import HEADINGS, _body, brief_docx, plain
from evalkit.report.brief_html import MAIN
from evalkit.report.page import build_page
from tests import report_samples as samples

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def opened(content: bytes) -> Document:
    return docx.Document(io.BytesIO(content))


@pytest.fixture(scope="module")
def brief() -> Document:
    return opened(brief_docx(samples.contents()))


def words(document: Document) -> str:
    cells = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    return " ".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def test_it_says_what_the_page_says(brief: Document) -> None:
    page, said = build_page(samples.evidence()), words(brief)
    for text in (page.headline, page.title, page.certainty, *page.lead, *page.weakens, *page.raises, *page.next_step):
        assert text in said
    for dial in page.dials:
        assert dial.reading in said
    for change in page.changes:
        assert f"{change.effect} ({change.interval})" in said


def test_headings_go_down_step_by_step_under_one_title(brief: Document) -> None:
    levels = [int(p.style.name[-1]) for p in brief.paragraphs if p.style and p.style.name.startswith("Heading")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_every_table_is_real_with_a_header_row_that_repeats_and_a_description(brief: Document) -> None:
    assert len(brief.tables) > 10
    for table in brief.tables:
        first = table._tbl.tr_lst[0]
        assert first.find(f"{W}trPr/{W}tblHeader") is not None
        caption = table._tbl.tblPr.find(f"{W}tblCaption")
        assert caption is not None
        assert caption.get(f"{W}val")
        assert len({len(row.tc_lst) for row in table._tbl.tr_lst}) == 1
    assert tuple(cell.text for cell in brief.tables[0].rows[0].cells) == ("Size of effect", "Certainty", "Cost")


def test_every_picture_has_its_alt_text_and_its_numbers(brief: Document) -> None:
    figures = [figure for figure in samples.contents().figures if figure.id in MAIN]
    shown = [shape._inline.docPr for shape in brief.inline_shapes]
    assert [each.get("descr") for each in shown] == [figure.alt for figure in figures]
    captions = [p.text for p in brief.paragraphs if p.text == "The numbers in this picture"]
    assert len(captions) == len(figures) > 0


def test_its_language_and_title_are_stated(brief: Document) -> None:
    core = brief.core_properties
    assert (core.language, core.title) == ("en-US", build_page(samples.evidence()).title)
    assert "python-docx" not in (core.author, core.comments)


def test_the_same_contents_give_the_same_bytes() -> None:
    assert brief_docx(samples.contents()) == brief_docx(samples.contents())


@pytest.mark.promise("secure-names-report")
def test_hostile_names_stay_text() -> None:
    content = brief_docx(samples.contents(samples.HOSTILE + "\x00\x1b\ud800"))
    assert samples.HOSTILE in words(opened(content))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            assert "vba" not in name.lower()
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(parts.read(name))
        links = parts.read("word/_rels/document.xml.rels").decode()
        assert "External" not in links
        assert not re.search(r"<w:(hyperlink|fldSimple|instrText)\b", parts.read("word/document.xml").decode())


def test_a_run_that_is_not_rated_says_what_would_let_it_be_rated() -> None:
    said = words(opened(brief_docx(samples.contents(certainty=None))))
    assert "Not rated" in said
    assert "Change in natural units" not in said


def test_a_summary_of_findings_is_a_table_of_its_own() -> None:
    document = opened(brief_docx(samples.of(samples.castle())))
    heads = [tuple(cell.text for cell in table.rows[0].cells) for table in document.tables]
    assert ("Outcome", "Without → with", "Difference (interval)", "Certainty", "In words") in heads
    assert "Pictures of the checks are in brief.html." in words(document)


def test_characters_that_xml_cannot_hold_are_left_out() -> None:
    assert plain("a\x00b\x0bc\tdé😀") == "abc\tdé😀"


def test_limitations_that_do_not_fit_are_counted_and_empty_parts_have_no_heading() -> None:
    document = docx.Document()
    page = replace(build_page(samples.evidence(limitations=5), limitations=2), next_step=())
    _body(document, page)
    said = words(document)
    assert HEADINGS.say("left_out", count=3) in said
    assert HEADINGS["next"] not in said
    bare = docx.Document()
    _body(bare, replace(page, weakens=()))
    assert HEADINGS["weakens"] not in words(bare)

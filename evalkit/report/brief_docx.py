"""`brief.docx`: the page as a Word document with real headings, tables and alt texts, then the annex."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from evalkit.language import Phrases, known_language, speaking
from evalkit.report.annex import build_annex
from evalkit.report.annex_parts import Table, frame_table
from evalkit.report.brief_html import MAIN
from evalkit.report.contents import Contents
from evalkit.report.docx_table import add_table
from evalkit.report.figures.canvas import Figure
from evalkit.report.page import Page, build_page
from evalkit.report.wording import first_upper

if TYPE_CHECKING:
    from docx.document import Document

_HEADINGS: Final = {
    "kicker": "Evidence brief",
    "dials": "Size of effect, certainty and cost",
    "changes": "Change in natural units",
    "outcomes": "All outcomes",
    "for_whom": "For whom",
    "sure": "How sure one can be",
    "weakens": "What weakens the claim",
    "raises": "What would raise the certainty",
    "rate": "What would let it be rated",
    "next": "What next",
    "pictures": "Pictures",
    "annex": "Technical annex",
    "numbers": "The numbers in this picture",
    "left_out": "{count} more in the annex.",
    "alone": "Where no label stands, that step needs another beside it.",
    "of_checks": "Pictures of the checks are in brief.html.",
    "measure": "Measure",
    "change": "Change (interval)",
    "levels": "Without → with",
    "outcome": "Outcome",
    "difference": "Difference (interval)",
    "certainty": "Certainty",
    "in_words": "In words",
}
HEADINGS: Final = Phrases(_HEADINGS)
"""Every word of the document that is not the page's own."""
CHANGES: Final = ("measure", "change", "levels")
OUTCOMES: Final = ("outcome", "levels", "difference", "certainty", "in_words")
LANGUAGES: Final = {"en": "en-US", "es": "es-ES", "pt": "pt-BR", "fr": "fr-FR"}
WIDTH: Final = 6.0
"""Of pictures, in inches."""
_NOT_IN_XML: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)


def brief_docx(contents: Contents) -> bytes:
    """Render the brief as Word: the words of the page, headings for navigation, tables with header rows, alt texts.

    The same contents give the same bytes: no clock and no machine enters.
    """
    with speaking(known_language(contents.evidence.identity.language)):
        return _packed(_written(contents))


def _written(contents: Contents) -> Document:
    import docx

    page, document = build_page(contents.evidence), docx.Document()
    _properties(document, contents, page)
    document.add_paragraph(plain(f"{HEADINGS['kicker']} · {page.kicker}"), style="Subtitle")
    document.add_heading(plain(page.headline), level=1)
    document.add_paragraph(plain(page.title))
    _dials(document, page)
    _body(document, page)
    shown = [figure for figure in contents.figures if figure.id in MAIN]
    if shown:
        document.add_heading(HEADINGS["pictures"], level=2)
    for figure in shown:
        _picture(document, figure)
    if len(shown) < len(contents.figures):
        document.add_paragraph(HEADINGS["of_checks"])
    _annex(document, contents)
    return document


def plain(text: str) -> str:
    r"""Text without characters that XML cannot hold.

    Examples
    --------
    >>> plain("a\x00b")
    'ab'
    """
    return _NOT_IN_XML.sub("", text)


def _properties(document: Document, contents: Contents, page: Page) -> None:
    identity, core = contents.evidence.identity, document.core_properties
    core.title, core.subject = plain(page.title)[:250], plain(page.headline)[:250]
    core.author, core.comments, core.keywords = f"evalkit {identity.evalkit_version}", "", plain(page.kicker)[:250]
    core.language = LANGUAGES[identity.language]
    core.created = core.modified = identity.created_at.replace(tzinfo=None)
    core.last_modified_by, core.identifier = "", identity.run_id
    styles = document.styles.element
    for found in styles.xpath("//w:rPrDefault//w:lang"):
        found.set(found.nsmap and f"{{{found.nsmap['w']}}}val", LANGUAGES[identity.language])


def _dials(document: Document, page: Page) -> None:
    cells = []
    for dial in page.dials:
        tag = f" ({dial.tag.lower()})" if dial.tag else ""
        cells.append(". ".join([f"{dial.reading}{tag}", *(line.rstrip(".") for line in dial.beneath if line)]) + ".")
    _grid(document, Table(HEADINGS["dials"], tuple(dial.name for dial in page.dials), (tuple(cells),)))


def _body(document: Document, page: Page) -> None:
    document.add_heading(plain(page.what), level=2)
    _paragraphs(document, page.lead)
    if page.changes:
        rows = tuple((c.measure, f"{c.effect} ({c.interval})", c.levels or "–") for c in page.changes)
        _grid(document, Table(HEADINGS["changes"], _head(CHANGES), rows))
    if page.outcomes:
        document.add_heading(HEADINGS["outcomes"], level=2)
        lines = tuple((f"{o.name} ({o.note})", o.levels, o.change, o.certainty, o.in_short) for o in page.outcomes)
        _grid(document, Table(HEADINGS["outcomes"], _head(OUTCOMES), lines))
    document.add_heading(HEADINGS["for_whom"], level=2)
    _paragraphs(document, (f"{name}: {text}" for name, text in page.for_whom))
    _paragraphs(document, page.groups)
    document.add_heading(HEADINGS["sure"], level=2)
    _paragraphs(document, (page.certainty,))
    if page.weakens:
        document.add_heading(HEADINGS["weakens"], level=3)
        _paragraphs(document, page.weakens, "List Bullet")
        if page.weakens_left_out:
            _paragraphs(document, (HEADINGS.say("left_out", count=page.weakens_left_out),))
    if page.raises:
        rated = page.dials[1].level is not None
        document.add_heading(HEADINGS["raises" if rated else "rate"], level=3)
        _paragraphs(document, (HEADINGS["alone"],) if rated else ())
        _paragraphs(document, page.raises, "List Bullet")
    if page.next_step:
        document.add_heading(HEADINGS["next"], level=2)
        _paragraphs(document, page.next_step)


def _head(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(HEADINGS[name] for name in names)


def _paragraphs(document: Document, texts: Iterable[str], style: str | None = None) -> None:
    for text in texts:
        document.add_paragraph(plain(text), style=style)


def _picture(document: Document, figure: Figure) -> None:
    """The picture with its alt text where screen readers look for it, its note, and its numbers as a table."""
    from docx.shared import Inches

    document.add_heading(plain(figure.title), level=3)
    shown = document.add_picture(io.BytesIO(figure.png), width=Inches(WIDTH))
    shown._inline.docPr.set("descr", plain(figure.alt))
    shown._inline.docPr.set("title", plain(figure.title))
    _paragraphs(document, (figure.note,) if figure.note else (), "Caption")
    table = frame_table(figure.data, HEADINGS["numbers"])
    _grid(document, table)


def _annex(document: Document, contents: Contents) -> None:
    _turn(document)
    document.add_heading(HEADINGS["annex"], level=2)
    for section in build_annex(contents):
        document.add_heading(plain(section.title), level=3)
        _paragraphs(document, (text for text in section.text if text))
        for table in section.tables:
            _grid(document, table)
        if section.code:
            _paragraphs(document, (section.code.rstrip(),), "No Spacing")


def _turn(document: Document) -> None:
    """Go on, on a new page, in landscape: tables of the annex are wide."""
    from docx.enum.section import WD_ORIENT

    wide = document.add_section()
    if wide.page_width is not None and wide.page_height is not None:
        wide.orientation, wide.page_width, wide.page_height = WD_ORIENT.LANDSCAPE, wide.page_height, wide.page_width


def _grid(document: Document, table: Table) -> None:
    document.add_paragraph(plain(first_upper(table.caption)), style="Caption").paragraph_format.keep_with_next = True
    rows = [[plain(text) for text in row] for row in table.rows]
    add_table(document, plain(table.caption), [plain(text) for text in table.head], rows, table.numeric)
    document.add_paragraph()


def _packed(document: Any) -> bytes:
    """The document's parts in a zip whose times say nothing of when it was made."""
    made, packed = io.BytesIO(), io.BytesIO()
    document.save(made)
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in parts.namelist():
            out.writestr(zipfile.ZipInfo(name, _MOMENT), parts.read(name), zipfile.ZIP_DEFLATED)
    return packed.getvalue()

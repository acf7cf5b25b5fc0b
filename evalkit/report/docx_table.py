"""A table of text in a Word document, written at once: the library's own way looks each cell up anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from docx.document import Document

NAMESPACE: Final = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TEXT_WIDTH: Final = 8640
"""Twentieths of a point between the margins of the default page."""
SHADE: Final = "E7ECF2"


def add_table(
    document: Document, caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Iterable[int] = ()
) -> None:
    """Append a table with a header row that repeats on each page, and a description for screen readers.

    Parameters
    ----------
    document
        To be added to.
    caption
        Its description.
    head, rows
        Texts; every row as long as the head.
    numeric
        Columns that line up on the right.
    """
    from docx.oxml import parse_xml

    right = frozenset(numeric)
    width = TEXT_WIDTH // max(len(head), 1)
    grid = f'<w:gridCol w:w="{width}"/>' * len(head)
    body = "".join(_row(row, width, right) for row in rows)
    document.element.body.insert_element_before(
        parse_xml(
            f'<w:tbl {NAMESPACE}><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/>'
            f'<w:tblLook w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" w:noHBand="1" w:noVBand="1"/>'
            f"<w:tblCaption w:val={quoteattr(caption)}/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>"
            f"{_row(head, width, right, header=True)}{body}</w:tbl>"
        ),
        "w:sectPr",
    )


def _row(texts: Sequence[str], width: int, right: frozenset[int], *, header: bool = False) -> str:
    properties = "<w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>" if header else "<w:trPr><w:cantSplit/></w:trPr>"
    cells = "".join(_cell(text, width, place in right, header) for place, text in enumerate(texts))
    return f"<w:tr>{properties}{cells}</w:tr>"


def _cell(text: str, width: int, right: bool, header: bool) -> str:
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{SHADE}"/>' if header else ""
    align = '<w:jc w:val="right"/>' if right else ""
    bold = "<w:b/>" if header else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr><w:p><w:pPr><w:spacing w:after="0"/>{align}'
        f'</w:pPr><w:r><w:rPr>{bold}<w:sz w:val="18"/></w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'
        "</w:p></w:tc>"
    )

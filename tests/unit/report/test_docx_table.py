from __future__ import annotations

import docx

from evalkit.report.docx_table import add_table


def test_a_table_reads_back_as_it_was_written() -> None:
    document = docx.Document()
    document.add_paragraph("before")
    add_table(document, 'A "caption" & more', ["a", "<b>"], [["x & y", "1"], ["  two  spaces", "−2"]], [1])
    (table,) = document.tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["a", "<b>"], ["x & y", "1"], ["  two  spaces", "−2"],
    ]  # fmt: skip
    assert [str(row.cells[1].paragraphs[0].alignment) for row in table.rows] == ["RIGHT (2)"] * 3
    assert table.style is not None
    assert table.style.name == "Table Grid"


def test_what_is_added_later_stands_behind_it() -> None:
    document = docx.Document()
    add_table(document, "c", ["a"], [])
    document.add_paragraph("after")
    kinds = [element.tag.rpartition("}")[2] for element in document.element.body]
    assert kinds == ["tbl", "p", "sectPr"]

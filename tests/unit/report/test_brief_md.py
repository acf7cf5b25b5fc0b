from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from evalkit.report.brief_md import brief_md, code_block, escape
from tests import report_samples as samples

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _tokens(text: str) -> list[str]:
    """Kinds of all block and inline tokens, as GitHub's markdown reads the text."""
    found: list[str] = []
    for token in PARSER.parse(text):
        found += [token.type, *(child.type for child in token.children or [])]
    return found


def test_the_first_line_is_the_headline_as_plain_text() -> None:
    text = brief_md(samples.contents(headline="The law may reduce claims by about 6.8 % (2 to 11)."))
    assert text.splitlines()[0] == "The law may reduce claims by about 6.8 % (2 to 11)."


@pytest.mark.promise("secure-names-report")
def test_hostile_names_make_no_link_no_html_no_code() -> None:
    kinds = set(_tokens(brief_md(samples.contents(samples.HOSTILE, study_yaml="id: x\n"))))
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "code_inline"}


@pytest.mark.parametrize(
    "text",
    ["# Title", "- item", "1. item", "> quote", "---", "===", "a | b", "`code`", "*b*", "__b__", "[x](y)",
     "<b>", "&lt;",
     "https://evil.example", "a@b.example", "~~gone~~", "line\n\nbreak", "***", "+ x", "\\"],
)  # fmt: skip
def test_text_shows_as_itself(text: str) -> None:
    escaped = str(escape(text))
    tokens = PARSER.parse(escaped)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    shown = "".join(child.content for child in tokens[1].children or [])
    assert shown == " ".join(text.split())
    assert {child.type for child in tokens[1].children or []} <= {"text", "text_special"}


@pytest.mark.parametrize("text", ["see https://evil.example", "see www.evil.example", "write a@b.example"])
def test_addresses_do_not_become_links_by_themselves(text: str) -> None:
    # GitHub's extended autolinks start at "://", "www." and "@"; a backslash between breaks them.
    assert not re.search(r"https?://|www\.|(?<!\\)@", str(escape(text)))


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head() -> None:
    text = brief_md(samples.contents(samples.HOSTILE))
    tables = re.findall(r"(?:^\|.*\|$\n)+", text, flags=re.MULTILINE)
    assert len(tables) > 10
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.strip().splitlines()}
        assert len(widths) == 1


def test_tables_of_the_real_study_are_read_as_tables() -> None:
    text = brief_md(samples.of(samples.castle()))
    assert _tokens(text).count("table_open") == len(re.findall(r"^\|[ :|-]+\|$", text, flags=re.MULTILINE))


def test_a_fence_is_longer_than_any_inside_it() -> None:
    assert code_block("a\n```\nb").startswith("````\n")

"""`brief.md`: the same page as markdown; the first line is the headline, plain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import DictLoader, Environment, StrictUndefined, Template

from evalkit.language import known_language, phrase, speaking
from evalkit.report.annex import build_annex
from evalkit.report.annex_parts import Table, frame_table
from evalkit.report.contents import Contents
from evalkit.report.page import build_page

_SPECIAL: Final = re.compile(r"([\\`*{}\[\]<>|~#])|(?<![^\W_])(_)|(_)(?![^\W_])")
_LINKS: Final = re.compile(r"(?i)(https?|ftp|mailto)(:)|(www)(\.)|(@)")
_STARTS: Final = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+=])(?=\s|[-+=]|$)")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")


class Raw(str):
    """Markdown made here, not to be escaped."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Described:
    """A figure in words and numbers: markdown in the tracking pages shows no picture of a bundle."""

    title: str
    alt: str
    note: str
    table: Table


def brief_md(contents: Contents) -> str:
    """Render the brief as markdown: tables, lists and bold only, every declared text escaped."""
    with speaking(known_language(contents.evidence.identity.language)):
        return _rendered(contents)


def _rendered(contents: Contents) -> str:
    figures = [_Described(f.title, f.alt, f.note, frame_table(f.data, f.title)) for f in contents.figures]
    text = _template().render(page=build_page(contents.evidence), figures=figures, annex=build_annex(contents))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape(value: object) -> object:
    r"""Text that shows as itself in markdown: no markup, no HTML, no link, one line.

    Examples
    --------
    >>> print(escape("<b>A|B</b> [x](http://y) __init__ snake_case"))
    \<b\>A\|B\</b\> \[x\](http\://y) \_\_init\_\_ snake_case
    >>> print(escape("- 1. City"), escape("1. City"), escape("&lt;"))
    \- 1. City 1\. City \&lt;
    """
    if isinstance(value, Raw):
        return value
    text = " ".join(str(value).split())
    text = _SPECIAL.sub(lambda found: "\\" + found.group(0), text)
    text = _ENTITY.sub(r"\\&", text)
    text = _LINKS.sub(lambda found: _before_last(found.group(0)), text)
    return _STARTS.sub(lambda found: (found.group(1) or "") + "\\" + (found.group(2) or found.group(3)), text)


def _worded(english: str) -> Raw:
    """A fixed text of the template, in the language spoken: made here, so not escaped."""
    return Raw(phrase(english))


def _before_last(text: str) -> str:
    return f"{text[:-1]}\\{text[-1]}"


def code_block(text: str) -> Raw:
    """A fenced block whose fence is longer than any in the text.

    Examples
    --------
    >>> print(code_block("a: 1"))
    ```
    a: 1
    ```
    """
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Raw(f"{fence}\n{text.rstrip()}\n{fence}")


def grid(table: Table) -> Raw:
    r"""A table in markdown.

    Examples
    --------
    >>> print(grid(Table("Sums", ("a|b", "n"), (("x", "1"),), frozenset({1}))))
    **Sums**
    <BLANKLINE>
    | a\|b | n |
    | --- | ---: |
    | x | 1 |
    <BLANKLINE>
    """
    rules = ["---:" if place in table.numeric else "---" for place in range(len(table.head))]
    lines = [[str(escape(text)) for text in row] for row in (table.head, *table.rows)]
    rows = [f"| {' | '.join(line)} |" for line in (lines[0], rules, *lines[1:])]
    return Raw(f"**{escape(table.caption)}**\n\n" + "\n".join(rows) + "\n")


@cache
def _template() -> Template:
    source = resources.files("evalkit.report").joinpath("templates", "brief.md.j2").read_text(encoding="utf-8")
    environment = Environment(
        loader=DictLoader({"brief.md.j2": source}),
        autoescape=False,  # noqa: S701 (markdown, not HTML: `finalize` escapes every value)
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(grid=grid, code=code_block, _=_worded)
    return environment.get_template("brief.md.j2")

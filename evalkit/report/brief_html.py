"""`brief.html`: one self-contained page, no script, nothing fetched; then the annex, folded."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from typing import Final

from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from evalkit.language import known_language, phrase, speaking
from evalkit.report.annex import build_annex
from evalkit.report.annex_parts import Table, frame_table
from evalkit.report.contents import Contents
from evalkit.report.figures.canvas import Figure
from evalkit.report.page import Page, build_page

MAX_WORDS: Final = 700
MAIN: Final = ("counterfactual", "event_study", "cumulative", "equity", "by_unit", "forest")
"""Figures on the page itself; those of the checks are folded, so that the page stays a page."""
_TRIES: Final = ((12, 60), (8, 60), (6, 50), (4, 40), (3, 30), (2, 20), (1, 12))
"""Limitations shown, and words kept of each declared text, until the page fits."""

_POINTS_TO_PIXELS: Final = 96 / 72


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the template needs it: a data URI and its natural size in pixels."""

    title: str
    alt: str
    note: str
    source: str
    width: int
    height: int
    table: Table


def brief_html(contents: Contents) -> str:
    """Render the page.

    Every text is escaped by the template; the Content-Security-Policy forbids scripts and requests
    even if one were not.

    Returns
    -------
    str
        At most 700 words before the folded parts, the pictures of the checks and the annex (data tables of
        figures and alt texts not counted): where
        the study declares long texts they are cut on the page and whole in the annex.
    """
    with speaking(known_language(contents.evidence.identity.language)):
        return _rendered(contents)


def _rendered(contents: Contents) -> str:
    annex = build_annex(contents)
    pictures = [picture_of(figure) for figure in contents.figures if figure.id in MAIN]
    of_checks = [picture_of(figure) for figure in contents.figures if figure.id not in MAIN]

    def render(page: Page) -> str:
        rendered = _template().render(
            page=page,
            evidence=contents.evidence,
            language=contents.evidence.identity.language,
            css=_css(),
            figures=pictures,
            check_figures=of_checks,
            annex=annex,
        )
        return rendered.strip() + "\n"

    html = ""
    for limitations, words in _TRIES:
        html = render(build_page(contents.evidence, limitations=limitations, words=words))
        if words_on_page(html) <= MAX_WORDS:
            break
    return html


def words_on_page(html: str) -> int:
    """Words that a reader sees before unfolding anything.

    Examples
    --------
    >>> words_on_page("<style>p {}</style><p>Two words</p><details><summary>More</summary>hidden</details>")
    2
    """
    counter = _WordCounter()
    counter.feed(html)
    counter.close()
    return counter.words


class _WordCounter(HTMLParser):
    """Counts words outside elements that are not shown, or shown only on request."""

    SKIPPED: Final = frozenset({"style", "title", "details", "script"})

    def __init__(self) -> None:
        super().__init__()
        self.words = 0
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside += tag in self.SKIPPED

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in self.SKIPPED

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words += len(re.findall(r"\w[\w'’.,%-]*", data))


def picture_of(figure: Figure) -> Picture:
    """A figure as a page shows it."""
    width, height = _natural_size(figure.svg)
    encoded = base64.b64encode(figure.svg).decode("ascii")
    return Picture(
        title=figure.title,
        alt=figure.alt,
        note=figure.note,
        source=f"data:image/svg+xml;base64,{encoded}",
        width=width,
        height=height,
        table=frame_table(figure.data, figure.title),
    )


def _natural_size(svg: bytes) -> tuple[int, int]:
    """Width and height in CSS pixels, so that the page does not jump while the picture loads."""
    sizes = [re.search(rb"\b" + name + rb'="([\d.]+)pt"', svg[:2000]) for name in (b"width", b"height")]
    if sizes[0] is None or sizes[1] is None:
        raise ValueError("the picture does not state its size in points")
    width, height = (round(float(size.group(1)) * _POINTS_TO_PIXELS) for size in sizes if size)
    return width, height


def _keep_together(value: object) -> object:
    """A number and its per cent sign stay on one line."""
    return re.sub(r"(?<=\d) %", "\u00a0%", value) if type(value) is str else value


@cache
def _template() -> Template:
    source = _read("brief.html.j2")
    environment = Environment(
        loader=DictLoader({"brief.html.j2": source}),
        autoescape=True,
        finalize=_keep_together,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["_"] = phrase
    return environment.get_template("brief.html.j2")


@cache
def _css() -> Markup:
    """The page's own style sheet: no text of a study enters it."""
    return Markup(_read("brief.css"))  # noqa: S704 (a constant of the package)


def _read(name: str) -> str:
    return resources.files("evalkit.report").joinpath("templates", name).read_text(encoding="utf-8")

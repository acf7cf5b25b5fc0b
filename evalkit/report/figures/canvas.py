"""The sheet that every figure is drawn on: size, type, colours, and bytes that never change by themselves.

Figures are drawn with matplotlib's object-oriented interface on the Agg canvas, never through
pyplot, so that no state outlives a call. The same data give the same bytes: element ids come from a
fixed salt, the files carry no date, and letters are stored as outlines, so that a reader's fonts
change nothing.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from evalkit.language import localized, phrase, say
from evalkit.report.figures.words import steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
INK: Final = "#1F2933"
GREY: Final = "#5F6B7A"
PALE: Final = "#D9DEE5"
"""Blue and vermilion of Okabe and Ito (2008): told apart under every common colour blindness, and in grey."""

WIDTH: Final = 5.6
"""Inches. With 11-point type, letters are about 9 px on a phone of 390 px and 19 px on a page of 700 px."""

TITLE_LETTERS: Final = 56
TITLE_LINES: Final = 3
SHEET_LETTERS: Final = 62
"""Letters of the title's size that a line has room for, from the left edge of the sheet."""
FEWEST_LETTERS: Final = 24
PNG_DPI: Final = 200
SINGLE_STEPS: Final = 13
"""Up to this many event times, each has its own tick."""

_STYLE: Final[Any] = {  # matplotlib types its settings by their own long list of names
    "svg.hashsalt": "evalkit",
    "svg.fonttype": "path",
    "path.simplify": False,
    "text.parse_math": False,  # a "$" in a city's name is money, not mathematics
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11.0,
    "axes.labelsize": 11.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.fontsize": 10.0,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture with everything a reader who cannot see it needs.

    Attributes
    ----------
    id
        Stable name; also the stem of its files.
    title
        What the picture shows, in a few words.
    alt
        One or two sentences that say what is seen, numbers included.
    note
        How to read it: what the marks mean.
    data
        The numbers drawn, one row a mark.
    svg, png
        The picture, as a vector and at 200 dots an inch.
    """

    id: str
    title: str
    alt: str
    note: str
    data: pd.DataFrame
    svg: bytes
    png: bytes


def draw(
    paint: Callable[[Axes], None],
    *,
    says: str,
    height: float,
    below: tuple[Callable[[Axes], None], float] | None = None,
) -> tuple[bytes, bytes]:
    """Draw on a fresh sheet, with what the axis measures above it and the key beneath it.

    Parameters
    ----------
    paint
        Draws on the axes that it is given, labelling what belongs in the key.
    says
        What is measured, with its unit: written level above the axes, where it reads without turning the head.
    height
        Inches; the width is fixed.
    below
        Draws on a second pair of axes under the first, which shares its horizontal axis; and its height in inches.

    Returns
    -------
    tuple of bytes
        SVG and PNG, the same to the byte for the same marks.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet
    from matplotlib.ticker import FuncFormatter, ScalarFormatter

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A letter that the font lacks is drawn as an empty box; the table beneath the figure has the name.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        under = 0.0 if below is None else below[1]
        sheet = Sheet(figsize=(WIDTH, height + under), layout="constrained")
        FigureCanvasAgg(sheet)
        if below is None:
            axes = sheet.add_subplot()
            paint(axes)
        else:
            axes, second = sheet.subplots(2, 1, sharex=True, height_ratios=(height, under))
            paint(axes)
            below[0](second)
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), ScalarFormatter):
                axis.set_major_formatter(FuncFormatter(tick_label))
        title = wrapped(says[:1].upper() + says[1:], _title_letters(axes), TITLE_LINES)
        axes.set_title(title, loc="left", fontsize=10.5, pad=9)
        handles, labels = axes.get_legend_handles_labels()
        if len(handles) > 1 or phrase("smallest change that matters") in labels:
            sheet.legend(handles, labels, loc="outside lower left", ncols=2, columnspacing=1.6, handlelength=1.8)
        vector, raster = io.BytesIO(), io.BytesIO()
        sheet.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
        sheet.savefig(raster, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return vector.getvalue(), raster.getvalue()


def _title_letters(axes: Axes) -> int:
    """Letters of a line of the title, which begins where the axes do: right of the labels beside them."""
    beside = [len(line) for label in axes.get_yticklabels() for line in label.get_text().split("\n")]
    return max(FEWEST_LETTERS, min(TITLE_LETTERS, SHEET_LETTERS - max(beside, default=0)))


def tick_label(value: float, position: int | None = None) -> str:
    """A number on an axis: thousands set apart, no power of ten, a real minus sign.

    Examples
    --------
    >>> tick_label(120000.0), tick_label(-2.5), tick_label(0.1 + 0.2)
    ('120,000', '−2.5', '0.3')
    """
    text = f"{round(value, 12):,.12f}".rstrip("0").rstrip(".")
    return "0" if text in ("0", "-0") else localized(text.replace("-", "−"))


def time_axis(ax: Axes, times: Sequence[float], step: str) -> None:
    """Label the axis of event times in whole periods, and mark the start just before period 0."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    few = max(times) - min(times) < SINGLE_STEPS
    ax.xaxis.set_major_locator(MultipleLocator(1) if few else MaxNLocator(integer=True))
    ax.axvline(-0.5, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    ax.set_xlabel(say("{steps} since the start (0: the first under the programme)", steps=plural(step).capitalize()))
    ax.margins(x=0.05)


def plural(step: str) -> str:
    """Several steps in words.

    Examples
    --------
    >>> plural("year"), plural("4 years")
    ('years', 'periods of 4 years')
    """
    return steps(step)


def one_line(text: object, limit: int = 60) -> str:
    r"""Text as a label: one line, cut at `limit` characters.

    Examples
    --------
    >>> one_line("Castle\n  law", limit=20)
    'Castle law'
    >>> one_line("a very long name of a programme", limit=16)
    'a very long nam…'
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def wrapped(text: object, width: int, lines: int = 2) -> str:
    r"""Text over at most `lines` lines of `width` letters.

    Examples
    --------
    >>> wrapped("Effect on unemployment claims, per cent", 22)
    'Effect on unemployment\nclaims, per cent'
    """
    flat = one_line(text, limit=10_000)
    return "\n".join(textwrap.wrap(flat, width, max_lines=lines, placeholder=" …")) or flat[:width]

"""Rows of figures as cells of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.calibrated.measure import Kind, Range, Row
from tests.calibrated.register import ESTIMATORS

HEADS: Final[Mapping[Kind, Sequence[str]]] = {
    "interval": (
        "method", "world", "inference", "data sets", "level", "held the truth", "asked", "bias", "error / spread",
        "wholly above, below", "bands held", "size of its test", "held by clustered errors",
    ),
    "share": ("method", "world", "inference", "data sets", "nominal", "found", "asked", "remark"),
    "ranks": ("model", "variant", "fits", "quantities", "band", "beyond the band", "central 90 % held"),
    "figure": ("method", "world", "data sets", "what", "found", "asked"),
}  # fmt: skip


def cells(row: Row) -> list[str]:
    """Cells under the heads of the row's kind; empty where it has no such figure."""
    figures, method = row.figures, f"`{row.method}`" if row.method in ESTIMATORS or "_" in row.method else row.method
    asked = _range(row.asked, as_share=row.kind != "figure")
    rule, count = row.rule.replace("_", " "), f"{row.data_sets:,}"
    if row.kind == "ranks":
        beyond = "inside" if figures["value"] == 0.0 else f"**{percent(figures['value'])} of ranks**"
        names = row.note or f"{figures['quantities']:.0f}"
        return [method, row.world, count, names, percent(figures["level"]), beyond, _span(figures)]
    if row.kind == "figure":
        value = f"{figures['value']:,.3g}" + (f" ({figures['error']:.2g})" if "error" in figures else "")
        return [method, row.world, count, row.note, _marked(value, row), asked]
    value = _marked(f"{percent(figures['value'])} ({100.0 * figures['error']:.1f})", row)
    if row.kind == "share":
        return [method, row.world, rule, count, _percent_of(figures, "nominal"), value, asked, row.note]
    return [
        method, row.world, rule, count, percent(figures["level"]), value, asked, _bias(figures),
        f"{figures['ratio']:.2f}" if "ratio" in figures else "", _sides(figures), _percent_of(figures, "band"),
        _percent_of(figures, "size"), _percent_of(figures, "clustered"),
    ]  # fmt: skip


def line(texts: Sequence[str]) -> str:
    """One line of a table.

    Examples
    --------
    >>> line(["a", "b | c"])
    '| a | b \\\\| c |'
    """
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def percent(share: float) -> str:
    """A share in per cent.

    Examples
    --------
    >>> percent(0.905), percent(0.9), percent(0.0027)
    ('90.5 %', '90 %', '0.3 %')
    """
    return f"{100.0 * share:.1f}".removesuffix(".0") + " %"


def _marked(text: str, row: Row) -> str:
    return text if row.as_asked else f"**{text}**"


def _range(asked: Range, *, as_share: bool) -> str:
    def said(end: float) -> str:
        return f"{100.0 * end:.1f}".removesuffix(".0") if as_share else f"{end:.3g}"

    low, high = asked
    sign = " %" if as_share else ""
    if low is not None and high is not None:
        return f"{said(low)} to {said(high)}{sign}"
    if low is None and high is None:
        return ""
    return f"at least {said(low)}{sign}" if low is not None else f"at most {said(high or 0.0)}{sign}"


def _percent_of(figures: Mapping[str, float], name: str) -> str:
    return percent(figures[name]) if name in figures else ""


def _bias(figures: Mapping[str, float]) -> str:
    if "bias" not in figures:
        return ""
    error = f" ({figures['bias_error']:.2g})" if "bias_error" in figures else ""
    return f"{figures['bias']:.3f}{error}"


def _sides(figures: Mapping[str, float]) -> str:
    sides = [f"{100.0 * figures[name]:.1f}" if name in figures else "" for name in ("above", "below")]
    return f"{sides[0] or '?'}, {sides[1] or '?'} %" if any(sides) else ""


def _span(figures: Mapping[str, float]) -> str:
    if "least" not in figures:
        return ""
    return f"{100.0 * figures['least']:.1f} to {100.0 * figures['most']:.1f} %"

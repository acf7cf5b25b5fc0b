"""The figure of a run's description: the event study as a strip that fits the 100 pixels MLflow shows unasked.

MLflow's run page shows the first 100 pixels of a description and hides the rest behind "Show
more". Two lines of headline take 49 of them; a figure drawn for a page would not fit into the
other 51, and a description cannot scale a picture. So the numbers of `event_study.csv`, which
passed the disclosure gate, are drawn once more at `HEIGHT`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import yaml

from evalkit.tracking.bundle import Bundle

WIDTH: Final = 300
HEIGHT: Final = 49
_LEFT: Final = 36
_RIGHT: Final = 52
_TOP: Final = 5
_BOTTOM: Final = 37
_BLUE: Final = "#0072B2"
_GREY: Final = "#5F6B7A"


@dataclass(frozen=True, slots=True)
class Mark:
    """One effect with its interval, e.g. at one event time."""

    label: str
    value: float
    low: float
    high: float


def strip(bundle: Bundle) -> str | None:
    """Draw the event study, or the estimators beside each other.

    The latter where the bundle has no event study, and where the interval of the headline is not the usual one: the
    event study's are then too narrow, and there is no room to say so.

    Returns
    -------
    str or None
        An SVG of `WIDTH` x `HEIGHT` pixels; None where there are no numbers to draw, or none that may be used.
    """
    if not bundle.is_rated:
        return None
    times = _event_times(bundle)
    if len(times) > 1 and _usual(bundle):
        return draw(times, says="Effect by time since the start, with intervals", starts_at="0", axis="since start")
    return draw(_estimators(bundle), says="Effect by estimator, with intervals", starts_at=None, axis="")


def _usual(bundle: Bundle) -> bool:
    method = (bundle.primary.get("inference") or {}).get("method")
    return method in (None, "clustered", "credible")


def draw(marks: Sequence[Mark], *, says: str, starts_at: str | None, axis: str) -> str | None:
    """Draw marks from left to right over a line at zero.

    Examples
    --------
    >>> picture = draw([Mark("-1", 0.1, 0.0, 0.2), Mark("0", 0.3, 0.1, 0.5)], says="Effect", starts_at="0", axis="")
    >>> picture.count("<circle")
    2
    """
    if not marks:
        return None
    low = min(0.0, *(mark.low for mark in marks))
    high = max(0.0, *(mark.high for mark in marks))
    span = (high - low) or 1.0
    room = WIDTH - _LEFT - (_RIGHT if axis else 4)
    step = room / len(marks)
    # Few labels: at 9 pixels a figure of 20 event times would be unreadable with one each.
    every = math.ceil(len(marks) * 18 / room) if axis else 1

    def height(value: float) -> float:
        return round(_BOTTOM - (value - low) / span * (_BOTTOM - _TOP), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="9" fill="{_GREY}">',
        f"<title>{escape(says)}</title>",
        f'<line x1="{_LEFT - 4}" x2="{WIDTH}" y1="{height(0.0)}" y2="{height(0.0)}" stroke="{_GREY}"/>',
        *_scale(low, high, height(low), height(high), height(0.0)),
    ]
    for index, mark in enumerate(marks):
        x = round(_LEFT + (index + 0.5) * step, 1)
        if mark.label == starts_at:
            edge = round(x - step / 2, 1)
            parts.append(
                f'<line x1="{edge}" x2="{edge}" y1="0" y2="{_BOTTOM}" stroke="{_GREY}" stroke-dasharray="2 2"/>'
            )
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="{height(mark.low)}" y2="{height(mark.high)}" stroke="{_BLUE}" '
            f'stroke-width="1.6"/><circle cx="{x}" cy="{height(mark.value)}" r="2.6" fill="{_BLUE}"/>'
        )
        if index % every == 0:
            parts.append(f'<text x="{x}" y="{HEIGHT - 2}" text-anchor="middle">{escape(mark.label)}</text>')
    if axis:
        parts.append(f'<text x="{WIDTH}" y="{HEIGHT - 2}" text-anchor="end">{escape(axis)}</text>')
    return "".join(parts) + "</svg>"


def _scale(low: float, high: float, y_low: float, y_high: float, y_zero: float) -> list[str]:
    """Label the ends of the axis and zero, leaving out an end that would touch the zero."""
    ends = [(value, y) for value, y in ((low, y_low), (high, y_high)) if abs(y - y_zero) >= 9]
    labels = [(f"{value:.2g}", y) for value, y in ends] + [("0", y_zero)]
    return [f'<text x="{_LEFT - 7}" y="{y + 3:.1f}" text-anchor="end">{escape(text)}</text>' for text, y in labels]


def _event_times(bundle: Bundle) -> list[Mark]:
    """Effects inside the study's event window: beyond it few units are left, and their noise would set the scale."""
    first, last = _window(bundle)
    marks = []
    for row in bundle.table("event_study.csv"):
        value, low, high = (_number(row.get(key)) for key in ("estimate", "low", "high"))
        time = row.get("event_time") or ""
        if value is None or not time or not first <= float(time) <= last:
            continue
        # The reference period is 0 by construction and has no interval.
        marks.append(Mark(time, value, value if low is None else low, value if high is None else high))
    return sorted(marks, key=lambda mark: float(mark.label))


def _window(bundle: Bundle) -> tuple[float, float]:
    """The declared window; everything where the method fits the time before the start, and is judged by it."""
    before = [row for row in bundle.table("event_study.csv") if (_number(row.get("event_time")) or 0.0) < -1.0]
    if before and all(_number(row.get("counterfactual")) is not None for row in before):
        return -math.inf, math.inf
    config = yaml.safe_load(bundle.study_yaml) or {}
    design = (config.get("study") or config.get("spec") or {}).get("design") or {}
    first, last = design.get("event_window") or (-math.inf, math.inf)
    return float(first), float(last)


def _estimators(bundle: Bundle) -> list[Mark]:
    marks = []
    for row in bundle.estimates:
        effect = row.get("effect") or {}
        value, low, high = (_number(effect.get(key)) for key in ("value", "low", "high"))
        if value is not None and low is not None and high is not None:
            marks.append(Mark(str(row.get("label") or row.get("estimator"))[:24], value, low, high))
    return marks


def _number(text: object) -> float | None:
    """Read a finite number; None for an empty, withheld or infinite one."""
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if math.isfinite(number) else None

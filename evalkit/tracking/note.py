"""The description of a run: the brief as MLflow's markdown shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from evalkit.tracking.bundle import Bundle, plain
from evalkit.tracking.links import artifact_page, picture

NOTE_CHARACTERS: Final = 7900
"""MLflow's pages cut a description silently at 8,000 characters."""
FIGURES: Final = ("banner", "event_study", "counterfactual", "forest")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escape(text: str) -> str:
    r"""Text that markdown and HTML leave alone, on one line.

    Examples
    --------
    >>> escape("<b>Port|land</b> *x*")
    '\\<b\\>Port\\|land\\</b\\> \\*x\\*'
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def render(bundle: Bundle, experiment_id: str, run_id: str) -> str:
    """Compose the description: headline, certainty, link to the full page, figure, table.

    The first line is the headline as one plain sentence, because tables of runs show it raw.
    """
    blocks = [
        escape(bundle.headline),
        escape(bundle.text("sentences", "certainty")),
        f"[Read the full brief, one page with figures]({artifact_page(experiment_id, run_id)})",
    ]
    figure = bundle.figure(*FIGURES)
    if figure is not None:
        blocks.append(f"![{escape(bundle.text('question', 'title'))}]({picture(run_id, figure)})")
    blocks.append(table(bundle))
    blocks.extend(_sentences(bundle))
    note = ""
    for block in blocks:
        # Whole blocks only: half a table or half a link reads as a mistake.
        if len(note) + len(block) + 2 <= NOTE_CHARACTERS:
            note += f"{block}\n\n" if block else ""
    return note.strip() + "\n"


def table(bundle: Bundle) -> str:
    """Estimates as a markdown table, the primary first."""
    rows = ["| Estimator | Effect | Interval | Unit |", "| --- | --- | --- | --- |"]
    for row in bundle.estimates:
        effect = row.get("effect") or {}
        label = escape(str(row.get("label") or row.get("estimator")))
        shown = f"**{label}** (primary)" if row.get("role") == "primary" else label
        rows.append(
            f"| {shown} | {number(effect.get('value'))} | {interval(effect)} | {escape(effect.get('unit', ''))} |"
        )
    return "\n".join(rows)


def number(value: object) -> str:
    """A number to three significant digits.

    Examples
    --------
    >>> number(0.019412), number(None), number(-1234.5)
    ('0.0194', 'not stated', '-1230')
    """
    if not isinstance(value, int | float):
        return "not stated"
    text = f"{value:.3g}"
    return text if "e" not in text else f"{float(text):.0f}" if abs(value) >= 1 else text


def interval(effect: Mapping[str, Any]) -> str:
    """Bounds and their kind, e.g. ``-0.05 to 0.09 (95 % confidence)``; the reason where there are none."""
    low, high = effect.get("low"), effect.get("high")
    if low is None or high is None:
        return escape(str(effect.get("reason", ""))) or "not stated"
    level = effect.get("level")
    kind = effect.get("interval_kind") or "interval"
    return f"{number(low)} to {number(high)}" + (f" ({100 * level:g} % {kind})" if level else "")


def _sentences(bundle: Bundle) -> list[str]:
    sentences = bundle.evidence.get("sentences", {})
    names = ("finding", "equivalence", "chance", "scale", "cost")
    read = [escape(str(plain(sentences[name]))) for name in names if plain(sentences.get(name))]
    if read and read[0] == escape(bundle.headline):
        read = read[1:]
    limits = [escape(str(item.get("text", ""))) for item in bundle.evidence.get("use", {}).get("limitations", [])]
    if limits:
        read.append("**Limitations**\n\n" + "\n".join(f"- {text}" for text in limits if text))
    return read

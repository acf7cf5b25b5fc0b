"""The description of a run: the brief, in what MLflow's run page shows with no click.

That page (3.17) gives a description 100 pixels; anything longer fades out from its 40th pixel on
and waits behind "Show more". So the description is made to fit: the headline (two lines at most
on a wide screen), and beside the figure a table of two rows with certainty, effect, sample and the
link to the full page. Everything else the reader needs is on that page, `brief.html`.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from evalkit.evidence.phrases import interval_named
from evalkit.language import known_language, localized, phrase, say, speaking, with_unit
from evalkit.tracking.bundle import Bundle, plain
from evalkit.tracking.links import artifact_page, picture

NOTE_CHARACTERS: Final = 8000
"""MLflow's pages cut a description silently after as many characters."""
CELL_CHARACTERS: Final = 60
HEADLINE_CHARACTERS: Final = 2000
STRIP: Final = "figures/strip.svg"
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>#~])")
_GAP: Final = "&ensp;"


def escape(text: str) -> str:
    r"""Text that markdown and HTML leave alone, on one line.

    Examples
    --------
    >>> escape("<b>Portland</b> *x*")
    '\\<b\\>Portland\\</b\\> \\*x\\*'
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def render(bundle: Bundle, experiment_id: str, run_id: str, *, has_strip: bool = True) -> str:
    """Compose the description of a study's run.

    The first line is the headline as one plain sentence, because tables of runs show it raw.
    """
    with speaking(known_language((bundle.evidence.get("identity") or {}).get("language", "en"))):
        return _rendered(bundle, experiment_id, run_id, has_strip=has_strip)


def _rendered(bundle: Bundle, experiment_id: str, run_id: str, *, has_strip: bool) -> str:
    headline = escape(bundle.headline[:HEADLINE_CHARACTERS])
    what_to_do = "" if bundle.is_rated else f"\n\n{escape(bundle.text('sentences', 'certainty')[:HEADLINE_CHARACTERS])}"
    figure = f'<td><img src="{html.escape(picture(run_id, STRIP))}"></td>' if has_strip else ""
    cells = f"{figure}<td>{table(bundle, experiment_id, run_id)}</td>"
    return f"{headline}{what_to_do}\n\n<table><tr>{cells}</tr></table>\n"


def table(bundle: Bundle, experiment_id: str, run_id: str) -> str:
    """Certainty, effect, sample and the link to the full page: one row of names, one of values."""
    effect = shown_effect(bundle)
    level, kind = effect.get("level"), effect.get("interval_kind")
    bounded = kind and not _no_interval(bundle)
    interval = f", {interval_named(str(kind), level)}" if isinstance(level, int | float) and bounded else ""
    brief = html.escape(phrase("Read the full brief"))
    cells = {
        phrase("Certainty"): _cell(phrase(bundle.certainty)),
        phrase("Effect") + interval: _cell(effect_in_words(effect)) + _p_value(bundle),
        phrase("Treated"): _cell(_sample(bundle)),
        phrase("More"): f'<a href="{html.escape(artifact_page(experiment_id, run_id))}">{brief}</a>',
    }
    names = "".join(f"<td>{_GAP}<b>{html.escape(name)}</b></td>" for name in cells)
    values = "".join(f"<td>{_GAP}{value}</td>" for value in cells.values())
    return f"<table><tr>{names}</tr><tr>{values}</tr></table>"


def _no_interval(bundle: Bundle) -> bool:
    return (bundle.primary.get("inference") or {}).get("method") == "none"


def _p_value(bundle: Bundle) -> str:
    """The p-value, where it is another than the usual one."""
    inference = bundle.primary.get("inference") or {}
    p = plain(inference.get("p_value"))
    if inference.get("method") in (None, "clustered", "credible", "none") or not isinstance(p, float):
        return ""
    return f", p = {number(p)}"


def shown_effect(bundle: Bundle) -> Mapping[str, Any]:
    """Effect in natural units, as the headline states it; in the unit of the analysis where that is not known.

    A run that is not rated has none that may be used.
    """
    if not bundle.is_rated:
        return {}
    natural = bundle.evidence.get("natural") or {}
    for name in ("absolute", "percent"):
        effect: Mapping[str, Any] = (natural.get(name) or {}).get("effect") or {}
        if effect.get("value") is not None:
            return {**effect, "low": None, "high": None} if _no_interval(bundle) else effect
    analysed: Mapping[str, Any] = bundle.primary.get("effect") or {}
    return analysed


def effect_in_words(effect: Mapping[str, Any]) -> str:
    """Value, bounds and unit.

    Examples
    --------
    >>> effect_in_words({"value": 0.0942, "low": -0.27, "high": 0.4811, "unit": "per 100,000 residents"})
    '0.094 (−0.27 to 0.48) per 100,000 residents'
    """
    if effect.get("value") is None:
        return phrase("not stated")
    bounds = ""
    if effect.get("low") is not None and effect.get("high") is not None:
        bounds = say(" ({low} to {high})", low=number(effect["low"]), high=number(effect["high"]))
    return with_unit(number(effect["value"]) + bounds, str(effect.get("unit") or "")).strip()


def number(value: float) -> str:
    """A number to two significant digits, never in powers of ten.

    Examples
    --------
    >>> number(0.019412), number(-1234.5), number(0.0), number(3.96)
    ('0.019', '−1,200', '0', '4')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    digits = 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    text = f"{rounded:,.{max(digits, 0)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return localized(text.replace("-", "−"))


def _sample(bundle: Bundle) -> str:
    sample = bundle.evidence.get("sample") or {}
    treated, units = plain(sample.get("n_treated_units")), plain(sample.get("n_units"))
    if not isinstance(treated, int) or not isinstance(units, int):
        return phrase("not stated")
    return say("{treated:,} of {units:,}", treated=treated, units=units)


def _cell(text: str) -> str:
    one_line = " ".join(text.split())
    short = one_line if len(one_line) <= CELL_CHARACTERS else one_line[: CELL_CHARACTERS - 1] + "…"
    return html.escape(short)

"""The files of a simulated design: a note that people read, its figure, and the numbers behind both."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evalkit.language import Phrases, localized, percent_sign, phrase
from evalkit.power.document import curve
from evalkit.power.result import Power
from evalkit.power.scale import mid_as_analysed
from evalkit.power.words import Words
from evalkit.report.columns import Column
from evalkit.report.csv_file import to_csv
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.power import power_curve
from evalkit.report.files import cannot_write, write_whole
from evalkit.study.spec import Study
from evalkit.study.told import told

_SAID: Final = {
    "title": "# What the design of *{title}* would detect",
    "head_rise": "| power | detectable rise |",
    "head_fall": "| power | detectable fall |",
    "design": "## Design",
    "tested": "{design} Test: {test}",
    "untreated": "Untreated outcomes: {history}",
    "made_by": "Estimator {estimator}, {draws} placebo panels, seed {seed}, config {config}, data {data}.",
}
SAID: Final = Phrases(_SAID)
CURVE = (
    Column("way", "string", "rise or fall"),
    Column("effect", "number", "effect as analysed, with its sign"),
    Column("effect_shown", "number", "size of the change, positive, in the unit of the headline"),
    Column("power", "number", "share of placebo panels in which the change is detected"),
    Column("mc_error", "number", "Monte Carlo error of the power"),
)


def write_power(folder: Path, study: Study, found: Power, document: Mapping[str, Any]) -> list[Path]:
    """Write ``power.csv``, ``.svg``, ``.png``, ``.json`` and ``.md``; an earlier note of the same folder is replaced.

    Raises
    ------
    EvalkitError
        When the folder cannot be written to.
    """
    words = Words.of(study.spec, found)
    table = curve(found, words.scale)
    target = float(document["asked_power"])
    figure = figure_of(study, found, target)
    note = to_markdown(study, words, document, figure)
    content = {
        "power.csv": to_csv(table, CURVE),
        "power.svg": figure.svg,
        "power.png": figure.png,
        "power.json": (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode(),
        "power.md": note.encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for name, data in content.items():
        write_whole(folder / name, data)
    return [folder / name for name in content]


def figure_of(study: Study, found: Power, target: float) -> Figure:
    """The power curve in the direction that the city wants."""
    words = Words.of(study.spec, found)
    rows = curve(found, words.scale)
    rows = rows[rows["way"] == words.way].drop(columns=["way", "effect"])
    effect = found.detectable(target, words.way).effect
    mid = mid_as_analysed(study.spec.primary_outcome, words.scale, words.way)
    return power_curve(
        rows,
        outcome=words.outcome,
        unit=words.scale.unit,
        way=words.way,
        target=target,
        detectable=words.scale.shown(effect, words.way) if math.isfinite(effect) else None,
        mid=None if mid is None else words.scale.shown(mid, words.way),
    )


def to_markdown(study: Study, words: Words, document: Mapping[str, Any], figure: Figure) -> str:
    """The note: sentences first, then the figure, the table and what it rests on."""
    targets = sorted({row["power"] for row in document["detectable"]})
    lines = [
        SAID.say("title", title=told(study.spec).title),
        document["headline"],
        " ".join(text for text in (words.verdict(float(document["asked_power"])), words.size()) if text),
        f"![{figure.alt}](power.svg)",
        figure.note,
        "\n".join([SAID[f"head_{words.way}"], "|---|---|", *(_row(words, target) for target in targets)]),
        SAID["design"],
        SAID.say("tested", design=words.design(), test=words.test()),
        SAID.say("untreated", history=words.history()),
        *(f"- {text}" for text in document["remarks"]),
        SAID.say(
            "made_by", estimator=document["estimator"]["name"], draws=document["draws"], seed=str(document["seed"]),
            config=document["study_sha"][:12], data=short(document["data_sha"]),
        ),
    ]  # fmt: skip
    return "\n\n".join(line for line in lines if line) + "\n"


def _row(words: Words, target: float) -> str:
    power = f"{localized(f'{100 * target:g}')}{percent_sign()}"
    return f"| {power} | {words.interval_in_words(words.found.detectable(target, words.way))} |"


def short(fingerprint: str | None) -> str:
    """The first digits of a fingerprint.

    Examples
    --------
    >>> short("sha256:44a74b40ca21e0c7"), short(None)
    ('44a74b40ca21', 'restricted')
    """
    return phrase("restricted") if fingerprint is None else fingerprint.removeprefix("sha256:")[:12]

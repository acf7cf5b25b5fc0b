"""The files of a comparison of roll-outs: table, figure, note, and the list of who starts when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

import evalkit
from evalkit.data.panel import Panel
from evalkit.data.study_panel import load_frame
from evalkit.errors import ConfigError
from evalkit.evidence.digits import few_digits
from evalkit.language import Phrases, localized, percent_sign, phrase
from evalkit.power import lists
from evalkit.power.rollout_words import Comparison, schedule_in_words
from evalkit.power.rollouts import RollOutOption
from evalkit.power.scale import mid_as_analysed
from evalkit.report.columns import Column
from evalkit.report.csv_file import to_csv
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.power import power_curve
from evalkit.report.files import cannot_write, write_whole
from evalkit.study.spec import Study
from evalkit.study.told import told

_SAID: Final = {
    "title": "# Roll-out schedules for *{title}*",
    "head_rise": (
        "| schedule | cohorts | detectable rise, {unit} | power at what matters | place-periods | mean delay "
        "| served by period |"
    ),
    "head_fall": (
        "| schedule | cohorts | detectable fall, {unit} | power at what matters | place-periods | mean delay "
        "| served by period |"
    ),
    "list": (
        "Randomization list for *{schedule}*: `{file}`, {places} places in {strata} strata, seed {seed}, SHA-256 "
        "`{sha}`."
    ),
}
SAID: Final = Phrases(_SAID)
LIST: Final = "randomization_list.csv"
TABLE: Final = (
    Column("schedule", "string", "Name of the schedule."),
    Column("cohorts", "string", "Places in each cohort."),
    Column("starts_after", "string", "Periods from the first start to each cohort's."),
    Column("held_back", "integer", "Places held back until after the window."),
    Column("detectable", "number", "Smallest change detected with the power asked for; empty where none is."),
    Column("detectable_low", "number", "Lower end of its Monte Carlo interval."),
    Column("detectable_high", "number", "Upper end of it."),
    Column("power_at_mid", "number", "Power at the smallest change that matters."),
    Column("size", "number", "Share of placebo panels in which something is declared."),
    Column("place_periods", "integer", "Place-periods of the programme within the window."),
    Column("mean_delay", "number", "Mean periods that a place waits longer than under all at once."),
    Column("served_by_period", "string", "Places started, by period since the first start."),
    Column("reason", "string", "Why the schedule cannot be estimated, where it cannot."),
)
ASSIGNMENT: Final = (
    Column("place", "string", "Name of the place."),
    Column("stratum", "string", "Stratum within which the list is balanced."),
    Column("arm", "string", "Cohort, or held back, or not in the programme."),
    Column("starts_after", "integer", "Periods from the first start; empty where the place does not start."),
)


@dataclass(frozen=True, slots=True)
class Assigned:
    """A randomization list as bytes, and what is needed to draw it again."""

    content: bytes
    facts: dict[str, Any]


def assign(
    study: Study, panel: Panel, option: RollOutOption, *, columns: Sequence[str], groups: int | None
) -> Assigned:
    """Draw who starts when under one schedule.

    Parameters
    ----------
    study, panel
        What is asked, and its data: places that have not started are listed.
    option
        The schedule.
    columns, groups
        Columns to stratify by, and the number of groups of the untreated outcome.

    Raises
    ------
    ConfigError
        When there are too few places, or a column cannot be stratified by.
    """
    unit = study.spec.data.unit
    if unit is None:
        raise ConfigError("A randomization list needs places that are followed over time (data.unit).")
    frame, chosen = load_frame(study), lists.eligible(panel)
    parts = [lists.column_strata(panel, chosen, frame, unit, column) for column in columns]
    if groups is not None:
        parts.append(lists.outcome_strata(panel, chosen, groups))
    strata = ["; ".join(values) for values in zip(*parts, strict=True)] if parts else ["all"] * len(chosen)
    labels = lists.place_labels(panel, chosen, frame, study.spec.data.cluster, unit)
    table = lists.randomize(labels, strata, option.schedule, waiting=option.waiting, seed=study.seed)
    content = to_csv(table, ASSIGNMENT)
    return Assigned(
        content,
        {
            "file": LIST,
            "schedule": option.name,
            "seed": study.seed,
            "sha256": lists.digest(content),
            "places": len(table),
            "strata": len(set(strata)),
            "stratified_by": [*columns, *([f"untreated outcome, {groups} groups"] if groups is not None else [])],
            "study_sha": study.sha(),
            "evalkit": evalkit.__version__,
        },
    )


def write_rollout(
    folder: Path, study: Study, made: Comparison, document: Mapping[str, Any], assigned: Assigned | None
) -> list[Path]:
    """Write ``rollout.csv``, ``.svg``, ``.png``, ``.json``, ``.md`` and, if drawn, the randomization list.

    A list that is there already is never replaced by another one: a draw must not be repeated until it pleases.

    Raises
    ------
    ConfigError
        When the folder holds another list.
    EvalkitError
        When the folder cannot be written to.
    """
    figure = figure_of(study, made)
    content = {
        "rollout.csv": to_csv(made.table(), TABLE),
        "rollout.svg": figure.svg,
        "rollout.png": figure.png,
        "rollout.json": _json(document),
        "rollout.md": to_markdown(study, made, document, figure).encode(),
    }
    if assigned is not None:
        _refuse_another_list(folder / LIST, assigned.content)
        content |= {LIST: assigned.content, "randomization_list.json": _json(assigned.facts)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for name, data in content.items():
        write_whole(folder / name, data)
    return [folder / name for name in content]


def _refuse_another_list(file: Path, content: bytes) -> None:
    if file.exists() and file.read_bytes() != content:
        raise ConfigError(
            f"{file} holds another randomization list.",
            next_step="Keep it: a draw that is repeated until it pleases is no draw. For another design, choose "
            "another folder.",
        )


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def figure_of(study: Study, made: Comparison) -> Figure:
    """Power by size, one line a schedule."""
    words = made.words
    mid = mid_as_analysed(study.spec.primary_outcome, words.scale, made.way)
    return power_curve(
        made.curves(),
        outcome=words.outcome,
        unit=words.scale.unit,
        way=made.way,
        target=made.target,
        detectable=None,
        mid=None if mid is None else words.scale.shown(mid, made.way),
    )


def to_markdown(study: Study, made: Comparison, document: Mapping[str, Any], figure: Figure) -> str:
    """The note: sentences, figure, table."""
    unit = document["unit"]
    rows = [
        f"| {schedule_in_words(row['schedule'])} | {row['cohorts']} | {_number(row['detectable'])} | "
        f"{_percent(row['power_at_mid'])} | {localized(format(row['place_periods'], ','))} | "
        f"{few_digits(row['mean_delay'])} | {row['served_by_period']} |"
        for row in document["schedules"]
    ]
    head = SAID.say(f"head_{document['wanted']}", unit=unit)
    parts = [
        SAID.say("title", title=told(study.spec).title),
        document["headline"],
        *document["sentences"],
        f"![{figure.alt}](rollout.svg)",
        figure.note,
        "\n".join([f"{head}\n|---|---|---|---|---|---|---|", *rows]),
        made.words.history(),
    ]
    listed = document.get("list")
    if listed:
        parts.append(
            SAID.say(
                "list", schedule=schedule_in_words(listed["schedule"]), file=listed["file"], places=listed["places"],
                strata=listed["strata"], seed=str(listed["seed"]), sha=listed["sha256"],
            )
        )  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _number(value: float | None) -> str:
    return phrase("none") if value is None or pd.isna(value) else few_digits(value)


def _percent(value: float | None) -> str:
    return "" if value is None or pd.isna(value) else f"{100 * value:.0f}{percent_sign()}"

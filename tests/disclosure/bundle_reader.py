"""What a reader learns from a finished bundle: every file of it, and what a tracking store holds of it, nothing else.

Beyond the files the reader knows the calendar: which periods there are, and that people who start in one cohort were
seen, or missed, in each of them.
"""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.tracking.bundle import Bundle
from evalkit.tracking.contents import dataset, parent
from tests.disclosure.attacker import System

PRIMARY = "primary"
MINUS = "\N{MINUS SIGN}"
LEVEL_DIGITS = 3
"""The reader sees that levels are rounded to so many digits, and takes the rounding into account."""
TABLES = {
    "By event time, primary estimator": "event_study", "By cohort, primary estimator": "cohort",
    "By period, primary estimator": "period",
}  # fmt: skip
NEVER = re.compile(r"^(\d[\d,]*) never-treated units")
EMPTY = ("outcome_missing", "unit_periods_absent")


@dataclass(frozen=True)
class Calendar:
    """What everybody knows of the study's time: its periods and the cohorts' first treated ones."""

    periods: tuple[int, ...]
    cohorts: tuple[int, ...]

    def present(self, kind: str, label: str) -> tuple[int, ...] | None:
        """Cohorts behind a row of a table; None where the row is of something else."""
        if kind == "overall" or label == "average":
            return self.cohorts
        number = int(label.replace(MINUS, "-").replace("+", ""))
        if kind == "cohort":
            return (number,) if number in self.cohorts else None
        if kind == "period":
            return tuple(cohort for cohort in self.cohorts if cohort <= number)
        if kind == "event_study":
            return tuple(cohort for cohort in self.cohorts if self.periods[0] <= cohort + number <= self.periods[-1])
        return None


class _Tables(html.parser.HTMLParser):
    """Every table of a page as (caption, rows of text)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[list[str]]]] = []
        self.caption = self.inside = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.inside = tag
        if tag == "table":
            self.found.append(("", []))
        elif tag == "tr" and self.found:
            self.found[-1][1].append([])
        elif tag in ("td", "th") and self.found and self.found[-1][1]:
            self.found[-1][1][-1].append("")

    def handle_data(self, data: str) -> None:
        if not self.found:
            return
        caption, rows = self.found[-1]
        if self.inside == "caption":
            self.found[-1] = (caption + data.strip(), rows)
        elif self.inside in ("td", "th") and rows and rows[-1]:
            rows[-1][-1] += data.strip()


@dataclass(frozen=True)
class Row:
    """One published row of effects: which aggregation, which label, and its numbers as text."""

    run: str
    kind: str
    label: str
    numbers: Mapping[str, str]


def rows(folder: Path) -> Iterator[Row]:
    """Rows of every table in the bundle: CSV files, the figures' data, the tables of both pages."""
    for row in _csv(folder / "estimates.csv"):
        if row["role"] != "other_outcome" and not row["reason"]:
            yield Row(row["run"] if row["role"] != PRIMARY else PRIMARY, row["aggregation"], row["label"], row)
    for row in _csv(folder / "event_study.csv"):
        yield Row(PRIMARY, "event_study", row["event_time"], row)
    for figure in json.loads((folder / "figures/index.json").read_text(encoding="utf-8")):
        for values in figure["data"]["data"]:
            named = zip(figure["data"]["columns"], values, strict=True)
            row = {name: "" if value is None else str(value) for name, value in named}
            if "event_time" in row:
                yield Row(PRIMARY, "event_study", str(int(float(row["event_time"]))), row)
            elif figure["id"] == "forest" and row.get("n_treated"):
                yield Row(str(row["label"]), "overall", "overall", row)
    reader = _Tables()
    reader.feed((folder / "brief.html").read_text(encoding="utf-8"))
    for caption, lines in [*reader.found, *_markdown((folder / "brief.md").read_text(encoding="utf-8"))]:
        if caption in TABLES and lines:
            for line in lines[1:]:
                row = dict(zip((name.lower().replace(" ", "_") for name in lines[0]), line, strict=True))
                yield Row(PRIMARY, TABLES[caption], row["label"], {k: "" if v == "–" else v for k, v in row.items()})


def learn(folder: Path, calendar: Calendar, *, shares: bool) -> System:
    """Everything that the bundle says about numbers of people, as equations.

    With `shares` the outcome is yes or no for each person and period, so that a level beside a number counts events.
    """
    evidence = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    system = System()
    system.add_up("in the data", ["starters", "never", "always"])
    system.add_up("in the data", ["used", "left out"])
    system.add_up("starters", [("cohort", cohort) for cohort in calendar.cohorts])
    system.add_up("starters", ["treated", "starters left out"])
    for name in ("left out", "starters left out", "always"):  # a reader's guess: everybody was used
        system.publish(name, 0)
    system.add_up("missing", [("missing", "treated"), ("missing", "others")])
    system.add_up("lost", [("lost", "treated"), ("lost", "others")])
    _sample(system, evidence, len(calendar.periods))
    for row in sorted(rows(folder), key=lambda each: each.kind != "cohort"):  # sizes of cohorts first
        _row(system, row, calendar, shares=shares)
    _store(system, folder, len(calendar.periods))
    return system


def _sample(system: System, evidence: Mapping[str, Any], periods: int) -> None:
    sample = evidence["sample"]
    cells = {"n_units": "used", "n_clusters": "used", "n_treated_units": "treated", "n_treated_clusters": "treated"}
    for field, cell in cells.items():
        _publish(system, cell, sample[field]["value"])
    units = sample["n_units"]["value"]
    if units is not None:
        if sample["n_observations"]["value"] is not None:
            system.publish("missing", units * periods - sample["n_observations"]["value"])
        if sample["missing_share"]["value"] is not None:
            system.publish("missing", round(sample["missing_share"]["value"] * units * periods))
        if sample["attrition_overall"]["value"] is not None:
            system.publish("lost", round(sample["attrition_overall"]["value"] / 100 * units))
    for step in evidence["sample"]["flow"]:
        if step["id"] == "never_coding":
            _publish(system, "never", step["comparison"])
            said = NEVER.match(step["text"])
            if said:
                system.publish("never", int(said.group(1).replace(",", "")))
    empties = {step["id"]: step for step in sample["flow"] if step["id"] in EMPTY}
    for arm, field in (("treated", "treated"), ("others", "comparison")):
        parts = [(arm, name) for name in empties]
        if parts:
            system.add_up(("missing", arm), parts)
        for name, step in empties.items():
            _publish(system, (arm, name), step[field])
    for check in evidence["diagnostics"]:
        details = {name: value["value"] for name, value in check["details"].items()}
        _publish(system, "in the data", details.get("n_units_data"))
        _publish(system, "used", details.get("n_units_used"))
        _publish(system, "treated", details.get("n_treated_units"))
        treated = details.get("n_treated_units")
        if treated is not None and details.get("missing_share_treated") is not None:
            system.publish(("missing", "treated"), round(details["missing_share_treated"] * treated * periods))
    for block in evidence["equity"]:
        if block["n"]["value"] is not None:
            system.add_up("treated", [("group", block["by"], block["group"]), ("rest", block["by"], block["group"])])
            system.publish(("group", block["by"], block["group"]), block["n"]["value"])
    for step in evidence["rating"]["trail"]:
        said = re.search(r"There are (\d+) comparison units", step["reason"])
        if said:
            system.add_up("compared", ["never", "later"])
            system.publish("compared", int(said.group(1)))


def _row(system: System, row: Row, calendar: Calendar, *, shares: bool) -> None:
    present = calendar.present(row.kind, row.label)
    if present is None:
        return
    of = (row.run, row.kind, row.label.replace(MINUS, "-").replace("+", ""))
    count = row.numbers.get("n_treated", "").replace(",", "")
    for cohorts in _behind(system, present, row.kind, float(count) if count else None):
        whole = ("present", cohorts)
        system.add_up(whole, [("cohort", cohort) for cohort in cohorts])
        system.add_up(whole, [("people", *of), ("absent", *of)])
    if row.kind in ("overall", "cohort") or row.label == "average":
        system.publish(("absent", *of), 0)
    if count:
        system.publish(("people", *of), float(count))
    level = row.numbers.get("observed", "")
    if shares and of[:2] == (PRIMARY, "event_study") and row.label != "average":
        system.add_up(("people", *of), [("events", *of), ("spared", *of)])
        if level and count:  # a mean of cohorts' means is no share of all people where some are absent
            half = 0.5 * 10.0**-LEVEL_DIGITS
            system.between({("events", *of): 1.0, ("people", *of): -(float(level) - half)}, 0.0, np.inf)
            system.between({("events", *of): 1.0, ("people", *of): -(float(level) + half)}, -np.inf, 0.0)


def _behind(system: System, present: tuple[int, ...], kind: str, count: float | None) -> Iterator[tuple[int, ...]]:
    """Cohorts that a row rests on: all that are there, or, by its count, those that could be compared."""
    if kind != "event_study" or count is None:
        yield present
        return
    sizes = {cohort: system.known.get(("cohort", cohort)) for cohort in present}
    if all(size is None for size in sizes.values()):
        yield present
        return
    for first in range(len(present)):
        for last in range(len(present), first, -1):
            chosen = [sizes[cohort] for cohort in present[first:last]]
            if None not in chosen and sum(size or 0.0 for size in chosen) == count:
                yield present[first:last]
                return


def _store(system: System, folder: Path, periods: int) -> None:
    """Metrics and dataset of the run in a tracking store."""
    bundle = Bundle.read(folder)
    metrics = parent(bundle).metrics
    for name, cell in (("n_units", "used"), ("n_treated", "treated"), ("n_clusters", "used")):
        _publish(system, cell, metrics.get(name))
    if "n_units" in metrics and "n_observations" in metrics:
        system.publish("missing", metrics["n_units"] * periods - metrics["n_observations"])
    profile = json.loads((dataset(bundle) or {}).get("profile", "{}"))
    _publish(system, "used", profile.get("n_units"))
    _publish(system, "treated", profile.get("n_treated_units"))


def _publish(system: System, cell: object, value: float | None) -> None:
    if value is not None:
        system.publish(cell, value)


def _csv(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))


def _markdown(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    caption, lines = "", []
    for line in [*text.splitlines(), ""]:
        if line.startswith("**") and line.endswith("**"):
            caption = line.strip("*")
        elif line.startswith("|"):
            lines.append([cell.strip().replace("\\", "") for cell in line.strip("|").split("|")])
        elif lines:
            yield caption, [row for row in lines if not set("".join(row)) <= set("-: ")]
            lines = []

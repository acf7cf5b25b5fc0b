"""`evalkit new study`: the config, the protocol and the data card, from what a look at the data found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evalkit.vocabulary import Direction
from evalkit.workspace.columns import Profile
from evalkit.workspace.files import create
from evalkit.workspace.look import Facts, Format
from evalkit.workspace.templates import DATA_CARD, PROTOCOL, STUDY, fill
from evalkit.workspace.words import FILL_IN, worded

WIDEST: Final = 6
"""Periods on each side of the start that are shown at most."""
FEW: Final = 10
"""Treated or comparison units below which the draft says that they are few."""
_KINDS: Final = {
    "flag": "0/1", "integer": "whole number", "number": "number", "date": "date", "text": "text", "empty": "empty",
}  # fmt: skip
_DID_CHECKS: Final = ("sample_flow", "balance", "pre_trends", "pre_trend_power", "honest", "placebo_period")
_FIT_CHECKS: Final = ("sample_flow", "pre_fit", "placebo_in_space", "leave_one_unit_out")
_SERIES_CHECKS: Final = ("sample_flow", "residual_autocorrelation", "placebo_dates")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a new study.

    Attributes
    ----------
    path
        Of the data, below the folder that holds configs/.
    dates
        Columns to be declared as dates.
    """

    name: str
    title: str
    priority: str
    path: str
    how: Format
    unit: str
    period: str
    cohort: str | None
    treated: str | None
    never: int | None
    outcome: str
    direction: Direction
    dates: tuple[str, ...]
    facts: Facts
    columns: Mapping[str, Profile]
    family: str = ""
    estimator: str = ""
    city: str = ""

    @property
    def design(self) -> tuple[str, str]:
        """The estimator that such data call for, and why."""
        facts = self.facts
        if self.estimator:
            return self.estimator, "as asked for"
        if facts.panel.n_units == 1:
            return "interrupted_time_series", "one place: its own past is all there is to compare with"
        if facts.treated == 1 and facts.never >= 2 and facts.before >= 4:
            return (
                "synthetic_control",
                "one treated place: the others are weighted so that they follow it before the start",
            )
        return "callaway_santanna", "effects by cohort and period, each from clean comparisons"

    @property
    def kind(self) -> str:
        """Which set of checks and cross-checks fits the estimator."""
        name = self.design[0]
        if "time_series" in name:
            return "series"
        return "fit" if "synthetic" in name or name == "interactive_fixed_effects" else "did"


def write_study(root: Path, draft: Draft) -> list[Path]:
    """Write ``configs/study/NAME.yaml`` and ``studies/NAME/{protocol.md,data.yaml}``.

    Raises
    ------
    ConfigError
        When one of them exists.
    """
    holes = {**_plain(draft), **_found(draft), **_choices(draft)}
    return create(
        root,
        {
            f"configs/study/{draft.name}.yaml": fill(STUDY, **holes),
            f"studies/{draft.name}/protocol.md": fill(PROTOCOL, **holes),
            f"studies/{draft.name}/data.yaml": fill(DATA_CARD, **holes),
        },
    )


def quoted(text: object) -> str:
    """A text as YAML reads it back, whatever it holds.

    Examples
    --------
    >>> quoted("NO: 12:30")
    '"NO: 12:30"'
    """
    return json.dumps(str(text), ensure_ascii=False)


def _plain(draft: Draft) -> dict[str, object]:
    programme = f"the {draft.name.replace('_', ' ')} programme"
    return {
        "name": draft.name,
        "name_quoted": quoted(draft.name),
        "title": quoted(draft.title),
        "title_plain": _one_line(draft.title),
        "programme": quoted(programme),
        "programme_plain": "the night bus network",
        "city": quoted(draft.city or f"{FILL_IN}: the city"),
        "priority": quoted(draft.priority),
        "intervention": quoted(f"{FILL_IN}: what was done"),
        "outcome_text": quoted(f"{FILL_IN}: what is measured, in whom, how often ({draft.outcome})"),
        "unit_noun": quoted(_noun(draft.unit)),
        "path": _one_line(draft.path),
        "path_quoted": quoted(draft.path),
        "unit": quoted(draft.unit),
        "period": quoted(draft.period),
        "outcome": quoted(draft.outcome),
        "outcome_column": draft.outcome,
        "outcome_name": quoted(draft.outcome.replace("_", " ")),
        "outcome_plain": _one_line(draft.outcome.replace("_", " ")),
        "outcome_unit": quoted(f"{draft.outcome.replace('_', ' ')} a {_noun(draft.unit)} and {_step(draft)}"),
        "direction": draft.direction,
    }


def _noun(column: str) -> str:
    """A column's name as the word for what it names: district_id becomes district."""
    words = [word for word in column.replace("-", "_").lower().split("_") if word not in ("id", "name", "code", "no")]
    return " ".join(word for word in words if word) or column


def _step(draft: Draft) -> str:
    return draft.facts.panel.calendar.step_name


def _one_line(text: str) -> str:
    """Text inside a comment: it must not end the line and go on as YAML."""
    return " ".join(text.split())


def _found(draft: Draft) -> dict[str, object]:
    facts, panel = draft.facts, draft.facts.panel
    first, last = panel.calendar.text(int(panel.time[0])), panel.calendar.text(int(panel.time[-1]))
    rows = worded(
        "found_rows", rows=facts.rows, units=panel.n_units, unit=draft.unit, periods=panel.n_periods,
        period=draft.period, first=first, last=last, step=_step(draft),
    )  # fmt: skip
    gaps = worded("found_gaps", share=facts.missing) if facts.missing > 0 else worded("found_no_gaps")
    remarks = [_one_line(remark.text) for remark in panel.remarks]
    described = [rows, _starts(facts), gaps, *remarks, worded("blind")]
    faults = [*([gaps] if facts.missing > 0 else []), *remarks]
    return {
        "rows": facts.rows,
        "units": panel.n_units,
        "sha256": facts.sha256,
        "first": quoted(first),
        "last": quoted(last),
        "found_rows": _one_line(rows),
        "found_gaps": "\n# ".join([gaps, *remarks]),
        "found": "\n".join(f"- {text.rstrip('.')}." for text in described),
        "faults": "\n".join(f"  - {quoted(text)}" for text in [*faults, f"{FILL_IN}: what else is wrong with them"]),
        "columns": "\n".join(
            f"  - {{name: {quoted(name)}, meaning: {quoted(FILL_IN)}, unit: {quoted(_KINDS[column.kind])}}}"
            for name, column in draft.columns.items()
        ),
    }


def _starts(facts: Facts) -> str:
    parts = [worded("found_starts", starts=", ".join(f"{start} ({count})" for start, count in facts.starts.items()))]
    parts.append(worded("found_never", count=facts.never))
    if facts.always:
        parts.append(worded("found_always", count=facts.always))
    return "; ".join(parts)


def _choices(draft: Draft) -> dict[str, object]:
    facts, (estimator, why) = draft.facts, draft.design
    low = max(1, facts.before if draft.kind != "did" else min(facts.before, WIDEST))
    high = max(0, (facts.after if draft.kind != "did" else min(facts.after, WIDEST)) - 1)
    family = draft.family or facts.family
    return {
        "estimator": estimator,
        "why_estimator": why,
        "source_lines": _source(draft),
        "treatment_lines": _treatment(draft),
        "family": family,
        "why_family": worded(f"family_{facts.family}") if family == facts.family else "as asked for",
        "comparison": "never_treated" if facts.never else "not_yet_treated",
        "window_low": -low,
        "window_high": high,
        "pre_periods": max(1, min(3 if draft.kind == "did" else 12, facts.before)),
        "robustness": _robustness(draft),
        "checks": "".join(f"  - {name}\n" for name in _checks(draft)),
        "limitations": _limitations(facts),
    }


def _source(draft: Draft) -> str:
    lines = ""
    if draft.how.kind == "csv":
        if draft.how.encoding != "utf-8":
            lines += f"    encoding: {draft.how.encoding}\n"
        if draft.how.delimiter != ",":
            lines += f"    delimiter: {json.dumps(draft.how.delimiter)}\n"
    if draft.dates:
        listed = ", ".join(
            f"{{name: {quoted(name)}, type: date{'' if name == draft.period else ', nullable: true'}}}"
            for name in draft.dates
        )
        lines += f"    columns: [{listed}]\n"
    return lines


def _treatment(draft: Draft) -> str:
    found = _one_line(_starts(draft.facts))
    if draft.cohort:
        never = "" if draft.never is None else f"  never: {draft.never} # how never-treated is written\n"
        return f"  cohort: {quoted(draft.cohort)} # {found}\n{never}"
    return f"  treated: {quoted(draft.treated)} # 0/1, stays 1; {found}\n"


def _robustness(draft: Draft) -> str:
    facts = draft.facts
    if draft.kind == "series":
        named = ['{name: interrupted_time_series, label: "Level and slope", settings: {change: step_and_slope}}']
    elif draft.kind == "fit":
        named = ["augmented_synthetic_control", "synthetic_did"]
    else:
        named = ["imputation", "two_way_fixed_effects"]
        if facts.never and len(facts.starts) > 1:
            settings = "settings: {comparison: not_yet_treated}"
            named.append(f'{{name: callaway_santanna, label: "Not-yet-treated comparison", {settings}}}')
    return "".join(f"  - {name}\n" for name in named if name != draft.design[0])


def _checks(draft: Draft) -> tuple[str, ...]:
    if draft.kind == "series":
        return _SERIES_CHECKS
    if draft.kind == "fit":
        return _FIT_CHECKS
    return (*_DID_CHECKS, *(("leave_one_cohort_out",) if len(draft.facts.starts) > 1 else ()))


def _limitations(facts: Facts) -> str:
    found = []
    if facts.treated < FEW:
        found.append(f"{facts.treated} treated units: what holds on average holds roughly for so few")
    if 0 < facts.never < FEW:
        found.append(f"{facts.never} units to compare with")
    if facts.missing > 0:
        found.append(f"{facts.missing:.1%} of all outcomes are missing")
    return "".join(f"    - {quoted(text)}\n" for text in found)

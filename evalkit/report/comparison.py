"""Two runs side by side: what differs in config, data and machine, and what that did to the estimates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pandas as pd
import yaml
from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from evalkit.errors import DataError
from evalkit.language import Phrases, current, readable
from evalkit.plan.content import differences
from evalkit.report.annex_parts import Table, cell
from evalkit.report.brief_html import Picture, picture_of
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.side_by_side import side_by_side
from evalkit.report.wording import estimator_title

_WORDS: Final = {
    "title": "Two runs side by side",
    "config": "What differs in the config",
    "config_same": "Both runs have the same config.",
    "data": "The data",
    "data_same": "Both runs read the same data ({sha}).",
    "data_other": "The data differ: the fingerprints are {first} and {second}.",
    "estimates": "The estimates",
    "units_differ": "The primary effects are in different units ({first}; {second}), so they are not drawn together.",
    "no_estimate": "no estimate",
    "machine": "What else differs",
    "machine_same": "Version, commit, Python, BLAS and packages are the same.",
    "run": "{name}: {study}, {day} UTC",
    "named": "Run {letter} ({id})",
    "effect": "{value} ({low} to {high}) {unit}",
    "effect_unitless": "{value} ({low} to {high})",
    "primary": "primary",
    "same": "same",
    "other": "other",
    "item": "Item",
    "difference": "Difference",
    "finding": "Finding",
    "certainty": "Certainty",
}
WORDS: Final = Phrases(_WORDS)
_SAMPLE: Final = {
    "n_units": "Units", "n_treated_units": "Treated units", "n_clusters": "Clusters", "n_observations": "Observations",
    "pre_periods": "Periods before", "post_periods": "Periods after", "missing_share": "Share missing",
}  # fmt: skip
SAMPLE: Final = Phrases(_SAMPLE)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs, as its bundle has it."""

    name: str
    evidence: Mapping[str, Any]
    provenance: Mapping[str, Any]
    config: Mapping[str, Any]

    @classmethod
    def read(cls, name: str, bundle: Path) -> Side:
        """Read a bundle.

        Raises
        ------
        DataError
            If a file of it is missing or broken.
        """
        try:
            evidence = json.loads((bundle / "evidence.json").read_text(encoding="utf-8"))
            provenance = json.loads((bundle / "provenance.json").read_text(encoding="utf-8"))
            config = yaml.safe_load((bundle / "study.yaml").read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise DataError(f"{bundle} cannot be read: {error}.", next_step="Name a finished run.") from None
        return cls(name, evidence, provenance, {key: value for key, value in config.items() if key != "data_root"})

    @property
    def heading(self) -> str:
        """Which run it is."""
        identity = self.evidence["identity"]
        return WORDS["run"].format(
            name=self.name, study=identity["study_id"], day=identity["created_at"][:16].replace("T", " ")
        )

    @property
    def language(self) -> str:
        """In which the run speaks."""
        return str(self.evidence["identity"].get("language", "en"))

    @property
    def data_sha(self) -> str:
        """Fingerprint of the data."""
        return str(self.evidence["identity"]["data_sha"])


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that the page and the screen show."""

    first: Side
    second: Side
    config: tuple[tuple[str, str, str], ...]
    data: str
    sample: tuple[tuple[str, str, str], ...]
    estimates: tuple[tuple[str, str, str, str], ...]
    machine: tuple[tuple[str, str, str], ...]
    figure: Figure | None
    not_drawn: str

    def to_dict(self) -> dict[str, Any]:
        """In plain types, as ``--json`` shows it."""
        return {
            "first": self.first.evidence["identity"],
            "second": self.second.evidence["identity"],
            "headlines": [self.first.evidence["sentences"]["headline"], self.second.evidence["sentences"]["headline"]],
            "config": [dict(zip(("item", "first", "second"), row, strict=True)) for row in self.config],
            "same_data": self.first.data_sha == self.second.data_sha,
            "sample": [dict(zip(("what", "first", "second"), row, strict=True)) for row in self.sample],
            "estimates": [
                dict(zip(("estimate", "first", "second", "difference"), row, strict=True)) for row in self.estimates
            ],
            "provenance": [dict(zip(("what", "first", "second"), row, strict=True)) for row in self.machine],
        }


def put_together(first: Side, second: Side) -> Comparison:
    """Compare two runs."""
    config = tuple((each.item, each.planned, each.actual) for each in differences(first.config, second.config))
    key = "data_same" if first.data_sha == second.data_sha else "data_other"
    data = WORDS[key].format(sha=first.data_sha[:19], first=first.data_sha[:19], second=second.data_sha[:19])
    units = tuple(str(side.evidence["estimates"][0]["effect"].get("unit")) for side in (first, second))
    alike = units[0] == units[1]
    figure = _figure(first, second) if alike else None
    return Comparison(
        first=first,
        second=second,
        config=config,
        data=data,
        sample=tuple(_sample(first, second)),
        estimates=tuple(_estimates(first, second)),
        machine=tuple(_machine(first, second)),
        figure=figure,
        not_drawn="" if alike else WORDS["units_differ"].format(first=units[0], second=units[1]),
    )


def _sample(first: Side, second: Side) -> Iterator[tuple[str, str, str]]:
    for key, title in SAMPLE.items():
        yield title, *(cell(side.evidence["sample"][key]["value"]) for side in (first, second))  # type: ignore[misc]


def _rows(side: Side) -> dict[str, Mapping[str, Any]]:
    """Estimates of a run by a name that the other run has too."""
    return {_name(row): row for row in side.evidence["estimates"]}


def _name(row: Mapping[str, Any]) -> str:
    """Label of an estimate; the estimator's title where it has none, and the outcome where it is another one."""
    if row["label"] == "primary":
        return WORDS["primary"]
    label = estimator_title(str(row["label"])) if row["label"] == row["estimator"] else str(row["label"])
    return label if row["role"] == "robustness" else f"{label} ({row['outcome']})"


def _estimates(first: Side, second: Side) -> Iterator[tuple[str, str, str, str]]:
    before, after = _rows(first), _rows(second)
    for name in dict.fromkeys([*before, *after]):
        pair = [rows.get(name, {}).get("effect") or {} for rows in (before, after)]
        known = [effect.get("value") is not None for effect in pair]
        same_unit = pair[0].get("unit") == pair[1].get("unit")
        difference = cell(pair[1]["value"] - pair[0]["value"]) if all(known) and same_unit else "–"
        yield name, _effect(pair[0]), _effect(pair[1]), difference
    for label, block in ((WORDS["finding"], "finding"), (WORDS["certainty"], "rating")):
        told = [readable(str(side.evidence[block]["label"]), lower=block == "finding") for side in (first, second)]
        yield label, told[0], told[1], WORDS["same" if told[0] == told[1] else "other"]


def _effect(effect: Mapping[str, Any]) -> str:
    if effect.get("value") is None:
        return WORDS["no_estimate"]
    unit = str(effect.get("unit") or "")
    numbers = {key: cell(effect[key]) for key in ("value", "low", "high")}
    return WORDS.say("effect", **numbers, unit=unit) if unit else WORDS.say("effect_unitless", **numbers)


def _machine(first: Side, second: Side) -> Iterator[tuple[str, str, str]]:
    flat = [dict(_flat(side.provenance, "")) for side in (first, second)]
    for key in dict.fromkeys([*flat[0], *flat[1]]):
        was, now = flat[0].get(key), flat[1].get(key)
        if was != now:
            yield key, cell(was), cell(now)


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key} ")
        else:
            yield f"{prefix}{key}".replace("_", " "), value


def _figure(first: Side, second: Side) -> Figure | None:
    primary = first.evidence["estimates"][0]
    rows = [
        {"label": name, "run": run, "estimate": effect["value"], "low": effect["low"], "high": effect["high"]}
        for name in dict.fromkeys([*_rows(first), *_rows(second)])
        for run, side in (("first", first), ("second", second))
        if (effect := (_rows(side).get(name) or {}).get("effect") or {}).get("value") is not None
        and effect.get("unit") == primary["effect"].get("unit")
    ]
    if not rows:
        return None
    return side_by_side(
        pd.DataFrame(rows), outcome=str(primary["outcome"]), effect_unit=str(primary["effect"].get("unit") or ""),
        first=first.name, second=second.name,
    )  # fmt: skip


def comparison_html(found: Comparison) -> str:
    """One self-contained page in the language spoken, no script, nothing fetched; sentences of a run are in its own."""
    names = (found.first.name, found.second.name)
    config = Table(WORDS["config"], (WORDS["item"], *names), found.config)
    sample = Table(WORDS["data"], ("", *names), found.sample, frozenset({1, 2}))
    estimates = Table(WORDS["estimates"], ("", *names, WORDS["difference"]), found.estimates)
    machine = Table(WORDS["machine"], ("", *names), found.machine)
    picture: Picture | None = None if found.figure is None else picture_of(found.figure)
    return _template().render(
        words=WORDS, found=found, config=config, sample=sample, estimates=estimates, machine=machine, picture=picture,
        css=_css(), language=current(),
    )  # fmt: skip


@cache
def _template() -> Template:
    environment = Environment(
        loader=DictLoader({"compare.html.j2": _read("compare.html.j2")}), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("compare.html.j2")


@cache
def _css() -> Markup:
    """The brief's style sheet: no text of a study enters it."""
    return Markup(_read("brief.css"))  # noqa: S704 (a constant of the package)


def _read(name: str) -> str:
    return resources.files("evalkit.report").joinpath("templates", name).read_text(encoding="utf-8")

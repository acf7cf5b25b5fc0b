"""The portfolio as one static site: a page of findings without script, the briefs behind it, and the tables as data."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from evalkit import __version__
from evalkit.evidence.disclosure import formula_safe
from evalkit.indicators.phrases import PORTFOLIO
from evalkit.language import Language, bare, current, localized, mark, phrase, say, say_count, speaking
from evalkit.report.columns import Column
from evalkit.report.csv_file import to_csv, typed
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.synthesis import synthesis_forest
from evalkit.report.figures.words import number
from evalkit.report.files import cannot_write, write_whole
from evalkit.report.page import FINDINGS, NEXT_STEPS, build_page
from evalkit.report.portfolio_data import open_data
from evalkit.report.portfolio_measures import (
    EQUALITY_TABLE,
    INDICATORS_TABLE,
    equality_table,
    indicator_rows,
    indicators_table,
    trees,
)
from evalkit.report.wording import first_upper
from evalkit.synthesis.entries import NO_CITY, STAGES, Entry
from evalkit.synthesis.pooling import Group
from evalkit.synthesis.portfolio import CRITERIA, CRITERIA_TOLD, Portfolio
from evalkit.synthesis.words import LANGUAGES_TOLD, STAGES_TOLD, sentences, shown

INDEX: Final = "index.html"
WORDS: Final = 30
"""Words of each title and headline on the page; the brief has them whole."""
CERTAINTIES: Final = (
    (4, mark("High")), (3, mark("Moderate")), (2, mark("Low")), (1, mark("Very low")), (0, mark("Not rated"))
)  # fmt: skip
FINDINGS_TABLE: Final = (
    Column("study", "string", "Id of the study."),
    Column("city", "string", "City, as the study declares it."),
    Column("priority", "string", "Mayoral priority."),
    Column("title", "string", "Title of the study."),
    Column("stage", "string", "planned, running, no result, not rated, finished or decided."),
    Column("outcome", "string", "Name of the primary outcome."),
    Column("finding", "string", "favourable, unfavourable, little_or_no_difference or inconclusive."),
    Column("certainty", "integer", "4 High, 3 Moderate, 2 Low, 1 Very low; empty where not rated."),
    Column("scale", "string", "identity: effect in `unit`; log: in log points."),
    Column("unit", "string", "Unit of the outcome."),
    Column("effect", "number", "Primary effect on that scale."),
    Column("low", "number", "Lower end of the reported interval."),
    Column("high", "number", "Upper end of the reported interval."),
    Column("level", "number", "Level of the interval."),
    Column("decision", "string", "What the city decided."),
    Column("decided_on", "string", "Day of the decision."),
    Column("decided_by", "string", "Office or body."),
    Column("run", "string", "Id of the run that the row is of."),
    Column("headline", "string", "The finding in one sentence."),
)
CRITERIA_TABLE: Final = (
    Column("city", "string", "City; all for the sum."),
    Column("priority", "string", "Mayoral priority; all for the sum."),
    *(Column(name, "integer", text) for name, text in CRITERIA.items()),
)
SYNTHESIS_TABLE: Final = (
    Column("priority", "string", "Mayoral priority."),
    Column("outcome", "string", "Name of the outcome."),
    Column("unit", "string", "Unit of the numbers; per cent where logs were analysed."),
    Column("studies", "integer", "Studies in the average."),
    Column("cities", "integer", "Cities among them."),
    Column("model", "string", "random_effects, or three_level where a city has several studies."),
    Column("mean", "number", "Average effect."),
    Column("low", "number", "Lower end of its interval (Hartung-Knapp)."),
    Column("high", "number", "Upper end."),
    Column("prediction_low", "number", "Lower end of where the effect in another city may lie."),
    Column("prediction_high", "number", "Upper end."),
    Column("tau2", "number", "Variance of the true effects, on the scale analysed (REML)."),
    Column("i2", "number", "Share of the differences that is more than sampling error."),
    Column("q", "number", "Cochran's Q."),
    Column("q_p", "number", "Its p-value under equal effects."),
    Column("chance_mean", "number", "Posterior probability that the mean goes the way the city wants; from 3 studies."),
    Column("chance_new_city", "number", "Posterior probability that the effect in a new city does; from 3 studies."),
    Column("egger_p", "number", "P-value of the small-study check; empty with fewer than 10 studies."),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A study as the page shows it; `marks` are the classes that the filters look for."""

    city: str
    priority: str
    title: str
    headline: str
    finding: str
    size: str
    interval: str
    certainty: str
    level: int
    stage: str
    next_step: str
    date: str
    page: str
    marks: str
    language: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One button of a filter: the id of its input, the class that it keeps, and its text."""

    id: str
    mark: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Pooling:
    """One synthesis: where it stands, its sentences and its picture."""

    title: str
    priority: str
    sentences: tuple[str, ...]
    figure: Figure
    source: str


def write_site(
    portfolio: Portfolio,
    out: Path,
    briefs: Mapping[str, bytes],
    measures: Mapping[str, bytes] | None = None,
    language: Language = "en",
) -> list[Path]:
    """Write the site into a folder and return its files.

    Parameters
    ----------
    portfolio
        What to show.
    out
        Made when it does not exist; files of the same names are replaced whole, others are left alone.
    briefs
        Study id to the content of its ``brief.html``.
    measures
        ``indicator/ID`` and ``equality/ID`` to the content of their pages.
    language
        Of the page; tables are the same in all languages, and a finding's own sentences are in that of its run.

    Raises
    ------
    DataError
        When the folder cannot be written.
    """
    pages = {study: f"briefs/{place:04d}.html" for place, study in enumerate(sorted(briefs))}
    files = {page: briefs[study] for study, page in pages.items()}
    of_measures = {name: f"briefs/m{place:04d}.html" for place, name in enumerate(sorted(measures or {}))}
    files |= {page: (measures or {})[name] for name, page in of_measures.items()}
    with speaking("en"):  # programs read these
        tables = {name: (title, columns, to_csv(table, columns)) for name, title, columns, table in _tables(portfolio)}
        data = open_data(portfolio, tables)
    with speaking(language):
        files |= {
            INDEX: site(portfolio, {**pages, **of_measures}).encode(),
            **{name: content for name, (_, _, content) in tables.items()},
            **data,
            "portfolio.json": (json.dumps(document(portfolio), indent=2, ensure_ascii=False) + "\n").encode(),
        }
    written = []
    try:
        (out / "briefs").mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(out / name, content)
            written.append(out / name)
    except OSError as error:
        raise cannot_write(out, error) from error
    return written


def _tables(portfolio: Portfolio) -> list[tuple[str, str, Sequence[Column], pd.DataFrame]]:
    """File name, title, columns and content."""
    made: list[tuple[str, str, Sequence[Column], pd.DataFrame]] = [
        ("findings.csv", "Studies", FINDINGS_TABLE, findings_table(portfolio)),
        ("criteria.csv", "How evaluations are used", CRITERIA_TABLE, criteria_table(portfolio)),
        ("synthesis.csv", "Averages over studies", SYNTHESIS_TABLE, synthesis_table(portfolio)),
    ]
    if portfolio.indicators:
        made.append(("indicators.csv", PORTFOLIO["indicators"], INDICATORS_TABLE, indicators_table(portfolio)))
    if portfolio.equality:
        made.append(("equality.csv", PORTFOLIO["equality"], EQUALITY_TABLE, equality_table(portfolio)))
    return made


def site(portfolio: Portfolio, pages: Mapping[str, str]) -> str:
    """The page: counts, filters that need no script, findings, syntheses, and how to read them."""
    marks = {name: f"p{place}" for place, name in enumerate(portfolio.priorities)}
    rows = [_row(each, portfolio, marks, pages) for each in portfolio.entries]
    rendered = _template().render(
        title=portfolio.title,
        version=__version__,
        css=_css(),
        rules=_rules(portfolio, marks),
        language=current(),
        counts=[(CRITERIA_TOLD[name], count) for name, count in portfolio.criteria().items()],
        counted=_counted(portfolio),
        told_in=_told_in(portfolio),
        filters=_filters(rows, portfolio, marks),
        rows=rows,
        syntheses=[_pooling(group, portfolio) for group in portfolio.groups],
        criteria=_by_priority(portfolio),
        indicators=indicator_rows(portfolio, marks, pages),
        trees=trees(portfolio, marks, pages),
        words=PORTFOLIO,
        banner=PORTFOLIO["banner"],
    )
    return rendered.strip() + "\n"


def findings_table(portfolio: Portfolio) -> pd.DataFrame:
    """One row a study; columns as :data:`FINDINGS_TABLE`."""
    return typed([_finding(each) for each in portfolio.entries], FINDINGS_TABLE)


def criteria_table(portfolio: Portfolio) -> pd.DataFrame:
    """How many evaluations were launched, completed, decided on and adapted to, by city and priority."""
    rows = []
    for city in (None, *portfolio.cities):
        for priority in (None, *portfolio.priorities):
            counted = portfolio.criteria(city=city, priority=priority)
            if any(counted.values()) or (city is None and priority is None):
                rows.append({"city": formula_safe(city or "all"), "priority": priority or "all", **counted})
    return typed(rows, CRITERIA_TABLE)


def synthesis_table(portfolio: Portfolio) -> pd.DataFrame:
    """One row a group of comparable findings; columns as :data:`SYNTHESIS_TABLE`."""
    return typed([_synthesis(group) for group in portfolio.groups], SYNTHESIS_TABLE)


def document(portfolio: Portfolio) -> dict[str, Any]:
    """The portfolio as plain data."""
    return {
        "title": portfolio.title,
        "evalkit_version": __version__,
        "language": current(),
        "priorities": dict(portfolio.priorities),
        "criteria": portfolio.criteria(),
        "stages": portfolio.stages(),
        "studies": [_finding(each) for each in portfolio.entries],
        "synthesis": [
            {**_synthesis(group), "sentences": list(sentences(group)), "members": [m.study_id for m in group.members]}
            for group in portfolio.groups
        ],
        "indicators": [each.model_dump(mode="json") for each in portfolio.indicators],
        "equality": [each.model_dump(mode="json") for each in portfolio.equality],
    }


def _finding(entry: Entry) -> dict[str, Any]:
    evidence, decision = entry.evidence, entry.decision
    row: dict[str, Any] = {
        "study": formula_safe(entry.study_id),
        "city": formula_safe(entry.city),
        "priority": formula_safe(entry.priority),
        "title": formula_safe(entry.title),
        "stage": entry.stage,
        "finding": entry.finding,
        "certainty": entry.certainty,
        "run": entry.run_id,
    }
    if evidence is not None:
        outcome, found = evidence.outcomes[0], evidence.estimates[0]
        row |= {
            "outcome": formula_safe(outcome.name),
            "unit": formula_safe(outcome.unit),
            "scale": found.scale,
            "headline": formula_safe(evidence.sentences.headline),
        }
        if entry.certainty is not None:
            effect = found.effect
            row |= {"effect": effect.value, "low": effect.low, "high": effect.high, "level": effect.level}
    if decision is not None:
        row |= {
            "decision": decision.next_step,
            "decided_on": decision.date.isoformat(),
            "decided_by": formula_safe(decision.who),
        }
    return row


def _synthesis(group: Group) -> dict[str, Any]:
    found, pooled = group.result, group.pooled
    row = {
        "priority": formula_safe(group.priority),
        "outcome": formula_safe(group.outcome),
        "unit": formula_safe("per cent" if group.scale == "log" else group.unit),
        "studies": len(group.members),
        "cities": group.n_cities,
        "model": "random_effects" if group.nested is None else "three_level",
        "tau2": pooled.tau2,
        "i2": pooled.i2,
        "q": pooled.q,
        "q_p": pooled.q_p,
        "chance_mean": None if group.chances is None else group.chances.mean_wanted,
        "chance_new_city": None if group.chances is None else group.chances.new_wanted,
        "egger_p": None if group.small is None else group.small.p_value,
    }
    numbers = {name: shown(group, getattr(found, name)) for name in ("mean", "low", "high")}
    ahead = {name: shown(group, getattr(found, name)) for name in ("prediction_low", "prediction_high")}
    known = {name: value if np.isfinite(value) else None for name, value in ahead.items()}
    return row | numbers | known


def _row(entry: Entry, portfolio: Portfolio, marks: Mapping[str, str], pages: Mapping[str, str]) -> Row:
    size = interval = headline = date = ""
    if entry.evidence is not None:
        page = build_page(entry.evidence, limitations=0, words=WORDS)
        headline, date = page.headline, entry.evidence.identity.created_at.date().isoformat()
        if entry.certainty is not None:
            size, interval = page.dials[0].reading, page.dials[0].beneath[0]
    finding = FINDINGS[entry.finding] if entry.finding else ""
    level = entry.certainty or 0
    return Row(
        city=phrase(entry.city) if entry.city == NO_CITY else entry.city,
        priority=portfolio.priorities[entry.priority],
        title=entry.title,
        headline=headline,
        finding=finding,
        size=size,
        interval=interval,
        certainty=first_upper(phrase(dict(CERTAINTIES)[level])) if entry.evidence is not None else "",
        level=level,
        stage=first_upper(STAGES_TOLD[entry.stage]),
        next_step=NEXT_STEPS.get(entry.decision.next_step, "") if entry.decision else "",
        date=entry.decision.date.isoformat() if entry.decision else date,
        page=pages.get(entry.study_id, ""),
        marks=f"{marks[entry.priority]} {_finding_mark(entry)} {_certainty_mark(entry)} s{STAGES.index(entry.stage)}",
        language=current() if entry.evidence is None else entry.evidence.identity.language,
    )


def _counted(portfolio: Portfolio) -> str:
    """How many studies there are, in how many cities, and how far they are."""
    stages = portfolio.stages().items()
    return say(
        "{studies} in {cities}: {stages}.",
        studies=say_count("{count} study", "{count} studies", len(portfolio.entries)),
        cities=say_count("{count} city", "{count} cities", len(portfolio.cities)),
        stages=", ".join(f"{_whole(count)} {STAGES_TOLD[stage]}" for stage, count in stages if count),
    )


def _told_in(portfolio: Portfolio) -> str:
    """Which languages findings are told in, where that is not the page's; empty where it is."""
    found = Counter[str](each.evidence.identity.language for each in portfolio.entries if each.evidence is not None)
    found.update(each.identity.language for each in portfolio.indicators)
    found.update(each.identity.language for each in portfolio.equality)
    if set(found) <= {current()}:
        return ""
    languages = ", ".join(f"{LANGUAGES_TOLD[code]} ({_whole(count)})" for code, count in found.most_common())
    return say("What a study says is in the language in which it was run: {languages}.", languages=languages)


def _whole(count: int) -> str:
    return localized(f"{count:,}")


def _finding_mark(entry: Entry) -> str:
    return f"f{list(FINDINGS).index(entry.finding)}" if entry.finding else "fx"


def _certainty_mark(entry: Entry) -> str:
    return f"c{entry.certainty or 0}" if entry.evidence is not None else "cx"


def _filters(rows: list[Row], portfolio: Portfolio, marks: Mapping[str, str]) -> list[tuple[str, str, list[Choice]]]:
    """Name, what it says, and the buttons of each filter; a choice that nothing has is left out."""
    measured = {marks[each.priority] for each in portfolio.indicators}
    measured |= {marks[each.priority] for each in portfolio.equality}

    def choices(group: str, named: list[tuple[str, str]]) -> list[Choice]:
        counted = [(mark, text, sum(mark in row.marks.split() for row in rows)) for mark, text in named]
        every = Choice(f"{group}-all", "", phrase("All"), len(rows))
        kept = [each for each in counted if each[2] or each[0] in measured]
        return [every, *(Choice(f"{group}-{mark}", mark, text, count) for mark, text, count in kept)]

    return [
        ("priority", phrase("Priority"), choices("priority", [(marks[name], text) for name, text in
                                                      portfolio.priorities.items()])),
        ("finding", phrase("Finding"),
         choices("finding", [(f"f{i}", text) for i, text in enumerate(FINDINGS.values())])),
        ("certainty", phrase("Certainty"),
         choices("certainty", [(f"c{level}", first_upper(phrase(text))) for level, text in CERTAINTIES])),
        ("stage", phrase("Stage"),
         choices("stage", [(f"s{i}", first_upper(STAGES_TOLD[stage])) for i, stage in enumerate(STAGES)])),
    ]  # fmt: skip


def _rules(portfolio: Portfolio, marks: Mapping[str, str]) -> Markup:
    """Style rules that hide what a chosen button does not keep: made of indexes, so that no text of a study enters."""
    groups = {
        "priority": list(marks.values()),
        "finding": [f"f{i}" for i in range(len(FINDINGS))],
        "certainty": [f"c{level}" for level, _ in CERTAINTIES],
        "stage": [f"s{i}" for i in range(len(STAGES))],
    }
    lines = [
        f"body:has(#{group}-{mark}:checked) .study:not(.{mark}) {{ display: none; }}"
        for group, every in groups.items()
        for mark in every
    ]
    lines += [
        f"body:has(#priority-{mark}:checked) .measure:not(.{mark}) {{ display: none; }}" for mark in groups["priority"]
    ]
    return Markup("\n".join(lines))  # noqa: S704 (letters and numbers made above)


def _pooling(group: Group, portfolio: Portfolio) -> Pooling:
    figure = synthesis_forest(group)
    source = "data:image/svg+xml;base64," + base64.b64encode(figure.svg).decode("ascii")
    title = first_upper(bare(group.outcome))
    return Pooling(title, portfolio.priorities[group.priority], sentences(group), figure, source)


def _by_priority(portfolio: Portfolio) -> list[tuple[str, list[int]]]:
    rows = [(text, list(portfolio.criteria(priority=name).values())) for name, text in portfolio.priorities.items()]
    return [*rows, (phrase("All"), list(portfolio.criteria().values()))]


@cache
def _template() -> Template:
    environment = Environment(
        loader=DictLoader({"portfolio.html.j2": _read("portfolio.html.j2")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["_"] = phrase
    environment.filters |= {"number": number, "whole": _whole}
    return environment.get_template("portfolio.html.j2")


@cache
def _css() -> Markup:
    """Style of the briefs and of this page: no text of a study enters it."""
    return Markup(_read("brief.css") + _read("portfolio.css"))  # noqa: S704 (constants of the package)


def _read(name: str) -> str:
    return resources.files("evalkit.report").joinpath("templates", name).read_text(encoding="utf-8")

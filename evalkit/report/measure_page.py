"""The page of an indicator or an equality tree: one self-contained file, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from evalkit import __version__
from evalkit.indicators.document import IndicatorDocument
from evalkit.indicators.equality_document import EqualityDocument, NodeBlock, Numbers
from evalkit.indicators.equality_words import score as score_text
from evalkit.indicators.equality_words import signed
from evalkit.indicators.phrases import EQUALITY_HEADINGS, HEADINGS, SENTENCES
from evalkit.indicators.words import number, short_chance
from evalkit.language import Language, localized
from evalkit.report.annex_parts import Section, Table, frame_table
from evalkit.report.brief_html import Picture, picture_of
from evalkit.report.figures.canvas import Figure

DASH: Final = "–"


@dataclass(frozen=True, slots=True)
class Dial:
    """One of the boxes at the top."""

    name: str
    reading: str
    beneath: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the page."""

    title: str
    text: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasurePage:
    """What the template shows; `banner` stays in sight while the page is scrolled, `wide` makes room for tables."""

    kicker: str
    headline: str
    title: str
    banner: str
    dials: tuple[Dial, ...]
    parts: tuple[Part, ...]
    annex: tuple[Section, ...]
    wide: bool = False


def indicator_page(
    document: IndicatorDocument, table: pd.DataFrame, figures: Sequence[Figure], config: str
) -> MeasurePage:
    """The page of an indicator, from what has passed the disclosure gate."""
    said, words = document.sentences, HEADINGS
    pictures = {figure.id: picture_of(figure) for figure in figures}
    know = Part(words["know"], (said["banner_why"],), document.remarks)
    return MeasurePage(
        kicker=_joined(words["kicker"], document.city),
        headline=said["headline"],
        title=_joined(document.title, f"{words['owner']}: {document.owner}"),
        banner=said["banner"],
        dials=_indicator_dials(document),
        parts=(
            Part(words["goes"], _told(said["chance"], said["forecast"], said["pace"]), pictures=(pictures["outlook"],)),
            Part(words["chart"], _told(said["signal"], said["rules"]), pictures=(pictures["control_chart"],)),
            know,
            Part(words["how"], _told(document.description, document.note)),
        ),
        annex=(
            Section(SENTENCES[f"chart_{document.chart.kind}"], _told(*_chart_text(document)),
                    tables=(_signals(document),) if document.chart.signals else ()),
            Section(words["data"], _told(document.source), tables=(frame_table(table, words["data"]),)),
            _provenance(document, config),
        ),
    )  # fmt: skip


def equality_page(
    document: EqualityDocument, scores: pd.DataFrame, gaps: pd.DataFrame, figures: Sequence[Figure], config: str
) -> MeasurePage:
    """The page of an equality tree, from what has passed the disclosure gate."""
    said, words = document.sentences, EQUALITY_HEADINGS
    paths = [node.path.sentence for node in document.nodes[1:] if node.path is not None]
    named = [node.name for node in document.nodes[1:] if node.path is not None]
    return MeasurePage(
        kicker=_joined(words["kicker"], document.city),
        headline=said["headline"],
        title=_joined(document.title, f"{HEADINGS['owner']}: {document.owner}"),
        banner=said["banner"],
        dials=_equality_dials(document),
        parts=(
            Part(words["path"], _told(said["change"], said["path"]),
                 tuple(f"{name}: {text}" for name, text in zip(named, paths, strict=True))),
            Part(words["themes"], _told(said["best"], said["worst"]), tables=(_levels(document),),
                 pictures=tuple(picture_of(figure) for figure in figures)),
            Part(words["indicators"], _told(said["descriptive"], said["approximate"]),
                 tables=_indicators(document, gaps)),
            Part(words["know"], (), document.remarks),
            Part(words["how"], _told(document.description, document.note)),
        ),
        annex=(
            Section(words["years"], tables=(frame_table(scores, words["years"]),)),
            Section(words["data"], _told(document.source), tables=(frame_table(gaps, words["data"]),)),
            _provenance(document, config),
        ),
        wide=True,
    )  # fmt: skip


def render(page: MeasurePage, *, language: Language) -> str:
    """The page as HTML; every text is escaped, and its policy forbids scripts and requests."""
    rendered = _template().render(page=page, words=HEADINGS, language=language, version=__version__, css=_css())
    return rendered.strip() + "\n"


def _indicator_dials(document: IndicatorDocument) -> tuple[Dial, ...]:
    words, latest, outlook = HEADINGS, document.latest, document.outlook
    span = latest.last if latest.first == latest.last else words["span"].format(start=latest.first, end=latest.last)
    now = DASH if latest.value is None else number(latest.value)
    if outlook is not None:
        beneath = (words["chance_beneath"], _interval(outlook.value, outlook.low, outlook.high, outlook.level))
        last = Dial(words["outlook"], short_chance(outlook.chance), beneath)
    else:
        reading = words.get(document.status, words["no_outlook"])
        last = Dial(words["outlook"], reading, () if document.status in words else (document.no_outlook,))
    return (
        Dial(words["now"], now, (f"{document.unit}, {span}", words["from"].format(baseline=number(document.baseline)))),
        Dial(words["target"], number(document.target), (words["by"].format(date=document.target_date),
                                                        words["over"].format(window=document.target_window))),
        last,
    )  # fmt: skip


def _interval(value: float, low: float, high: float, level: float) -> str:
    return HEADINGS["interval"].format(
        value=number(value), low=number(low), high=number(high), level=localized(f"{100 * level:g}")
    )


def _chart_text(document: IndicatorDocument) -> tuple[str, ...]:
    chart = document.chart
    words = HEADINGS
    told = [words["centre"].format(centre=number(chart.centre), unit=document.unit)]
    told += [words[f"rule_{rule}"] for rule in chart.rules]
    if chart.dispersion_p is not None:
        told.append(
            words.say("dispersion", p=localized(f"{chart.dispersion_p:.2g}"), factor=localized(f"{chart.sigma_z:.2f}"))
        )
    return tuple(told)


def _signals(document: IndicatorDocument) -> Table:
    words = HEADINGS
    rows = tuple(
        (each.period, words[f"name_{each.rule}"], words["side_high" if each.side > 0 else "side_low"],
         words["wanted" if each.wanted else "unwanted"])
        for each in document.chart.signals
    )  # fmt: skip
    return Table(words["signals"], (words["period"], words["rule"], words["side"], words["way"]), rows)


def _equality_dials(document: EqualityDocument) -> tuple[Dial, ...]:
    words, top = EQUALITY_HEADINGS, document.top
    if top.score is None or top.change is None:
        return (Dial(words["score"], words["withheld"], ()),)
    change, path = top.change, top.path
    first = Dial(
        words["score"], score_text(top.score.value),
        (words["score_beneath"].format(low=score_text(top.score.low), high=score_text(top.score.high)),),
    )  # fmt: skip
    second = Dial(
        words["change"].format(baseline=document.baseline), words["points"].format(change=signed(change.value)),
        (words["interval"].format(low=signed(change.low), high=signed(change.high)),),
    )  # fmt: skip
    if path is None:
        return first, second, Dial(words["target"], words["no_target"], ())
    beneath = words["reached"] if path.needed == 0.0 else ""
    if path.needed:
        beneath = words["needed"].format(needed=signed(path.needed), so_far=signed(path.so_far.value))
    reading = words["target_reading"].format(target=score_text(path.target), date=path.date)
    return first, second, Dial(words["target"], reading, (beneath,))


def _levels(document: EqualityDocument) -> Table:
    """City, themes and topics: score, change and the way to the target."""
    words = EQUALITY_HEADINGS
    head = (words["level"], words["score"], words["change"].format(baseline=document.baseline), words["target"],
            words["needed_column"], words["so_far_column"])  # fmt: skip
    rows = []
    for node in document.nodes:
        if node.kind == "indicator":
            continue
        path = node.path
        rows.append((
            f"{INDENT[node.kind]}{node.name}",
            *_score_cells(node),
            DASH if path is None else words["target_reading"].format(target=score_text(path.target), date=path.date),
            DASH if path is None or path.needed is None else signed(path.needed),
            DASH if path is None else signed(path.so_far.value),
        ))  # fmt: skip
    return Table(words["themes"], head, tuple(rows), frozenset({1, 2, 4, 5}))


INDENT: Final = {"city": "", "theme": "", "topic": "\u2003"}


def _score_cells(node: NodeBlock) -> tuple[str, str]:
    words = EQUALITY_HEADINGS
    if node.score is None or node.change is None:
        return words["withheld"], DASH
    return _ranged(node.score, score_text), _ranged(node.change, signed)


def _ranged(numbers: Numbers, written: Callable[[float], str]) -> str:
    return EQUALITY_HEADINGS.say(
        "ranged", value=written(numbers.value), low=written(numbers.low), high=written(numbers.high)
    )


def _indicators(document: EqualityDocument, gaps: pd.DataFrame) -> tuple[Table, ...]:
    """One table a theme: both groups, gap, ratio, score and change."""
    words = EQUALITY_HEADINGS
    now = gaps[gaps["year"] == document.year]
    tables = []
    for theme in [node.name for node in document.nodes if node.kind == "theme"]:
        rows: list[tuple[str, ...]] = []
        for node in document.nodes:
            if node.kind != "indicator" or node.theme != theme:
                continue
            found = now[(now["theme"] == theme) & (now["topic"] == node.topic) & (now["indicator"] == node.name)]
            if node.score is None or found.empty:
                rows.append((node.name, words["withheld"], "", "", "", ""))
                continue
            rows.append(_indicator_row(node, found.iloc[0]))
        head = (words["indicator"], words["groups"], words["gap"], words["ratio"], words["score"],
                words["change"].format(baseline=document.baseline))  # fmt: skip
        tables.append(Table(theme, head, tuple(rows), frozenset({4, 5})))
    return tuple(tables)


def _indicator_row(node: NodeBlock, row: pd.Series[Any]) -> tuple[str, ...]:
    score, change = _score_cells(node)
    first = f"{row['group']} {_number(row['value'])}"
    if str(row["compared_with"] or ""):
        second = f"{row['compared_with']} {_number(row['other'])}"
        groups = EQUALITY_HEADINGS.say("two_groups", first=first, second=second, unit=node.unit)
    else:
        groups = EQUALITY_HEADINGS.say("one_group", first=first, unit=node.unit)
    return (node.name, groups, _range(row, "gap"), _range(row, "ratio"), score, change)


def _range(row: pd.Series[Any], name: str) -> str:
    value = row[name]
    if pd.isna(value):
        return DASH
    low, high = (_number(row[f"{name}_{end}"]) for end in ("low", "high"))
    return EQUALITY_HEADINGS.say("ranged", value=_number(value), low=low, high=high)


def _number(value: object) -> str:
    return number(float(str(value)))


def _provenance(document: IndicatorDocument | EqualityDocument, config: str) -> Section:
    words, identity = HEADINGS, document.identity
    facts = (
        words["run"].format(run=identity.run_id, created=f"{identity.created_at:%Y-%m-%d %H:%M}"),
        words["software"].format(version=identity.evalkit_version, commit=identity.git_sha or DASH),
        words["fingerprint"].format(
            data=identity.data_sha or words["restricted"], rows=localized(f"{document.rows:,}")
        ),
        words["gate"].format(reason=document.disclosure["reason"], least=document.disclosure["min_cell"]),
    )
    return Section(words["provenance"], facts, code=config)


def _told(*texts: str) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _joined(*texts: str) -> str:
    return " · ".join(text for text in texts if text)


@cache
def _template() -> Template:
    environment = Environment(
        loader=DictLoader({"measure.html.j2": _read("measure.html.j2")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("measure.html.j2")


@cache
def _css() -> Markup:
    """Style of the briefs and of these pages: no text of a city enters it."""
    return Markup(_read("brief.css") + _read("measure.css"))  # noqa: S704 (constants of the package)


def _read(name: str) -> str:
    return resources.files("evalkit.report").joinpath("templates", name).read_text(encoding="utf-8")

"""The bundle of an indicator or an equality tree: everything one run of it leaves behind, whole or not there."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml
from pydantic import ValidationError

from evalkit import __version__
from evalkit.errors import DataError
from evalkit.indicators.document import IndicatorDocument, MeasureIdentity, config_sha, document
from evalkit.indicators.equality_document import EqualityDocument
from evalkit.indicators.equality_document import document as equality_document
from evalkit.indicators.equality_document import tables as equality_tables
from evalkit.indicators.equality_result import Equality
from evalkit.indicators.result import Indicator
from evalkit.indicators.tables import periods_table
from evalkit.language import current
from evalkit.report.bundle import COMPLETE, FIGURE_INDEX, MANIFEST, as_json, figure_entry, manifest_of
from evalkit.report.columns import Column
from evalkit.report.csv_file import to_csv
from evalkit.report.datapackage import datapackage
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.control_chart import control_chart, outlook
from evalkit.report.figures.equality_scores import equality_scores
from evalkit.report.files import folder_for, sha256, write_whole
from evalkit.report.measure_page import equality_page, indicator_page, render
from evalkit.study.part import Part

FOLDERS: Final = {"indicator": "indicators", "equality": "equality"}
"""Folder within the results that bundles of a kind are kept in."""
PERIODS: Final = (
    Column("period", "string", "Period."),
    Column("observed", "boolean", "Whether it is within the data; later ones are foretold."),
    Column("count", "number", "Events, or how many of all; empty for measurements."),
    Column("out_of", "number", "Exposure, or all of whom the share is taken."),
    Column("value", "number", "Value in the unit of the indicator."),
    Column("adjusted", "number", "The same without its season."),
    Column("centre", "number", "Centre line of the chart."),
    Column("low", "number", "Lower limit of a steady process."),
    Column("high", "number", "Upper limit."),
    Column("z", "number", "Distance from the centre line in sigmas."),
    Column("moving_range", "number", "Distance from the value before; of z for counts and shares."),
    Column("in_baseline", "boolean", "Whether centre and limits were taken from it."),
    Column("signal", "integer", "1 special cause the wanted way, -1 the other way, 0 none."),
    Column("forecast", "number", "Median of the predictive distribution."),
    Column("forecast_low", "number", "Lower end of the prediction interval."),
    Column("forecast_high", "number", "Upper end."),
)
_NAMES: Final = (("level", "city, theme, topic or indicator."), ("theme", "Theme."), ("topic", "Topic."),
                 ("name", "Name."), ("year", "Year."))  # fmt: skip
SCORES: Final = (
    *(Column(name, "string", text) for name, text in _NAMES),
    Column("score", "number", "1 to 100, approximate."),
    Column("low", "number", "Lower end of its interval."),
    Column("high", "number", "Upper end."),
)
_TEXTS: Final = {"theme", "topic", "indicator", "year", "unit", "group", "compared_with"}
_OF_GAPS: Final = {
    "theme": "Theme.", "topic": "Topic.", "indicator": "Indicator.", "year": "Year.", "unit": "Unit of levels and gap.",
    "group": "Group expected to be worse off.", "value": "Its level.", "compared_with": "Group it is compared with.",
    "other": "That group's level.", "gap": "First less second, in the unit.",
    "ratio": "The group observed to be larger over the other.", "score": "1 to 100, approximate.",
}  # fmt: skip


def _gap_columns(names: Sequence[str]) -> tuple[Column, ...]:
    ends = {"_low": "Lower end of the interval of", "_high": "Upper end of the interval of"}
    columns = []
    for name in names:
        base = next((name.removesuffix(end) for end in ends if name.endswith(end)), name)
        end = name[len(base) :]
        about = _OF_GAPS[base] if not end else f"{ends[end]} {base}."
        columns.append(Column(name, "string" if name in _TEXTS else "number", about))
    return tuple(columns)


def write_indicator(found: Indicator, root: Path, *, provenance: Mapping[str, Any], seed: int) -> Path:
    """Write an indicator's bundle, in the language spoken: ``root/indicators/<id>/<run id>/``.

    Parameters
    ----------
    found
        From :func:`evalkit.indicators.result.evaluate_indicator`.
    root
        The results folder.
    provenance
        From :func:`evalkit.report.provenance.provenance`.
    seed
        As used.

    Raises
    ------
    DisclosureRefused
        When a period counts few people.
    EvalkitError
        When the disk is full or the folder not writable.
    """
    table, record = periods_table(found)
    identity = identity_of(found.spec, provenance, seed, found.series.data_sha)
    made = document(found, identity, record)
    figures = indicator_figures(found, table, made)
    config = _config(found.spec, "indicator", seed)
    html = render(indicator_page(made, table, figures, config), language=identity.language)
    csv = {"periods.csv": ("Periods of the indicator, observed and foretold", PERIODS, to_csv(table, PERIODS))}
    files = _files(made, html, figures, csv, config, provenance)
    return _write(root, "indicator", identity, {"indicator.json": made.to_json().encode(), **files})


def write_equality(found: Equality, root: Path, *, provenance: Mapping[str, Any], seed: int) -> Path:
    """Write a tree's bundle, in the language spoken: ``root/equality/<id>/<run id>/``.

    Raises
    ------
    EvalkitError
        When the disk is full or the folder not writable.
    """
    scores, gaps, record = equality_tables(found)
    identity = identity_of(found.spec, provenance, seed, found.data.data_sha)
    made = equality_document(found, identity, record)
    figures = equality_figures(made)
    config = _config(found.spec, "equality", seed)
    html = render(equality_page(made, scores, gaps, figures, config), language=identity.language)
    columns = _gap_columns(list(gaps.columns))
    csv = {
        "scores.csv": ("Scores of every level and year", SCORES, to_csv(scores, SCORES)),
        "gaps.csv": ("Groups, gaps, ratios and scores of each indicator and year", columns, to_csv(gaps, columns)),
    }
    files = _files(made, html, figures, csv, config, provenance)
    return _write(root, "equality", identity, {"equality.json": made.to_json().encode(), **files})


def indicator_figures(found: Indicator, table: pd.DataFrame, made: IndicatorDocument) -> tuple[Figure, ...]:
    """Outlook and control chart."""
    spec, chart = found.spec, found.chart
    ranges = None
    if chart.kind == "measurement":
        mean = float(np.nanmean(chart.moving_range[found.series.timeline.in_baseline]))
        ranges = np.array([chart.range_limit, mean])
    return (
        outlook(
            table, title=made.title, unit=made.unit, baseline=found.baseline, target=spec.target.value,
            date=made.target_date, window=made.target_window, level=spec.forecast.level,
        ),
        control_chart(
            table, title=made.title, unit=made.unit, seasonal=found.season is not None, ranges=ranges
        ),
    )  # fmt: skip


def equality_figures(made: EqualityDocument) -> tuple[Figure, ...]:
    """Scores of city, themes and topics; none where everything is withheld."""
    rows = [
        {
            "label": node.name, "kind": node.kind, "score": node.score.value, "low": node.score.low,
            "high": node.score.high, "earlier": node.baseline_score.value,
            "target": np.nan if node.path is None else node.path.target,
        }
        for node in made.nodes
        if node.kind != "indicator" and node.score is not None and node.baseline_score is not None
    ]  # fmt: skip
    if not rows:
        return ()
    return (equality_scores(pd.DataFrame(rows), year=made.year, baseline=made.baseline, level=made.level),)


def read_document(folder: Path) -> IndicatorDocument | EqualityDocument:
    """The document of a finished bundle.

    Raises
    ------
    DataError
        When the folder holds none, or one that is not as written.
    """
    for kind in FOLDERS:
        file = folder / f"{kind}.json"
        if file.is_file():
            return parse_document(file.read_text(encoding="utf-8"), where=str(file))
    raise DataError(f"{folder} holds neither indicator.json nor equality.json.", next_step="Run it again.")


def parse_document(text: str, *, where: str) -> IndicatorDocument | EqualityDocument:
    """A document from its text.

    Raises
    ------
    DataError
        When it is none.
    """
    try:
        content = json.loads(text)
        if isinstance(content, dict) and content.get("kind") == "equality":
            return EqualityDocument.model_validate(content)
        return IndicatorDocument.model_validate(content)
    except (ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{where} cannot be read: {reason}.", next_step="Run it again.") from None


def identity_of(spec: Any, provenance: Mapping[str, Any], seed: int, data_sha: str | None) -> MeasureIdentity:
    """Which run this is: made anew at each call."""
    return MeasureIdentity(
        id=spec.id,
        run_id=uuid.uuid4().hex,
        config_sha=config_sha(spec, seed),
        data_sha=data_sha,
        git_sha=provenance.get("git_sha"),
        evalkit_version=__version__,
        created_at=dt.datetime.now(dt.UTC),
        language=current(),
    )


def _config(spec: Part, kind: str, seed: int) -> str:
    plain = {kind: spec.model_dump(mode="json"), "seed": seed, "language": current()}
    return str(yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, width=100))


def _files(
    made: IndicatorDocument | EqualityDocument,
    html: str,
    figures: Sequence[Figure],
    csv: Mapping[str, tuple[str, Sequence[Column], bytes]],
    config: str,
    provenance: Mapping[str, Any],
) -> dict[str, bytes]:
    package = datapackage(
        name=made.identity.id, title=made.title, description=made.sentences["headline"],
        created=made.identity.created_at.isoformat(), tables=csv,
    )  # fmt: skip
    files = {
        "brief.html": html.encode(),
        **{name: content for name, (_, _, content) in csv.items()},
        "config.yaml": config.encode(),
        "provenance.json": as_json(provenance),
        "disclosure.json": as_json(made.disclosure),
        "datapackage.json": as_json(package),
        FIGURE_INDEX: as_json([figure_entry(figure) for figure in figures]),
    }
    for figure in figures:
        files[f"figures/{figure.id}.svg"] = figure.svg
        files[f"figures/{figure.id}.png"] = figure.png
    return files


def _write(root: Path, kind: str, identity: MeasureIdentity, files: Mapping[str, bytes]) -> Path:
    folder = folder_for(root / FOLDERS[kind], identity.id, identity.run_id)
    for name, content in files.items():
        write_whole(folder / name, content)
    manifest = manifest_of(files, study_id=identity.id, run_id=identity.run_id)
    write_whole(folder / MANIFEST, manifest)
    write_whole(folder / COMPLETE, f"{sha256(manifest)}\n".encode())
    return folder

"""The bundle `results/<study>/<uuid>/`: everything a run leaves behind, whole or not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evalkit.evaluation import Evaluation
from evalkit.evidence.schema import Evidence
from evalkit.report.brief_docx import brief_docx
from evalkit.report.brief_html import brief_html
from evalkit.report.brief_md import brief_md
from evalkit.report.columns import DIAGNOSTICS, ESTIMATES, EVENT_STUDY
from evalkit.report.compose import cells_shown, compose, policy_of, standard_of
from evalkit.report.contents import Contents
from evalkit.report.csv_file import to_csv
from evalkit.report.datapackage import datapackage
from evalkit.report.draws import draws_netcdf
from evalkit.report.evidence_table import EVIDENCE, gated, to_parquet
from evalkit.report.figures.canvas import Figure
from evalkit.report.files import MARKER, folder_for, sha256, versioned, write_whole
from evalkit.report.jsonld import dataset
from evalkit.report.releases import against_earlier

MANIFEST: Final = "manifest.json"
COMPLETE: Final = MARKER
FORMAT: Final = "evalkit-bundle"
FORMAT_VERSION: Final = "1.0.0"
FIGURE_INDEX: Final = "figures/index.json"
EVIDENCE_TITLE: Final = "The evidence, a row an estimate"
TABLES: Final = {
    "estimates.csv": ("All aggregations of all estimates", ESTIMATES),
    "event_study.csv": ("Effects of the primary estimate by event time", EVENT_STUDY),
    "diagnostics.csv": ("Checks", DIAGNOSTICS),
}


def write_bundle(evaluation: Evaluation, root: Path, *, provenance: Mapping[str, Any], study_yaml: str) -> Path:
    """Write a run to disk, once, so that a half-written bundle is never taken for a whole one.

    The folder is created exclusively; each file is written to a temporary name, synced and renamed;
    `manifest.json` holds the SHA-256 of each; `COMPLETE`, with the SHA-256 of the manifest, is last.

    Parameters
    ----------
    evaluation
        From :func:`evalkit.evaluate`.
    root
        The results folder; made if it does not exist.
    provenance
        From :func:`evalkit.report.provenance.provenance`.
    study_yaml
        The resolved config, secrets redacted.

    Returns
    -------
    Path
        ``root/<study>/<run id>/``.

    Raises
    ------
    DisclosureRefused
        When beside an earlier bundle of the study it would tell of few people, and its source is restricted.
    EvalkitError
        When the disk is full or the folder not writable: what there is has no `COMPLETE`.
    """
    contents = compose(evaluation, provenance=provenance, study_yaml=study_yaml)
    contents, _ = against_earlier(
        contents, root, policy_of(evaluation), standard_of(evaluation).disclosure.earlier_bundles,
        restricted=evaluation.study.spec.data.restricted,
    )  # fmt: skip
    files = bundle_files(contents)
    draws = draws_netcdf(
        evaluation.estimate,
        shown=cells_shown(evaluation, contents),
        with_parameters=policy_of(evaluation).subject == "places",
        with_counts=policy_of(evaluation).subject == "places",
    )
    if draws is not None:
        files["draws.nc"] = draws
    identity = contents.evidence.identity
    folder = folder_for(root, identity.study_id, identity.run_id)
    for name, content in files.items():
        write_whole(folder / name, content)
    manifest = manifest_of(files, study_id=identity.study_id, run_id=identity.run_id)
    write_whole(folder / MANIFEST, manifest)
    write_whole(folder / COMPLETE, f"{sha256(manifest)}\n".encode())
    return folder


def bundle_files(contents: Contents) -> dict[str, bytes]:
    """Every file of a bundle but the draws, the manifest and the markers: name to content."""
    tables = (contents.estimates, contents.event_study, contents.diagnostics)
    encoded = {
        name: (title, columns, to_csv(table, columns))
        for (name, (title, columns)), table in zip(TABLES.items(), tables, strict=True)
    }
    evidence, made = contents.evidence, documents(contents)
    for name in ("evidence.csv", "evidence.parquet"):
        encoded[name] = (EVIDENCE_TITLE, EVIDENCE, made[name])
    package = datapackage(
        name=evidence.identity.study_id,
        title=evidence.question.title.value or evidence.identity.study_id,
        description=evidence.sentences.headline,
        created=evidence.identity.created_at.isoformat(),
        tables=encoded,
    )
    files = {
        **made,
        **{name: content for name, (_, _, content) in encoded.items()},
        "study.yaml": contents.study_yaml.encode(),
        "provenance.json": as_json(contents.provenance),
        "disclosure.json": as_json(contents.disclosure),
        "datapackage.json": as_json(package),
        FIGURE_INDEX: as_json([figure_entry(figure) for figure in contents.figures]),
    }
    for figure in contents.figures:
        files[f"figures/{figure.id}.svg"] = figure.svg
        files[f"figures/{figure.id}.png"] = figure.png
    return files


def documents(contents: Contents) -> dict[str, bytes]:
    """The summary and its pages: what a later version of the evidence has anew."""
    return {
        "evidence.json": contents.evidence.to_json().encode(),
        "brief.html": brief_html(contents).encode(),
        "brief.md": brief_md(contents).encode(),
        "brief.docx": brief_docx(contents),
        **open_data(contents.evidence),
    }


def open_data(evidence: Evidence) -> dict[str, bytes]:
    """The evidence for other programs: one table twice, and the record by which catalogues find it."""
    table = gated(evidence)[0]
    files = {"evidence.csv": to_csv(table, EVIDENCE), "evidence.parquet": to_parquet(table, EVIDENCE)}
    every = {**files, "evidence.json": evidence.to_json().encode()}
    described = {versioned(name, evidence.identity.version): content for name, content in every.items()}
    return {**files, "dataset.jsonld": as_json(dataset(evidence, described, EVIDENCE))}


def manifest_of(files: Mapping[str, bytes], *, study_id: str, run_id: str) -> bytes:
    """`manifest.json`: the SHA-256 and size of each file, by name."""
    listed = {name: {"sha256": sha256(content), "bytes": len(content)} for name, content in sorted(files.items())}
    head = {"format": FORMAT, "version": FORMAT_VERSION, "study_id": study_id, "run_id": run_id}
    return as_json({**head, "files": listed})


def as_json(value: object) -> bytes:
    """JSON for people and programs; refuses NaN, which JSON does not have."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def figure_entry(figure: Figure) -> dict[str, Any]:
    """A figure without its pictures: title, words and numbers."""
    rows = json.loads(figure.data.to_json(orient="split", index=False, double_precision=15))
    return {"id": figure.id, "title": figure.title, "alt": figure.alt, "note": figure.note, "data": rows}

"""`evalkit portfolio`: every study in one static site, comparable findings put together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import DataError
from evalkit.language import known_language, phrase, say, speaking

if TYPE_CHECKING:
    from evalkit.evaluation import Progress
    from evalkit.indicators.document import IndicatorDocument
    from evalkit.indicators.equality_document import EqualityDocument
    from evalkit.synthesis.entries import Entry, Stage


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the site.")
@click.option("--experiment", "experiments", multiple=True, metavar="PRIORITY",
              help="Take this priority's studies from the store; may be repeated.  [default: all]")  # fmt: skip
@click.option("--results", type=click.Path(path_type=Path), help="Read bundles in this folder, not the store.")
@click.option("--title", help="Title of the site.  [default: What our programmes changed]")
@options.language("Of the site: en, es or pt.")
@options.together(options.config_dir, options.quiet, options.as_json)
def portfolio(
    out: Path,
    experiments: tuple[str, ...],
    results: Path | None,
    title: str | None,
    language: str,
    config_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Build one site of all studies: findings, how sure, what was decided, and averages over cities.

    Studies come from the tracking store, each by its newest run; configs that have not been run are listed as planned.

    \b
    evalkit portfolio --out site
    evalkit portfolio --out site --experiment public_safety --title "Public safety: what worked"
    evalkit portfolio --out sitio --language es
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.config import priorities
    from evalkit.report.portfolio_site import write_site
    from evalkit.report.wording import first_upper
    from evalkit.synthesis.portfolio import build
    from evalkit.synthesis.words import STAGES_TOLD

    spoken = known_language(language)
    screen = Screen(quiet=quiet, as_json=as_json)
    with screen.progress() as tell:
        if results is not None:
            entries, briefs = _from_bundles(results, tell)
        else:
            entries, briefs = _from_store(experiments, tell)
        measures = _measures(results, experiments)
        known = {each.study_id for each in entries}
        entries += [each for each in _planned(config_dir, experiments) if each.study_id not in known]
        if not entries and not measures:
            raise DataError("There is no study to show.", next_step="Run one: evalkit run study=NAME.")
        tell("Writing the site")
        documents = [document for document, _ in measures.values()]
        pages = {name: page for name, (_, page) in measures.items() if page is not None}
        with speaking(spoken):
            title = title or say("What our programmes changed")
            made = build(entries, title=title, priorities=priorities(config_dir), measures=documents)
        files = write_site(made, out, briefs, pages, spoken)
    with speaking(spoken):
        counts = {first_upper(STAGES_TOLD[stage]): count for stage, count in made.stages().items()}
        counts[phrase("Averages")] = len(made.groups)
        counts |= {phrase("Indicators"): len(made.indicators), phrase("Equality"): len(made.equality)}
        rows = {phrase("Studies"): str(len(entries)), **{name: str(count) for name, count in counts.items() if count}}
        rows[phrase("Site")] = str(out / "index.html")
    summary = {"index": str(out / "index.html"), "files": len(files), "stages": made.stages(), **made.criteria()}
    screen.facts(title, rows, summary)
    return 0


def _from_store(experiments: tuple[str, ...], tell: Progress) -> tuple[list[Entry], dict[str, bytes]]:
    import datetime as dt

    from evalkit.evidence.schema import Evidence
    from evalkit.synthesis.entries import NO_CITY, Decided, Entry, entry_of
    from evalkit.tracking.portfolio import stored_studies

    entries, briefs = [], {}
    for found in stored_studies(experiments, tell=tell):
        last = found.decision
        decision = None if last is None else Decided(last.next_step, last.who, dt.date.fromisoformat(last.date))
        if found.evidence is None:
            stage: Stage = "running" if found.running else "no result"
            entries.append(Entry(found.study_id, NO_CITY, found.priority, found.title, stage))
            continue
        evidence = Evidence.model_validate_json(found.evidence)
        entries.append(entry_of(evidence, decision=decision, versions=found.versions, run_id=found.run_id))
        if found.brief is not None:
            briefs[evidence.identity.study_id] = found.brief
    return entries, briefs


def _from_bundles(results: Path, tell: Progress) -> tuple[list[Entry], dict[str, bytes]]:
    from evalkit.report.versions import newest as newest_version
    from evalkit.synthesis.entries import newest

    folders = [marker.parent for marker in sorted(results.glob("*/*/COMPLETE"))]
    if not folders and not any(results.glob("*/*/*/COMPLETE")):
        raise DataError(
            f"{results} holds no finished bundle.", next_step="Name the folder that `evalkit run` writes to: results."
        )
    by_run = {}
    for place, folder in enumerate(folders):
        tell(f"Reading {folder.name}", place / len(folders))
        version = newest_version(folder)
        by_run[version.evidence.identity.run_id] = version
    entries = newest(version.evidence for version in by_run.values())
    briefs = {each.study_id: by_run[each.run_id].file("brief.html") for each in entries}
    return entries, briefs


Measures = dict[str, "tuple[IndicatorDocument | EqualityDocument, bytes | None]"]
"""``indicator/ID`` or ``equality/ID`` to the newest document and its page."""


def _measures(results: Path | None, experiments: tuple[str, ...]) -> Measures:
    """Indicators and equality trees, each by its newest run."""
    from evalkit.report.measure_bundle import FOLDERS, parse_document, read_document

    found: Measures = {}
    if results is None:
        from evalkit.tracking.measures import stored_measures

        for each in stored_measures(experiments):
            document = parse_document(each.document, where=f"{each.kind}.json of run {each.run_id}")
            found[f"{each.kind}/{each.id}"] = (document, each.page)
        return found
    for kind, folder in FOLDERS.items():
        for marker in sorted((results / folder).glob("*/*/COMPLETE")):
            document = read_document(marker.parent)
            name = f"{kind}/{document.identity.id}"
            if name not in found or found[name][0].identity.created_at < document.identity.created_at:
                found[name] = (document, (marker.parent / "brief.html").read_bytes())
    return found


def _planned(config_dir: Path | None, experiments: tuple[str, ...]) -> Iterator[Entry]:
    """Studies that have a config and no run."""
    from evalkit.config import declared_studies
    from evalkit.synthesis.entries import NO_CITY, Entry

    wanted = {name.removeprefix("evalkit/") for name in experiments}
    for found in declared_studies(config_dir):
        if not wanted or found.priority in wanted:
            yield Entry(found.id, found.city or NO_CITY, found.priority, found.title, "planned")

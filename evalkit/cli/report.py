"""`evalkit report`: what a finished run found and where to read it; nothing is computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evalkit.cli import options
from evalkit.cli.bundles import FETCHED, locate, logged
from evalkit.cli.screen import Screen
from evalkit.errors import ConfigError, DataError


@click.command()
@click.argument("run", metavar="BUNDLE|RUN_ID")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@options.language("Write the brief in this language, too: en, es or pt. Runs the study again.", default=None)
@click.option("--out", type=click.Path(path_type=Path), help="With --language: folder of the pages.  [default: BUNDLE]")
@click.option("--data-root", help="With --language: folder of data files.  [default: as for `evalkit run`]")
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def report(
    run: str, results: Path, language: str | None, out: Path | None, data_root: str | None, plugins: tuple[str, ...],
    config_dir: Path | None, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show what a finished run found and where its pages are; with --language, write its brief in another language.

    BUNDLE is a folder that `evalkit run` wrote; RUN_ID is the id of a run, as the brief or MLflow show it. Another
    language takes the data: the study is run again, and nothing is written when a number differs.

    \b
    evalkit report results/night_buses/4f1c...
    evalkit report results/night_buses/4f1c... --language es
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    bundle = locate(run, results)
    if language is not None:
        from evalkit.cli import plugins as plugin_files

        plugin_files.load(plugins)
        screen = Screen(quiet=quiet, as_json=as_json)
        return _retold(bundle, results, language, out or bundle, (data_root, config_dir), screen)
    evidence = _evidence(bundle)
    sentences, rating = evidence["sentences"], evidence["rating"]
    rows = {
        "Headline": sentences["headline"],
        "Certainty": sentences["certainty"],
        "Finding": evidence["finding"]["label"].replace("_", " "),
        "Rating": rating["label"],
        "Brief": str(bundle / "brief.html"),
        "Evidence": str(bundle / "evidence.json"),
        "MLflow": _where(bundle),
    }
    Screen(as_json=as_json).facts(evidence["identity"]["study_id"], rows, {"bundle": str(bundle), **evidence})
    return 0


def _retold(
    bundle: Path, results: Path, language: str, out: Path, where: tuple[str | None, Path | None], screen: Screen
) -> int:  # fmt: skip
    """Run the study again in a language and write its pages."""
    from evalkit.config import Folders, read_resolved
    from evalkit.evaluation import evaluate
    from evalkit.language import known_language, phrase, say, speaking
    from evalkit.plan.access import record
    from evalkit.report.reading import shared_contents
    from evalkit.report.retell import retell, write_pages
    from evalkit.report.versions import newest
    from evalkit.study.told import told, untranslated

    spoken = known_language(language)
    contents, version = shared_contents(bundle), newest(bundle)
    was = version.evidence
    if was.identity.language == spoken:
        raise ConfigError(
            f"The brief of this run is in {spoken!r} already.", next_step=f"Read {bundle / 'brief.html'}."
        )
    study = read_resolved(bundle / "study.yaml")
    root = where[0] or Folders.find(where[1]).data_root
    study = study.model_copy(update={"language": spoken, "data_root": root})
    record(results, study.spec)
    with screen.progress() as tell:
        found = evaluate(study, progress=tell, planned=lambda *_: was.plan)
        pages = retell(found, was, results, provenance=contents.provenance, study_yaml=contents.study_yaml)
    files = [str(path) for path in write_pages(pages, out)]
    with speaking(spoken):
        missing = untranslated(study.spec)
        sentences = found.evidence.sentences
        rows = {phrase("Headline"): sentences.headline, phrase("Certainty"): sentences.certainty,
                phrase("Written"): "\n".join(files)}  # fmt: skip
        document = {"bundle": str(bundle), "language": spoken, "files": files, "untranslated": list(missing)}
        screen.facts(told(study.spec).title, rows, document)
        if missing:
            words = say(
                "These words of the study have no translation and stand as declared: {listed}.",
                listed=", ".join(missing),
            )
            screen.note(words)
    return 0


def _where(bundle: Path) -> str:
    """How to open the run's page in MLflow."""
    from evalkit.tracking.links import absolute, artifact_page
    from evalkit.tracking.store import resolve

    where = logged(bundle)
    if where is None:
        return "not logged yet; `evalkit sync` does it"
    page = absolute(resolve(where.store), artifact_page(where.experiment_id, where.run_id))
    return page if where.store.startswith("http") else f"`evalkit ui`, then {page}"


def _evidence(bundle: Path) -> dict[str, Any]:
    if not (bundle / "COMPLETE").is_file() and bundle.parent.name != FETCHED:
        raise DataError(
            f"{bundle} is not a finished bundle: it has no file COMPLETE.",
            next_step="Name a folder that `evalkit run` wrote to its end.",
        )
    try:
        content: dict[str, Any] = json.loads((bundle / "evidence.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{bundle / 'evidence.json'} cannot be read: {error}.", next_step="Run it again.") from None
    return content

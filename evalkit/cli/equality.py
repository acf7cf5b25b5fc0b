"""`evalkit equality`: equality scores of a city, what changed, and the path to targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from evalkit.cli.measures import common, finish
from evalkit.cli.screen import Screen
from evalkit.language import phrase, speaking

if TYPE_CHECKING:
    from evalkit.study.equality import EqualitySpec


@click.command()
@common
def equality(
    name: str, overrides: tuple[str, ...], results: Path, config_dir: Path | None, quiet: bool, as_json: bool
) -> int:
    """Score a tree of equality indicators: gap, ratio and score of each, averaged to topics, themes and the city.

    NAME is a file of configs/equality; `evalkit list equality` shows them. Scores are approximate, and a change of
    score is descriptive.

    \b
    evalkit equality sample_city
    evalkit equality sample_city equality.target.score=60
    evalkit equality sample_city language=pt
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.config import compose_measure
    from evalkit.indicators.equality_result import evaluate_equality
    from evalkit.report.measure_bundle import read_document, write_equality
    from evalkit.report.provenance import provenance

    screen = Screen(quiet=quiet, as_json=as_json)
    composed = compose_measure("equality", name, overrides, config_dir)
    spec = cast("EqualitySpec", composed.spec)
    with speaking(composed.language):
        with screen.progress() as tell:
            tell("Reading the data and drawing the groups")
            found = evaluate_equality(spec, data_root=composed.data_root, seed=composed.seed)
            tell("Writing the page")
            bundle = write_equality(found, results, provenance=provenance(), seed=composed.seed)
            tell("Logging to MLflow")
        made = read_document(bundle)
        said = made.sentences
        rows = {
            phrase("Now"): said["headline"],
            phrase("Change"): said["change"],
            phrase("Path"): said["path"],
            phrase("Best"): said["best"],
            phrase("Worst"): said["worst"],
            phrase("Remarks"): "\n".join(made.remarks),
            phrase("Mind"): " ".join((said["banner"], said["approximate"])),
        }
        shown = {label: text for label, text in rows.items() if text}
        return finish(screen, made.title, bundle, composed.tracking, shown, made.model_dump(mode="json"))

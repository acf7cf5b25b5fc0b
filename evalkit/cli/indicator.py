"""`evalkit indicator`: where an indicator stands, what its chart says, and whether it will reach its target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from evalkit.cli.measures import common, finish
from evalkit.cli.screen import Screen
from evalkit.language import phrase, speaking

if TYPE_CHECKING:
    from evalkit.study.indicator import IndicatorSpec


@click.command()
@common
def indicator(
    name: str, overrides: tuple[str, ...], results: Path, config_dir: Path | None, quiet: bool, as_json: bool
) -> int:
    """Draw up an indicator's control chart, foretell it, and give the chance of reaching its target.

    NAME is a file of configs/indicator; `evalkit list indicators` shows them. On target is not the same as caused by
    the programme: for that, evaluate it with `evalkit run`.

    \b
    evalkit indicator california_fatal_accidents
    evalkit indicator california_fatal_accidents indicator.target.value=8 seed=7
    evalkit indicator california_fatal_accidents language=es
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.config import compose_measure
    from evalkit.indicators.result import evaluate_indicator
    from evalkit.report.measure_bundle import read_document, write_indicator
    from evalkit.report.provenance import provenance

    screen = Screen(quiet=quiet, as_json=as_json)
    composed = compose_measure("indicator", name, overrides, config_dir)
    spec = cast("IndicatorSpec", composed.spec)
    with speaking(composed.language):
        with screen.progress() as tell:
            tell("Reading the data and foretelling them")
            found = evaluate_indicator(spec, data_root=composed.data_root, seed=composed.seed)
            tell("Writing the page")
            bundle = write_indicator(found, results, provenance=provenance(), seed=composed.seed)
            tell("Logging to MLflow")
        made = read_document(bundle)
        said = made.sentences
        rows = {
            phrase("Now"): said["headline"],
            phrase("Outlook"): " ".join(text for text in (said["chance"], said["forecast"]) if text),
            phrase("Pace"): said["pace"],
            phrase("Signals"): said["signal"],
            phrase("Remarks"): "\n".join(made.remarks),
            phrase("Mind"): said["banner"],
        }
        shown = {label: text for label, text in rows.items() if text}
        return finish(screen, made.title, bundle, composed.tracking, shown, made.model_dump(mode="json"))

"""`evalkit run`: one study, or with ``-m`` every combination."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.language import phrase, say, speaking

if TYPE_CHECKING:
    from evalkit.cli.execute import Outcome


@click.command()
@options.overrides
@click.option("-m", "--multirun", is_flag=True, help="Run every combination: study=a,b estimator=c,d.")
@click.option("--again", is_flag=True, help="With -m: run what is done, too.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@click.option("--overrides", "more", default="", help="Further overrides in one word, split as a shell would.")
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def run(
    overrides: tuple[str, ...],
    multirun: bool,
    again: bool,
    out: Path,
    more: str,
    plugins: tuple[str, ...],
    config_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Evaluate a study: estimate, check, rate, write the brief, log to MLflow.

    \b
    evalkit run study=castle_doctrine
    evalkit run study=castle_doctrine estimator=two_way_fixed_effects seed=7
    evalkit run -m study=castle_doctrine,enterprise_zones estimator=callaway_santanna,two_way_fixed_effects
    evalkit run -m study=night_buses 'city=glob(*)' hydra/launcher=joblib
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.cli import plugins as plugin_files
    from evalkit.cli.execute import execute
    from evalkit.config import compose

    words = [*overrides, *options.split_words(more)]
    screen = Screen(quiet=quiet, as_json=as_json)
    if multirun:
        from evalkit.cli.sweep import sweep

        return sweep(words, plugins=plugins, config_dir=config_dir, root=out, screen=screen, again=again)
    plugin_files.load(plugins)
    composed = compose(words, config_dir)
    with speaking(composed.study.language):
        outcome = execute(composed, root=out, screen=screen)
        _show(outcome, screen)
    return outcome.exit_code


def _show(outcome: Outcome, screen: Screen) -> None:
    """Headline, certainty, where to read it."""
    rows = {
        phrase("Headline"): outcome.headline,
        phrase("Certainty"): outcome.certainty,
        **({phrase("Plan"): outcome.plan} if outcome.plan else {}),
        phrase("Brief"): str(outcome.bundle / "brief.html"),
        phrase("Bundle"): str(outcome.bundle),
    }
    if outcome.logged is not None:
        rows["MLflow"] = opening(outcome)
    else:
        rows["MLflow"] = phrase("not logged; the bundle is safe. Log it later with `evalkit sync`.")
    screen.facts(f"{outcome.study} ({outcome.estimator})", rows, outcome.to_dict())
    if outcome.not_synced is not None:
        screen.note(say("Warning: {reason}", reason=outcome.not_synced))
    if not outcome.rated:
        screen.note(phrase("Warning: the run is not rated; the brief says why (exit code 5)."))


def opening(outcome: Outcome) -> str:
    """How to open the run's page: at the server, or after starting the local one."""
    return outcome.link if outcome.store.startswith("http") else say("`evalkit ui`, then {link}", link=outcome.link)

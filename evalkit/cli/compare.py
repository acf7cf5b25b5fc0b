"""`evalkit compare`: two finished runs side by side, on the screen and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.language import known_language, phrase, speaking

if TYPE_CHECKING:
    from evalkit.report.comparison import Comparison

FOLDER = ".compare"


@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), help="Page to write.  [default: results/.compare/A-B.html]")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@options.language("Of the page and the screen: en, es or pt.")
@options.as_json
def compare(first: str, second: str, out: Path | None, results: Path, language: str, as_json: bool) -> int:
    """Put two runs side by side: what differs in config, data and machine, and what became of the estimates.

    A run is a bundle's folder, its id, or the id of a run in MLflow.

    \b
    evalkit compare results/night_buses/4f1c... results/night_buses/9a02...
    evalkit compare 4f1c... 9a02... --language es
    """  # noqa: D301 (click reads the backspace character as: keep this line as it is)
    from evalkit.cli.bundles import locate
    from evalkit.report.comparison import WORDS, Side, comparison_html, put_together
    from evalkit.report.files import write_whole

    bundles = [locate(run, results) for run in (first, second)]
    page = out or results / FOLDER / f"{bundles[0].resolve().name[:8]}-{bundles[1].resolve().name[:8]}.html"
    with speaking(known_language(language)):
        names = [
            WORDS.say("named", letter=letter, id=bundle.resolve().name[:8])
            for letter, bundle in zip("AB", bundles, strict=True)
        ]
        found = put_together(*(Side.read(name, bundle) for name, bundle in zip(names, bundles, strict=True)))
        write_whole(page, comparison_html(found).encode())
        _show(found, page, Screen(as_json=as_json))
    return 0


def _show(found: Comparison, page: Path, screen: Screen) -> None:
    if screen.as_json:
        screen.document({**found.to_dict(), "page": str(page)})
        return
    from evalkit.report.comparison import WORDS

    names = (found.first.name, found.second.name)
    screen.table(WORDS["estimates"], ("", *names, WORDS["difference"]), found.estimates)
    if found.config:
        screen.table(WORDS["config"], (WORDS["item"], *names), found.config)
    else:
        screen.note(WORDS["config_same"])
    screen.note(found.data)
    if found.machine:
        screen.table(WORDS["machine"], ("", *names), found.machine)
    screen.note(f"{phrase('Page')}: {page}")

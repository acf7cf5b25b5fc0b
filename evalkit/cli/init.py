"""`evalkit init`: a workspace for a city's evaluations."""

from __future__ import annotations

from pathlib import Path

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options.as_json
def init(folder: Path, as_json: bool) -> int:
    """Make a workspace: folders for configs, studies, data and estimators, a .gitignore, a README and a CI file.

    \b
    evalkit init my-city
    """  # noqa: D301 (click reads the backspace character as: keep this line as it is)
    from evalkit.workspace.init import init_workspace
    from evalkit.workspace.words import worded

    written = init_workspace(folder)
    screen = Screen(as_json=as_json)
    names = [str(path.relative_to(folder)) for path in written]
    document = {"folder": str(folder), "files": names}
    screen.facts(worded("made_init", folder=folder), {"Files": ", ".join(names)}, document)
    screen.note(worded("next_init", folder=folder))
    return 0

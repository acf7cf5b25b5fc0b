"""`evalkit decide`: record what the city decided after reading, beside the evidence and never over it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from evalkit.cli import options
from evalkit.cli.bundles import FETCHED, locate, logged
from evalkit.cli.screen import Screen
from evalkit.errors import NotSynced
from evalkit.vocabulary import NextStep

if TYPE_CHECKING:
    from evalkit.evidence.schema import DecisionBlock


@click.command()
@click.argument("run_id", metavar="RUN_ID")
@click.option("--next-step", required=True, type=click.Choice(get_args(NextStep)), help="What was decided.")
@click.option("--who", required=True, help="Office or body that decided, e.g. 'City council'.")
@click.option("--date", "day", help="Day of the decision, YYYY-MM-DD.  [default: today]")
@click.option("--note", default="", help="Why, in a sentence.")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@options.as_json
def decide(run_id: str, next_step: NextStep, who: str, day: str | None, note: str, results: Path, as_json: bool) -> int:
    """Record a decision on a study.

    It becomes part of a new version of the evidence beside the earlier ones (evidence.v2.json, with its brief), a tag
    of the study's run in MLflow, and part of the portfolio. Nothing is overwritten. RUN_ID is the id of a run, or the
    folder of a bundle.

    \b
    evalkit decide RUN_ID --next-step scale --who "City council" --date 2026-11-23
    """  # noqa: D301 (click reads the backspace character as: keep this line as it is)
    from evalkit.evidence.schema import DecisionBlock
    from evalkit.report.versions import amend
    from evalkit.tracking.decision import Decision, checked, record

    decision = checked(Decision(next_step, who, day or dt.date.today().isoformat(), note))
    folder = locate(run_id, results)
    block = DecisionBlock(who=who, date=dt.date.fromisoformat(decision.date), next_step=next_step, note=note)
    version = amend(folder, block)
    manifest = folder / f"manifest.v{version.number}.json"
    files = [*(folder / name for name in version.files), manifest]
    where = logged(folder)
    fetched = folder.parent.name == FETCHED
    code = 0
    if where is None and not fetched:
        code = NotSynced.exit_code
    else:
        record(where.run_id if where else run_id, decision, files=files, version=version.number)
    taken = version.evidence.use.decisions
    rows = {str(number): _in_words(each) for number, each in enumerate(taken, start=1)}
    rows |= {"Evidence": str(folder / f"evidence.v{version.number}.json")}
    if code:
        rows |= {"MLflow": "this bundle is not logged yet; `evalkit sync` sends it with its decisions"}
    document = {
        "run_id": run_id, "version": version.number, "evidence": rows["Evidence"],
        "decisions": [each.model_dump(mode="json") for each in taken],
    }  # fmt: skip
    Screen(as_json=as_json).facts(f"Recorded: {decision.in_words}", rows, document)
    return code


def _in_words(taken: DecisionBlock) -> str:
    step = (taken.next_step or "decided").replace("_", " ")
    return f"{step} ({taken.who}, {taken.date})"

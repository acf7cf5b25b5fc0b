"""`evalkit decide`: record what the city decided after reading, beside the evidence and never over it."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.vocabulary import NextStep


@click.command()
@click.argument("run_id", metavar="RUN_ID")
@click.option("--next-step", required=True, type=click.Choice(get_args(NextStep)), help="What was decided.")
@click.option("--who", required=True, help="Office or body that decided, e.g. 'City council'.")
@click.option("--date", "day", help="Day of the decision, YYYY-MM-DD.  [default: today]")
@click.option("--note", default="", help="Why, in a sentence.")
@options.as_json
def decide(run_id: str, next_step: NextStep, who: str, day: str | None, note: str, as_json: bool) -> int:
    """Record a decision on a study.

    It becomes a tag of the study's run in MLflow and part of the portfolio. Earlier decisions stay.

    \b
    evalkit decide RUN_ID --next-step scale --who "City council" --date 2026-11-23
    """  # noqa: D301 (click reads the backspace character as: keep this line as it is)
    from dataclasses import asdict

    from evalkit.tracking.decision import Decision, record

    every = record(run_id, Decision(next_step, who, day or dt.date.today().isoformat(), note))
    rows = {str(number): each.in_words for number, each in enumerate(every, start=1)}
    document = {"run_id": run_id, "decisions": [asdict(each) for each in every]}
    Screen(as_json=as_json).facts(f"Recorded: {every[-1].in_words}", rows, document)
    return 0

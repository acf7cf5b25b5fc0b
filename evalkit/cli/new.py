"""`evalkit new`: a study written from its data, or an estimator with its test."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import ConfigError, DataError, closest

if TYPE_CHECKING:
    from evalkit.workspace.columns import Profile
    from evalkit.workspace.look import Facts, Format

DIRECTIONS = ("lower_better", "higher_better")
FAMILIES = ("count", "rate", "proportion", "duration", "continuous")


@click.group()
def new() -> None:
    """Write a new study from its data, or a new estimator with its test."""


@new.command()
@click.argument("name")
@options.as_json
def estimator(name: str, as_json: bool) -> int:
    """Write an estimator that works, its config, and a test of the laws it keeps.

    \b
    evalkit new estimator change_of_means
    """  # noqa: D301 (click reads the backspace character as: keep this line as it is)
    from evalkit.workspace.estimator import write_estimator
    from evalkit.workspace.words import worded

    written = write_estimator(Path(), name)
    screen = Screen(as_json=as_json)
    document = {"estimator": name, "files": [str(path) for path in written]}
    screen.facts(worded("made_estimator", name=name), {"Files": ", ".join(document["files"])}, document)
    screen.note(worded("next_estimator", test=written[2], module=written[0], name=name))
    return 0


@new.command()
@click.argument("name")
@click.option("--data", "file", required=True, type=click.Path(path_type=Path), help="CSV or parquet file.")
@click.option("--unit", help="Column: who is observed.  [default: found in the data]")
@click.option("--period", help="Column: when.  [default: found in the data]")
@click.option("--cohort", help="Column: the unit's first treated period.  [default: found in the data]")
@click.option("--treated", help="Column: 0, and 1 from the start on; instead of --cohort.")
@click.option("--outcome", help="Column: what should change.  [default: found in the data, if it is the only one left]")
@click.option("--direction", type=click.Choice(DIRECTIONS), help="What the city wants of the outcome.")
@click.option("--priority", help="Which priority of the city it serves: `evalkit list priorities`.")
@click.option("--family", type=click.Choice(FAMILIES), help="What the outcome is.  [default: as it looks]")
@click.option("--estimator", help="The primary estimator.  [default: as the data call for]")
@click.option("--title", help="Of the brief.  [default: from the name]")
@click.option("--city", default="", help="Who asks.")
@click.option("--no-input", is_flag=True, help="Never ask; what the data leave open must be an option.")
@options.together(options.config_dir, options.as_json)
def study(name: str, file: Path, no_input: bool, config_dir: Path | None, as_json: bool, **given: Any) -> int:
    """Look at the data, then write the config of a study, its protocol and its data card.

    Columns are found in a sample of the rows; what is found stands in the config as comments. Outcomes after the first
    start are not looked at. At a terminal, evalkit asks for what the data leave open.

    \b
    evalkit new study night_buses --data data/buses.csv
    evalkit new study night_buses --data data/buses.csv --outcome late --direction lower_better --priority mobility
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.cli.validate import check
    from evalkit.config import Folders, compose
    from evalkit.workspace.files import require_study_name
    from evalkit.workspace.study import write_study
    from evalkit.workspace.words import worded

    require_study_name(name)
    folders = Folders.find(config_dir)
    root = Path(folders.data_root)
    _refuse_taken(name, folders.options("study"), root)
    ask = not no_input and not as_json and sys.stdin.isatty()
    draft = _draft(name, file, root, given, config_dir, ask=ask)
    written = write_study(root, draft)
    check(compose([f"study={name}"], root / "configs").study)
    screen = Screen(as_json=as_json)
    document = {
        "study": name,
        "files": [str(path) for path in written],
        "columns": {key: getattr(draft, key) for key in ("unit", "period", "cohort", "treated", "outcome", "never")},
        "estimator": draft.design[0],
        "family": draft.family or draft.facts.family,
        "units": draft.facts.panel.n_units,
        "periods": draft.facts.panel.n_periods,
        "starts": dict(draft.facts.starts),
        "never_treated": draft.facts.never,
        "share_without_outcome": round(draft.facts.missing, 4),
    }
    rows = {key.replace("_", " ").capitalize(): _in_words(value) for key, value in document.items() if key != "study"}
    screen.facts(worded("made_study", name=name), rows, document)
    screen.note(worded("next_study", name=name))
    return 0


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items() if each is not None) or "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _refuse_taken(name: str, known: Sequence[str], root: Path) -> None:
    from evalkit.workspace.words import worded

    own = root / "configs" / "study" / f"{name}.yaml"
    if name in known and not own.exists():
        raise ConfigError(worded("study_taken", name=name), next_step=worded("study_taken_next"))
    if own.exists():
        raise ConfigError(worded("exists", root=root, names=f"'{own}'"), next_step=worded("exists_next"))


def _draft(name: str, file: Path, root: Path, given: Mapping[str, Any], config_dir: Path | None, *, ask: bool) -> Any:
    """Everything that the files are written from: what was given, found, or answered."""
    from evalkit.config import priorities
    from evalkit.workspace import look
    from evalkit.workspace.columns import never_code, profile
    from evalkit.workspace.study import Draft

    how = look.find_format(file)
    path = _below(file, root)
    columns = profile(look.read_sample(file, how))
    chosen = _columns(columns, given, file, ask=ask)
    known = priorities(config_dir)
    _refuse_unknown_choice("priority", given["priority"], list(known))
    if given["estimator"]:
        from evalkit.estimators import registry

        registry.get(given["estimator"])
    direction: Any = given["direction"] or _value("direction", DIRECTIONS, ask=ask)
    priority = given["priority"] or _value("priority", list(known), ask=ask)
    dates = tuple(
        column for column in (chosen["period"], chosen["cohort"]) if column and columns[column].kind == "date"
    )
    never = never_code(columns[chosen["cohort"]], columns[chosen["period"]]) if chosen["cohort"] else None
    facts = _facts(path, root, how, chosen, never, dates)
    return Draft(
        name=name,
        title=given["title"] or name.replace("_", " ").replace("-", " ").capitalize(),
        priority=priority,
        path=path,
        how=how,
        **chosen,
        never=never,
        direction=direction,
        dates=dates,
        facts=facts,
        columns=columns,
        family=given["family"] or "",
        estimator=given["estimator"] or "",
        city=given["city"],
    )


def _facts(
    path: str, root: Path, how: Format, chosen: Mapping[str, Any], never: int | None, dates: tuple[str, ...]
) -> Facts:
    from evalkit.workspace.look import gather
    from evalkit.workspace.words import worded

    try:
        return gather(path, root, how, **chosen, never=never, dates=dates)
    except DataError as error:
        if "more than one row" in error.what.lower():
            raise DataError(
                error.what,
                allowed=error.allowed,
                next_step=f"{error.next_step or ''} {worded('duplicates_next')}".strip(),
            ) from None
        raise


def _below(file: Path, root: Path) -> str:
    """The file's path from the folder that studies look for data in."""
    from evalkit.workspace.words import worded

    inside = os.path.relpath(file.resolve(), root.resolve())
    if inside.startswith(".."):
        raise ConfigError(
            worded("outside", path=file, root=root.resolve()), next_step=worded("outside_next", root=root)
        )
    return Path(inside).as_posix()


def _columns(columns: dict[str, Profile], given: Mapping[str, Any], file: Path, *, ask: bool) -> dict[str, Any]:
    """Unit, period, treatment and outcome: as given, else as found, else as answered."""
    from evalkit.workspace import columns as guess
    from evalkit.workspace.words import worded

    for option in ("unit", "period", "cohort", "treated", "outcome"):
        if given[option] and given[option] not in columns:
            near = closest(given[option], columns)
            raise ConfigError(
                worded("no_column", name=given[option], path=file, option=option),
                allowed=", ".join(columns),
                next_step=f"Did you mean '{near}'?" if near else None,
            )
    if given["cohort"] and given["treated"]:
        raise ConfigError(worded("both_treatments"), next_step=worded("both_treatments_next"))
    period = given["period"] or _column("period", guess.guess_period(columns), columns, ask=ask)
    unit = given["unit"] or _column("unit", guess.guess_unit(columns, period), columns, ask=ask)
    cohort, treated = given["cohort"], given["treated"]
    if not cohort and not treated:
        cohort = guess.guess_cohort(columns, unit, period)
        treated = None if cohort else guess.guess_treated(columns, unit, period)
        answer = _column("treatment", cohort or treated, columns, ask=ask)
        is_flag = columns[answer].kind == "flag"
        cohort, treated = (None, answer) if is_flag else (answer, None)
    used = [unit, period, cohort or "", treated or ""]
    outcome = given["outcome"] or _column("outcome", guess.guess_outcome(columns, used), columns, ask=ask)
    return {"unit": unit, "period": period, "cohort": cohort, "treated": treated, "outcome": outcome}


def _column(what: str, found: str | None, columns: Mapping[str, Profile], *, ask: bool) -> str:
    from evalkit.workspace.words import worded

    if ask:
        choice = click.Choice(list(columns))
        return str(click.prompt(worded(f"ask_{what}"), default=found, type=choice, show_choices=True, err=True))
    if found is None:
        option = "cohort" if what == "treatment" else what
        raise ConfigError(
            worded("which", what=worded(f"what_{what}")),
            allowed=", ".join(columns),
            next_step=worded("which_next", option=option),
        )
    return found


def _value(what: str, allowed: Sequence[str], *, ask: bool) -> str:
    from evalkit.workspace.words import worded

    if ask:
        return str(click.prompt(worded(f"ask_{what}"), type=click.Choice(list(allowed)), show_choices=True, err=True))
    raise ConfigError(
        worded("value_needed", what=worded(f"what_{what}")),
        allowed=", ".join(allowed),
        next_step=worded("value_needed_next", option=what, example=allowed[0]),
    )


def _refuse_unknown_choice(what: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is None or value in allowed:
        return
    near = closest(value, allowed)
    raise ConfigError(
        f"There is no {what} '{value}'.",
        allowed=", ".join(allowed),
        next_step=f"Did you mean '{near}'?" if near else None,
    )

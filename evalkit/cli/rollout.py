"""`evalkit rollout`: which roll-out schedule detects the smallest change, and who starts when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli import options
from evalkit.cli.power import design_options, read, sizes_of, starts_of
from evalkit.cli.screen import Screen
from evalkit.errors import ConfigError, closest
from evalkit.evidence.digits import few_digits
from evalkit.language import localized, phrase, say, speaking, with_unit

if TYPE_CHECKING:
    from evalkit.power.rollout_words import Comparison
    from evalkit.power.rollouts import RollOutOption
    from evalkit.report.rollout_note import Assigned


@click.command()
@options.overrides
@click.option("--cohorts", help="Sizes of the planned cohorts in order (22,78), or their number (3).")
@click.option("--treated", type=click.IntRange(1), help="Places that the programme is for.  [default: the study's]")
@click.option("--schedule", help="Planned starts, 2026=22,2028=78, or a YAML file that holds period: places.")
@click.option("--hold-back", type=click.FloatRange(0.0, 0.9), default=0.2, show_default=True,
              help="Share of the places that one schedule keeps waiting until after the window.")  # fmt: skip
@design_options
@click.option("--list", "listed", metavar="SCHEDULE", help="Draw who starts when under this schedule; needs --out.")
@click.option("--stratify", multiple=True, metavar="COLUMN", help="Balance the list within this column's values.")
@click.option("--strata", type=click.IntRange(2), help="Balance it within so many groups of the untreated outcome.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the table, the figure and the list there.")
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def rollout(
    overrides: tuple[str, ...],
    cohorts: str | None,
    treated: int | None,
    schedule: str | None,
    hold_back: float,
    units: int | None,
    every: int,
    before: int | None,
    after: int | None,
    history: Any,
    draws: int,
    power: float,
    listed: str | None,
    stratify: tuple[str, ...],
    strata: int | None,
    out: Path | None,
    plugins: tuple[str, ...],
    config_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compare roll-out schedules of a programme: what each would detect, and what it costs in delay.

    The planned cohorts beside all at once, equal waves, early-heavy, late-heavy, and equal waves with a share of
    places held back, all simulated on the same untreated outcomes as `evalkit power` does.

    \b
    evalkit rollout study=castle_doctrine --cohorts 6,15 --every 2
    evalkit rollout study=X --cohorts 22,100 --every 2 --units 150 --out design --list "equal waves" --stratify region
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.cli import plugins as plugin_files
    from evalkit.config import compose
    from evalkit.power.rollout_words import Comparison
    from evalkit.power.rollouts import compare, proposed
    from evalkit.power.schedule import Wishes

    if (listed or stratify or strata) and (out is None or not listed):
        raise ConfigError(
            "A randomization list needs the schedule that it is for and a folder to be written to.",
            next_step='Give both, e.g. --list "equal waves" --out design.',
        )
    plugin_files.load(plugins)
    screen = Screen(quiet=quiet, as_json=as_json)
    study = compose(overrides, config_dir).study
    wishes = Wishes(treated, units, sizes_of(cohorts), every, starts_of(schedule), before, after)
    with speaking(study.language):
        assigned: Assigned | None = None
        with screen.progress() as tell:
            tell("Reading the data")
            panel, data_sha = read(study)
            if (
                listed is not None
            ):  # it does not depend on what is simulated, and whatever is wrong with it shows at once
                from evalkit.report.rollout_note import assign

                option = _named(listed, proposed(study, panel, wishes, hold_back=hold_back))
                assigned = assign(study, panel, option, columns=stratify, groups=strata)
            found = compare(
                study, panel, wishes, hold_back=hold_back, history=history, draws=draws, progress=tell
            )  # fmt: skip
        made = Comparison(study.spec, found, power)
        document = {
            **made.to_dict(), "seed": study.seed, "draws": draws, "study_sha": study.sha(), "data_sha": data_sha
        }  # fmt: skip
        if assigned is not None:
            document["list"] = assigned.facts
        if out is not None:
            from evalkit.report.rollout_note import write_rollout

            document["files"] = [str(path) for path in write_rollout(out, study, made, document, assigned)]
        _show(screen, made, document)
    return 0


def _named(name: str, found: list[RollOutOption]) -> RollOutOption:
    known = {option.name: option for option in found}
    if name not in known:
        near = closest(name, known)
        raise ConfigError(
            f"--list names the schedule '{name}', which is not among those compared.",
            allowed="; ".join(known),
            next_step=f"Did you mean '{near}'?" if near else None,
        )
    return known[name]


def _show(screen: Screen, made: Comparison, document: dict[str, Any]) -> None:
    """The sentence, then one line a schedule."""
    from evalkit.power.rollout_words import schedule_in_words

    if screen.as_json:
        screen.document(document)
        return
    rows = {schedule_in_words(row["schedule"]): _line(row, document["unit"], made) for row in document["schedules"]}
    said = {phrase("In words"): "\n".join(document["sentences"])} if document["sentences"] else {}
    listed = document.get("list")
    drawn = {phrase("List"): f"{listed['file']}, seed {listed['seed']}, SHA-256 {listed['sha256']}"} if listed else {}
    files = {phrase("Written"): "\n".join(document["files"])} if "files" in document else {}
    screen.facts(document["headline"], {**rows, **said, **drawn, **files}, document)


def _line(row: dict[str, Any], unit: str, made: Comparison) -> str:
    from evalkit.language.nouns import step_of

    if row["reason"]:
        return say("{cohorts}: not estimable", cohorts=row["cohorts"])
    found = phrase("nothing") if row["detectable"] is None else with_unit(few_digits(row["detectable"]), unit)
    detects = say("{cohorts}: detects {found}", cohorts=row["cohorts"], found=found)
    mid = None if row["power_at_mid"] is None else 100 * row["power_at_mid"]
    parts = [
        "" if mid is None else say("power at what matters {power:.0f} %", power=mid),
        say(
            "{count} {place}-{steps}, a mean delay of {delay}", count=localized(f"{row['place_periods']:,}"),
            place=made.words.place, steps=made.steps, delay=few_digits(row["mean_delay"]),
        ),
        say("served by {step}: {served}", step=step_of(made.words.step), served=row["served_by_period"]),
    ]  # fmt: skip
    return "; ".join([detects, *(part for part in parts if part)])

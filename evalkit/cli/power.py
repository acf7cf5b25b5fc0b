"""`evalkit power`: what a study's design could detect, before anybody has seen an effect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import ConfigError
from evalkit.language import phrase, say, speaking

if TYPE_CHECKING:
    from evalkit.data.panel import Panel
    from evalkit.power.result import Power
    from evalkit.power.words import Words
    from evalkit.study.spec import Study

HISTORIES = ("auto", "never_treated", "before_start")

design_options = options.together(
    click.option("--units", type=click.IntRange(4), help="Places in all.  [default: the study's]"),
    click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Periods between cohorts."),
    click.option("--before", type=click.IntRange(1), help="Periods before the first start."),
    click.option("--after", type=click.IntRange(1), help="Periods from the last start on."),
    click.option("--history", type=click.Choice(HISTORIES), default="auto", show_default=True,
                 help="Untreated outcomes to draw from: of places that never start, or of all before the first start."),
    click.option("--draws", type=click.IntRange(100), default=1000, show_default=True, help="Placebo panels."),
    click.option("--power", type=click.FloatRange(0.05, 0.99), default=0.8, show_default=True,
                 help="How often a change must be detected to count as detectable."),
)  # fmt: skip
"""Options that `power` and `rollout` share."""


@click.command()
@options.overrides
@click.option("--treated", type=click.IntRange(1), help="Places that start.  [default: the study's]")
@click.option("--cohorts", help="Number of cohorts of equal size (3), or their sizes in order (22,78).")
@click.option("--schedule", help="Exact starts, 2026=5,2027=8, or a YAML file that holds period: places.")
@click.option("--effect", type=float, help="Also give the power at this size, in the headline's unit, without a sign.")
@design_options
@click.option("--out", type=click.Path(path_type=Path), help="Write power.csv, .svg, .png, .json and .md there.")
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def power(
    overrides: tuple[str, ...],
    treated: int | None,
    cohorts: str | None,
    schedule: str | None,
    effect: float | None,
    units: int | None,
    every: int,
    before: int | None,
    after: int | None,
    history: Any,
    draws: int,
    power: float,
    out: Path | None,
    plugins: tuple[str, ...],
    config_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """The smallest change that a design would detect, from the study's own untreated outcomes.

    Draws roll-outs over places and times without the programme, estimates with the study's estimator, and asks
    how large an effect must be to be seen. Outcomes of treated places after their start are never read.

    \b
    evalkit power study=castle_doctrine
    evalkit power study=castle_doctrine --treated 10 --cohorts 2 --units 40
    evalkit power study=enterprise_zones --schedule 1984=6,1985=4 --out design/ language=es
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.cli import plugins as plugin_files
    from evalkit.config import compose
    from evalkit.power.document import to_dict
    from evalkit.power.schedule import Wishes
    from evalkit.power.simulate import power as simulate
    from evalkit.power.words import Words

    plugin_files.load(plugins)
    screen = Screen(quiet=quiet, as_json=as_json)
    study = compose(overrides, config_dir).study
    wishes = Wishes(treated, units, sizes_of(cohorts), every, starts_of(schedule), before, after)
    with speaking(study.language):
        with screen.progress() as tell:
            tell("Reading the data")
            panel, data_sha = read(study)
            found = simulate(study, panel, wishes, history=history, draws=draws, progress=tell)
        words = Words.of(study.spec, found)
        asked = None if effect is None else words.scale.analysed(effect, words.way)
        document = to_dict(study, found, power=power, effect=asked, data_sha=data_sha)
        if out is not None:
            from evalkit.report.power_note import write_power

            document["files"] = [str(path) for path in write_power(out, study, found, document)]
        screen.facts(document["headline"], rows(words, found, power, asked, document), document)
        if found.size_is_off():
            screen.note(say("Warning: {reason}", reason=words.size()))
    return 0


def rows(words: Words, found: Power, power: float, asked: float | None, document: dict[str, Any]) -> dict[str, str]:
    """What is shown on a screen."""
    shown = {
        phrase("Detectable"): "\n".join(
            say(
                "{target:g} % power: {interval}",
                target=100 * target,
                interval=words.interval_in_words(found.detectable(target, words.way)),
            )
            for target in sorted({0.5, 0.8, 0.9, power})
        ),
        phrase("What matters"): words.verdict(power),
        phrase("Asked about"): "" if asked is None else words.at(asked),
        phrase("Size"): words.size(),
        phrase("Design"): words.design(),
        phrase("History"): words.history(),
        phrase("Test"): words.test(),
        phrase("Estimator"): document["estimator"]["name"],
        phrase("Draws"): say("{draws} placebo panels, seed {seed}", draws=found.draws, seed=str(document["seed"])),
        phrase("Remarks"): "\n".join(document["remarks"]),
        phrase("Written"): "\n".join(document.get("files", ())),
    }
    return {name: text for name, text in shown.items() if text}


def read(study: Study) -> tuple[Panel, str | None]:
    """The panel of the primary outcome, and the fingerprint of its data (None where they are restricted)."""
    from evalkit.data.fingerprint import fingerprint
    from evalkit.data.study_panel import load_frame, panel_for

    frame = load_frame(study)
    sha = None if study.spec.data.restricted else fingerprint(frame)
    return panel_for(frame, study.spec, study.spec.primary_outcome, planned=True), sha


def sizes_of(text: str | None) -> tuple[int, ...]:
    """Sizes of cohorts, or their number.

    Examples
    --------
    >>> sizes_of("22,78"), sizes_of("3"), sizes_of(None)
    ((22, 78), (3,), ())
    """
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ConfigError(
            f"--cohorts must be a number of cohorts, or their sizes. Got {text!r} instead.",
            allowed="--cohorts 3, or --cohorts 22,78",
        )
    return tuple(int(part) for part in parts)


def starts_of(text: str | None) -> dict[str, int] | None:
    """Starts by label of their period, from the command line or a YAML file.

    Examples
    --------
    >>> starts_of("2026=5,2027=8")
    {'2026': 5, '2027': 8}
    """
    if text is None:
        return None
    if text.endswith((".yaml", ".yml")):
        pairs = _from_yaml(Path(text))
    else:
        pairs = [tuple(part.strip().partition("=")[::2]) for part in text.split(",")]  # type: ignore[misc]
    if not pairs or not all(label and count.isdigit() and int(count) > 0 for label, count in pairs):
        raise ConfigError(
            f"--schedule must give a number of places for each start. Got {text!r} instead.",
            allowed="--schedule 2026=5,2027=8, or a YAML file with lines such as 2026: 5",
        )
    found = {label: int(count) for label, count in pairs}
    if len(found) < len(pairs):
        raise ConfigError(f"--schedule names a period twice: {text!r}.", next_step="Add the places of one period up.")
    return found


def _from_yaml(path: Path) -> list[tuple[str, str]]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"The schedule {path} cannot be read: {reason}.", next_step="Look at the file.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"The schedule {path} must hold one line `period: places` for each start.")
    return [(str(label), str(count)) for label, count in content.items()]

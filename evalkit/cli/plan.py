"""`evalkit plan`: lock what will be done before outcomes are seen, and say what differs from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import ConfigError, ReproductionDiffers

if TYPE_CHECKING:
    from evalkit.cli.planning import Readings
    from evalkit.plan.content import Difference
    from evalkit.plan.lock import Lock
    from evalkit.study.spec import Study

results_folder = click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles and log."
)
no_data = click.option("--no-data", is_flag=True, help="Leave the data alone, as where they are not.")


@click.group()
def plan() -> None:
    """Lock a study's plan before outcomes are seen, and say what differs from it."""


@plan.command()
@options.overrides
@click.option("--who", default="", help="Office or person that locks it, e.g. 'Evaluation office'.")
@click.option("--registry", "url", default="", help="https address of the plan in a public registry.")
@click.option(
    "--outcomes-seen", "declared", default="", help="Say so if somebody has seen outcomes elsewhere, and how."
)
@click.option(
    "--replace", "reason", default="", help="Lock anew over an earlier lock, with the reason; that one is kept."
)
@no_data
@results_folder
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def lock(
    overrides: tuple[str, ...], who: str, url: str, declared: str, reason: str, no_data: bool, results: Path,
    plugins: tuple[str, ...], config_dir: Path | None, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Write studies/NAME/plan.lock.json: the resolved plan and its hash, who locked it and when, and what was known.

    The data are checked as `evalkit validate` checks them, and fingerprinted without any outcome after the start. With
    --registry alone, an existing lock of the same plan gets the address.

    \b
    evalkit plan lock study=night_buses --who "Evaluation office"
    evalkit plan lock study=night_buses --registry https://osf.io/ab12c
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    from evalkit.cli import plugins as plugin_files
    from evalkit.cli.execute import tracking_uri
    from evalkit.cli.planning import readings
    from evalkit.config import Folders, compose
    from evalkit.plan import lock as locks
    from evalkit.plan.words import worded
    from evalkit.tracking.store import resolve

    plugin_files.load(plugins)
    composed, screen = compose(overrides, config_dir), Screen(quiet=quiet, as_json=as_json)
    study = composed.study
    path = locks.path_for(Path(Folders.find(config_dir).data_root), study.spec.id)
    before = locks.read(path)
    if before is not None and not reason:
        found = _linked(before, study, url)
        locks.write(path, found)
        _show(found, path, None, screen, worded("registered", study=study.spec.id, url=url))
        return 0
    _refuse_unwritten(study)
    data = None
    if not no_data:
        with screen.progress() as tell:
            data = _known(study, tell)
    known = readings(results, resolve(tracking_uri(composed.tracking)), study.spec)
    earlier = [] if before is None else locks.replaced(before, reason)
    found = locks.lock(
        study, who=who, data=data, accesses=known.accesses, asked=known.asked, declared=declared, url=url,
        earlier=earlier,
    )  # fmt: skip
    locks.write(path, found)
    _show(found, path, known, screen, worded("locked", study=study.spec.id))
    return 0


@plan.command()
@options.overrides
@no_data
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def diff(
    overrides: tuple[str, ...], no_data: bool, plugins: tuple[str, ...], config_dir: Path | None, quiet: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Say what differs between the locked plan and the config: item, planned, actual, reason.

    Exit code 7 when a departure is not declared, or the lock's file was changed.
    """
    from evalkit.cli import plugins as plugin_files
    from evalkit.config import Folders, compose
    from evalkit.data.study_panel import load_frame
    from evalkit.evaluation import fingerprint_key
    from evalkit.plan import hold
    from evalkit.plan import lock as locks
    from evalkit.plan.words import worded

    plugin_files.load(plugins)
    screen = Screen(quiet=quiet, as_json=as_json)
    study = compose(overrides, config_dir).study
    path = locks.path_for(Path(Folders.find(config_dir).data_root), study.spec.id)
    found = locks.read(path)
    if found is None:
        raise ConfigError(
            worded("no_lock", study=study.spec.id, path=path), next_step=worded("no_lock_next", study=study.spec.id)
        )
    items = hold.departures(found, study)
    if no_data:
        screen.note(worded("data_unread"))
    else:
        data = hold.data_departure(found, study, load_frame(study), fingerprint_key(study), items)
        items += [data] if data else []
    return _show_diff(found, study, items, screen)


def _show_diff(found: Lock, study: Study, items: list[Difference], screen: Screen) -> int:
    from evalkit.plan.hold import declared_for
    from evalkit.plan.words import worded

    reasons = [declared_for(each.item, study) for each in items]
    rows = [
        (each.item, each.planned, each.actual, worded("no_reason") if reason is None else reason.reason)
        for each, reason in zip(items, reasons, strict=True)
    ]
    undeclared = sum(reason is None for reason in reasons)
    if rows or screen.as_json:
        screen.table("Plan", ("item", "planned", "actual", "reason"), rows)
    holes = {"count": len(rows), "day": found.day, "who": found.who, "open": undeclared}
    screen.note(worded("diff_some", **holes) if rows else worded("diff_none"))
    if not found.intact:
        screen.note(worded("diff_changed"))
    return ReproductionDiffers.exit_code if undeclared or not found.intact else 0


def _linked(before: Lock, study: Study, url: str) -> Lock:
    """The earlier lock with a registry's address, if nothing else is asked for and the plan is the same."""
    from evalkit.plan.content import content, sha256
    from evalkit.plan.lock import linked
    from evalkit.plan.words import worded

    if url and not before.url and before.intact and sha256(content(study)) == before.plan_sha:
        return linked(before, url)
    raise ConfigError(
        worded("exists", study=study.spec.id, day=before.day, who=before.who),
        next_step=worded("exists_next", study=study.spec.id),
    )


def _refuse_unwritten(study: Study) -> None:
    from evalkit.cli.validate import unwritten
    from evalkit.plan.content import NOT_PLANNED
    from evalkit.plan.words import listed, worded

    left = [key for key in unwritten(study) if not f"spec.{key}".startswith(NOT_PLANNED)]
    if left:
        raise ConfigError(
            worded("unwritten", keys=listed(left, limit=8)), next_step=worded("unwritten_next", study=study.spec.id)
        )


def _known(study: Study, tell: Any) -> Any:
    """What is known of the data, read as `validate` reads them."""
    from evalkit.cli.validate import check
    from evalkit.data.study_panel import load_frame
    from evalkit.evaluation import fingerprint_key
    from evalkit.plan.data import known

    check(study, tell)
    tell("Fingerprinting the data before the start")
    return known(load_frame(study), study, anticipation=study.spec.design.anticipation, key=fingerprint_key(study))


def _show(found: Lock, path: Path, known: Readings | None, screen: Screen, title: str) -> None:
    from evalkit.plan.words import worded

    read = worded("read_never")
    if found.reads:
        read = worded("read_times", count=len(found.reads), first=found.reads[0].date().isoformat())
    if found.declared:
        read = f"{read}; {worded('read_declared', text=found.declared)}"
    document = found.to_dict()
    rows = {
        "File": str(path),
        "Plan": found.plan_sha,
        "Locked by": f"{found.who}, {found.locked_at.isoformat()}",
        "Data": "not read"
        if found.data is None
        else f"{found.data.units} units, {found.data.first} to {found.data.last}",
        "Outcomes after the start read before": read,
        "Registry": found.url or "none",
    }
    screen.facts(title, rows, {"path": str(path), **{key: document[key] for key in document if key != "plan"}})
    if known is not None and known.silent:
        screen.note(known.silent)
    screen.note(worded("locked_next", path=path))

"""`evalkit reproduce`: run a logged study again from what the store holds of it, and compare every headline number."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import ConfigError, DataError, ReproductionDiffers

if TYPE_CHECKING:
    from evalkit.report.repeat import Compared
    from evalkit.study.spec import Study


@click.command()
@click.argument("run_id", metavar="RUN_ID|BUNDLE")
@click.option("--data-root", help="Folder that paths of data files start from.  [default: as for `evalkit run`]")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Log.")
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def reproduce(
    run_id: str, data_root: str | None, results: Path, plugins: tuple[str, ...], config_dir: Path | None,
    quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run a logged study again and compare every headline number.

    Config, evidence and provenance come from the tracking store alone; the data from their source. A number is
    identical, within tolerance (1e-8 of its size; four Monte Carlo errors for a posterior), or differs. Exit code 7
    when one differs.
    """
    from evalkit.cli import plugins as plugin_files
    from evalkit.config import Folders, read_resolved
    from evalkit.evaluation import evaluate
    from evalkit.evidence.schema_plan import PlanBlock
    from evalkit.plan.access import record
    from evalkit.report.provenance import provenance
    from evalkit.report.repeat import compare, conditions

    plugin_files.load(plugins)
    screen = Screen(quiet=quiet, as_json=as_json)
    with tempfile.TemporaryDirectory() as folder, screen.progress() as tell:
        tell("Reading the run")
        bundle = _bundle(run_id, Path(folder))
        was, before = _json(bundle / "evidence.json"), _json(bundle / "provenance.json")
        study = read_resolved(bundle / "study.yaml")
        root = data_root or Folders.find(config_dir).data_root
        study = study.model_copy(update={"data_root": root})
        config_sha = _config_sha(bundle / "study.yaml")
        plan = PlanBlock.model_validate(was["plan"])
        record(results, study.spec)
        evaluation = evaluate(study, progress=tell, planned=lambda *_: plan)
    now = evaluation.evidence.to_dict()
    held = conditions(was, before, provenance(), config_sha=config_sha, data_sha=evaluation.data_fingerprint)
    return _show(was, study, held, compare(was, now, evaluation), screen)


def _bundle(run: str, folder: Path) -> Path:
    """What the store holds of a run; or a bundle on disk, where one is named."""
    from evalkit.tracking.read import fetch

    if Path(run).is_dir():
        return Path(run)
    if not run.replace("-", "").isalnum():
        raise ConfigError(f"'{run}' is neither a bundle nor the id of a run.", next_step="Copy the id from MLflow.")
    return fetch(run, folder / "run")


def _config_sha(file: Path) -> str:
    """Hash of the config as it was stored: keys that evalkit has learned since do not count."""
    import yaml

    from evalkit.plan.content import sha256

    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return sha256({key: value for key, value in content.items() if key != "data_root"})


def _json(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file.name} of the run cannot be read: {error}.", next_step="Name another run.") from None
    return content


def _show(
    was: dict[str, Any], study: Study, held: dict[str, tuple[str, str]], found: list[Compared], screen: Screen
) -> int:  # fmt: skip
    moved = {name: pair for name, pair in held.items() if pair[0] != pair[1]}
    differing = [each for each in found if each.state == "differs"]
    close = [each for each in found if each.state == "within tolerance"]
    verdict = "differs" if differing else "within tolerance" if close else "identical"
    document = {
        "run": was["identity"]["run_id"],
        "study": study.spec.id,
        "result": verdict,
        "conditions": {name: {"was": a, "now": b, "same": a == b} for name, (a, b) in held.items()},
        "seed": study.seed,
        "numbers": [
            {"name": each.name, "was": each.was, "now": each.now, "tolerance": each.tolerance, "state": each.state}
            for each in found
        ],
    }
    same = [name for name in held if name not in moved]
    rows = {
        "Result": f"{verdict}: {len(found) - len(close) - len(differing)} of {len(found)} numbers identical, "
        f"{len(close)} within tolerance, {len(differing)} differ",
        "The same": ", ".join([*same, f"seed {study.seed}"]),
        "Changed": "\n".join(f"{name}: {a} -> {b}" for name, (a, b) in moved.items()) or "nothing",
    }
    if differing:
        rows["Differ"] = "\n".join(f"{each.name}: {_shown(each.was)} -> {_shown(each.now)}" for each in differing)
    screen.facts(f"{study.spec.id}: {verdict}", rows, document)
    return ReproductionDiffers.exit_code if differing else 0


def _shown(value: float | str | None) -> str:
    return f"{value:.10g}" if isinstance(value, float) else "none" if value is None else str(value)

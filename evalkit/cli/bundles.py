"""Find bundles on disk, and where each was logged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalkit.errors import ConfigError

if TYPE_CHECKING:
    from evalkit.tracking.store import Store

FETCHED: Final = ".fetched"


@dataclass(frozen=True, slots=True)
class Logged:
    """What the marker `SYNCED` of a bundle says.

    Attributes
    ----------
    store
        Address of the store, without credentials.
    experiment_id, run_id
        Where it is there.
    """

    store: str
    experiment_id: str
    run_id: str


def logged(bundle: Path) -> Logged | None:
    """Where a bundle was logged; None when it was not, or when its marker cannot be read."""
    try:
        content = json.loads((bundle / "SYNCED").read_text(encoding="utf-8"))
        return Logged(str(content["store"]), str(content["experiment_id"]), str(content["run_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def exists(store: Store) -> bool:
    """Whether a store can be asked: a server, or a local file that a run has created."""
    return store.folder is None or Path(store.uri.removeprefix("sqlite:///")).is_file()


def locate(run: str, results: Path) -> Path:
    """Find the bundle of a run: a folder, the id of a bundle, or the id of a run in MLflow.

    What another machine logged is fetched from the store into ``results/.fetched/<run id>``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    from evalkit.tracking.read import fetch
    from evalkit.tracking.store import resolve

    if Path(run).is_dir():
        return Path(run)
    for marker in sorted(results.glob("*/*/COMPLETE")):
        bundle = marker.parent
        where = logged(bundle)
        if bundle.name == run or (where is not None and where.run_id == run):
            return bundle
    if exists(resolve()) and run.replace("-", "").isalnum():
        return fetch(run, results / FETCHED / run)
    raise ConfigError(
        f"There is no bundle for '{run}' in {results}.",
        allowed="a folder results/<study>/<uuid>, the uuid of one, or the id of its run in MLflow",
        next_step="Name the folder, or the folder of bundles with --results.",
    )


def latest(results: Path, store: str) -> dict[str, Logged]:
    """The newest logged bundle of each study in `store`, by study."""
    found = {}
    for marker in sorted(results.glob("*/*/SYNCED"), key=lambda file: file.stat().st_mtime):
        where = logged(marker.parent)
        if where is not None and where.store == store:
            found[marker.parent.parent.name] = where
    return dict(sorted(found.items()))

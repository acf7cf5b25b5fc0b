"""Indicators and equality trees in MLflow: one run a bundle, in the experiment of their priority.

The tag ``evalkit.role`` is ``indicator`` or ``equality``, so that the saved view "Evidence", which lists studies, stays
a list of findings: an indicator is none.
"""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import yaml

from evalkit.errors import DataError
from evalkit.language import known_language, phrase, speaking
from evalkit.tracking import fields, links, note
from evalkit.tracking.bundle import COMPLETE, MANIFEST, shared_files, verify
from evalkit.tracking.description import NOTE
from evalkit.tracking.log import LoggedRun, mark_synced, one_at_a_time, send_files
from evalkit.tracking.portfolio import experiments_of, runs_of
from evalkit.tracking.redact import redact
from evalkit.tracking.store import opened, resolve
from evalkit.tracking.views import ensure_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KINDS: Final = ("indicator", "equality")
FILES: Final = (
    "brief.html", "config.yaml", "datapackage.json", "disclosure.json", "equality.json", "gaps.csv", "indicator.json",
    MANIFEST, "periods.csv", "provenance.json", "scores.csv",
)  # fmt: skip
FIGURE: Final = {"indicator": "figures/outlook.png", "equality": "figures/equality_scores.png"}


@dataclass(frozen=True, slots=True)
class StoredMeasure:
    """The newest run of an indicator or tree.

    Attributes
    ----------
    kind, id, run_id
        Which.
    document
        Text of its `indicator.json` or `equality.json`.
    page
        Content of its `brief.html`; None where there is none.
    """

    kind: str
    id: str
    run_id: str
    document: str
    page: bytes | None


def log_measure(bundle: Path, *, tracking_uri: str | None = None) -> LoggedRun:
    """Log a bundle of an indicator or a tree, or complete what an earlier attempt logged of it.

    Parameters
    ----------
    bundle
        ``results/indicators/<id>/<run id>/`` or ``results/equality/...``, finished.
    tracking_uri
        Address of the store; by default ``MLFLOW_TRACKING_URI``, else ./mlflow.db.

    Raises
    ------
    DataError
        If the bundle is not whole.
    NotSynced
        If the store did not take it (call again later), or a file holds an address with a password.
    """
    folder = Path(bundle).resolve()
    content = _read(folder)
    files = shared_files(folder, FILES)
    store = resolve(tracking_uri)
    uuid = str(content["identity"]["run_id"])
    with one_at_a_time(folder), opened(store) as client:
        experiment_id = ensure_experiment(client, store, str(content["priority"]))
        run_id = _run(client, experiment_id, uuid, _created_ms(content), content)
        described = render(content, experiment_id, run_id)
        _fill(client, run_id, content, folder, {NOTE: described})
        send_files(client, run_id, folder, files)
        client.set_terminated(run_id, status="FINISHED", end_time=_created_ms(content))
    logged = LoggedRun(
        store=store.shown,
        experiment_id=experiment_id,
        run_id=run_id,
        run_page=links.run_page(experiment_id, run_id),
        brief_page=links.artifact_page(experiment_id, run_id),
        evidence_page=links.evidence_view(experiment_id),
        children={},
    )
    mark_synced(folder, logged)
    return logged


def _read(folder: Path) -> dict[str, Any]:
    if not (folder / COMPLETE).is_file():
        raise DataError(f"{folder} is not a finished bundle: it has no file '{COMPLETE}'.", next_step="Run it again.")
    verify(folder)
    for kind in KINDS:
        file = folder / f"{kind}.json"
        if file.is_file():
            content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return content
    raise DataError(f"{folder} holds neither indicator.json nor equality.json.", next_step="Run it again.")


def _created_ms(content: Mapping[str, Any]) -> int:
    return int(dt.datetime.fromisoformat(str(content["identity"]["created_at"])).timestamp() * 1000)


def _run(client: MlflowClient, experiment_id: str, uuid: str, created: int, content: Mapping[str, Any]) -> str:
    """The run that an earlier attempt made, or a new one."""
    known = client.search_runs([experiment_id], filter_string=f"tags.`evalkit.bundle` = '{uuid}'", max_results=1)
    if known:
        return str(known[0].info.run_id)
    made = client.create_run(experiment_id, start_time=created, run_name=str(content["title"]), tags=tags(content))
    return str(made.info.run_id)


def tags(content: Mapping[str, Any]) -> dict[str, str]:
    """Tags of the run: what a table of runs reads as."""
    identity, said = content["identity"], content["sentences"]
    return fields.tags(
        {
            "evalkit.role": str(content["kind"]),
            f"evalkit.{content['kind']}": str(identity["id"]),
            "evalkit.bundle": str(identity["run_id"]),
            "evalkit.priority": str(content["priority"]),
            "evalkit.city": str(content["city"]),
            "evalkit.owner": str(content["owner"]),
            "evalkit.headline": str(said["headline"]),
            "evalkit.status": str(content.get("status") or "done"),
            "evalkit.config_sha": str(identity["config_sha"]).rpartition(":")[2][:12],
            "evalkit.data_sha": str(identity["data_sha"] or "").rpartition(":")[2][:12],
            "mlflow.runName": str(content["title"]),
            "mlflow.source.git.commit": str(identity["git_sha"] or ""),
            "mlflow.source.name": "evalkit",
            "mlflow.source.type": "LOCAL",
        }
    )


def metrics(content: Mapping[str, Any]) -> dict[str, float]:
    """Numbers of the run: levels and the chance of an indicator, scores of a tree."""
    found: dict[str, float | int | None] = {}
    if content["kind"] == "indicator":
        found = {"latest": content["latest"]["value"], "baseline": content["baseline"], "target": content["target"],
                 "signals": len(content["chart"]["signals"]), "way_gone": content["way_gone"]}  # fmt: skip
        outlook = content["outlook"] or {}
        found |= {f"outlook_{name}": outlook.get(name) for name in ("chance", "value", "low", "high")}
    else:
        for node in content["nodes"]:
            if node["kind"] in ("city", "theme") and node["score"] is not None:
                named = node.get("declared") or node["name"]
                name = "score" if node["kind"] == "city" else f"score.{named}"
                found |= {name: node["score"]["value"], f"{name}_low": node["score"]["low"],
                          f"{name}_high": node["score"]["high"]}  # fmt: skip
                if node["kind"] == "city" and node["change"] is not None:
                    found["change"] = node["change"]["value"]
    return fields.metrics(found)[0]


def _fill(client: MlflowClient, run_id: str, content: Mapping[str, Any], folder: Path, more: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    created = _created_ms(content)
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, created, 0) for key, value in metrics(content).items()],
        tags=[RunTag(key, value) for key, value in {**tags(content), **more}.items()],
        synchronous=True,
    )
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8")) or {}
    chosen = {name: value for name, value in (config.get(str(content["kind"])) or {}).items() if name in CHOICES}
    params = [Param(key, value) for key, value in fields.params({**chosen, "seed": config.get("seed", 0)}).items()]
    for start in range(0, len(params), fields.BATCH):
        client.log_batch(run_id, params=params[start : start + fields.BATCH], synchronous=True)


CHOICES: Final = ("measure", "data", "baseline", "target", "season", "rules", "laney", "forecast", "level", "draws")
"""What was chosen, without the texts and the tree, which are artifacts."""


def render(content: Mapping[str, Any], experiment_id: str, run_id: str) -> str:
    """Description of the run: headline, the banner, the chance or the path, a link to the page and its picture.

    In the language of the run.
    """
    said = content["sentences"]
    second = said.get("chance") or said.get("path") or ""
    page = html.escape(links.artifact_page(experiment_id, run_id))
    picture = html.escape(links.picture(run_id, FIGURE[str(content["kind"])]))
    with speaking(known_language(content["identity"].get("language", "en"))):
        read = phrase("Read the full page")
    lines = (
        note.escape(redact(str(said["headline"]))),
        f"**{note.escape(str(said['banner']))}** {note.escape(str(second))}",
        f'<a href="{page}">{html.escape(read)}</a>',
        f'<img src="{picture}" width="640">',
    )
    return "\n\n".join(lines)[: note.NOTE_CHARACTERS] + "\n"


def stored_measures(experiments: Sequence[str] = (), *, tracking_uri: str | None = None) -> list[StoredMeasure]:
    """The newest run of each indicator and tree in a store.

    Parameters
    ----------
    experiments
        Names of experiments; by default all that are named evalkit/<priority>.
    tracking_uri
        Address of the store.

    Raises
    ------
    ConfigError
        When an experiment does not exist.
    NotSynced
        If the store cannot be reached.
    """
    store = resolve(tracking_uri)
    found = []
    with opened(store) as client, TemporaryDirectory() as name:
        for kind in KINDS:
            newest = _newest(client, experiments_of(client, store, experiments), kind)
            for id_, run in sorted(newest.items()):
                place = Path(name) / run.info.run_id
                place.mkdir()
                text = Path(client.download_artifacts(run.info.run_id, f"{kind}.json", str(place)))
                page = Path(client.download_artifacts(run.info.run_id, "brief.html", str(place)))
                found.append(
                    StoredMeasure(kind, id_, run.info.run_id, text.read_text(encoding="utf-8"), page.read_bytes())
                )
    return found


def _newest(client: MlflowClient, experiments: list[str], kind: str) -> dict[str, Run]:
    newest: dict[str, Run] = {}
    wanted = f"tags.`evalkit.role` = '{kind}' and attributes.status = 'FINISHED'"
    for run in runs_of(client, experiments, wanted):
        newest.setdefault(run.data.tags.get(f"evalkit.{kind}", run.info.run_id), run)
    return newest

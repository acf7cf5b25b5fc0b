"""Addresses inside MLflow's pages that a policy reader can be sent to."""

from __future__ import annotations

from typing import Final

from evalkit.tracking.store import Store

VIEW_ID: Final = "evidence"
LOCAL_HOST: Final = "evalkit.localhost"
"""Name of this machine's own server. Browsers take every name under ``localhost`` to the machine itself; under the
names ``localhost`` and ``127.0.0.1`` MLflow opens its assistant over a quarter of the page on the first visit."""
# Without it an experiment opens on the page for language-model traces, whatever its kind.
_CLASSIC: Final = "workflowType=machine_learning"


def run_page(experiment_id: str, run_id: str) -> str:
    """Page of a run, relative to the server's address."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{_CLASSIC}"


def artifact_page(experiment_id: str, run_id: str, path: str = "brief.html") -> str:
    """Page that shows one artifact of a run.

    Examples
    --------
    >>> artifact_page("1", "ab12")
    '#/experiments/1/runs/ab12/artifacts/brief.html?workflowType=machine_learning'
    """
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{path}?{_CLASSIC}"


def evidence_view(experiment_id: str) -> str:
    """Runs table of an experiment, opened in its saved view "Evidence".

    Examples
    --------
    >>> evidence_view("1")
    '#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=evidence'
    """
    return f"#/experiments/{experiment_id}/runs?{_CLASSIC}&viewStateShareKey={VIEW_ID}"


def picture(run_id: str, path: str) -> str:
    """Address of an artifact for an ``<img>`` in a description, relative to the page."""
    return f"get-artifact?path={path}&run_uuid={run_id}"


def absolute(store: Store, page: str, *, ui: str | None = None) -> str:
    """Full address of a page: on the store's own server, or on the local one at `ui`.

    Examples
    --------
    >>> absolute(Store("https://ana:pw@runs.city.gov/"), "#/experiments/1")
    'https://runs.city.gov/#/experiments/1'
    """
    base = store.shown if store.is_http else (ui or f"http://{LOCAL_HOST}:5000")
    return f"{base.rstrip('/')}/{page}"

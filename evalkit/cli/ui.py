"""`evalkit ui`: MLflow's pages on this machine, over the local store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import click

from evalkit.cli.bundles import exists, latest
from evalkit.errors import ConfigError


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port on this machine.")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Bundles.")
def ui(port: int, results: Path) -> int:
    """Open the local MLflow store in a browser: starts a server that only this machine can reach.

    Ends with Ctrl-C.
    """
    from evalkit.tracking.links import LOCAL_HOST
    from evalkit.tracking.store import resolve

    store = resolve()
    if store.is_http:
        click.echo(f"Runs are logged to a server; open {store.shown}")
        return 0
    if store.folder is None or not exists(store):
        raise ConfigError(
            f"There is no local store at {store.shown}.", next_step="Run a study first: evalkit run study=NAME."
        )
    _require_free(port)
    for line in links(results, store.shown, f"http://{LOCAL_HOST}:{port}"):
        click.echo(line)
    click.echo(f"If your browser does not know the name {LOCAL_HOST}, put 127.0.0.1 in its place.")
    return serve(store.uri, store.folder, port)


def links(results: Path, store: str, address: str) -> list[str]:
    """Lines that lead to the latest brief of each study logged to `store`."""
    from evalkit.tracking.links import run_page

    pages = {study: run_page(where.experiment_id, where.run_id) for study, where in latest(results, store).items()}
    return [f"MLflow: {address}", *(f"  {study}: {address}/{page}" for study, page in pages.items())]


def serve(uri: str, folder: Path, port: int) -> int:
    """Run MLflow's server on the loopback address until it is interrupted."""
    from evalkit.tracking.links import LOCAL_HOST

    names = (LOCAL_HOST, "localhost", "127.0.0.1")
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", uri, "--default-artifact-root", (folder / "mlartifacts").as_uri(),
        "--allowed-hosts", ",".join(f"{name}:{port}" for name in names),
        "--cors-allowed-origins", ",".join(f"http://{name}:{port}" for name in names),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 8 processes that only serve language models
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    server = subprocess.Popen(command, env=environment)  # noqa: S603 (fixed arguments, no shell)
    try:
        return server.wait()
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(timeout=10)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigError(
                f"Port {port} is in use on this machine.", next_step="Give another one: evalkit ui --port 5001."
            ) from None

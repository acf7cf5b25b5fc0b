"""Real servers for tests, on loopback, stopped by process id: PostgreSQL and `mlflow server`."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120
STOP_SECONDS = 30
SUPERUSER = "postgres"


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL with a password, which tests look for where it must not be."""

    port: int
    password: str
    pid: int

    def url(self, database: str = "postgres", *, driver: str = "postgresql+psycopg") -> str:
        """SQLAlchemy's address of a database."""
        return f"{driver}://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database; its address."""
        import psycopg

        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(self.url(driver="postgresql"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def postgres_program(name: str) -> str | None:
    """Debian keeps PostgreSQL's programs off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start an empty PostgreSQL that listens on loopback only; it refuses to run as root, so root lends it a user."""
    initdb, server = postgres_program("initdb"), postgres_program("postgres")
    assert initdb is not None, "PostgreSQL is not installed"
    assert server is not None, "PostgreSQL is not installed"
    owner = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="evalkit-postgres-"))
    data, word, port = folder / "data", folder / "password", free_port()
    password = secrets.token_hex(12)
    word.write_text(password)
    if owner is not None:
        for path in (folder, word):
            shutil.chown(path, owner)
    try:
        subprocess.run(
            [
                initdb, "-D", data, "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={word}", "-E", "UTF8",
                "--no-sync",
            ],
            user=owner, check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        settings = {
            "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off",
            "max_connections": 200,
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "server.log").open("wb") as log:
            started = subprocess.Popen(
                [server, "-D", data, *options], user=owner, stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
        try:
            _until(lambda: _accepts(port), started, folder / "server.log")
            yield Postgres(port, password, started.pid)
        finally:
            started.send_signal(signal.SIGINT)  # fast shutdown: ends sessions, leaves no process behind
            started.wait(timeout=STOP_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class TrackingServer:
    """A running `mlflow server`."""

    address: str
    pid: int


@contextmanager
def tracking_server(
    store: str, folder: Path, *, names: tuple[str, ...] = ("127.0.0.1", "localhost"), arguments: tuple[str, ...] = ()
) -> Iterator[TrackingServer]:
    """Start `mlflow server` over a store, under these names, with artifacts in `folder`."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts"),
        "--allowed-hosts", ",".join(f"{name}:{port}" for name in names),
        "--cors-allowed-origins", ",".join(f"http://{name}:{port}" for name in names), *arguments,
    ]  # fmt: skip
    with serving(command, f"http://127.0.0.1:{port}/health", folder) as pid:
        yield TrackingServer(f"http://127.0.0.1:{port}", pid)


@contextmanager
def serving(command: list[str], health: str, folder: Path, *, certificate: Path | None = None) -> Iterator[int]:
    """Start a server that leads a process group, wait until it answers, end the whole group afterwards.

    `certificate` is what to trust where `health` is an https address.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, start_new_session=True, env=_lean(environment)
        )
    try:
        _until(lambda: _answers(health, certificate), server, log)
        yield server.pid
    finally:
        # Its workers are in the group it leads; nobody else is. A test may have killed it already.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=STOP_SECONDS)


def _lean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without MLflow's job runners: eight processes that no test needs."""
    return {**environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(address: str, certificate: Path | None) -> bool:
    trusted = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate))
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusted)
    try:
        with direct.open(address, timeout=5):
            return True
    except OSError:
        return False


def _until(ready: Callable[[], bool], server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        if ready():
            return
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")

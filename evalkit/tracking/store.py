"""Where runs are logged: the local sqlite store, or a team's server; opened safely or refused in bounded time.

A fresh sqlite store that several processes open at once breaks for good, so a store is opened
under a file lock, and a local one is written under it too. A dead server would block MLflow for
minutes, so a server is asked for a sign of life first and given at most `PROBE_SECONDS`.
Nothing here uses MLflow's asynchronous logging, which loses data without a word.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import re
import socket
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from evalkit.errors import ConfigError, NotSynced
from evalkit.tracking.redact import redact

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROBE_SECONDS: Final = 5.0
LOCK_SECONDS: Final = 300.0
DATABASE: Final = "mlflow.db"
_ADVISORY_LOCK: Final = int.from_bytes(b"evalkit")
ARTIFACTS: Final = "mlartifacts"
_DENIED: Final = re.compile(r"error code 40[13]\b")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
# MLflow's own defaults wait 120 s and try 8 times: minutes for each call to a server that is down.
_UNLESS_SET: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "30",
    "PGCONNECT_TIMEOUT": "5",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
_ALWAYS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is the answer's, where `--json` was asked for
}


@dataclass(frozen=True, slots=True)
class Store:
    """Address of a tracking store.

    Attributes
    ----------
    uri
        As MLflow needs it; may hold credentials, so show `shown` instead.
    folder
        Folder of a local sqlite store, which keeps `mlartifacts/` beside the database; None for a server.
    """

    uri: str
    folder: Path | None = None

    @property
    def shown(self) -> str:
        """The address without user, password and query."""
        return redact(self.uri)

    @property
    def is_http(self) -> bool:
        """Whether an MLflow server stands between us and the database."""
        return urlsplit(self.uri).scheme in {"http", "https"}

    @property
    def lock_file(self) -> Path | None:
        """File that processes of this machine lock before they open the store; None for a server."""
        if self.folder is not None:
            return self.folder / f".{Path(urlsplit(self.uri).path).name}.lock"
        if self.is_http:
            return None
        digest = hashlib.sha256(self.uri.encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"evalkit-store-{digest}.lock"


def resolve(tracking_uri: str | None = None, *, folder: Path | None = None) -> Store:
    """Name the store: `tracking_uri`, else ``MLFLOW_TRACKING_URI``, else `mlflow.db` in `folder`.

    Raises
    ------
    ConfigError
        If the address is of a kind that evalkit does not log to.

    Examples
    --------
    >>> resolve("https://ana:pw@runs.city.gov").shown
    'https://runs.city.gov'
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or ""
    if not uri:
        here = (folder or Path.cwd()).resolve()
        return Store(f"sqlite:///{here / DATABASE}", here)
    scheme = urlsplit(uri).scheme.split("+")[0]
    if scheme == "sqlite":
        return _sqlite(uri)
    if scheme in _DEFAULT_PORTS:
        return Store(uri)
    raise ConfigError(
        f"The tracking address '{redact(uri)}' is of a kind that evalkit does not log to.",
        allowed="sqlite:///path/to/mlflow.db, http(s)://server, postgresql://...",
        next_step="Unset MLFLOW_TRACKING_URI to log to ./mlflow.db, or give the address of an MLflow server.",
    )


def _sqlite(uri: str) -> Store:
    path = uri.partition(":///")[2]
    if not path or path.startswith(":memory:"):
        raise ConfigError(f"The tracking address '{redact(uri)}' names no file.", allowed="sqlite:///path/to/mlflow.db")
    database = Path(path.partition("?")[0]).resolve()
    return Store(f"sqlite:///{database}", database.parent)


def prepare_environment() -> None:
    """Set what MLflow reads from the environment, before it is imported or asked anything."""
    os.environ.update(_ALWAYS)
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)


def launching_run() -> str | None:
    """Take the run that ``mlflow run`` opened for this process out of the environment and return its id.

    Left there, MLflow would write every run that evalkit opens into that one, in this process and
    in those it starts.
    """
    found = os.environ.pop("MLFLOW_RUN_ID", None)
    if found:
        os.environ["EVALKIT_LAUNCHING_RUN"] = found
    return os.environ.get("EVALKIT_LAUNCHING_RUN")


@contextlib.contextmanager
def opened(store: Store) -> Iterator[MlflowClient]:
    """Open a store for a short piece of work, initialising it if it is new.

    Raises
    ------
    NotSynced
        If the store does not answer in time, or what MLflow does in the body of the ``with`` fails.
    """
    prepare_environment()
    launching_run()
    if store.folder is None:
        probe(store)
    else:
        store.folder.mkdir(parents=True, exist_ok=True)
    with _own_warnings_only(), _failures_as_not_synced(store), contextlib.ExitStack() as held:
        with contextlib.ExitStack() as while_new:
            # sqlite is written by one process at a time; a database server only has to be set up by one.
            initialise = (held if store.folder is not None else while_new).enter_context(_locked(store))
            while_new.enter_context(_alone_in(store))
            if store.folder is not None:
                _make_whole(store)
            client = _client(store)
            if initialise:
                client.search_experiments(max_results=1)
        yield client


def _client(store: Store) -> MlflowClient:
    from mlflow import MlflowClient

    # "Creating initial MLflow database tables": no news to whoever runs a study
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=store.uri)


def _make_whole(store: Store) -> None:
    """Make a new local database under another name, and give it its own once it has all its tables.

    MLflow makes them in dozens of steps and cannot go on where a full disk or a kill left it: a database that has some
    of them would never take a run. The caller holds the lock of the store.
    """
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    make: Any = SqlAlchemyStore  # ships no types
    database = Path(store.uri.removeprefix("sqlite:///"))
    if database.exists() and database.stat().st_size > 0:
        return
    for left in database.parent.glob(f".{database.name}.*.part*"):
        left.unlink()
    part = database.with_name(f".{database.name}.{uuid.uuid4().hex}.part")
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    try:
        make(f"sqlite:///{part}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
        part.replace(database)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone_in(store: Store) -> Iterator[None]:
    """Keep other machines from setting the same PostgreSQL database up at the same time."""
    if not urlsplit(store.uri).scheme.startswith("postgresql"):
        yield
        return
    import sqlalchemy

    engine = sqlalchemy.create_engine(store.uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:  # the lock ends with the connection, also where this process is killed
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(_ADVISORY_LOCK)))
        yield


@contextlib.contextmanager
def _own_warnings_only() -> Iterator[None]:
    """Hide MLflow's own use of deprecated names: no user can act on it, and ``-W error`` would stop here."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning, PendingDeprecationWarning):
            warnings.filterwarnings("ignore", category=category, module=r"(mlflow|sqlalchemy|alembic)\b.*")
        yield


@contextlib.contextmanager
def _locked(store: Store) -> Iterator[bool]:
    from filelock import FileLock, Timeout

    path = store.lock_file
    if path is None:
        yield False
        return
    lock = FileLock(path, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise NotSynced(
            f"Another process has held {path} for more than {LOCK_SECONDS:.0f} s.", next_step=_later(store)
        ) from error
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def _failures_as_not_synced(store: Store) -> Iterator[None]:
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, requests.RequestException, OSError) as error:
        lines = redact(str(error)).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        raise NotSynced(
            f"The tracking store {store.shown} did not take the run: {reason}",
            next_step=_with_rights(store) if _DENIED.search(reason) else _later(store),
        ) from None


def _with_rights(store: Store) -> str:
    return (
        f"The results are safe on disk. {store.shown} knows no such account or does not let it write: check "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or ask its administrator for the right to log runs; "
        "then log them with `evalkit sync`."
    )


def _later(store: Store) -> str:
    if store.folder is not None:
        return (
            f"The results are safe on disk. See `evalkit doctor` on {store.shown}, then log them with `evalkit sync`."
        )
    return (
        f"The results are safe on disk. Start the server at {store.shown} (or unset MLFLOW_TRACKING_URI to log "
        "to ./mlflow.db), then log them with `evalkit sync`."
    )


def probe(store: Store, *, seconds: float = PROBE_SECONDS) -> None:
    """Ask a server for a sign of life, for at most `seconds` in all.

    Raises
    ------
    NotSynced
        If it does not answer in that time.
    """
    answers: queue.Queue[str] = queue.Queue()
    ask = _ask_http if store.is_http else _ask_port
    # In a thread, because neither the look-up of a name nor a slow trickle of bytes obeys a socket's timeout.
    threading.Thread(target=lambda: answers.put(ask(store.uri, seconds)), daemon=True).start()
    try:
        problem = answers.get(timeout=seconds)
    except queue.Empty:
        problem = f"no answer within {seconds:g} s"
    if problem:
        raise NotSynced(f"The tracking server {store.shown} does not answer: {problem}.", next_step=_later(store))


def _ask_http(uri: str, seconds: float) -> str:
    try:
        with ask_without_login(uri, "health", seconds=seconds):
            return ""
    except urllib.error.HTTPError as error:
        # 401 or 404 come from something alive (a login, an older server); 5xx from a proxy without a server behind it.
        return "" if error.code < 500 else f"status {error.code}"
    except (OSError, ValueError) as error:
        return redact(str(getattr(error, "reason", error)))


def ask_without_login(uri: str, route: str, *, content: bytes | None = None, seconds: float = PROBE_SECONDS) -> Any:
    """Send an HTTP server a question as a stranger does; trust the certificate that MLflow is told to trust.

    Parameters
    ----------
    uri
        An http or https address; a login in it is left out.
    route
        Path below the address.
    content
        JSON to post; without it the question is a GET.
    seconds
        How long to wait.

    Raises
    ------
    OSError
        If there is no answer, or one that is an error (`urllib.error.HTTPError`).
    """
    parts = urlsplit(uri)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}/{route}"
    trusted = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None)
    question = urllib.request.Request(address, content, {"Content-Type": "application/json"})  # noqa: S310 (http or https, by `resolve`)
    return urllib.request.urlopen(question, timeout=seconds, context=trusted)  # noqa: S310


def open_to_strangers(store: Store) -> bool:
    """Whether a server lists its experiments for whoever asks, without a login.

    Examples
    --------
    >>> open_to_strangers(resolve("sqlite:///mlflow.db"))
    False
    """
    if not store.is_http:
        return False
    try:
        with ask_without_login(store.uri, "api/2.0/mlflow/experiments/search", content=b'{"max_results": 1}'):
            return True
    except (OSError, ValueError):
        return False


def _ask_port(uri: str, seconds: float) -> str:
    parts = urlsplit(uri)
    port = parts.port or _DEFAULT_PORTS[parts.scheme.split("+")[0]]
    try:
        with socket.create_connection((parts.hostname or "localhost", port), timeout=seconds):
            return ""
    except OSError as error:
        return str(error)


def artifact_location(store: Store, experiment: str) -> str | None:
    """Folder of an experiment's artifacts beside a local database; None where the server decides."""
    if store.folder is None:
        return None
    return (store.folder / ARTIFACTS / experiment).as_uri()

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.errors import ConfigError, NotSynced
from evalkit.tracking.store import (
    PROBE_SECONDS,
    _make_whole,
    artifact_location,
    launching_run,
    open_to_strangers,
    opened,
    prepare_environment,
    probe,
    resolve,
)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.fixture
def answering() -> Iterator[tuple[ThreadingHTTPServer, list[int]]]:
    """A server whose status the test chooses."""
    status = [200]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            self.send_response(status[0])
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, status
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_default_store_is_a_database_in_the_working_folder(tmp_path: Path) -> None:
    store = resolve(folder=tmp_path)
    assert store.uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert artifact_location(store, "evalkit/health") == (tmp_path / "mlartifacts/evalkit/health").as_uri()


def test_the_environment_names_the_store_and_the_argument_comes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://runs.city.gov")
    assert resolve().uri == "https://runs.city.gov"
    assert resolve("postgresql://db/x").uri == "postgresql://db/x"


def test_a_server_chooses_the_place_of_artifacts_itself() -> None:
    assert artifact_location(resolve("https://runs.city.gov"), "evalkit/health") is None


@pytest.mark.parametrize("uri", ["file:///tmp/runs", "databricks", "ftp://x", "sqlite://", "./mlruns"])
def test_an_address_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="tracking address") as refused:
        resolve(uri)
    assert refused.value.exit_code == 2


@pytest.mark.promise("secure-addresses")
def test_credentials_never_show() -> None:
    store = resolve("https://ana:canary@runs.city.gov/mlflow?key=canary")
    assert store.shown == "https://runs.city.gov/mlflow"


@pytest.mark.promise("trap-02", "trap-03")
def test_mlflow_is_told_to_be_quick_synchronous_and_silent_about_us(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    prepare_environment()
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "2"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["DO_NOT_TRACK"] == "true"
    assert os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] == "false"
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"


def test_a_limit_that_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "90")
    prepare_environment()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "90"


def test_the_launchers_run_is_remembered_but_no_longer_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_LAUNCHING_RUN", "")
    monkeypatch.setenv("MLFLOW_RUN_ID", "ab12")
    assert launching_run() == "ab12"
    assert "MLFLOW_RUN_ID" not in os.environ
    assert launching_run() == "ab12"


# The bound itself is the test: a server that is asked without one blocks MLflow for 4 to 20 minutes.
@pytest.mark.timeout(30)
@pytest.mark.promise("trap-02")
def test_a_closed_port_is_not_synced_with_what_to_do(closed_port: int) -> None:
    store = resolve(f"http://ana:canary@127.0.0.1:{closed_port}")
    with pytest.raises(NotSynced, match="does not answer") as refused, opened(store):
        pytest.fail("the store must not open")
    assert refused.value.exit_code == 6
    assert "evalkit sync" in str(refused.value)
    assert "canary" not in str(refused.value)


@pytest.mark.timeout(30)
@pytest.mark.promise("trap-02")
def test_a_silent_server_is_given_up_on(silent_port: int) -> None:
    with pytest.raises(NotSynced, match="does not answer"):
        probe(resolve(f"http://127.0.0.1:{silent_port}"), seconds=1.0)


@pytest.mark.timeout(30)
@pytest.mark.promise("trap-02")
@pytest.mark.parametrize("kind", ["http", "postgresql"])
def test_an_address_that_swallows_packets_is_given_up_on(kind: str) -> None:
    """Nobody takes connections and the queue for them is full: what arrives is dropped, and nothing comes back."""
    with contextlib.ExitStack() as waiting:
        server = waiting.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(8):
            each = waiting.enter_context(socket.socket())
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", port), timeout=0.2)
        with pytest.raises(NotSynced, match=r"does not answer: (no answer within 0\.5 s|timed out)"):
            probe(resolve(f"{kind}://127.0.0.1:{port}/runs"), seconds=0.5)


def test_a_server_is_waited_for_5_seconds_at_most() -> None:
    assert PROBE_SECONDS <= 5.0


@pytest.mark.timeout(30)
@pytest.mark.promise("trap-02")
def test_a_closed_database_port_is_not_synced(closed_port: int) -> None:
    with pytest.raises(NotSynced, match="does not answer"):
        probe(resolve(f"postgresql://127.0.0.1:{closed_port}/runs"))


@pytest.mark.parametrize(("status", "alive"), [(200, True), (401, True), (404, True), (502, False), (503, False)])
def test_a_login_page_is_a_sign_of_life_and_a_proxy_without_server_is_not(
    answering: tuple[ThreadingHTTPServer, list[int]], status: int, alive: bool
) -> None:
    server, answer = answering
    answer[0] = status
    store = resolve(f"http://127.0.0.1:{server.server_port}")
    if alive:
        probe(store)
    else:
        with pytest.raises(NotSynced, match=f"status {status}"):
            probe(store)


@pytest.mark.promise("trap-13")
@pytest.mark.parametrize(("status", "strangers"), [(200, True), (401, False), (403, False), (500, False)])
def test_a_server_is_open_when_it_lists_its_experiments_without_a_login(
    answering: tuple[ThreadingHTTPServer, list[int]], status: int, strangers: bool
) -> None:
    server, answer = answering
    answer[0] = status
    assert open_to_strangers(resolve(f"http://ana:canary@127.0.0.1:{server.server_port}/")) == strangers


def test_a_store_without_a_server_or_with_a_dead_one_is_open_to_nobody(closed_port: int, tmp_path: Path) -> None:
    assert not open_to_strangers(resolve(f"http://127.0.0.1:{closed_port}"))
    assert not open_to_strangers(resolve(folder=tmp_path))


@pytest.mark.promise("trap-13")
@pytest.mark.parametrize(("code", "advice"), [(401, "check MLFLOW_TRACKING_USERNAME"), (403, "ask its administrator"),
                                              (500, "Start the server")])  # fmt: skip
def test_a_missing_right_is_told_from_a_server_that_is_down(
    answering: tuple[ThreadingHTTPServer, list[int]], code: int, advice: str
) -> None:
    from mlflow.exceptions import MlflowException

    server, _ = answering
    with (
        pytest.raises(NotSynced) as refused,
        opened(resolve(f"http://127.0.0.1:{server.server_port}")),
    ):
        raise MlflowException(f"API request to endpoint /api/2.0/x failed with error code {code} != 200.")
    assert advice in str(refused.value.next_step)


def test_mlflow_prints_no_address_into_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "false")
    prepare_environment()
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"


def test_a_broken_database_is_not_synced(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(NotSynced, match="did not take the run"), opened(resolve(folder=tmp_path)):
        pytest.fail("the store must not open")


def test_what_a_killed_process_left_of_a_new_store_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(uri: str, artifacts: str) -> Any:
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"whole")
        return SimpleNamespace(engine=SimpleNamespace(dispose=lambda: None))

    monkeypatch.setattr("mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore", tables)
    (tmp_path / ".mlflow.db.0123.part").write_bytes(b"half")
    _make_whole(resolve(folder=tmp_path))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"mlflow.db": b"whole"}

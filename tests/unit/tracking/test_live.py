from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evalkit.errors import EstimationFailed, NotSynced, Reason
from evalkit.language import speaking
from evalkit.tracking.live import LiveRun, log_failure, running, sigterm_unwinds
from evalkit.tracking.log import log_bundle
from evalkit.tracking.stale import close_stale, find_stale
from evalkit.tracking.store import opened, resolve
from tests.unit.tracking.bundles import write_bundle

STUDY = ("castle_doctrine", "public_safety", "Castle doctrine laws and homicide")
WORKING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without it
from evalkit.tracking.live import running
with running("castle_doctrine", "public_safety", "Castle", tracking_uri=sys.argv[1]) as live:
    print(live.run_id, flush=True)
    while True:
        time.sleep(0.05)
"""


def _run(uri: str, run_id: str | None) -> tuple[str, dict[str, str]]:
    assert run_id is not None
    with opened(resolve(uri)) as client:
        run = client.get_run(run_id)
    return run.info.status, dict(run.data.tags)


def _only_run(uri: str) -> str:
    with opened(resolve(uri)) as client:
        experiment = client.get_experiment_by_name("evalkit/public_safety")
        assert experiment is not None
        (run,) = client.search_runs([experiment.experiment_id])
    return str(run.info.run_id)


def test_a_working_study_shows_and_becomes_the_logged_run(tmp_path: Path, uri: str) -> None:
    with running(*STUDY, tracking_uri=uri) as live:
        status, tags = _run(uri, live.run_id)
        assert status == "RUNNING"
        assert tags["evalkit.status"] == "running"
        logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri, parent_run_id=live.run_id)
    status, tags = _run(uri, live.run_id)
    assert logged.run_id == live.run_id
    assert status == "FINISHED"
    assert tags["evalkit.status"] == "done"
    assert "evalkit.pid" not in tags
    assert "evalkit.host" not in tags


@pytest.mark.promise("trap-11")
def test_an_error_closes_the_run_as_failed_with_its_reason(uri: str) -> None:
    with pytest.raises(EstimationFailed), running(*STUDY, tracking_uri=uri):
        raise EstimationFailed("Only 1 cohort is left.", next_step="Read postgresql://ana:canary@db/x")
    status, tags = _run(uri, _only_run(uri))
    assert status == "FAILED"
    assert tags["evalkit.reason"] == "Only 1 cohort is left."
    assert tags["mlflow.note.content"] == "No result: the study failed. Only 1 cohort is left."


def test_a_run_without_a_result_says_why_in_the_language_of_its_study(uri: str) -> None:
    with pytest.raises(EstimationFailed), speaking("es"), running(*STUDY, tracking_uri=uri):
        raise EstimationFailed(
            Reason("Nothing can be estimated: {reason}.", reason=Reason("a matrix cannot be inverted"))
        )
    tags = _run(uri, _only_run(uri))[1]
    assert tags["evalkit.status"] == "failed"
    assert tags["mlflow.note.content"] == (
        "Sin resultado: el estudio falló. No se puede estimar nada: una matriz no se puede invertir."
    )


@pytest.mark.promise("secure-addresses")
def test_a_reason_is_logged_without_credentials(uri: str) -> None:
    run_id = log_failure(*STUDY, RuntimeError("no route to postgresql://ana:canary@db/x"), tracking_uri=uri)
    assert _run(uri, run_id)[1]["evalkit.reason"] == "no route to postgresql://db/x"


def test_nothing_is_opened_beforehand_where_no_live_run_is_wanted(uri: str) -> None:
    with running(*STUDY, tracking_uri=uri, live=False) as live:
        assert live == LiveRun()
    with opened(resolve(uri)) as client:
        assert client.get_experiment_by_name("evalkit/public_safety") is None


def test_a_failure_leaves_a_run_even_where_none_was_open(uri: str) -> None:
    with pytest.raises(EstimationFailed), running(*STUDY, tracking_uri=uri, live=False):
        raise EstimationFailed("Only 1 cohort is left.")
    assert _run(uri, _only_run(uri))[0] == "FAILED"


@pytest.mark.timeout(30)
@pytest.mark.promise("trap-02")
def test_a_dead_server_stops_no_study() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with running(*STUDY, tracking_uri=f"http://127.0.0.1:{port}") as live:
        worked = True
    assert worked
    assert live.run_id is None
    assert live.problem is not None
    assert live.problem.exit_code == 6


def test_the_handler_that_was_there_before_comes_back(uri: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with running(*STUDY, tracking_uri=uri, live=False):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def _stopped_by(number: signal.Signals, uri: str) -> tuple[int, str]:
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, uri], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        process.send_signal(number)
        process.communicate(timeout=60)
        return process.returncode, run_id


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
@pytest.mark.promise("trap-11")
def test_a_signal_closes_the_run_as_killed(uri: str, number: signal.Signals, code: int) -> None:
    returned, run_id = _stopped_by(number, uri)
    status, tags = _run(uri, run_id)
    assert returned == code
    assert status == "KILLED"
    assert number.name in tags["evalkit.reason"]


@pytest.mark.promise("trap-11")
def test_kill_9_leaves_a_stale_run_that_is_found_and_closed(uri: str) -> None:
    _, run_id = _stopped_by(signal.SIGKILL, uri)
    assert _run(uri, run_id)[0] == "RUNNING"
    assert [stale.run_id for stale in find_stale(uri)] == [run_id]
    assert [stale.run_id for stale in close_stale(uri)] == [run_id]
    assert _run(uri, run_id)[0] == "KILLED"
    assert find_stale(uri) == []


@pytest.mark.timeout(30)
def test_an_error_passes_on_as_it_is_where_the_server_is_dead_already() -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with (
        pytest.raises(EstimationFailed, match="Only 1 cohort") as raised,
        running(*STUDY, tracking_uri=f"http://127.0.0.1:{port}"),
    ):
        raise EstimationFailed("Only 1 cohort is left.")
    assert getattr(raised.value, "__notes__", []) == []


def test_an_error_after_the_run_was_closed_leaves_it_as_it_is(uri: str) -> None:
    def work() -> None:
        with running(*STUDY, tracking_uri=uri) as live:
            with opened(resolve(uri)) as client:
                client.set_terminated(str(live.run_id), status="FINISHED")
            raise EstimationFailed("The screen is gone.")

    with pytest.raises(EstimationFailed):
        work()
    assert _run(uri, _only_run(uri))[0] == "FINISHED"


def test_a_store_that_dies_during_the_study_is_told_of_on_its_error(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(store: object) -> None:
        raise NotSynced("The store is away.")

    def work() -> None:
        with running(*STUDY, tracking_uri=uri):
            monkeypatch.setattr("evalkit.tracking.live.opened", dead)
            raise EstimationFailed("Only 1 cohort is left.")

    with pytest.raises(EstimationFailed) as raised:
        work()
    (said,) = raised.value.__notes__
    assert "could not be closed: The store is away." in said
    assert "evalkit doctor --fix" in said


def test_in_another_thread_signals_are_left_alone() -> None:
    found: list[bool] = []

    def look() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with sigterm_unwinds():
            found.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [True]

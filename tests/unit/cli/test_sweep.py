from __future__ import annotations

import functools
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli import sweep_job
from evalkit.cli.screen import Screen
from evalkit.cli.sweep import _open_runs, _refuse_files, _run_all, _unfinished, _what
from evalkit.cli.sweep_job import Sweep, run_job, write_status
from evalkit.cli.sweep_report import MOST_LEFT, MOST_ROWS, _note, counted, show, table
from evalkit.cli.sweep_stop import Stop
from evalkit.cli.sweep_watch import Watch, called, short_names, watching
from evalkit.config import Composed, Tracking
from evalkit.errors import ConfigError, EvalkitError, NotSynced
from evalkit.tracking.store import resolve
from evalkit.tracking.sweep import SweepRun
from tests.services import free_port
from tests.small_study import built

Launched = Callable[[Sequence[int]], None]


def shared(folder: Path, launcher: str, jobs: int) -> Sweep:
    for number in range(jobs):
        (folder / str(number)).mkdir()
    return Sweep("id", folder, folder, folder, (), launcher, False, {})


def begin(folder: Path, number: int, attempt: int) -> None:
    (folder / str(number) / f"begun-{attempt}").write_text('{"pid": 1, "host": "elsewhere"}', encoding="utf-8")


def end(folder: Path, number: int) -> None:
    (folder / str(number) / "status.json").write_text('{"state": "done", "exit_code": 0}', encoding="utf-8")


def run(folder: Path, launcher: str, jobs: int, launched: Launched) -> EvalkitError | None:
    screen = Screen(quiet=True)
    return _run_all(shared(folder, launcher, jobs), launched, jobs, Stop(folder, screen), screen)


def test_when_a_pool_breaks_others_go_on_together_and_suspects_are_tried_one_by_one(tmp_path: Path) -> None:
    batches: list[list[int]] = []

    def breaking(batch: Sequence[int]) -> None:
        batches.append(list(batch))
        for number in batch[:2] if len(batches) == 1 else batch:
            begin(tmp_path, number, len(batches))
        if len(batches) == 1:
            raise EvalkitError("TerminatedWorkerError")
        for number in batch:
            end(tmp_path, number)

    assert run(tmp_path, "joblib", 5, breaking) is None
    assert batches == [[0, 1, 2, 3, 4], [2, 3, 4], [0], [1]]


def test_a_job_that_is_lost_twice_is_not_tried_a_third_time(tmp_path: Path) -> None:
    batches: list[list[int]] = []

    def deadly(batch: Sequence[int]) -> None:
        batches.append(list(batch))
        for number in batch:
            begin(tmp_path, number, len(batches))
            if number != 1:
                end(tmp_path, number)

    assert run(tmp_path, "ray", 3, deadly) is None
    assert batches == [[0, 1, 2], [1]]
    assert _unfinished(tmp_path, 1, None, stopped=False)["state"] == "lost"


def test_a_launcher_that_moves_nothing_is_given_up_with_its_reason(tmp_path: Path) -> None:
    calls = []

    def refusing(batch: Sequence[int]) -> None:
        calls.append(batch)
        raise ConfigError("no cluster")

    problem = run(tmp_path, "ray", 2, refusing)
    assert len(calls) == 1
    status = _unfinished(tmp_path, 0, problem, stopped=False)
    assert (status["state"], status["exit_code"]) == ("not started", ConfigError.exit_code)
    assert "no cluster" in status["what"]


def test_after_a_stop_no_further_job_is_launched(tmp_path: Path) -> None:
    screen = Screen(quiet=True)
    stop = Stop(tmp_path, screen)

    def stopped(batch: Sequence[int]) -> None:
        begin(tmp_path, 0, 1)
        stop.asked = True

    assert _run_all(shared(tmp_path, "joblib", 3), stopped, 3, stop, screen) is None
    assert [_unfinished(tmp_path, number, None, stopped=True)["state"] for number in (0, 1)] == [
        "stopped",
        "not started",
    ]


def test_a_sqlite_file_is_refused_on_several_machines_and_a_server_is_not(tmp_path: Path) -> None:
    local = SweepRun("id", resolve(f"sqlite:///{tmp_path}/mlflow.db"))
    server = SweepRun("id", resolve("https://runs.example.gov"))
    refuse = functools.partial(_refuse_files, [local])
    refuse({"one"})
    _refuse_files([server], {"one", "two"})
    with pytest.raises(ConfigError, match="2 machines"):
        refuse({"one", "two"})


def test_a_sweep_is_named_by_what_varies_in_it() -> None:
    typed = [("study=lights", f"city=c{city}", f"estimator={name}") for city in range(3) for name in ("a", "b")]
    assert _what(typed) == "study=lights, city (3), estimator=a,b"
    assert short_names(typed)[0] == "city=c0 estimator=a"
    assert short_names([("study=lights",)]) == ["study=lights"]


def test_progress_is_read_from_what_jobs_leave_behind(tmp_path: Path) -> None:
    shared(tmp_path, "joblib", 3)
    watch = Watch(tmp_path, [("seed=1",), ("seed=2",), ("seed=3",)])
    assert list(watch.news()) == []
    begin(tmp_path, 1, 1)
    end(tmp_path, 0)
    ((number, status),) = watch.news()
    assert (number, status["state"], watch.running) == (0, "done", [1])
    assert watch.line(number, status).startswith("1/3 done: seed=1.")
    assert watch.summary() == "1 of 3 jobs ended; running: seed=2"
    assert list(watch.news()) == []
    end(tmp_path, 1)
    end(tmp_path, 2)
    lines = [watch.line(number, status) for number, status in watch.news()]
    assert [line.split()[0] for line in lines] == ["2/3", "3/3"], "each line has a number of its own"


def test_a_cell_of_the_table_is_no_formula() -> None:
    statuses: list[dict[str, Any]] = [{"job": "a", "state": "failed", "what": "=cmd|' /C calc'!A0"}]
    assert table(statuses).splitlines()[1].split(",")[6] == "'=cmd|' /C calc'!A0"
    assert counted(statuses) == {"failed": 1}


def test_an_attempt_that_died_while_it_said_so_counts(tmp_path: Path) -> None:
    shared(tmp_path, "ray", 1)
    (tmp_path / "0" / "begun-1").write_text("", encoding="utf-8")
    stop = Stop(tmp_path, Screen(quiet=True))
    assert stop.working() == set()
    assert _unfinished(tmp_path, 0, None, stopped=False)["state"] == "lost"


def test_a_run_is_named_by_what_its_title_does_not_say() -> None:
    several = [
        ("study=lights", f"city=c{city}", f"estimator={name}", "x.url=db://u:pw@h/d") for city, name in enumerate("ab")
    ]
    assert called(several) == ["a", "b"]
    assert called([("study=lights", "seed=1", "x=db://u:pw@h/d"), ("study=lights",)]) == ["seed=1, x=db://h/d", ""]
    assert called([("study=lights", "estimator=a")]) == [""]


def test_the_description_of_a_sweep_begins_with_counts_and_where_to_read_on(tmp_path: Path) -> None:
    run = SweepRun("id", resolve(f"sqlite:///{tmp_path}/mlflow.db"), "ab12", "7")
    left = [{"job": "seed=2", "state": "failed", "what": "No."}]
    first, _, second, *_ = _note(run, "2 jobs: 1 done, 1 failed.", left).splitlines()
    assert first.startswith("2 jobs: 1 done, 1 failed. [Read all findings](#/experiments/7/runs?")
    assert "[All jobs as a table](#/experiments/7/runs/ab12/artifacts/sweep.csv" in first
    assert second == "Without a result:"


def statuses(count: int, failed: int) -> list[dict[str, Any]]:
    done = {"state": "done", "headline": "Fewer crimes."}
    lost = {"state": "failed", "what": "No cohort has 3 periods.", "headline": "never shown"}
    return [{"job": f"seed={number}", **(lost if number < failed else done)} for number in range(count)]


def test_the_table_shows_all_jobs_where_they_fit_and_why_one_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = resolve(f"sqlite:///{tmp_path}/mlflow.db")
    runs = [SweepRun("id", store, "ab12", "7"), SweepRun("id", store, problem=NotSynced("The store is away."))]
    show(statuses(3, failed=1), tmp_path, runs, Screen())
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["seed=0", "failed"], ["seed=1", "done"], ["seed=2", "done"]]
    assert lines[1].endswith("No cohort has 3 periods.")
    assert lines[2].endswith("Fewer crimes.")
    assert str(tmp_path / "sweep.csv") in shown.err
    assert shown.err.count("ab12") == 1, "a run that could not be opened has no page"
    assert len((tmp_path / "sweep.csv").read_text("utf-8").splitlines()) == 4


def test_of_very_many_jobs_those_without_a_result_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(statuses(MOST_ROWS + 1, failed=2), tmp_path, [], Screen())
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["seed=0", "seed=1"]
    show(statuses(MOST_ROWS + 1, failed=0), tmp_path, [], Screen())
    shown = capsys.readouterr()
    assert shown.out == "", "nothing is left to look at"
    assert f"{MOST_ROWS + 1} done" in shown.err


def test_the_description_names_a_few_jobs_without_a_result_and_counts_the_others(tmp_path: Path) -> None:
    run = SweepRun("id", resolve(f"sqlite:///{tmp_path}/mlflow.db"), "ab12", "7")
    note = _note(run, "23 jobs.", statuses(MOST_LEFT + 3, failed=MOST_LEFT + 3)).splitlines()
    named = [line for line in note if "seed=" in line]
    assert len(named) == MOST_LEFT
    assert "3" in note[note.index(named[-1]) + 1]


def test_progress_before_any_job_runs_says_how_many_there_are(tmp_path: Path) -> None:
    shared(tmp_path, "joblib", 2)
    assert Watch(tmp_path, [("seed=1",), ("seed=2",)]).summary() == "0 of 2 jobs ended"


def test_on_a_terminal_a_job_that_failed_is_told_beside_the_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shared(tmp_path, "joblib", 2)
    failed = {"state": "failed", "what": "No cohort [bold]has[/bold] 3 periods.", "exit_code": 4}
    with watching(Screen(), tmp_path, [("seed=1",), ("seed=2",)]):
        end(tmp_path, 0)
        write_status(tmp_path / "1" / "status.json", failed)
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "2/2 failed: seed=2. No cohort [bold]has[/bold] 3 periods." in shown
    assert "1/2 done" not in shown


def test_a_job_ends_before_it_begins_where_its_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path / "0")):
        run_job(Sweep("id", tmp_path, tmp_path, tmp_path, (), "ray", False, {}), 0)


@pytest.mark.parametrize("left", [sweep_job.STOP, f"0/{sweep_job.STATUS}"])
def test_a_job_that_was_stopped_or_has_ended_is_not_begun(left: str, tmp_path: Path) -> None:
    sweep = shared(tmp_path, "ray", 1)
    (tmp_path / left).write_text("{}", encoding="utf-8")
    run_job(sweep, 0)
    assert list((tmp_path / "0").glob("begun-*")) == []


def test_ctrl_c_ends_a_sweep_that_runs_its_jobs_itself_and_in_a_worker_the_job_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(plugins: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evalkit.cli.sweep_job.plugin_files.load", interrupted)
    (tmp_path / "worker").mkdir()
    own, worker = shared(tmp_path, "basic", 1), shared(tmp_path / "worker", "joblib", 1)
    with pytest.raises(KeyboardInterrupt):
        sweep_job._status(own, 0, own.folder / "0")
    status = sweep_job._status(worker, 0, worker.folder / "0")
    assert (status["state"], status["exit_code"]) == ("stopped", 143)


def test_a_worker_that_would_log_to_a_store_of_its_own_is_refused() -> None:
    sweep_job._same_store("http://city:5000", resolve("http://city:5000").shown)
    with pytest.raises(ConfigError, match="http://elsewhere:5000"):
        sweep_job._same_store("http://elsewhere:5000", resolve("http://city:5000").shown)


def test_a_worker_ends_when_the_sweep_is_gone_gently_first(monkeypatch: pytest.MonkeyPatch) -> None:
    parents, done = iter([7, 7, 1]), []

    def leave(code: int) -> None:
        done.append(("exit", code))

    monkeypatch.setattr("os.getppid", lambda: next(parents))
    monkeypatch.setattr("time.sleep", lambda seconds: done.append(("slept", seconds)))
    monkeypatch.setattr("os.kill", lambda pid, number: done.append(("signal", number)) if pid == os.getpid() else None)
    monkeypatch.setattr("os._exit", leave)
    sweep_job._end_with(7)
    watched = ("slept", sweep_job.WATCH_SECONDS)
    ended = [("signal", signal.SIGTERM), ("slept", sweep_job.GRACE_SECONDS), ("exit", 143)]
    assert done == [watched, watched, *ended]


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_second_signal_ends_the_sweep_at_once(
    number: signal.Signals, kind: type[BaseException], tmp_path: Path
) -> None:
    stop = Stop(tmp_path, Screen(quiet=True))
    stop.leave()
    assert not stop.asked
    stop(number, None)
    stop._timer.cancel()
    assert (stop.asked, (tmp_path / sweep_job.STOP).is_file()) == (True, True)
    with pytest.raises(kind) as ended:
        stop(signal.SIGTERM, None)
    assert getattr(ended.value, "code", 143) == 143


def test_a_store_that_is_silent_is_told_of_before_the_jobs_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    composed = Composed(study=built(), tracking=Tracking(uri=address))
    found = _open_runs("seeds", [("study=lights",)], [composed], Screen())
    assert found[address].run_id is None
    assert f"Warning: {found[address].problem}" in capsys.readouterr().err


@pytest.mark.parametrize(("deaf", "ignored"), [(True, [(signal.SIGINT, signal.SIG_IGN)]), (False, [])])
def test_a_worker_that_ctrl_c_reaches_leaves_it_to_the_sweep(
    deaf: bool, ignored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to: list[Any] = []
    watched: list[Any] = []
    monkeypatch.setattr(sweep_job, "_guarded", False)
    monkeypatch.setattr("signal.signal", lambda number, handler: set_to.append((number, handler)))
    monkeypatch.setattr(sweep_job, "_end_with", watched.append)
    sweep_job._obey_the_sweep_alone(deaf=deaf)
    sweep_job._obey_the_sweep_alone(deaf=deaf)
    assert (set_to, watched) == (ignored, [os.getppid()]), "one guard a process"

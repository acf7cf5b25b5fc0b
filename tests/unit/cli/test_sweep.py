from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli.screen import Screen
from evalkit.cli.sweep import _refuse_files, _run_all, _unfinished, _what
from evalkit.cli.sweep_job import Sweep
from evalkit.cli.sweep_report import _note, counted, table
from evalkit.cli.sweep_stop import Stop
from evalkit.cli.sweep_watch import Watch, called, short_names
from evalkit.errors import ConfigError, EvalkitError
from evalkit.tracking.store import resolve
from evalkit.tracking.sweep import SweepRun

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

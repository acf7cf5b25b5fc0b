from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

from evalkit.cli import main as module
from evalkit.cli.main import VERBS, evalkit, main
from evalkit.errors import (
    ConfigError,
    DataError,
    DesignRefused,
    EstimationFailed,
    EvalkitError,
    NotSynced,
    ReproductionDiffers,
)

HEAVY = ("pymc", "mlflow", "matplotlib", "pandas", "numpy", "hydra", "omegaconf", "pydantic", "rich", "arviz")


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """A verb ``fail`` that raises what the test puts into the list."""
    errors: list[BaseException] = []

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def fail(as_json: bool) -> None:
        raise errors[0]

    monkeypatch.setitem(VERBS, "fail", ("tests.nowhere:fail", "Fails."))
    monkeypatch.setattr(evalkit, "get_command", lambda ctx, name: fail)
    return errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigError, 2),
        (DataError, 3),
        (DesignRefused, 4),
        (EstimationFailed, 5),
        (NotSynced, 6),
        (ReproductionDiffers, 7),
    ],
)
@pytest.mark.promise("law-no-traceback")
def test_each_kind_of_error_has_its_exit_code_and_no_traceback(
    kind: type[EvalkitError], code: int, raising: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raising.append(kind("Column 'yr' is missing.", allowed="year", next_step="Set data.period."))
    assert main(["fail"]) == code
    shown = capsys.readouterr()
    assert shown.err == "Error: Column 'yr' is missing.\n  Allowed: year\n  Next: Set data.period.\n"
    assert shown.out == ""


def test_errors_are_json_on_stderr_when_asked(raising: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    raising.append(DataError("Row 3 is empty.", next_step="Fill it."))
    assert main(["fail", "--json"]) == 3
    shown = capsys.readouterr()
    assert json.loads(shown.err)["error"] == {
        "kind": "DataError",
        "what": "Row 3 is empty.",
        "allowed": None,
        "next_step": "Fill it.",
        "exit_code": 3,
    }


@pytest.mark.promise("law-no-traceback")
def test_an_unforeseen_error_is_two_lines_that_say_how_to_see_more(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raising.append(ZeroDivisionError("float division by zero"))
    assert main(["fail"]) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: float division by zero" in shown
    assert "EVALKIT_DEBUG=1" in shown
    assert "Traceback" not in shown


def test_the_traceback_is_shown_on_request(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALKIT_DEBUG", "1")
    raising.append(ZeroDivisionError("float division by zero"))
    assert main(["fail"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_ends_with_130(raising: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    raising.append(KeyboardInterrupt())
    assert main(["fail"]) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_sigterm_becomes_an_exception_on_the_way_out_and_ends_with_143(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cleaned = []

    @click.command()
    def wait() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)

    monkeypatch.setitem(VERBS, "wait", ("tests.nowhere:wait", "Waits."))
    monkeypatch.setattr(evalkit, "get_command", lambda ctx, name: wait)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["wait"]) == 143
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) is before
    assert "Terminated" in capsys.readouterr().err


def test_a_title_cannot_steer_the_terminal(raising: list[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
    raising.append(DataError("place \x1b[2J\x07 is unknown"))
    main(["fail"])
    assert "\x1b" not in capsys.readouterr().err


def test_an_unknown_verb_is_answered_with_the_closest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["valdate"]) == 2
    assert "Did you mean 'validate'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["run", "--hlep"], ["list"], ["list", "studis"], ["report"], ["ui", "--port", "x"]]
)
def test_wrong_usage_ends_with_2_and_says_how_it_goes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Next: Usage: evalkit" in capsys.readouterr().err


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"Usage: evalkit {verb}" in capsys.readouterr().out


def test_help_lists_every_verb_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)
    assert "0 done; 2 usage or config; 3 data; 4 design refused" in " ".join(shown.split())


@pytest.mark.parametrize("code", ["import evalkit", "from evalkit.cli.main import main; main(['--help'])"])
def test_help_and_import_load_no_heavy_library(code: str, tmp_path: Path) -> None:
    program = f"import sys\n{code}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_module_can_be_run_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evalkit.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.startswith("evalkit, version ")


def test_the_table_of_verbs_names_commands_that_exist() -> None:
    context = click.Context(module.evalkit)
    for verb in VERBS:
        command = module.evalkit.get_command(context, verb)
        assert command is not None
        assert command.name == verb


def test_an_unforeseen_error_is_json_too_when_asked(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raising.append(ZeroDivisionError("float division by zero"))
    assert main(["fail", "--json"]) == 1
    found = json.loads(capsys.readouterr().err)["error"]
    assert (found["kind"], found["exit_code"]) == ("ZeroDivisionError", 1)
    assert found["what"].endswith("ZeroDivisionError: float division by zero")


@pytest.mark.parametrize(("error", "code"), [(SystemExit(3), 3), (SystemExit("in words"), 1)])
def test_what_ends_the_program_otherwise_keeps_its_code_and_says_nothing_of_a_signal(
    error: SystemExit, code: int, raising: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    raising.append(error)
    assert main(["fail"]) == code
    assert "Terminated" not in capsys.readouterr().err


def test_a_verb_runs_in_another_thread_which_can_take_no_signals(raising: list[BaseException]) -> None:
    raising.append(DataError("Row 3 is empty."))
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["fail"])))
    thread.start()
    thread.join()
    assert codes == [3]

from __future__ import annotations

import json
from typing import Any

import pytest

from evalkit.cli.screen import Screen


def test_progress_is_one_line_a_step_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Screen().progress() as tell:
        tell("Reading")
        tell("Sampling", 0.1)
        tell("Sampling", 0.9)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("] ")[1] for line in lines] == ["Reading", "Sampling"]


def test_progress_is_a_bar_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Screen().progress() as tell:
        tell("Reading [bold]data[/bold]")
        tell("Sampling", 0.5)
    assert capsys.readouterr().out == ""


def test_quiet_shows_no_progress_and_no_notes(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(quiet=True)
    with screen.progress() as tell:
        tell("Reading")
    screen.note("by the way")
    assert capsys.readouterr() == ("", "")


def test_facts_are_aligned_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().facts("lights", {"Headline": "Fewer crimes.", "Notes": "one\ntwo"}, {})
    assert capsys.readouterr().out == "lights\n  Headline  Fewer crimes.\n  Notes     one\n            two\n"


def test_facts_are_a_document_when_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).facts("lights", {"Headline": "x"}, {"headline": "Peña"})
    assert json.loads(capsys.readouterr().out) == {"headline": "Peña"}


def test_a_table_is_lines_or_a_list_of_objects(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("a", "first\nstudy"), ("long name", "second")]
    Screen().table("Studies", ("study", "title"), rows)
    assert capsys.readouterr().out == "study      title\na          first study\nlong name  second\n"
    Screen(as_json=True).table("Studies", ("study", "title"), rows)
    assert json.loads(capsys.readouterr().out)[1] == {"study": "long name", "title": "second"}


def test_a_terminal_gets_frames_and_markup_in_values_stays_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Screen().facts("title", {"Headline": "[red]not a colour[/red] \x1b[2J"}, {})
    Screen().table("Studies", ("study",), [("[link=x]a[/link]",)])
    shown = capsys.readouterr().out
    assert "[red]not a colour[/red]" in shown
    assert "[link=x]a[/link]" in shown
    assert "\x1b[2J" not in shown
    assert "╭" in shown


def test_a_step_that_is_told_of_again_goes_on_in_its_own_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.progress import Progress

    begun: list[str] = []
    shares: list[float | None] = []
    begin, update = Progress.add_task, Progress.update

    def add_task(self: Progress, text: str, **more: Any) -> Any:
        begun.append(text)
        return begin(self, text, **more)

    def updated(self: Progress, task: Any, **more: Any) -> None:
        shares.append(more.get("completed"))
        update(self, task, **more)

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(Progress, "add_task", add_task)
    monkeypatch.setattr(Progress, "update", updated)
    with Screen().progress() as tell:
        tell("Sampling", 0.2)
        tell("Sampling", 0.9)
    assert (begun, shares) == (["Sampling"], [0.2, 0.9])

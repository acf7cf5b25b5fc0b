"""What calibrations gave, one line of JSON a test, beside the page made of it; and what was measured by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from tests.calibrated.measure import Row, row_of

ENDING: Final = ".jsonl"
BY_HAND: Final = "-by-hand.yaml"
PASSED: Final = "passed"
NOT_RUN: Final = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a test last gave.

    Attributes
    ----------
    test
        Its name as pytest has it, parameters included.
    outcome
        ``passed``, ``failed``, or empty where it has never run.
    seconds, date
        Of that run; the day in UTC.
    code
        Fingerprint of what it was measured with.
    older
        The code has changed since, when this was last looked at.
    rows
        What it stated.
    """

    test: str
    outcome: str = NOT_RUN
    seconds: float = 0.0
    date: str = ""
    code: str = ""
    older: bool = False
    rows: tuple[Row, ...] = ()

    @property
    def file(self) -> str:
        """The file of the test."""
        return self.test.partition("::")[0]

    def is_done(self, code: str) -> bool:
        """Whether there is nothing to run again: passed, with this code."""
        return self.outcome == PASSED and self.code == code


@dataclass(frozen=True, slots=True)
class ByHand:
    """A row that no test gives: measured once with seeds of its own, or before results were kept.

    Attributes
    ----------
    test
        The test that measures the same, whose own rows take its place; empty where no test does, as for seeds that
        were used for nothing else.
    how
        Command or seeds.
    """

    row: Row
    date: str
    how: str
    test: str = ""


def read(page: Path) -> dict[str, Result]:
    """Results beside the page, by test; none where there are none yet."""
    file = page.with_suffix(ENDING)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {each.test: each for each in map(_result, map(json.loads, lines))}


def write(page: Path, results: Mapping[str, Result]) -> None:
    """Keep results beside the page: the whole file takes the place of the last one, or nothing does."""
    file = page.with_suffix(ENDING)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    lines = [json.dumps(_plain(results[test]), ensure_ascii=False) for test in sorted(results)]
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(file)


def keep(page: Path, result: Result) -> None:
    """Put one result in the place of the test's last one; whatever else the file holds by now stays."""
    write(page, {**read(page), result.test: result})


def looked_at(before: Mapping[str, Result], codes: Mapping[str, str], *, whole: bool = True) -> dict[str, Result]:
    """Results once tests were collected: those that never ran are there too, those that are gone are not.

    Parameters
    ----------
    codes
        Fingerprint of each test that was collected. Results of files that were not read stay as they are.
    whole
        Whether files were read as wholes, so that what was not found in them is gone.
    """
    read_files = {test.partition("::")[0] for test in codes} if whole else set()
    found = {test: each for test, each in before.items() if each.file not in read_files}
    for test, now in codes.items():
        known = before.get(test, Result(test))
        found[test] = replace(known, older=known.code not in ("", now))
    return found


def read_by_hand(page: Path) -> list[ByHand]:
    """Rows measured by hand, beside the page."""
    file = page.with_name(page.stem + BY_HAND)
    entries = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else []
    return [_by_hand(entry) for entry in entries]


def missing(by_hand: Iterable[ByHand], results: Iterable[Result]) -> list[ByHand]:
    """Rows measured by hand that no test has given since."""
    stated = {each.test for each in results if each.rows}
    return [each for each in by_hand if each.test not in stated]


def _result(plain: Mapping[str, Any]) -> Result:
    return Result(**{**plain, "rows": tuple(row_of(row) for row in plain.get("rows", ()))})


def _plain(result: Result) -> dict[str, Any]:
    head = {name: getattr(result, name) for name in ("test", "outcome", "seconds", "date", "code", "older")}
    return {**head, "rows": [row.plain() for row in result.rows]}


def _by_hand(entry: Mapping[str, Any]) -> ByHand:
    head = {name: str(entry.get(name, "")) for name in ("date", "how", "test")}
    shape: dict[str, Any] = {"rule": "", "note": "", **{k: v for k, v in entry.items() if k not in head}}
    return ByHand(row_of(shape), **head)

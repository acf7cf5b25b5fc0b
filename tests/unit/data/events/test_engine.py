"""What the engine says of a failure, as a person reads it."""

from __future__ import annotations

import pytest

from evalkit.data.events.engine import _reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("IO Error: No space left on device.\n", "IO Error: No space left on device"),
        (
            "Out of Memory Error: failed to pin block\n\nPossible solutions:\n* set memory_limit",
            "Out of Memory Error: failed to pin block",
        ),
        ("Invalid Input Error: line 7\nOriginal Line: Ann,1980\n  column 2", "Invalid Input Error: line 7"),
        ("Binder Error: no column\nLINE 1: SELECT secret", "Binder Error: no column"),
    ],
)
def test_neither_rows_nor_advice_to_others_are_repeated(message: str, reason: str) -> None:
    assert _reason(message) == reason

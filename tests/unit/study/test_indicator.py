"""What an indicator may declare, and how a bad declaration is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.indicator_worlds import spec


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("share", {"measure.out_of": None}, "needs 'out_of'"),
        ("measurement", {"measure.out_of": "all"}, "neither 'out_of' nor 'per'"),
        ("count", {"measure.scale": "log"}, "for measurements"),
        ("count", {"measure.per": 100.0}, "'per' needs 'out_of'"),
        ("count", {"target.value": -1.0}, "below 0"),
        ("share", {"target.value": 101.0}, "above 100, the whole"),
        ("measurement", {"measure.scale": "log", "target.value": 0.0}, "above 0"),
        ("count", {"id": "a b"}, "names a folder"),
        ("count", {"owner": ""}, "at least 1 item"),
        ("count", {"rules": []}, "at least 1"),
        ("count", {"season": 1}, "greater than or equal to 2|valid boolean"),
        ("count", {"data.derive": [{"name": "x", "kind": "first_period_where", "column": "y"}]}, "no treatment"),
        ("count", {"surprise": 1}, "Extra inputs"),
        ("count", {"target.date": True}, "must be a period such as"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_with_its_reason(
    kind: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        spec(kind, **changes)


def test_years_may_be_written_as_numbers() -> None:
    assert spec("count", **{"baseline.start": 2019, "target.date": 2024}).target.date == "2024"

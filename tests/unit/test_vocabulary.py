"""What a check says of itself."""

from __future__ import annotations

import pytest

from evalkit.vocabulary import CheckStatus
from tests.unit.evidence.made import diagnostic


@pytest.mark.parametrize(
    ("status", "passed"), [("pass", True), ("warn", True), ("fail", False), ("informational", None), ("not_run", None)]
)
def test_a_check_passed_unless_it_failed_and_says_nothing_where_it_did_not_judge(
    status: CheckStatus, passed: bool | None
) -> None:
    assert diagnostic("pre_trends", status).passed is passed

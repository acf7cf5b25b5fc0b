from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, INTERNAL_ERROR, TEMPORARILY_UNAVAILABLE

from evalkit.tracking import collisions
from evalkit.tracking.collisions import ATTEMPTS, through_collisions


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collisions, "MOST_SECONDS", 0.0)


class Row:
    """A row whose insertion fails `times` times."""

    def __init__(self, times: int, code: int) -> None:
        self.times, self.code, self.calls = times, code, 0

    def insert(self) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise MlflowException("duplicate key value", error_code=self.code)


@pytest.mark.parametrize("code", [BAD_REQUEST, TEMPORARILY_UNAVAILABLE])
def test_a_row_that_another_process_wrote_first_is_written_once_more(code: int) -> None:
    row = Row(ATTEMPTS - 1, code)
    through_collisions(row.insert)
    assert row.calls == ATTEMPTS


def test_what_goes_on_failing_is_reported() -> None:
    row = Row(ATTEMPTS, BAD_REQUEST)
    with pytest.raises(MlflowException, match="duplicate"):
        through_collisions(row.insert)
    assert row.calls == ATTEMPTS


def test_a_server_that_does_not_answer_is_not_asked_again() -> None:
    row = Row(1, INTERNAL_ERROR)
    with pytest.raises(MlflowException):
        through_collisions(row.insert)
    assert row.calls == 1

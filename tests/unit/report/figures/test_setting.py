from __future__ import annotations

from evalkit.report.figures.setting import Setting


def test_without_a_declared_change_that_matters_there_are_no_marks() -> None:
    assert Setting("jobs", "jobs", "year", "95 % interval").marks == ()

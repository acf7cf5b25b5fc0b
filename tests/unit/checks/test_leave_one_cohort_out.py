"""Leaving out one cohort at a time."""

from __future__ import annotations

import numpy as np

from evalkit.checks.leave_one_cohort_out import LeaveOneCohortOut
from evalkit.data.keep import keep_units
from tests.simulated import context


def test_an_effect_shared_by_all_cohorts_keeps_its_sign() -> None:
    found = LeaveOneCohortOut().run(context(effect=3.0))[0]
    assert found.status == "pass"
    assert found.value == 1.0


def test_an_effect_that_one_cohort_carries_is_a_warning() -> None:
    found = LeaveOneCohortOut().run(context(effect=-1.0, cohort_gap=8.0, cohorts={5: 0.45, 6: 0.2}, noise=0.2))[0]
    details = dict(found.details)
    assert found.status == "warn"
    assert details["lowest"] < 0.0 < details["highest"]


def test_its_figure_holds_the_effect_with_all_and_without_each_cohort() -> None:
    exhibit = LeaveOneCohortOut().run(context(effect=3.0))[0].exhibit
    assert exhibit is not None
    assert exhibit.about == "cohorts"
    assert exhibit.table["left_out"][0] == ""
    assert len(exhibit.table["estimate"]) == 1 + len(context(effect=3.0).panel.cohorts)


def test_one_cohort_cannot_be_left_out() -> None:
    assert LeaveOneCohortOut().run(context(cohorts={5: 0.5}))[0].status == "not_run"


def test_units_are_removed_from_every_array() -> None:
    panel = context().panel
    keep = np.arange(panel.n_units) % 3 != 0
    reduced = keep_units(panel, keep)
    assert reduced.n_units == keep.sum()
    assert np.array_equal(reduced.outcome, panel.outcome[keep])
    assert reduced.units.equals(panel.units[keep])

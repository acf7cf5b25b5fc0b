"""Leaving out one cohort at a time."""

from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.checks.leave_one_cohort_out import LeaveOneCohortOut
from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
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


def test_cohorts_without_which_nothing_can_be_estimated_are_named() -> None:
    made = context(effect=3.0)
    first, *others = made.panel.cohorts

    def picky(panel: Panel) -> Estimate:
        if first not in panel.cohorts:
            raise DesignRefused("Nobody starts early.")
        return made.fit(panel)

    found = LeaveOneCohortOut().run(dataclasses.replace(made, fit=picky))[0]
    label = made.panel.calendar.text(int(first))
    assert f"Not estimable without: {label} (Nobody starts early.)" in found.reading
    assert dict(found.details)["n_skipped"] == 1.0
    assert found.exhibit is not None
    assert len(found.exhibit.table["estimate"]) == 1 + len(others)

    def refuses(panel: Panel) -> Estimate:
        raise DesignRefused("Not these places.")

    none = LeaveOneCohortOut().run(dataclasses.replace(made, fit=refuses))[0]
    assert none.status == "not_run"
    assert none.reading.count("Not these places.") == len(made.panel.cohorts)


def test_effects_of_one_cohort_do_not_differ_between_cohorts() -> None:
    made = context(CallawaySantAnna(), cohorts={5: 0.3, 6: 0.3})
    alone = made.fit(keep_units(made.panel, made.panel.first_treated != made.panel.cohorts[1]))
    both, one = (
        dict(LeaveOneCohortOut().run(dataclasses.replace(made, estimate=each))[0].details)
        for each in (made.estimate, alone)
    )
    assert set(both) - set(one) == {"i_squared", "heterogeneity_p", "sign_reversal"}

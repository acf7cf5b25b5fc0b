from __future__ import annotations

import numpy as np

import evalkit as ek
from evalkit.power.places import places_of
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered


def test_units_are_places_of_their_own_without_clusters() -> None:
    made = places_of(ek.testing.staggered_panel(n_units=9, seed=1))
    assert len(made.starts) == 9
    assert made.units(4).tolist() == [4]


def test_clusters_that_start_together_are_places() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=12, n_periods=6, cohorts={4: 0.5}), 1).frame
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", cluster="cluster"
    )  # fmt: skip
    made = places_of(panel)
    assert made.by_cluster
    assert len(made.starts) == 4
    assert made.units(0).tolist() == [0, 1, 2]


def test_clusters_whose_units_start_apart_leave_units_as_places() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=12, n_periods=6, cohorts={4: 1 / 3}), 1).frame
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", cluster="cluster"
    )  # fmt: skip
    assert not places_of(panel).by_cluster


def test_a_place_has_a_flag_only_where_all_its_units_do() -> None:
    frame = simulate_staggered(StaggeredDesign(n_units=6, n_periods=6, cohorts={4: 0.5}), 1).frame
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort", cluster="cluster"
    )  # fmt: skip
    flags = np.array([True, True, False, True, True, True])
    assert places_of(panel).all_of(flags).tolist() == [False, True]

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.spillover import Spillover
from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.testing.simulate import StaggeredDesign
from evalkit.testing.violations import simulate_spillover
from evalkit.vocabulary import BoolArray, Diagnostic
from tests.simulated import context_of

SAME = 1e-10
"""The same estimator on the same panel."""
NEAR_KM = 10.0
NOISE = 0.25
"""Error of an effect of 2 with noise 0.2 and ten places."""

BY_DISTANCE = Spillover(latitude="latitude", longitude="longitude", rings_km=(NEAR_KM, 50.0))


def _on_a_map(spill: float) -> tuple[CheckContext, BoolArray]:
    """Treated places at the equator; ten comparison places 5 km away, which change as well; the others far north."""
    design = StaggeredDesign(n_units=90, n_periods=8, effect=4.0, noise=0.2, cohorts={5: 0.4})
    panel = simulate_spillover(spill, seed=3, n_near=10, design=design).panel()
    made = context_of(panel, CallawaySantAnna())
    return made, panel.never_treated & (panel.covariate("latitude")[:, 0] < 1.0)


def _rows(found: Diagnostic) -> pd.DataFrame:
    assert found.exhibit is not None
    return pd.DataFrame(dict(found.exhibit.table)).set_index("ring")


def test_places_that_nothing_reached_may_be_left_out() -> None:
    found = BY_DISTANCE.run(_on_a_map(0.0)[0])[0]
    assert found.status == "pass"
    assert dict(found.details)["relative_change"] < 0.05


def test_neighbours_that_changed_as_well_move_the_estimate() -> None:
    """Ten of the comparison places rise by 8, and pull the effect down by 8 x 10 / (number of comparison places)."""
    made, near = _on_a_map(8.0)
    found = BY_DISTANCE.run(made)[0]
    full = made.estimate.aggregation("overall").estimate[0]
    without = made.fit(keep_units(made.panel, ~near)).aggregation("overall").estimate[0]
    assert found.status == "fail"
    np.testing.assert_allclose(_rows(found)["estimate"]["0 to 10 km"], without, rtol=SAME)
    np.testing.assert_allclose(dict(found.details)["relative_change"], (without - full) / full, rtol=SAME)


def test_the_effect_on_the_neighbours_themselves_is_found() -> None:
    rows = _rows(BY_DISTANCE.run(_on_a_map(8.0)[0])[0])
    np.testing.assert_allclose(rows["ring_estimate"]["0 to 10 km"], 8.0, atol=NOISE)


def test_an_empty_ring_leaves_no_places_of_its_own() -> None:
    rows = _rows(BY_DISTANCE.run(_on_a_map(8.0)[0])[0])
    assert (rows["n_left_out"]["10 to 50 km"], rows["n_in_ring"]["10 to 50 km"]) == (10, 0)
    assert np.isnan(rows["ring_estimate"]["10 to 50 km"])


def test_declared_neighbours_do_what_distances_do() -> None:
    made, near = _on_a_map(8.0)
    treated = str(made.panel.units[int(np.flatnonzero(~made.panel.never_treated)[0])])
    others = tuple(str(unit) for unit in made.panel.units[near])
    declared = Spillover(neighbours={treated: others}).run(made)[0]
    by_distance = BY_DISTANCE.run(made)[0]
    np.testing.assert_allclose(declared.value or 0.0, by_distance.value or 1.0, rtol=SAME)
    other_way_round = Spillover(neighbours=dict.fromkeys(others, (treated,))).run(made)[0]
    assert other_way_round.value == declared.value


def test_with_no_comparison_place_near_there_is_nothing_to_leave_out() -> None:
    found = Spillover(latitude="latitude", longitude="longitude", rings_km=(1.0,)).run(_on_a_map(0.0)[0])[0]
    assert found.status == "not_run"
    assert "within 1 km" in found.reading


def test_with_all_comparison_places_near_there_is_nothing_to_compare_with() -> None:
    found = Spillover(latitude="latitude", longitude="longitude", rings_km=(20_100.0,)).run(_on_a_map(0.0)[0])[0]
    assert found.status == "not_run"


def test_without_a_word_on_who_is_near_it_does_not_run() -> None:
    found = Spillover().run(_on_a_map(0.0)[0])[0]
    assert found.status == "not_run"
    assert "coordinates" in found.reading


def test_an_unknown_neighbour_is_refused() -> None:
    with pytest.raises(ConfigError, match="no unit of the data"):
        Spillover(neighbours={"Atlantis": ()}).run(_on_a_map(0.0)[0])


def test_a_place_that_moves_is_refused() -> None:
    made, _ = _on_a_map(0.0)
    moving = made.panel.covariates["latitude"] + made.panel.time[None, :]
    panel = dataclasses.replace(made.panel, covariates={**made.panel.covariates, "latitude": moving})
    with pytest.raises(DataError, match="changes over time"):
        BY_DISTANCE.run(dataclasses.replace(made, panel=panel))


@pytest.mark.parametrize("settings", [{"latitude": "lat"}, {"neighbours": {"a": ("b",)}, "latitude": "lat",
                         "longitude": "lon", "rings_km": (1.0,)}, {"latitude": "lat", "longitude": "lon",
                         "rings_km": (25.0, 10.0)}])  # fmt: skip
def test_settings_name_one_kind_of_nearness(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"neighbours|rings_km"):
        Spillover(**settings)


def test_a_ring_whose_own_change_cannot_be_estimated_has_none() -> None:
    made, _ = _on_a_map(0.0)
    treated = int((~made.panel.never_treated).sum())

    def picky(panel: Panel) -> Estimate:
        if int((~panel.never_treated).sum()) != treated:
            raise DesignRefused("Too few places beyond the ring.")
        return made.fit(panel)

    both, without = (_rows(BY_DISTANCE.run(dataclasses.replace(made, fit=fit))[0]) for fit in (made.fit, picky))
    assert both["ring_estimate"].notna().any()
    assert without["ring_estimate"].isna().all()
    np.testing.assert_array_equal(both["estimate"], without["estimate"])

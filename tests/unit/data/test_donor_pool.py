"""Who is a donor of whom, in which periods."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

import evalkit as ek
from evalkit.data import donor_pool
from evalkit.data.donor_pool import Pool, by_data, donor_pools
from evalkit.errors import DesignRefused
from tests.synthetic_worlds import factor_frame, factor_panel


def panel_of(cohorts: dict[int, int], *, units: int = 6, periods: int = 10) -> ek.Panel:
    frame = factor_frame(1, units=units, periods=periods, start=5, treated=0)
    frame["cohort"] = frame["unit"].map(cohorts).fillna(0).astype(int)
    return ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")


def pool_of(unit: int, pools: Sequence[Pool]) -> Pool:
    return next(pool for pool in pools if pool.unit == unit)


def test_treated_units_and_donors_come_in_the_order_of_their_data_whatever_their_names() -> None:
    frame = factor_frame(1, units=9, periods=10, start=5, treated=0)
    frame["cohort"] = frame["unit"].map({0: 5, 1: 7, 2: 5}).fillna(0).astype(int)
    frame = frame.drop(frame.index[(frame["unit"] == 4) & (frame["period"] == 1)])  # unknown counts as the largest
    seen = []
    for named in (frame, frame.assign(unit=-frame["unit"], y=2.0**20 + 8.0 * frame["y"])):
        panel = ek.Panel.from_frame(named, unit="unit", period="period", outcome="y", cohort="cohort")
        rows = [[pool.unit, *pool.donors] for pool in donor_pools(panel, name="x")[0]]
        seen.append([[abs(int(panel.units[row])) for row in each] for each in rows])
        by_first = panel.outcome[by_data(panel), 0]
        assert np.isnan(by_first[-1])
        assert (np.diff(by_first[:-1]) > 0.0).all()
    assert seen[0] == seen[1]


def test_units_that_agree_at_first_are_ordered_by_later_periods() -> None:
    panel = panel_of({0: 5})
    outcome = panel.outcome.copy()
    outcome[:, :3] = 1.0
    outcome[:, 3] = [3.0, 1.0, 2.0, 6.0, 5.0, 4.0]
    assert by_data(dataclasses.replace(panel, outcome=outcome)).tolist() == [1, 2, 0, 5, 4, 3]


def test_each_treated_unit_has_the_never_treated_as_donors() -> None:
    found, remarks = donor_pools(panel_of({0: 5, 1: 7}), name="x")
    pools = sorted(found, key=lambda pool: pool.unit)
    assert [pool.unit for pool in pools] == [0, 1]
    assert [sorted(pool.donors) for pool in pools] == [[2, 3, 4, 5]] * 2
    assert [int(pool.fit.sum()) for pool in pools] == [4, 6]
    assert [int(pool.post.sum()) for pool in pools] == [6, 4]
    assert remarks == ()


def test_a_unit_that_starts_after_the_window_is_a_donor_unless_it_may_react_within_it() -> None:
    panel = panel_of({0: 5, 1: 11})
    assert sorted(donor_pools(panel, name="x")[0][0].donors) == [1, 2, 3, 4, 5]
    assert sorted(donor_pools(panel, name="x", anticipation=1)[0][0].donors) == [2, 3, 4, 5]


def test_not_yet_treated_units_serve_until_the_end_of_follow_up() -> None:
    panel = panel_of({0: 4, 1: 7})
    short = pool_of(0, donor_pools(panel, name="x", comparison="not_yet_treated", follow_up=2)[0])
    assert 1 in short.donors
    assert short.event_time.max() == 2
    longer = pool_of(0, donor_pools(panel, name="x", comparison="not_yet_treated", follow_up=3)[0])
    assert 1 not in longer.donors


def test_donors_with_gaps_are_left_out_and_named_and_the_treateds_own_gaps_are_skipped() -> None:
    panel = panel_of({0: 5})
    outcome = panel.outcome.copy()
    outcome[2, 7] = outcome[0, 1] = np.nan
    (pool,), remarks = donor_pools(dataclasses.replace(panel, outcome=outcome), name="x")
    assert sorted(pool.donors) == [1, 3, 4, 5]
    assert 1 not in pool.columns
    assert "'2'" in next(remark.text for remark in remarks if remark.id == "donors_left_out")


def test_a_unit_with_too_short_a_history_is_left_out_and_counted() -> None:
    pools, remarks = donor_pools(panel_of({0: 2, 1: 6, 2: 1}), name="x")
    assert [pool.unit for pool in pools] == [1]
    assert {remark.id for remark in remarks} == {"treated_not_fitted", "always_treated_excluded"}


def test_all_treated_is_refused_with_what_is_lacking() -> None:
    with pytest.raises(DesignRefused, match="has no donors"):
        donor_pools(panel_of(dict.fromkeys(range(6), 5)), name="x")


def test_nobody_treated_is_refused() -> None:
    panel = panel_of({0: 5})
    nobody = dataclasses.replace(panel, first_treated=np.full(6, np.iinfo(np.int64).max))
    with pytest.raises(DesignRefused, match="No unit starts"):
        donor_pools(nobody, name="x")


def test_differing_weights_are_refused() -> None:
    panel = panel_of({0: 5})
    weight = np.ones_like(panel.outcome)
    weight[1] = 2.0
    with pytest.raises(DesignRefused, match="no sampling weights"):
        donor_pools(dataclasses.replace(panel, weight=weight), name="x")


def test_too_many_effects_of_single_units_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(donor_pool, "MOST_EFFECTS", 20)
    with pytest.raises(DesignRefused, match="the most it takes is 20"):
        donor_pools(factor_panel(1), name="x")

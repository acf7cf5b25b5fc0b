from __future__ import annotations

import pandas as pd

from evalkit.plan.data import Known, known
from tests.small_study import built, frame


def of(data: pd.DataFrame, *, anticipation: int = 0, last: str | None = None) -> Known:
    return known(data, built(), anticipation=anticipation, key=None, last=last)


def test_outcomes_after_the_start_are_no_part_of_the_fingerprint() -> None:
    data = frame()
    after = (data["start"] > 0) & (data["year"] >= data["start"])
    assert of(data.assign(crimes=data["crimes"].where(~after, -5.0))) == of(data)


def test_any_other_outcome_unit_or_start_is() -> None:
    data, base = frame(), of(frame())
    before = data.index[(data["start"] > 0) & (data["year"] < data["start"])][0]
    untreated = data.index[data["start"] == 0][-1]
    for row in (before, untreated):
        changed = data.copy()
        changed.loc[row, "crimes"] += 1.0
        assert of(changed).before != base.before
    assert of(data.replace({"start": {2015: 2016}})).before != base.before
    assert of(data[data["place"] != "place 23"]).before != base.before


def test_anticipated_periods_are_left_out_too() -> None:
    data = frame()
    last_before = (data["start"] > 0) & (data["year"] == data["start"] - 1)
    moved = data.assign(crimes=data["crimes"].where(~last_before, 99.0))
    assert of(moved, anticipation=1) == of(data, anticipation=1)
    assert of(moved) != of(data)


def test_data_that_have_grown_are_compared_up_to_the_period_of_the_lock() -> None:
    whole = frame()
    early = whole[whole["year"] <= 2014].assign(start=lambda rows: rows["start"].where(rows["start"] <= 2014, 0))
    locked = of(early)
    assert locked.last == "2014"
    assert of(whole, last=locked.last).before == locked.before


def test_a_last_period_that_the_data_do_not_reach_is_their_own_last_one() -> None:
    base, further = of(frame()), of(frame(), last="2050")
    assert (base.last, further.last) == ("2017", "2050")
    assert further.before == base.before

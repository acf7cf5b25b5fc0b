"""Columns of a segmented regression."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.segmented import assemble, change_columns, season_columns, trend_columns

TIME = np.arange(24)


def test_a_step_starts_at_the_start_and_the_slope_counts_from_it() -> None:
    found = change_columns(TIME, 10, "step_and_slope")
    assert found["level"].tolist() == [0.0] * 10 + [1.0] * 14
    assert found["slope"].tolist() == [0.0] * 10 + list(range(14))
    assert list(change_columns(TIME, 10, "step")) == ["level"]


def test_dummies_are_one_a_position_but_the_first() -> None:
    found = season_columns(TIME, "dummies", 12.0, 2)
    assert len(found) == 11
    assert sum(column.sum() for column in found.values()) == 22.0


@pytest.mark.parametrize(("length", "waves"), [(12.0, 4), (4.0, 3), (2.0, 1), (52.1775, 4)])
def test_waves_are_pairs_as_far_as_the_season_has_room(length: float, waves: int) -> None:
    assert len(season_columns(TIME, "harmonics", length, 2)) == waves


def test_trends_are_centred() -> None:
    found = trend_columns(TIME, "quadratic")
    assert found["trend"].mean() == pytest.approx(0.0)
    assert list(trend_columns(TIME, "none")) == []


def test_what_the_programme_s_columns_determine_gives_way_to_them() -> None:
    on = (TIME >= 10).astype(float)
    parts = [("constant", np.ones(24)), ("level", on), ("twin", 3.0 * on + 1.0), ("zero", np.zeros(24))]
    found = assemble(parts, ["level"], np.ones(24, dtype=bool))
    assert found.names == ("constant", "level")
    assert found.absorbed == ("twin", "zero")
    assert found.change.tolist() == [1]

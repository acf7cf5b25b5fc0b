"""Where an indicator stands, what its chart says, and how its target is judged."""

from __future__ import annotations

import numpy as np
import pytest

from tests.indicator_worlds import frame
from tests.unit.indicators.conftest import Made


def test_levels_are_means_over_their_windows(made: Made) -> None:
    found = made("share", **{"target.over": 12})
    table = frame()
    baseline, latest = table.iloc[:36], table.iloc[48:]
    assert found.baseline == pytest.approx(100.0 * baseline["calls"].sum() / baseline["all"].sum())
    assert found.latest.value == pytest.approx(100.0 * latest["calls"].sum() / latest["all"].sum())


def test_a_declared_baseline_moves_the_way_but_not_the_limits(made: Made) -> None:
    plain, declared = made(**{"target.value": 6.0}), made(**{"target.value": 6.0, "baseline.value": 14.0})
    assert declared.baseline == 14.0
    assert declared.chart.high == pytest.approx(plain.chart.high)
    assert declared.way_gone != plain.way_gone


def test_a_fall_is_a_signal_the_wanted_way_where_lower_is_better(made: Made) -> None:
    falling = made("measurement", {"fall": 0.02}, **{"target.value": 4.0})
    after = [each for each in falling.signals if each.place >= 42]
    assert after
    assert all(each.side == -1 and each.wanted for each in after)
    worse = made("measurement", {"fall": 0.02}, **{"target.value": 20.0, "measure.direction": "higher_better"})
    assert not any(each.wanted for each in worse.signals if each.place >= 42)


def test_signals_are_those_of_the_declared_rules(made: Made) -> None:
    falling = made("measurement", {"fall": 0.02}, **{"target.value": 4.0, "rules": ["beyond_limits"]})
    assert {each.rule for each in falling.signals} == {"beyond_limits"}


def test_the_chance_is_the_share_of_draws_that_reach_the_target(made: Made) -> None:
    found = made()
    assert found.outlook is not None
    assert found.outlook.chance == np.mean(found.outlook.drawn <= 20.0) > 0.99
    harder = made(**{"target.value": 11.9})
    assert harder.outlook is not None
    assert 0.05 < harder.outlook.chance < 0.95


def test_the_chance_falls_as_the_target_gets_harder_in_either_direction(made: Made) -> None:
    lower = [made(**{"target.value": value}).outlook for value in (13.0, 11.9, 11.0)]
    higher = [made(**{"target.value": value, "measure.direction": "higher_better"}).outlook
              for value in (11.0, 11.9, 13.0)]  # fmt: skip
    for outlooks in (lower, higher):
        chances = [each.chance for each in outlooks if each is not None]
        assert chances == sorted(chances, reverse=True)
        assert len(chances) == 3


def test_observed_periods_of_the_target_window_are_known(made: Made) -> None:
    """A window of twelve months of which six have been observed is known better than twelve months ahead."""
    half = made(**{"target.date": "2024-06", "target.over": 12}).outlook
    none = made(**{"target.date": "2024-12", "target.over": 12}).outlook
    assert half is not None
    assert none is not None
    assert half.drawn.std() < none.drawn.std()


@pytest.mark.parametrize(("target", "status"), [(30.0, "reached"), (1.0, "missed")])
def test_a_target_in_the_past_was_reached_or_missed(made: Made, target: float, status: str) -> None:
    found = made(**{"target.date": "2023-06", "target.value": target})
    assert found.status == status
    assert found.outlook is None
    assert found.latest.last == 53


def test_the_way_gone_and_the_time_gone(made: Made) -> None:
    found = made(**{"target.value": 6.0, "target.over": 12})
    expected = (found.latest.value - found.baseline) / (6.0 - found.baseline)
    assert found.way_gone == pytest.approx(expected)
    assert found.time_gone == pytest.approx(24 / 36)


def test_a_target_no_better_than_the_baseline_has_no_way(made: Made) -> None:
    assert made(**{"target.value": 20.0}).way_gone is None


def test_a_season_leaves_the_chart(made: Made) -> None:
    past = {"target.date": "2023-06"}
    plain = made("count", {"season": 0.5}, **past)
    without = made("count", {"season": 0.5}, season=True, **past)
    assert len(plain.signals) > 3 * len(without.signals)
    assert np.ptp(without.drawn_chart.centre) == pytest.approx(0.0, abs=1e-9)


def test_the_same_seed_gives_the_same_draws(made: Made, tmp_path: object) -> None:
    from pathlib import Path

    from evalkit.indicators.result import evaluate_indicator
    from tests.indicator_worlds import spec, write

    first = made()
    again = evaluate_indicator(
        spec("measurement", **{"forecast.draws": 1000}), data_root=write(Path(str(tmp_path)), frame()), seed=1
    )
    assert first.outlook is not None
    assert again.outlook is not None
    assert (first.outlook.drawn == again.outlook.drawn).all()

"""Where an indicator stands, what its chart says, and how its target is judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.errors import DataError
from evalkit.indicators import result
from evalkit.indicators.result import Indicator, evaluate_indicator
from evalkit.indicators.words import remarks, sentences
from tests.indicator_worlds import frame, spec, write
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


def test_the_season_of_measurements_is_added_and_leaves_the_drawn_chart(tmp_path: Path) -> None:
    """Days of 12 with a wave of 6 and a noise of 0.05: what the season adds is the wave."""
    table, wave = frame(), 6.0 * np.sin(2.0 * np.pi * np.arange(12) / 12.0)
    table["days"] = 12.0 + np.tile(wave, 5) + 0.05 * np.random.default_rng(2).normal(size=60)
    asked = spec("measurement", season=True, **{"target.date": "2023-06"})
    found = evaluate_indicator(asked, data_root=write(tmp_path, table), seed=1)
    assert found.season is not None
    assert found.season[:12] == pytest.approx(wave, abs=0.2), "means of three years each"
    assert np.ptp(found.drawn_chart.centre) == pytest.approx(0.0, abs=1e-9)
    assert found.drawn_chart.value == pytest.approx(found.chart.value - found.season)


def test_a_season_that_cannot_be_told_is_refused(tmp_path: Path) -> None:
    """No event in any January of the baseline: there is no factor for it."""
    table = frame()
    table.loc[table["month"].str.contains("-01-"), "calls"] = 0
    asked = spec("count", season=True, **{"target.date": "2023-06"})
    with pytest.raises(DataError, match="The season cannot be told"):
        evaluate_indicator(asked, data_root=write(tmp_path, table), seed=1)


def without(tmp_path: Path, months: slice, **changes: Any) -> Indicator:
    """Measurements that nobody took in these months."""
    table = frame()
    table.loc[table.index[months], "days"] = np.nan
    asked = spec("measurement", **{"forecast.draws": 1000, **changes})
    return evaluate_indicator(asked, data_root=write(tmp_path, table), seed=1)


def test_the_latest_level_reaches_back_past_periods_without_data(tmp_path: Path) -> None:
    """Nothing since the baseline: the last twelve months are looked at, whatever they are, then said to be empty."""
    found = without(tmp_path, slice(36, None), **{"target.over": 36, "target.date": "2024-12"})
    known = frame()["days"].iloc[24:36]
    assert found.latest.periods == 12
    assert found.latest.value == pytest.approx(known.mean())


def test_a_latest_level_without_any_data_is_said_to_be_unknown(tmp_path: Path) -> None:
    found = without(tmp_path, slice(58, None), **{"target.value": 6.0})
    said = sentences(found)
    assert found.latest.periods == 0
    assert np.isnan(found.latest.value)
    assert "nan" not in " ".join(said.values())
    assert said["pace"] == ""
    assert any("2 periods" in text for text in remarks(found))


def test_a_passed_date_without_data_is_neither_reached_nor_missed(tmp_path: Path) -> None:
    found = without(tmp_path, slice(53, 54), **{"target.date": "2023-06"})
    assert (found.status, found.outlook) == ("unknown", None)
    assert "2023-06" in sentences(found)["chance"]


def test_a_forecast_that_fails_says_why_and_the_chart_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **settings: object) -> None:
        raise FloatingPointError("no mode was found")

    monkeypatch.setattr(result, "forecast", fails)
    found = without(tmp_path, slice(0, 0))
    assert (found.status, found.outlook) == ("under_way", None)
    assert "no mode was found" in sentences(found)["chance"]
    assert found.chart.value.tolist() == frame()["days"].tolist()


def test_the_same_seed_gives_the_same_draws(made: Made, tmp_path: Path) -> None:
    first = made()
    again = evaluate_indicator(
        spec("measurement", **{"forecast.draws": 1000}), data_root=write(tmp_path, frame()), seed=1
    )
    assert first.outlook is not None
    assert again.outlook is not None
    assert (first.outlook.drawn == again.outlook.drawn).all()

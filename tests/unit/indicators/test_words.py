"""Sentences: what is said in which case, and that the linter reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evalkit.evidence.lint import ForbiddenWording
from evalkit.indicators import phrases
from evalkit.indicators.result import evaluate_indicator
from evalkit.indicators.rules import periods_between
from evalkit.indicators.words import chart_name, remarks, say, sentences
from tests.indicator_worlds import frame, spec, write
from tests.reference.control_chart.published import RUN_LENGTHS
from tests.unit.indicators.conftest import Made


def test_the_banner_is_said_whatever_was_found(made: Made) -> None:
    for found in (made(), made(**{"target.date": "2023-06"})):
        assert sentences(found)["banner"] == "On target is not the same as caused by the programme."


def test_headline_and_outlook_have_the_numbers(made: Made) -> None:
    found = made(**{"target.value": 11.9})
    said = sentences(found)
    assert "Calls answered late" in said["headline"]
    assert "the target is 11.9 by 2024-12" in said["headline"]
    assert "in 100 chance that the target is reached" in said["chance"]
    assert "90 % prediction interval" in said["forecast"]


@pytest.mark.parametrize(("target", "words"), [(30.0, "was reached"), (1.0, "was missed")])
def test_a_past_target_is_judged_and_not_foretold(made: Made, target: float, words: str) -> None:
    said = sentences(made(**{"target.date": "2023-06", "target.value": target}))
    assert words in said["chance"]
    assert said["forecast"] == said["pace"] == ""


def test_signals_are_said_with_their_pattern_and_way(made: Made) -> None:
    falling = sentences(made("measurement", {"fall": 0.02}, **{"target.value": 4.0}))
    assert "the way the city wants" in falling["signal"]
    assert "no special cause" in sentences(made("count", {"seed": 4}))["signal"]


def test_remarks_name_what_limits_rest_on(made: Made) -> None:
    short = " ".join(remarks(made(**{"baseline.start": "2020-09"})))
    assert "limits are provisional" in short
    declared = " ".join(remarks(made(**{"baseline.value": 14.0})))
    assert "declared 14 days" in declared
    past = {"target.date": "2023-06"}
    season = " ".join(remarks(made("count", {"season": 0.5}, season=True, **past)))
    assert "A season of 12 periods" in season
    assert "resemble each other" in " ".join(remarks(made("count", {"season": 0.5}, **past)))


def test_a_pace_beyond_the_target_is_there(made: Made) -> None:
    """Days fall from 12 to below 8: a target of 11 has been passed before its date."""
    found = made("measurement", {"fall": 0.02}, **{"target.value": 11.0})
    assert found.way_gone is not None
    assert found.way_gone > 1.0
    assert sentences(found)["pace"] == say("pace_there", time=f"{100 * found.time_gone:.0f}")


def test_few_events_and_a_far_target_are_remarked(made: Made, tmp_path: Path) -> None:
    table = frame()
    table["calls"] = (np.arange(len(table)) % 3 == 0).astype(int)
    past = {"target.value": 0.2, "target.date": "2023-06"}
    few = evaluate_indicator(spec("count", **past), data_root=write(tmp_path, table), seed=1)
    assert say("remark_few_events", count="0.33") in remarks(few)
    far = made(**{"target.date": "2026-12"})
    assert far.series.timeline.total - far.series.timeline.observed == 36
    assert say("remark_far", ahead="36", observed="60") in remarks(far)


def test_charts_have_the_names_of_textbooks(made: Made) -> None:
    assert chart_name(made().chart, has_exposure=False) == "XmR"
    assert chart_name(made("share").chart, has_exposure=True) == "p"
    assert chart_name(made("count", laney=True).chart, has_exposure=False) in ("c", "c'")


def test_false_alarms_are_stated_as_published() -> None:
    for rules, length in RUN_LENGTHS.items():
        assert periods_between(rules) == pytest.approx(length, abs=0.06)
    assert periods_between(["trend_of_six"]) is None


def test_a_forbidden_word_in_a_template_is_refused_and_in_a_name_is_not() -> None:
    with pytest.raises(ForbiddenWording):
        say("chance", chance="a significant chance")
    assert "significant" in say("headline_no_latest", {
        "title": "A significant title", "latest_window": "w", "unit": "u", "baseline_window": "b", "date": "d",
    }, baseline="1", target="2")  # fmt: skip


def test_every_heading_and_rule_has_words() -> None:
    for rule in ("beyond_limits", "two_of_three", "run_of_eight", "trend_of_six"):
        assert rule in phrases.SENTENCES
        assert f"rule_{rule}" in phrases.HEADINGS
        assert f"name_{rule}" in phrases.HEADINGS
    for chart in ("XmR", "c", "u", "p", "c'", "u'", "p'"):
        assert f"chart_{chart}" in phrases.SENTENCES

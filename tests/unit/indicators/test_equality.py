"""A tree of equality indicators: averages, change, replaced and withheld indicators, the path to targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.config import load_equality
from evalkit.errors import ConfigError, DataError, EvalkitError
from evalkit.indicators.equality_data import read_equality
from evalkit.indicators.equality_document import EqualityDocument, document, tables
from evalkit.indicators.equality_result import Equality, evaluate_equality, policy_of
from evalkit.indicators.equality_words import path_words, remarks, say, score, sentences
from evalkit.language import speaking
from evalkit.numerics.equality_score import score_of
from evalkit.report.measure_bundle import identity_of
from evalkit.study.equality import EqualitySpec
from tests.equality_worlds import SAMPLE, flat_spec, sample_frame

ROOT = Path(__file__).resolve().parents[3]


def flat_frame(levels: dict[tuple[str, str, int], tuple[float, float]]) -> pd.DataFrame:
    """(indicator, group, year) to count and what it is out of."""
    rows = [
        {"indicator": key[0], "group": key[1], "year": key[2], "count": pair[0], "out_of": pair[1]}
        for key, pair in levels.items()
    ]
    return pd.DataFrame(rows)


def world(count: int, ratios: dict[int, list[float]], size: int = 100_000) -> pd.DataFrame:
    """Each indicator's ratio by year; group b has 10 %."""
    return flat_frame(
        {
            (f"i{place}", group, year): (round(0.1 * size * (ratio if group == "a" else 1.0)), size)
            for year, each in ratios.items()
            for place, ratio in enumerate(each[:count])
            for group in "ab"
        }
    )


def evaluate(folder: Path, frame: pd.DataFrame, spec: EqualitySpec) -> Equality:
    frame.to_csv(folder / "x.csv", index=False)
    return evaluate_equality(spec, data_root=folder, seed=3)


@pytest.fixture(scope="module")
def sample() -> Equality:
    """The shipped example."""
    return evaluate_equality(load_equality("sample_city"), data_root=ROOT, seed=0)


def test_the_shipped_table_is_the_simulated_one() -> None:
    shipped = pd.read_csv(ROOT / "configs" / "equality" / "sample_city.csv")
    made = sample_frame().astype({"count": float, "out_of": float, "people": float, "value": float, "std_error": float})
    pd.testing.assert_frame_equal(shipped, made, check_dtype=False)


def test_scores_are_averaged_upward_with_equal_weights(tmp_path: Path) -> None:
    """Three indicators in one topic, one in another: the city is the mean of topics, not of indicators."""
    found = evaluate(tmp_path, world(4, {2020: [2.0] * 4, 2023: [1.0, 2.0, 5.0, 2.0]}), flat_spec("share", 4))
    now = found.data.now
    theme = found.city.children[0]
    assert [topic.scores[now].value for topic in theme.children] == pytest.approx([160.0 / 3.0, 40.0])
    assert theme.scores[now].value == pytest.approx((160.0 / 3.0 + 40.0) / 2.0)
    assert found.city.scores[now].value == pytest.approx(theme.scores[now].value)
    assert found.city.change is not None
    assert found.city.change.value == pytest.approx(theme.scores[now].value - 40.0)


def test_every_level_lies_in_its_interval_and_larger_samples_are_surer(tmp_path: Path) -> None:
    ratios = {2020: [1.5, 2.0, 3.0], 2023: [1.4, 1.9, 2.5]}
    widths = []
    for size in (2_000, 200_000):
        found = evaluate(tmp_path, world(3, ratios, size), flat_spec("share", 3))
        for node in found.city.walk():
            for each in node.scores.values():
                assert 1.0 <= each.low <= each.value <= each.high <= 100.0
        now = found.city.scores[found.data.now]
        widths.append(now.high - now.low)
    assert widths[1] < widths[0] / 5.0


def test_gap_ratio_and_score_stand_together(sample: Equality) -> None:
    node = next(each for each in sample.city.walk() if each.name == "Life expectancy")
    now = node.compared[sample.data.now]
    assert now.second is not None
    assert now.gap is not None
    assert now.ratio is not None
    assert now.gap.value == pytest.approx(now.first.value - now.second.value)
    assert now.ratio.value == pytest.approx(now.second.value / now.first.value)
    assert now.ratio.low < now.ratio.value < now.ratio.high
    assert node.scores[sample.data.now].value == pytest.approx(score_of(now.ratio.value))


def test_the_path_is_arithmetic(sample: Equality) -> None:
    path, city = sample.city.path, sample.city
    assert path is not None
    assert path.needed is not None
    assert city.change is not None
    now = city.scores[sample.data.now].value
    assert path.years_left == 7.0
    assert path.needed == pytest.approx((65.0 - now) / 7.0)
    assert path.so_far.value == pytest.approx(city.change.value / 3.0)
    assert path.ahead is not None
    assert path.ahead.value == pytest.approx(now + 7.0 * path.so_far.value)


def test_a_target_that_is_reached_needs_no_pace(tmp_path: Path) -> None:
    spec = flat_spec("share", 1, target={"score": 30, "date": "2030"})
    found = evaluate(tmp_path, world(1, {2020: [4.0], 2023: [1.5]}), spec)
    assert found.city.path is not None
    assert found.city.path.needed == 0.0
    assert "is reached now" in sentences(found)["path"]


def test_a_percentage_of_the_city_is_its_own_score(sample: Equality) -> None:
    node = next(each for each in sample.city.walk() if each.name.startswith("Transit stops"))
    assert node.scores[sample.data.now].value == pytest.approx(100.0 * 385 / 900)
    assert node.compared[sample.data.now].ratio is None


def test_a_replaced_indicator_is_named(sample: Equality) -> None:
    assert any("took the place of 'Bank branches', in earlier years too" in text for text in remarks(sample))


def test_groups_of_few_people_are_withheld_in_every_year_and_from_every_average(tmp_path: Path) -> None:
    frame = world(3, {2020: [2.0] * 3, 2023: [2.0, 5.0, 2.0]}, 1_000)
    few = (frame["indicator"] == "i1") & (frame["year"] == 2020) & (frame["group"] == "a")
    frame.loc[few, "count"] = 4
    plain = flat_spec("share", 3).model_dump(mode="json")
    spec = EqualitySpec.model_validate({**plain, "data": {**plain["data"], "about": "people"}})
    found = evaluate(tmp_path, frame, spec)
    hidden = next(node for node in found.city.walk() if node.name == "i1")
    assert hidden.withheld
    assert not hidden.scores
    assert found.city.scores[found.data.now].value == pytest.approx(40.0), "the mean of the two that may be shown"
    scores, gaps, record = tables(found)
    assert "i1" not in set(scores["name"]) | set(gaps["indicator"])
    assert len(record.suppressed) == 1
    assert any("are withheld" in text for text in remarks(found))


def test_measurements_of_people_without_a_count_are_withheld(tmp_path: Path) -> None:
    rows = [{"indicator": "i0", "group": group, "year": year, "value": 2.0 if group == "a" else 4.0, "std_error": 0.1}
            for group in "ab" for year in (2020, 2023)]  # fmt: skip
    plain = flat_spec("measurement", 1).model_dump(mode="json")
    data = {**plain["data"], "about": "people", "count": None, "out_of": None}
    found = evaluate(tmp_path, pd.DataFrame(rows), EqualitySpec.model_validate({**plain, "data": data}))
    assert not found.city.scores
    assert "too small" in sentences(found)["headline"]


def test_small_equal_groups_come_with_what_equality_itself_would_score(tmp_path: Path) -> None:
    found = evaluate(tmp_path, world(3, {2020: [1.0] * 3, 2023: [1.0] * 3}, 300), flat_spec("share", 3))
    assert found.city.noise_score == pytest.approx(86.0, abs=2.0)
    assert any("equal would score about" in text for text in remarks(found))


def base() -> pd.DataFrame:
    return world(2, {2020: [2.0, 2.0], 2023: [1.5, 2.0]}, 1_000)


@pytest.mark.parametrize(
    ("frame", "changes", "words"),
    [
        (base().query("not (indicator == 'i1' and year == 2023)"), {}, "'i1' has no data for a in 2023"),
        (base().query("not (indicator == 'i1' and year == 2020)"), {}, "the baseline takes every indicator"),
        (pd.concat([base(), base()]), {}, "has two rows"),
        (base().query("indicator == 'i0'"), {}, "'i1' is not in column 'indicator'"),
        (base().replace({"group": {"a": "A"}}), {}, "compares the group 'a', which has no row"),
        (base().assign(out_of=10), {}, "which is no share"),
        (base().assign(out_of=0), {}, "out of 0"),
        (base().query("year == 2020"), {}, "Change since a baseline takes two years"),
        (base().assign(year=lambda table: table["year"] + 0.25), {}, "holds no whole years"),
        (base(), {"baseline": "2019"}, "is no year of the data"),
        (base(), {"baseline": "2023"}, "nothing can have changed"),
        (base(), {"target": {"score": 60, "date": "2020"}}, "is not after the baseline"),
        (base(), {"target": {"score": 60, "date": "later"}}, "is no year"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    tmp_path: Path, frame: pd.DataFrame, changes: dict[str, Any], words: str
) -> None:
    frame.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(EvalkitError) as error:
        read_equality(flat_spec("share", 2, **changes), tmp_path)
    assert isinstance(error.value, ConfigError | DataError)
    assert words in str(error.value)


@pytest.mark.parametrize(("value", "error", "words"), [(0.0, 0.1, "takes levels above 0"), (2.0, 0.0, "error of 0")])
def test_a_measurement_without_a_level_or_an_error_is_refused(
    tmp_path: Path, value: float, error: float, words: str
) -> None:
    rows = [{"indicator": "i0", "group": group, "year": year, "value": 4.0, "std_error": 0.1}
            for group in "ab" for year in (2020, 2023)]  # fmt: skip
    rows[1] |= {"value": value, "std_error": error}
    pd.DataFrame(rows).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(DataError, match=words):
        read_equality(flat_spec("measurement", 1), tmp_path)


def test_groups_that_are_not_compared_and_cells_without_numbers_play_no_part(tmp_path: Path) -> None:
    third = base().query("group == 'a'").assign(group="c", count=-5)
    empty = base().query("year == 2020").assign(year=2021, count=np.nan)
    pd.concat([base(), third, empty]).to_csv(tmp_path / "x.csv", index=False)
    found = read_equality(flat_spec("share", 2), tmp_path)
    base().to_csv(tmp_path / "x.csv", index=False)
    assert found.cells == read_equality(flat_spec("share", 2), tmp_path).cells


def test_counts_of_a_restricted_source_are_of_people_even_where_others_publish_them() -> None:
    plain = flat_spec("share", 1).model_dump(mode="json")
    assert policy_of(EqualitySpec.model_validate(plain)).subject == "places"
    closed = policy_of(EqualitySpec.model_validate({**plain, "data": {**plain["data"], "restricted": True}}))
    assert (closed.subject, closed.reason) == ("persons", "the source is restricted")


def test_a_target_whose_year_is_past_has_no_pace_and_a_change_through_0_is_unclear(tmp_path: Path) -> None:
    spec = flat_spec("share", 1, target={"score": 90, "date": "2023"})
    found = evaluate(tmp_path, world(1, {2020: [2.0], 2023: [2.0]}, 1_000), spec)
    path, now = found.city.path, found.city.scores[found.data.now]
    assert path is not None
    assert (path.needed, path.ahead, path.years_left) == (None, None, 0.0)
    said = sentences(found)
    names = {"date": "2023"}
    assert said["path"] == say("path_over", names, target="90", score=score(now.value))
    assert found.city.change is not None
    assert found.city.change.low < 0.0 < found.city.change.high
    assert "unclear" in said["change"] or "0" in said["change"]
    assert path_words(None, now) == say("path_none")


def test_words_without_a_translation_are_listed_and_no_year_is_left_out_where_nothing_is_scored(
    tmp_path: Path,
) -> None:
    frame = world(1, {2020: [2.0], 2021: [2.0], 2023: [2.0]}, 20)
    plain = flat_spec("share", 1).model_dump(mode="json")
    spec = EqualitySpec.model_validate({**plain, "data": {**plain["data"], "about": "people"}})
    found = evaluate(tmp_path, frame, spec)
    assert not found.city.scores
    with speaking("es"):
        told = remarks(found)
    assert len(told) == 2
    assert "i0" in told[0]
    assert "Años" not in " ".join(told)


def test_a_year_in_which_an_indicator_is_missing_is_left_out_above_it(tmp_path: Path) -> None:
    frame = world(2, {2020: [2.0, 2.0], 2021: [2.0, 2.0], 2023: [1.5, 2.0]})
    found = evaluate(tmp_path, frame.query("not (indicator == 'i1' and year == 2021)"), flat_spec("share", 2))
    assert len(found.city.scores) == 2
    assert any("Years left out" in text and "2021" in text for text in remarks(found))


def test_the_document_reads_back_as_written(sample: Equality) -> None:
    _, gaps, record = tables(sample)
    made = document(sample, identity_of(sample.spec, {"git_sha": None}, 0, sample.data.data_sha), record)
    assert EqualityDocument.model_validate_json(made.to_json()) == made
    assert made.approximate
    assert made.top.kind == "city"
    assert len([node for node in made.nodes if node.kind == "indicator"]) == len(SAMPLE) + 1
    assert np.isfinite(gaps[gaps["indicator"] == "Unemployment"]["ratio"].to_numpy(float)).all()


def test_sentences_are_descriptive(sample: Equality) -> None:
    said = sentences(sample)
    assert said["banner"] == "A better score is not the same as caused by the programme."
    assert "descriptive" in said["descriptive"]
    assert "points a year from now on" in said["path"]
    assert not any("probability" in text or "chance" in text for text in said.values())

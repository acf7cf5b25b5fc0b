"""Indicators and equality trees by name: overrides, priorities, ids and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config import compose_measure, load_equality, load_indicator, measures
from evalkit.errors import ConfigError

NAME = "california_fatal_accidents"


def test_the_shipped_examples_load_and_are_listed() -> None:
    assert load_indicator(NAME).id == NAME
    assert load_equality("sample_city").id == "sample_city"
    assert NAME in measures("indicator")
    assert "sample_city" in measures("equality")


def test_overrides_reach_the_parts() -> None:
    made = compose_measure("indicator", NAME, ["indicator.target.value=8", "seed=7", "tracking.uri=http://x:1"])
    assert load_indicator(NAME, ["indicator.forecast.trend=local_level"]).forecast.trend == "local_level"
    assert made.seed == 7
    assert made.tracking.uri == "http://x:1"


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("california_fatal_accident", [], "Did you mean 'california_fatal_accidents'?"),
        (NAME, ["indicator.target.vaule=8"], "Did you mean 'value'?"),
        (NAME, ["indicator.priority=mobilty"], "Did you mean 'mobility'?"),
        (NAME, ["study=castle_doctrine"], "Unknown key 'study'"),
        (NAME, ["indicator.measure.direction=lower"], "lower_better"),
        (NAME, ["seed=-1"], "seed must be a whole number"),
        (NAME, ["+indicator._target_=os.system"], "is refused"),
    ],
)
def test_what_is_unknown_is_refused_with_the_nearest_word(name: str, overrides: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_indicator(name, overrides)
    assert words in str(error.value)


def test_a_copied_file_must_change_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "configs" / "indicator"
    folder.mkdir(parents=True)
    shipped = Path(__file__).resolve().parents[3] / "configs" / "indicator" / f"{NAME}.yaml"
    (folder / "mine.yaml").write_text(shipped.read_text("utf-8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="has the id"):
        load_indicator("mine", config_dir=tmp_path / "configs")


def test_data_that_ship_with_a_config_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = compose_measure("equality", "sample_city").data_root
    assert (root / "configs" / "equality" / "sample_city.csv").is_file()

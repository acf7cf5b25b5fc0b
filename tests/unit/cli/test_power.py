from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cli.power import sizes_of, starts_of
from evalkit.errors import ConfigError


@pytest.mark.parametrize("text", ["", "0", "3,x", "2;3", "-1"])
def test_sizes_that_are_not_whole_numbers_above_zero_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--cohorts must be"):
        sizes_of(text)


@pytest.mark.parametrize("text", ["2026", "2026=x", "=3", "2026=0", ""])
def test_starts_without_a_period_or_a_number_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--schedule must give"):
        starts_of(text)


def test_a_period_named_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="names a period twice"):
        starts_of("2026=1,2026=2")


def test_a_schedule_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("2026: 22\n2027: 78\n", encoding="utf-8")
    assert starts_of(str(file)) == {"2026": 22, "2027": 78}


@pytest.mark.parametrize(
    ("content", "words"), [("- 2026\n", "one line"), ("2026: [", "cannot be read"), ("2026: many\n", "must give")]
)
def test_a_file_that_is_no_schedule_is_refused(content: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.yml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        starts_of(str(file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        starts_of(str(tmp_path / "none.yaml"))

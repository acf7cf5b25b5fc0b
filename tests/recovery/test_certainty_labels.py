"""The benchmark of certainty labels: its worlds are what they say, and its table counts right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.evidence.certainty_labels import by_assumption, by_label, row_of, run
from benchmarks.evidence.certainty_worlds import BIASED, WORLDS, rng_of


def row(label: str, truth: float, covers: bool, finding: str, world: str = "lottery") -> dict[str, Any]:
    return {"world": world, "label": label, "truth": truth, "covers": covers, "finding": finding}


def test_a_lottery_and_a_lone_series_go_from_file_to_label(tmp_path: Path) -> None:
    lottery, series = row_of("lottery", 0, tmp_path), row_of("series", 2, tmp_path)
    assert lottery["label"] in ("High", "Moderate")
    assert series["label"] in ("Low", "Very low")
    for found in (lottery, series):
        assert found["low"] <= found["effect"] <= found["high"]
        assert found["covers"] == (found["low"] <= found["truth"] <= found["high"])


def test_a_run_that_was_broken_off_goes_on_where_it_was(tmp_path: Path) -> None:
    first = run(["series_short"], 1, tmp_path)
    kept = (tmp_path / "studies.jsonl").read_text("utf-8")
    assert run(["series_short"], 1, tmp_path) == first
    assert (tmp_path / "studies.jsonl").read_text("utf-8") == kept
    assert json.loads(kept)["world"] == "series_short"


def test_labels_count_coverage_wrong_signs_and_false_findings() -> None:
    rows = [
        row("High", 1.0, True, "favourable"),
        row("High", 1.0, False, "unfavourable"),
        row("High", 0.0, True, "inconclusive"),
        row("High", 0.0, False, "favourable"),
        row("Low", -1.0, True, "unfavourable", "bad_year"),
    ]
    high = by_label(rows).set_index("label").loc["High"]
    assert (high["studies"], high["covered"]) == (4, 0.5)
    assert (high["sign_errors"], high["false_findings"]) == (0.5, 0.5)
    apart = by_assumption(rows).set_index(["assumption", "label"])["studies"].to_dict()
    assert (apart["true", "High"], apart["false", "High"], apart["false", "Low"]) == (4, 0, 1)


def test_every_world_can_be_drawn_and_the_same_number_gives_the_same_study() -> None:
    assert set(WORLDS) > BIASED
    for name, world in WORLDS.items():
        one, other = (world.draw(rng_of(name, 5), 1.0) for _ in range(2))
        assert one.frame.equals(other.frame)
        assert np.isfinite(one.truth)
        assert one.truth == pytest.approx(1.0, abs=0.3)

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.tracking import note
from evalkit.tracking.bundle import Bundle
from tests.unit.tracking.bundles import HEADLINE, evidence, write_bundle


def _bundle(tmp_path: Path, **blocks: dict[str, object]) -> Bundle:
    return Bundle.read(write_bundle(tmp_path, run_id="u-1", summary=evidence("u-1", **blocks)))


def test_the_first_line_is_the_headline_as_one_plain_sentence(tmp_path: Path) -> None:
    assert note.render(_bundle(tmp_path), "1", "ab").splitlines()[0] == HEADLINE


def test_certainty_effect_link_and_figure_are_there(tmp_path: Path) -> None:
    text = note.render(_bundle(tmp_path), "1", "ab")
    assert "Low" in text
    assert "0.094 (−0.27 to 0.48) per 100,000 residents" in text
    assert "95 % confidence interval" in text
    assert 'href="#/experiments/1/runs/ab/artifacts/brief.html?workflowType=machine_learning"' in text
    assert 'src="get-artifact?path=figures/strip.svg&amp;run_uuid=ab"' in text


def test_a_run_that_is_not_rated_says_what_to_do_and_shows_no_effect(tmp_path: Path) -> None:
    todo = "Certainty is not rated because the sampler did not settle. It could be rated if the model were run again."
    bundle = _bundle(tmp_path, rating={"label": "Not rated", "certainty": None}, sentences={"certainty": todo})
    text = note.render(bundle, "1", "ab", has_strip=False)
    assert text.splitlines()[2] == todo
    assert "not stated" in text
    assert "0.094" not in text
    assert "0.019" not in text
    assert "interval" not in text


def test_it_stays_below_what_mlflow_shows(tmp_path: Path) -> None:
    text = note.render(_bundle(tmp_path, sentences={"headline": "*" * 20_000}), "1", "ab")
    assert len(text) < note.NOTE_CHARACTERS


@pytest.mark.promise("secure-names-tracking")
def test_a_hostile_name_stays_text(tmp_path: Path) -> None:
    bundle = _bundle(
        tmp_path,
        sentences={"headline": "<img src=x onerror=alert(1)> [x](javascript:y) `z`\nsecond line"},
        rating={"label": "<script>alert(1)</script>"},
    )
    text = note.render(bundle, "1", "ab")
    assert "\n<" not in text.splitlines()[0]
    assert "\\<img" in text
    assert "\\[x\\]" in text
    assert "<script>" not in text


def test_without_a_natural_unit_the_analysed_effect_is_shown(tmp_path: Path) -> None:
    assert "0.019 (−0.056 to 0.095) log points" in note.render(_bundle(tmp_path, natural={"absolute": {}}), "1", "ab")


def test_a_primary_estimate_that_was_refused_reads_as_not_stated(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, natural={"absolute": {}})
    bundle.primary["effect"].update(value=None, low=None, high=None)
    assert "not stated" in note.render(bundle, "1", "ab")


def test_an_effect_without_bounds_is_told_without_them() -> None:
    assert note.effect_in_words({"value": 0.5, "low": None, "high": None, "unit": "calls"}) == "0.5 calls"
    assert note.effect_in_words({"value": 0.5, "low": 0.25, "high": 0.75, "unit": ""}) == "0.5 (0.25 to 0.75)"


def test_a_sample_that_is_withheld_reads_as_not_stated(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path, sample={"n_treated_units": {"value": None, "how": "missing", "reason": "too few"}})
    assert note._sample(bundle) == "not stated"
    assert note._sample(_bundle(tmp_path / "whole")) == "21 of 50"

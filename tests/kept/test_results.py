"""No number that an estimator gives changes unseen."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from tests.kept.results import KEPT, defaults, differences, made, names

TOLERANCE = {
    "interrupted_time_series, one series": 1e-5,
    "interrupted_time_series, counts": 1e-5,
    "synthetic_did": 1e-5,
}
"""Relative, 1e-6 elsewhere: likelihoods and ridges that are nearly flat at their best point."""


@functools.cache
def kept() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("name", names())
def test_what_an_estimator_says_of_a_panel_is_what_it_said(name: str) -> None:
    """If the change is meant: python -m tests.kept.results, and CHANGELOG.md says which published numbers change."""
    before, now = kept()["results"][name], made(name)
    assert set(now) == set(before)
    changed = [
        f"seed {seed}, {difference}"
        for seed in before
        for difference in differences(now[seed], before[seed], TOLERANCE.get(name, 1e-6))
    ]
    assert not changed, "\n".join(changed)


def test_everything_that_is_kept_is_still_made() -> None:
    assert set(kept()["results"]) == set(names())


def test_what_a_study_need_not_say_is_done_as_it_was() -> None:
    assert defaults() == kept()["defaults"]

"""No number that an estimator gives changes unseen."""

from __future__ import annotations

import json

import pytest

from tests.kept.results import KEPT, differences, made, names

TOLERANCE = {
    "interrupted_time_series, one series": 1e-5,
    "interrupted_time_series, counts": 1e-5,
    "synthetic_did": 1e-5,
}
"""Relative, 1e-6 elsewhere: likelihoods and ridges that are nearly flat at their best point."""


@pytest.mark.parametrize("name", names())
def test_what_an_estimator_says_of_a_panel_is_what_it_said(name: str) -> None:
    """If the change is meant: python -m tests.kept.results, and CHANGELOG.md says which published numbers change."""
    before, now = json.loads(KEPT.read_text(encoding="utf-8"))[name], made(name)
    assert set(now) == set(before)
    changed = [
        f"seed {seed}, {difference}"
        for seed in before
        for difference in differences(now[seed], before[seed], TOLERANCE.get(name, 1e-6))
    ]
    assert not changed, "\n".join(changed)


def test_everything_that_is_kept_is_still_made() -> None:
    assert set(json.loads(KEPT.read_text(encoding="utf-8"))) == set(names())

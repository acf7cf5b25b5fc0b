from __future__ import annotations

from evalkit.cli import overview
from evalkit.estimators.base import Needs


def test_the_shipped_overview_says_what_the_code_says() -> None:
    shipped, built = overview.read(), overview.build()
    stale = "evalkit/cli/overview.json is behind the code: run `python -m evalkit.cli.overview`"
    assert shipped["estimators"] == built["estimators"], stale
    assert shipped["checks"] == built["checks"], stale
    assert shipped["keys"] == built["keys"], stale


def test_the_keys_of_a_study_come_with_the_words_they_may_hold() -> None:
    keys = overview.read()["keys"]
    assert keys["design.comparison"] == ["never_treated", "not_yet_treated"]
    assert keys["data.restricted"] == ["false", "true"]
    assert keys["data.source.path"] == []
    assert "outcomes" in keys  # a list: its entries have no key of their own


def test_needs_are_put_into_words() -> None:
    assert overview.in_words(Needs(answers="", pre_periods=1)) == "1 period before the start; treatment that stays on"
    assert overview.in_words(Needs(answers="", pre_periods=0, absorbing=False)) == ""

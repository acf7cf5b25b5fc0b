from __future__ import annotations

from evalkit.estimators.registry import estimators
from evalkit.report.wording import clip, estimator_title


def test_cutting_joins_lines_and_counts_words() -> None:
    assert clip("a\nb  c d", 3) == "a b c …"
    assert clip("a\nb", 3) == "a b"


def test_every_estimator_has_a_title_without_underscores() -> None:
    titles = [estimator_title(name) for name in estimators()]
    assert titles
    assert not [title for title in titles if "_" in title or not title[0].isupper()]

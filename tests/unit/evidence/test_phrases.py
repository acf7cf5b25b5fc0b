"""The templates: complete, and whole."""

from __future__ import annotations

import string

from evalkit.evidence.phrases import RULE_WORDS, SENTENCES
from evalkit.evidence.standard import shipped

PARTS = (
    "levels_", "fall", "rise", "no_difference", "mid_", "interval_", "chance_a", "chance_over", "chance_under", "fix_",
    "p_value", "p_below", "p_placebo", "p_randomization", "p_adjusted", "limit_", "short_", "inference_few",
    "inference_asked", "draws_",
)  # fmt: skip
"""Templates that stand inside another sentence, or in a list."""


def test_every_rule_that_can_count_says_why_and_what_would_lift_it() -> None:
    counting = {name for name, rule in shipped().rules.items() if rule.kind != "upgrade"}
    assert {key.partition("/")[0] for key in RULE_WORDS} == counting


def test_templates_are_whole_sentences_with_named_placeholders() -> None:
    for key, template in SENTENCES.items():
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
        assert all(name.isidentifier() for name in names), key
        whole = not key.startswith(PARTS)
        assert template.endswith((".", "{reasons}")) == whole, key


def test_clauses_are_clauses() -> None:
    for because, fix in RULE_WORDS.values():
        assert not because.endswith(".")
        assert not fix.endswith(".")
        assert because[0].islower()
        assert fix[0].islower()

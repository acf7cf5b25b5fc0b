"""Validation errors are worded so that the key can be found and put right."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from evalkit.study.spec import Outcome
from evalkit.study.validation import explain


def worded(**changes: Any) -> str:
    declared = {"name": "calls", "column": "calls", "unit": "calls", "direction": "lower_better", **changes}
    with pytest.raises(ValidationError) as caught:
        Outcome.model_validate(declared)
    return str(explain(caught.value, Outcome, where="of study 'x'", prefix="study.outcomes.0."))


def test_a_misspelt_key_is_answered_with_the_closest() -> None:
    assert "Did you mean 'column'?" in worded(colunm="calls")


def test_the_rest_of_a_text_with_a_comma_in_it_is_explained() -> None:
    message = worded(**{"000 residents": None})  # what YAML makes of {unit: per 1,000 residents}
    assert "quote the text" in message
    assert "quote the text" not in worded(zzzz="a value")

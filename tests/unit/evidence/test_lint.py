"""The linter: what a summary must never say."""

from __future__ import annotations

import pytest

from evalkit.evidence.lint import ForbiddenWording, lint
from evalkit.evidence.standard import shipped

PROSE = shipped().prose


@pytest.mark.parametrize(
    "sentence",
    [
        "The programme has no effect.",
        "There was No Impact on crime.",
        "The result is statistically significant.",
        "Statistical significance matters.",
        "This proves that it works.",
        "A proven programme.",
        "The study failed to find a change.",
        "There is a trend toward fewer crimes.",
    ],
)
def test_forbidden_words_are_refused(sentence: str) -> None:
    with pytest.raises(ForbiddenWording, match="forbidden"):
        lint(sentence, PROSE, bayesian=True)


@pytest.mark.parametrize("sentence", ["The probability is high.", "There is a 9 in 10 chance."])
def test_chances_are_refused_on_a_frequentist_run_only(sentence: str) -> None:
    with pytest.raises(ForbiddenWording, match="frequentist"):
        lint(sentence, PROSE, bayesian=False)
    assert lint(sentence, PROSE, bayesian=True) == sentence


@pytest.mark.parametrize("sentence", ["It reduces crime.", "Crime increased.", "It caused harm.", "Lives were saved."])
def test_causal_verbs_are_refused_at_very_low_certainty_only(sentence: str) -> None:
    with pytest.raises(ForbiddenWording, match="Very low"):
        lint(sentence, PROSE, bayesian=False, very_low=True)
    assert lint(sentence, PROSE, bayesian=False) == sentence


@pytest.mark.parametrize("sentence", ["About 123 fewer.", "By 0.123 points.", "From 12,300 to 1.23 million."])
def test_numbers_with_many_digits_are_refused_in_prose(sentence: str) -> None:
    with pytest.raises(ForbiddenWording, match="significant digits"):
        lint(sentence, PROSE, bayesian=False)
    assert lint(sentence, PROSE, bayesian=False, digits=False) == sentence


def test_look_alikes_pass() -> None:
    sentence = "Improvements in Providence: an approved change, 1.2 million or 0.0012, about 85,000 and 95 %."
    assert lint(sentence, PROSE, bayesian=False) == sentence

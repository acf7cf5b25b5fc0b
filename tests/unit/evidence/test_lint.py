"""The linter: what a summary must never say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkit.evidence.lint import ForbiddenWording, lint
from evalkit.evidence.standard import shipped

PROSE = shipped().prose
PACKAGE = Path(__file__).parents[3] / "evalkit"


def strings(file: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the strings of a file that are not docstrings, the fixed parts of f-strings joined."""
    tree = ast.parse(file.read_text("utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            yield node.lineno, "".join(part for part in parts if isinstance(part, str))


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


@pytest.mark.parametrize("folder", ["checks", "data", "estimators", "inference", "numerics"])
def test_reasons_that_a_check_may_repeat_hold_no_forbidden_words(folder: str) -> None:
    """A check that cannot run says why in the summary, in the words of the estimator that refused."""
    words = [*PROSE.forbidden, *(PROSE.forbidden_frequentist if folder == "checks" else [])]
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\b", flags=re.IGNORECASE)
    said = [
        f"{file.name}:{line}: {text}"
        for file in sorted((PACKAGE / folder).glob("*.py"))
        for line, text in strings(file)
        if pattern.search(text)
    ]
    assert said == []

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.evaluation import evaluate
from evalkit.report import repeat
from evalkit.report.repeat import compare, conditions, headline_numbers
from evalkit.study.spec import Choice
from tests.small_study import built, write_data


def evidence(effect: float = 1.0) -> dict[str, Any]:
    """As much of a summary as is compared."""
    row = {
        "label": "primary", "role": "primary", "effect": {"value": effect, "low": 0.0, "high": 2.0},
        "std_error": {"value": 0.5}, "p_value": {"value": 0.04}, "p_benefit": {"value": None},
    }  # fmt: skip
    return {
        "identity": {"data_sha": "sha256:a", "config_sha": "c", "evalkit_version": "1"},
        "estimates": [row],
        "natural": {"absolute": {"effect": {"value": effect, "low": 0.0, "high": 2.0}}},
        "finding": {"label": "favourable"},
        "rating": {"label": "Low"},
    }


@pytest.mark.promise("repeat-figures")
def test_every_number_that_a_sentence_rests_on_is_compared() -> None:
    found = headline_numbers(evidence())
    assert found["primary: effect"] == 1.0
    assert found["primary: p_value"] == 0.04
    assert found["absolute: high"] == 2.0
    assert found["certainty"] == "Low"


@pytest.mark.parametrize(
    ("was", "now", "tolerance", "state"),
    [
        (1.0, 1.0, 0.0, "identical"),
        (1.0, 1.0 + 1e-9, 1e-8, "within tolerance"),
        (1.0, 1.0 + 1e-7, 1e-8, "differs"),
        (1.0, None, 1e-8, "differs"),
        ("favourable", "inconclusive", 0.0, "differs"),
        ("Low", "Low", 0.0, "identical"),
    ],
)
@pytest.mark.promise("repeat-figures")
def test_a_number_is_identical_within_tolerance_or_differs(was: Any, now: Any, tolerance: float, state: str) -> None:
    assert repeat._state(was, now, tolerance) == state


def test_the_error_of_a_quantile_is_that_of_independent_draws() -> None:
    draws = np.random.default_rng(0).standard_normal(200_000)
    size, p = 4_000.0, 0.025
    density = math.exp(-(1.959964**2) / 2) / math.sqrt(2 * math.pi)
    expected = math.sqrt(p * (1 - p) / size) / density
    assert repeat._quantile_error(draws, p, size) == pytest.approx(expected, rel=0.05)  # the density is not constant


@pytest.mark.promise("repeat-conditions")
def test_what_a_repetition_depends_on_is_said_as_it_was_and_is() -> None:
    before = {"git_sha": "a", "python": {"version": "3.11.1"}, "packages": {"numpy": "2.0", "scipy": "1.1"}}
    now = {**before, "git_sha": "b", "packages": {"numpy": "2.1", "scipy": "1.1"}}
    held = conditions(evidence(), before, now, config_sha="c", data_sha="sha256:a")
    assert held["git commit"] == ("a", "b")
    assert held["numpy"] == ("2.0", "2.1")
    assert held["data fingerprint"] == ("sha256:a", "sha256:a")
    assert "scipy" not in held
    assert held["CPU"] == ("none", "none")


PROVENANCE: dict[str, Any] = {
    "evalkit_version": "1", "git_sha": "a", "git_diff_sha256": "b", "lock_sha256": "c", "python": {"version": "3.11.1"},
    "blas": {"name": "openblas", "version": "0.3"}, "cpu": {"model": "one"}, "packages": {"numpy": "2.0"},
}  # fmt: skip


@pytest.mark.promise("repeat-conditions")
@pytest.mark.parametrize(
    ("condition", "now"),
    [
        ("data fingerprint", {"data_sha": "sha256:b"}),
        ("config", {"config_sha": "d"}),
        ("evalkit", {"evalkit_version": "2"}),
        ("git commit", {"git_sha": "z"}),
        ("uncommitted changes", {"git_diff_sha256": None}),
        ("requirements.lock", {"lock_sha256": "z"}),
        ("Python", {"python": {"version": "3.12.0"}}),
        ("BLAS", {"blas": {"name": "mkl", "version": "0.3"}}),
        ("CPU", {"cpu": {"model": "two"}}),
        ("numpy", {"packages": {"numpy": "2.1"}}),
    ],
)
def test_each_condition_that_changed_is_named_and_no_other(condition: str, now: dict[str, Any]) -> None:
    shas = {name: now.get(name, before) for name, before in (("config_sha", "c"), ("data_sha", "sha256:a"))}
    held = conditions(evidence(), PROVENANCE, {**PROVENANCE, **now}, **shas)
    assert [name for name, (was, is_now) in held.items() if was != is_now] == [condition]


@pytest.mark.promise("repeat-figures")
def test_two_seeds_of_one_posterior_are_within_their_monte_carlo_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path)
    fitted = Choice(name="bayesian_did", settings={"engine": "exact"})
    first, second = (
        evaluate(built(seed=seed).model_copy(update={"estimator": fitted})) for seed in (1, 2)
    )  # fmt: skip
    found = compare(first.evidence.to_dict(), second.evidence.to_dict(), second)
    states = {each.name: each.state for each in found}
    assert "differs" not in states.values()
    assert states["primary: effect"] == "within tolerance"
    moved = second.evidence.to_dict()
    moved["estimates"][0]["effect"]["value"] += 0.2
    again = compare(first.evidence.to_dict(), moved, second)
    assert next(each.state for each in again if each.name == "primary: effect") == "differs"

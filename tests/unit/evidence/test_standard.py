"""The rating table: validated, and its disclosure rules can only be tightened."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkit.errors import ConfigError
from evalkit.evidence.standard import Standard, shipped

FILE = Path(__file__).resolve().parents[3] / "configs" / "evidence" / "standard.yaml"


def table() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return copy.deepcopy(loaded)


def test_an_empty_config_means_the_shipped_standard() -> None:
    assert Standard.from_config({}) == shipped() == Standard.from_config(table())


def test_an_unknown_key_is_refused_with_the_closest_known_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'certainty'"):
        Standard.from_config({**table(), "certanty": {}})


def test_a_looser_cell_size_is_refused_and_a_tighter_one_taken() -> None:
    loose, tight = table(), table()
    loose["disclosure"]["min_cell"] -= 1
    tight["disclosure"]["min_cell"] += 9
    with pytest.raises(ConfigError, match="only be tightened"):
        Standard.from_config(loose)
    assert Standard.from_config(tight).disclosure.min_cell == 20


def test_people_cannot_be_declared_places() -> None:
    wide = table()
    wide["disclosure"]["places"].append("resident")
    with pytest.raises(ConfigError, match="resident"):
        Standard.from_config(wide)


WRONG = [
    ("pre_trends", "points", 1),
    ("cap_time_series", "cap", None),
    ("large_effect", "points", -1),
    ("sampler_gate", "points", -1),
]


@pytest.mark.parametrize(("rule", "key", "value"), WRONG)
def test_points_must_fit_the_kind_of_rule(rule: str, key: str, value: object) -> None:
    wrong = table()
    wrong["rules"][rule][key] = value
    with pytest.raises(ConfigError):
        Standard.from_config(wrong)


def test_a_changed_threshold_changes_the_rating() -> None:
    from evalkit.evidence.rating import rate
    from tests.unit.evidence import made

    strict = table()
    strict["rules"]["few_clusters"]["limits"]["treated"] = 13
    facts = made.facts(made.estimate(-2.0), standard=Standard.from_config(strict))
    assert rate(facts).certainty == 2
    assert rate(made.facts(made.estimate(-2.0))).certainty == 3


@pytest.mark.parametrize(
    ("part", "value", "allowed"),
    [("largest", 1, "or more"), ("share", 0.99, "or less"), ("closeness", 0.001, "or more")],
)
def test_the_rules_of_dominance_can_only_be_tightened(part: str, value: float, allowed: str) -> None:
    loose = table()
    loose["disclosure"]["dominance"][part] = value
    with pytest.raises(ConfigError, match=f"dominance.{part} is {value:g}; it may only be tightened") as refused:
        Standard.from_config(loose)
    assert allowed in str(refused.value)


@pytest.mark.parametrize("leaves", ["pre_trends", "no_such_rule"])
def test_a_rule_that_leaves_what_is_no_cap_is_refused(leaves: str) -> None:
    wrong = table()
    name = next(name for name, rule in wrong["rules"].items() if rule.get("leaves"))
    wrong["rules"][name]["leaves"] = leaves
    with pytest.raises(ConfigError, match=f"leaves '{leaves}', which is no cap"):
        Standard.from_config(wrong)


def test_an_installation_without_its_standard_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    with pytest.raises(ConfigError, match="standard that ships with evalkit is missing"):
        shipped.__wrapped__()

"""What a tree of equality indicators may declare."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from evalkit.study.equality import EqualitySpec
from tests.equality_worlds import flat_spec


def changed(**indicator: Any) -> EqualitySpec:
    plain = flat_spec("share", 2).model_dump(mode="json")
    plain["themes"][0]["topics"][0]["indicators"][0] |= indicator
    return EqualitySpec.model_validate(plain)


@pytest.mark.parametrize(
    ("indicator", "words"),
    [
        ({"groups": ["a"]}, "two groups that differ"),
        ({"groups": ["a", "a"]}, "two groups that differ"),
        ({"kind": "percentage"}, "name one group"),
        ({"kind": "measurement"}, "name the columns 'value' and 'std_error'"),
        ({"name": "i1"}, "two indicators are called 'i1'"),
        ({"replaces": {"name": "i1", "reason": "better"}}, "a replaced indicator leaves the tree"),
        ({"replaces": {"name": "old", "reason": ""}}, "at least 1 item"),
    ],
)
def test_an_indicator_that_cannot_be_is_refused(indicator: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        changed(**indicator)


def test_columns_come_in_pairs() -> None:
    plain = flat_spec("share", 1).model_dump(mode="json")
    for data, words in (
        ({"count": "x", "out_of": None}, "go together"),
        ({"value": "x"}, "go together"),
        ({"count": None, "out_of": None}, "name the columns"),
    ):
        with pytest.raises(ValidationError, match=words):
            EqualitySpec.model_validate({**plain, "data": {**plain["data"], **data}})


def test_a_treatment_cannot_be_derived_and_the_id_names_a_folder() -> None:
    plain = flat_spec("share", 1).model_dump(mode="json")
    derive = [{"name": "start", "kind": "first_period_where", "column": "count"}]
    with pytest.raises(ValidationError, match="have no treatment"):
        EqualitySpec.model_validate({**plain, "data": {**plain["data"], "derive": derive}})
    with pytest.raises(ValidationError, match="names a folder"):
        EqualitySpec.model_validate({**plain, "id": "../up"})


def test_topics_of_one_theme_have_names_of_their_own() -> None:
    plain = flat_spec("share", 2, per_topic=1).model_dump(mode="json")
    plain["themes"][0]["topics"][1]["name"] = plain["themes"][0]["topics"][0]["name"]
    with pytest.raises(ValidationError, match="two topics"):
        EqualitySpec.model_validate(plain)


def test_an_indicator_is_found_by_its_id_where_it_has_one() -> None:
    spec = changed(id="key_17")
    assert [each.key for _, _, each in spec.indicators] == ["key_17", "i1"]

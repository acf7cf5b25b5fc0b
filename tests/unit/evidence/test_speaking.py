"""The voice: grammar, and names that are never linted."""

from __future__ import annotations

import pytest

from evalkit.evidence.lint import ForbiddenWording
from evalkit.evidence.speaking import Voice, is_plural, plural, unit_after
from evalkit.evidence.standard import shipped

VOICE = Voice(shipped(), "Moderate", bayesian=False)


@pytest.mark.parametrize(
    ("subject", "many"),
    [("Speed cameras", True), ("Speed cameras on arterial roads", True), ("A ban on plastic bags", False),
     ("Bus rapid transit", False), ("Mathematics classes", True), ("Narcotics policing", False),
     ("Public works: new lamps", True)],
)  # fmt: skip
def test_the_head_of_the_name_decides_the_number(subject: str, many: bool) -> None:
    assert is_plural(subject) is many
    assert VOICE.verb(True, subject) == ("probably increase" if many else "probably increases")


def test_units_follow_their_number() -> None:
    assert unit_after("1", "homicides per 100,000 residents") == "homicide per 100,000 residents"
    assert unit_after("1.1", "homicides per 100,000 residents") == "homicides per 100,000 residents"
    assert unit_after("1", "cities") == "city"
    assert unit_after("1", "%") == "%"
    assert plural("county") == "counties"


def test_parts_are_linted_and_names_are_not() -> None:
    with pytest.raises(ForbiddenWording, match="significant digits"):
        VOICE.say("mid_matters", mid="1.234")
    assert VOICE.say("mid_matters", {"mid": "1.234"}) == "a change of 1.234 matters to the city"

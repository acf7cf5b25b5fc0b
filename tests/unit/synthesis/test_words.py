"""Sentences of a synthesis."""

from __future__ import annotations

import dataclasses

from evalkit.synthesis.entries import newest
from evalkit.synthesis.pooling import Group, groups
from evalkit.synthesis.words import WORDS, sentences, shown, unit_of
from tests.portfolio_samples import city_evidence


def group(effects: list[float], error: float = 0.02, **more: object) -> Group:
    made = [
        city_evidence(f"s{i}", city=f"c{i}", effect=effect, std_error=error, **more)  # type: ignore[arg-type]
        for i, effect in enumerate(effects)
    ]
    (found,) = groups(newest(made))
    return found


def test_a_clear_average_names_size_interval_and_direction() -> None:
    first = sentences(group([-0.20, -0.21, -0.22, -0.19]))[0]
    assert first == (
        "On average over 4 studies in 4 cities, homicides came out 19 per cent lower than without the programme "
        "(16 to 21 per cent lower): the direction the city wants."
    )


def test_an_average_that_may_be_nothing_says_what_fits() -> None:
    first = sentences(group([-0.1, 0.1, 0.05, -0.06]))[0]
    assert "no difference in homicides can be told" in first
    assert "lower to" in first
    assert "higher fits" in first


def test_effects_that_differ_are_said_to_differ() -> None:
    assert "much alike" in sentences(group([-0.2, -0.2, -0.2]))[1]
    assert "widely different" in sentences(group([-0.5, 0.3, -0.1, 0.2]))[1]


def test_two_studies_say_nothing_of_another_city() -> None:
    assert "too few" in sentences(group([-0.2, -0.1]))[2]


def test_levels_keep_their_unit_and_logs_become_per_cent() -> None:
    levels = group([-1.0, -1.1], priority="homelessness")
    assert (unit_of(levels), shown(levels, -1.0)) == ("people per 10,000 residents", -1.0)
    logs = group([-0.2, -0.1])
    assert unit_of(logs) == "per cent"
    assert round(shown(logs, -0.2), 2) == -18.13


def test_words_of_the_studies_themselves_are_not_judged_by_the_linter() -> None:
    found = group([-0.3, 0.001, 0.002, 0.001], error=0.01)
    members = tuple(dataclasses.replace(each, title="Prevents and proves") for each in found.members)
    said = " ".join(sentences(dataclasses.replace(found, members=members, unit="lives saved", outcome="lives saved")))
    assert "lives saved" in said


def test_studies_without_an_effect_are_counted_with_the_reason() -> None:
    made = [city_evidence(f"s{i}", city=f"c{i}", certainty=2 if i else None) for i in range(4)]
    (found,) = groups(newest(made))
    assert "1 study is left out of the average (not rated)." in sentences(found)


def test_the_chance_in_a_new_city_goes_with_the_wanted_direction() -> None:
    last = sentences(group([-0.2, -0.21, -0.22, -0.19], error=0.01))[-1]
    assert last.startswith("Given these studies and stated assumptions, there is ")
    assert "chance that the effect in another city" in last
    assert not any("chance" in sentence for sentence in sentences(group([-0.2, -0.1])))


def test_small_studies_that_show_other_effects_are_warned_of() -> None:
    made = [city_evidence(f"s{i}", city=f"c{i}", effect=-0.03 * i, std_error=0.01 + 0.01 * i) for i in range(12)]
    (uneven,) = groups(newest(made))
    assert WORDS["small"] in sentences(uneven)
    assert WORDS["small"] not in sentences(group([-0.2 - 0.001 * i for i in range(12)]))

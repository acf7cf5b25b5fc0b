"""What a group of comparable findings says, in sentences that pass the linter."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from evalkit.evidence.digits import few_digits
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import Standard, shipped
from evalkit.language import Phrases, phrase, say_count
from evalkit.synthesis.pooling import Group

AGREE, DIFFER = 0.3, 0.6
"""I2 below which effects are called alike, and from which on they are called widely different."""
_WORDS: Final = {
    "who": "{studies} studies",
    "who_cities": "{studies} studies in {cities} cities",
    "mean_open": (
        "On average over {who} no difference in {outcome} can be told: {amount}, and anything from {between} fits."
    ),
    "mean_wanted": (
        "On average over {who}, {outcome} came out {amount} than without the programme ({between}): the direction the "
        "city wants."
    ),
    "mean_unwanted": (
        "On average over {who}, {outcome} came out {amount} than without the programme ({between}): against the "
        "direction the city wants."
    ),
    "alike": (
        "Effects are much alike from study to study: {share:.0f} % of the differences between them is more than "
        "sampling error."
    ),
    "somewhat_different": (
        "Effects are somewhat different from study to study: {share:.0f} % of the differences between them is more "
        "than sampling error."
    ),
    "widely_different": (
        "Effects are widely different from study to study: {share:.0f} % of the differences between them is more than "
        "sampling error."
    ),
    "too_few": "Two studies are too few to say where the effect in another city may lie.",
    "new_city": "In another city of the same kind the effect may lie anywhere from {between}.",
    "chance": (
        "Given these studies and stated assumptions, there is about a {chance} in 100 chance that the effect in "
        "another city of the same kind goes the way the city wants."
    ),
    "chance_under": (
        "Given these studies and stated assumptions, there is less than a 1 in 100 chance that the effect in another "
        "city of the same kind goes the way the city wants."
    ),
    "chance_over": (
        "Given these studies and stated assumptions, there is more than a 99 in 100 chance that the effect in another "
        "city of the same kind goes the way the city wants."
    ),
    "one_study": "The average rests on single studies: without {names} it would read otherwise.",
    "and_more": "{names} and {count} more",
    "small": "Less precise studies show other effects than precise ones: results may be missing (Egger's test).",
    "same": "{size} {unit}",
    "higher": "{size} {unit} higher",
    "lower": "{size} {unit} lower",
    "span": "{low} to {high}",
}
WORDS: Final = Phrases(_WORDS)
_STAGES: Final = {
    "planned": "planned",
    "running": "running",
    "no result": "no result",
    "not rated": "not rated",
    "finished": "finished",
    "decided": "decided",
}
STAGES_TOLD: Final = Phrases(_STAGES)
"""How far a study is; in other languages without agreement, since a number or a study stands before it."""
_LANGUAGES: Final = {"en": "English", "es": "Spanish", "pt": "Portuguese", "fr": "French"}
LANGUAGES_TOLD: Final = Phrases(_LANGUAGES)


def shown(group: Group, value: float) -> float:
    """An effect as a reader sees it: in per cent where logs were analysed."""
    return 100.0 * float(np.expm1(value)) if group.scale == "log" else value


def unit_of(group: Group) -> str:
    """Unit of the effects that are shown."""
    return phrase("per cent") if group.scale == "log" else group.unit


def sentences(group: Group, standard: Standard | None = None) -> tuple[str, ...]:
    """The synthesis in words: the mean, how far cities differ, and where a new city may lie.

    Descriptive, without a verb of cause: a mean of findings has no certainty label of its own.

    Raises
    ------
    ForbiddenWording
        When a sentence breaks the standard.
    """
    prose = (standard or shipped()).prose
    for sentence in _said(_bare(group)):
        lint(sentence, prose, bayesian=False, very_low=True, digits=False)
    for sentence in _chance(group):
        lint(sentence, prose, bayesian=True, very_low=True, digits=False)
    return (*_said(group), *_chance(group))


def _said(group: Group) -> tuple[str, ...]:
    return (_mean(group), _spread(group), _new_city(group), *_one_study(group), *_small(group), *_left_out(group))


def _bare(group: Group) -> Group:
    """The group without the studies' own words: nobody is refused for the name of a programme or a unit."""
    return replace(
        group,
        unit="units",
        outcome="O",
        members=tuple(replace(each, title="T") for each in group.members),
        left_out=tuple((each, "R") for each, _ in group.left_out),
    )


def _mean(group: Group) -> str:
    found, cities = group.result, group.n_cities
    who = WORDS.say("who_cities" if cities > 1 else "who", studies=len(group.members), cities=cities)
    between = _between(group, found.low, found.high)
    if found.low <= 0.0 <= found.high:
        key = "mean_open"
    else:
        key = "mean_wanted" if (found.mean > 0.0) == (group.direction == "higher_better") else "mean_unwanted"
    return WORDS.say(key, who=who, outcome=group.outcome, amount=_amount(group, found.mean), between=between)


def _spread(group: Group) -> str:
    share = group.pooled.i2
    key = "alike" if share < AGREE else "widely_different" if share >= DIFFER else "somewhat_different"
    return WORDS.say(key, share=100 * share)


def _new_city(group: Group) -> str:
    found = group.result
    if not np.isfinite(found.prediction_low):
        return WORDS["too_few"]
    return WORDS.say("new_city", between=_between(group, found.prediction_low, found.prediction_high))


def _chance(group: Group) -> tuple[str, ...]:
    if group.chances is None:
        return ()
    of_hundred = round(100 * group.chances.new_wanted)
    key = "chance_under" if of_hundred == 0 else "chance_over" if of_hundred == 100 else "chance"
    return (WORDS.say(key, chance=of_hundred),)


def _one_study(group: Group) -> tuple[str, ...]:
    turned = group.turned_by_one
    if not turned:
        return ()
    names = ", ".join(each.title for each in turned[:3])
    if len(turned) > 3:
        names = WORDS.say("and_more", names=names, count=len(turned) - 3)
    return (WORDS.say("one_study", names=names),)


def _small(group: Group) -> tuple[str, ...]:
    if group.small is None or not group.small.p_value < 0.1:
        return ()
    return (WORDS["small"],)


def _left_out(group: Group) -> tuple[str, ...]:
    if not group.left_out:
        return ()
    reasons = sorted({phrase(reason).rstrip(".") for _, reason in group.left_out})
    return (
        say_count(
            "{count} study is left out of the average ({reasons}).",
            "{count} studies are left out of the average ({reasons}).",
            len(group.left_out),
            reasons="; ".join(reasons),
        ),
    )


def _amount(group: Group, value: float) -> str:
    """E.g. ``5.1 per cent lower``; ``0.3 claims higher``."""
    change = shown(group, value)
    key = "same" if change == 0.0 else "higher" if change > 0 else "lower"
    return WORDS.say(key, size=few_digits(abs(change)), unit=unit_of(group))


def _between(group: Group, low: float, high: float) -> str:
    """E.g. ``2 to 5.1 per cent lower``; ``2 per cent lower to 1 per cent higher``."""
    near, far = sorted((low, high), key=abs)
    least = few_digits(abs(shown(group, near))) if low * high > 0.0 else _amount(group, low)
    return WORDS.say("span", low=least, high=_amount(group, far if low * high > 0.0 else high))

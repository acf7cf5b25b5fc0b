"""What a group of comparable findings says, in sentences that pass the linter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evalkit.evidence.digits import few_digits
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import Standard, shipped
from evalkit.synthesis.pooling import Group

AGREE, DIFFER = 0.3, 0.6
"""I2 below which effects are called alike, and from which on they are called widely different."""


def shown(group: Group, value: float) -> float:
    """An effect as a reader sees it: in per cent where logs were analysed."""
    return 100.0 * float(np.expm1(value)) if group.scale == "log" else value


def unit_of(group: Group) -> str:
    """Unit of the effects that are shown."""
    return "per cent" if group.scale == "log" else group.unit


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
    found = group.result
    who = f"{len(group.members)} studies in {group.n_cities} cities" if group.n_cities > 1 else (
        f"{len(group.members)} studies"
    )  # fmt: skip
    if found.low <= 0.0 <= found.high:
        return (
            f"On average over {who} no difference in {group.outcome} can be told: {_amount(group, found.mean)}, and "
            f"anything from {_between(group, found.low, found.high)} fits."
        )
    wanted = (found.mean > 0.0) == (group.direction == "higher_better")
    return (
        f"On average over {who}, {group.outcome} came out {_amount(group, found.mean)} than without the programme "
        f"({_between(group, found.low, found.high)}): "
        f"{'the direction the city wants' if wanted else 'against the direction the city wants'}."
    )


def _spread(group: Group) -> str:
    share = group.pooled.i2
    word = "much alike" if share < AGREE else "widely different" if share >= DIFFER else "somewhat different"
    return (
        f"Effects are {word} from study to study: {100 * share:.0f} % of the differences between them is more than "
        "sampling error."
    )


def _new_city(group: Group) -> str:
    found = group.result
    if not np.isfinite(found.prediction_low):
        return "Two studies are too few to say where the effect in another city may lie."
    ahead = _between(group, found.prediction_low, found.prediction_high)
    return f"In another city of the same kind the effect may lie anywhere from {ahead}."


def _chance(group: Group) -> tuple[str, ...]:
    if group.chances is None:
        return ()
    of_hundred = round(100 * group.chances.new_wanted)
    said = "less than a 1" if of_hundred == 0 else "more than a 99" if of_hundred == 100 else f"about a {of_hundred}"
    return (
        f"Given these studies and stated assumptions, there is {said} in 100 chance that the effect in another city of "
        "the same kind goes the way the city wants.",
    )


def _one_study(group: Group) -> tuple[str, ...]:
    turned = group.turned_by_one
    if not turned:
        return ()
    names = ", ".join(each.title for each in turned[:3])
    more = f" and {len(turned) - 3} more" if len(turned) > 3 else ""
    return (f"The average rests on single studies: without {names}{more} it would read otherwise.",)


def _small(group: Group) -> tuple[str, ...]:
    if group.small is None or not group.small.p_value < 0.1:
        return ()
    return ("Less precise studies show other effects than precise ones: results may be missing (Egger's test).",)


def _left_out(group: Group) -> tuple[str, ...]:
    if not group.left_out:
        return ()
    reasons = sorted({reason.rstrip(".") for _, reason in group.left_out})
    count = len(group.left_out)
    return (f"{count} {'study is' if count == 1 else 'studies are'} left out of the average ({'; '.join(reasons)}).",)


def _amount(group: Group, value: float) -> str:
    """E.g. ``5.1 per cent lower``; ``0.3 claims higher``."""
    change = shown(group, value)
    if change == 0.0:
        return f"0 {unit_of(group)}"
    return f"{few_digits(abs(change))} {unit_of(group)} {'higher' if change > 0 else 'lower'}"


def _between(group: Group, low: float, high: float) -> str:
    """E.g. ``2 to 5.1 per cent lower``; ``2 per cent lower to 1 per cent higher``."""
    near, far = sorted((low, high), key=abs)
    if low * high > 0.0:
        return f"{few_digits(abs(shown(group, near)))} to {_amount(group, far)}"
    return f"{_amount(group, low)} to {_amount(group, high)}"

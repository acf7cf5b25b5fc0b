"""Every sentence about a plan: one dictionary of what the evidence says, one of what the command line says."""

from __future__ import annotations

from typing import Final

from evalkit.language import Phrases

ITEM_DATA: Final = "data_before_the_start"
"""Item of a departure: the data up to the start are others than those of the lock."""

_SPOKEN: Final = {
    "followed": (
        "Confirmatory: the run follows the plan that {who} locked on {day}, before evalkit had read any "
        "outcome after the start."
    ),
    "declared": (
        "Confirmatory, with {count}: the plan that {who} locked on {day}, before evalkit had read any "
        "outcome after the start, was changed in {items}, with the reasons given."
    ),
    "undeclared": (
        "Exploratory: the run departs from the plan that {who} locked on {day} in {items}, and no reason is declared."
    ),
    "seen_before": (
        "Exploratory: outcomes after the start had been read before {who} locked the plan on {day} ({first})."
    ),
    "changed": "Exploratory: the file of the plan was changed after it was locked on {day}.",
    "one_deviation": "1 declared departure",
    "deviations": "{count} declared departures",
    "more_items": "{items} and {count} more",
    "none_public": "not in a public registry",
    "first_read": "first on {day}",
    "no_reason": "not declared in study.plan.deviations",
    "not_set": "not set",
    "data_changed": "other values, units or periods",
    "data_as_locked": "as locked ({units} units, {first} to {last})",
}
SPOKEN: Final = Phrases(_SPOKEN)

PHRASES: Final = {
    "unreadable": "The plan in {path} cannot be read: {reason}.",
    "unreadable_next": "Restore the file from git.",
    "exists": "The plan of '{study}' was locked on {day} by {who}; it is not locked again.",
    "exists_next": (
        "Declare departures under study.plan.deviations, with reasons; `evalkit plan diff study={study}` "
        'lists them. To plan anew, give the reason: --replace "..."; the earlier lock stays in the file.'
    ),
    "unwritten": "The plan has texts that nobody has written yet: {keys}.",
    "unwritten_next": "Write them in configs/study/{study}.yaml, then lock the plan.",
    "no_lock": "No plan of '{study}' was locked: there is no {path}.",
    "no_lock_next": 'Lock it: evalkit plan lock study={study} --who "...".',
    "bad_url": "'{url}' is no address of a registry.",
    "bad_url_allowed": "https://..., without a password, e.g. https://osf.io/ab12c",
    "no_who": "A plan is locked by somebody.",
    "no_who_next": 'Say who: --who "Evaluation office".',
    "locked": "The plan of '{study}' is locked",
    "locked_next": "Commit {path} and push it now: the date of that commit is what others can check.",
    "registered": "The plan of '{study}' is linked to {url}",
    "read_never": "not as far as evalkit recorded (look at the limits in docs/evaluators-day.md)",
    "read_times": "yes: {count} times, first {first}",
    "read_declared": "declared: {text}",
    "store_silent": "The tracking store could not be asked who had read outcomes: {reason}",
    "diff_none": "The config is as planned",
    "diff_some": "{count} departures from the plan locked on {day} by {who}; {open} of them not declared",
    "diff_changed": "The file of the plan was changed after it was locked",
    "data_unread": "The data were not compared with those of the lock.",
}

_AREAS: Final = {
    "primary_outcome": "the primary outcome",
    "design.level": "the level of the interval",
    "design.event_window": "the periods shown",
    "design.anticipation": "the periods of anticipation",
    "design.comparison": "the comparison group",
    "design.inference": "how the interval is found",
    "design": "the design",
    "estimator": "the estimator",
    "estimators": "the estimator's settings",
    "robustness": "the cross-checks",
    "checks": "the checks",
    "outcomes": "the outcomes",
    ITEM_DATA: "the data before the start",
    "data": "the data",
    "question": "the question",
    "assignment": "how the treated were chosen",
    "equity": "the groups compared",
    "cost": "the cost",
    "evidence": "the rules of the rating",
    "seed": "the random seed",
}
AREAS: Final = Phrases(_AREAS)
"""Items of a departure in words that a reader knows; the longest that fits. The annex names the item itself."""


def area(item: str) -> str:
    """What a departure is about.

    Examples
    --------
    >>> area("design.level"), area("estimator.settings.method"), area("other")
    ('the level of the interval', 'the estimator', 'other')
    """
    fitting = [key for key in _AREAS if item == key or item.startswith(f"{key}.")]
    return AREAS[max(fitting, key=len)] if fitting else item


def areas(items: list[str]) -> list[str]:
    """The same of several, each once."""
    return list(dict.fromkeys(area(item) for item in items))


def worded(key: str, **holes: object) -> str:
    """A sentence with its holes filled; what the evidence holds, in the language that is spoken.

    Examples
    --------
    >>> worded("deviations", count=3)
    '3 declared departures'
    """
    return SPOKEN.say(key, **holes) if key in _SPOKEN else PHRASES[key].format(**holes)


def listed(items: list[str], limit: int = 4) -> str:
    """The first items of a list, and how many more there are."""
    if len(items) <= limit:
        return ", ".join(items)
    return worded("more_items", items=", ".join(items[:limit]), count=len(items) - limit)

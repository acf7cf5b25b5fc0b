"""Small changes to text: cut, capital letter, names of fields as words."""

from __future__ import annotations

from evalkit.estimators.registry import BUILT_IN
from evalkit.language import phrase, readable


def clip(text: str, words: int) -> str:
    """Text on one line, cut after `words` words.

    Examples
    --------
    >>> clip("one  two three four", 3), clip("one two", 3)
    ('one two three …', 'one two')
    """
    parts = text.split()
    return " ".join(parts) if len(parts) <= words else " ".join(parts[:words]) + " …"


def first_upper(text: str) -> str:
    """Text with a capital first letter.

    Examples
    --------
    >>> first_upper("more pre-periods")
    'More pre-periods'
    """
    return text[:1].upper() + text[1:]


_TITLES = {
    "callaway_santanna": "Callaway-Sant'Anna",
    "sun_abraham": "Sun-Abraham",
    "two_way_fixed_effects": "Two-way fixed effects",
    "extended_twfe": "Extended two-way fixed effects",
    "poisson_fixed_effects": "Poisson with fixed effects",
    "stacked_did": "Stacked difference-in-differences",
    "switching_did": "Switching difference-in-differences",
    "synthetic_did": "Synthetic difference-in-differences",
    "bayesian_did": "Bayesian difference-in-differences",
}


def estimator_title(name: str) -> str:
    """An estimator as a reader knows it; its registered name as words where it is not known here.

    Examples
    --------
    >>> estimator_title("callaway_santanna"), estimator_title("synthetic_control")
    ("Callaway-Sant'Anna", 'Synthetic control')
    """
    return phrase(_TITLES[name]) if name in _TITLES else readable(name)


def run_title(label: str) -> str:
    """A label of an estimate in a picture: the reader's name where a study gave none and the registered one stands.

    Examples
    --------
    >>> run_title("triple_difference"), run_title("Not-yet-treated comparison")
    ('Triple difference', 'Not-yet-treated comparison')
    """
    return estimator_title(label) if label in BUILT_IN else label

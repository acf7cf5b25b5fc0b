"""What each column of a figure's rows is: the gate lets nothing through that is not listed here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import pandas as pd

from evalkit.vocabulary import Exhibit

EFFECTS: Final = frozenset({
    "autocorrelation", "best_fit", "bound", "declared", "effect", "error_after", "error_before", "estimate", "expected",
    "g", "g_weighted", "high", "high_in_errors", "high_simultaneous", "in_errors", "low", "low_in_errors",
    "low_simultaneous", "p", "ratio", "relative", "ring_estimate", "ring_high", "ring_low", "share", "std_error",
    "trend", "weight", "weight_high", "weight_low",
})  # fmt: skip
"""Numbers that count nobody: effects, their errors and bounds, differences in standard deviations, weights."""

LEVELS: Final = frozenset({"mean_comparison", "mean_treated", "model_high", "model_low", "observed"})
"""Means and shares of what people have: beside a number of people they count some. Withheld where units are persons."""

NAMES: Final = frozenset({
    "allowed_for", "anticipation", "cohort", "comparison", "component", "covariates", "donor", "estimator", "fitted",
    "label", "lag", "left_out", "mark", "measure", "outcome", "own", "period", "place", "primary", "prior", "ring",
    "role", "specification", "statistic", "term", "treated", "type", "unit",
})  # fmt: skip
"""Text and marks that say which row it is."""

CHOICE: Final = "choice: "
"""Columns of the specification curve, one a choice that the study declares."""


def undeclared(exhibit: Exhibit) -> tuple[str, ...]:
    """Columns of a figure's rows that nobody declared; with one of them the figure is withheld.

    Examples
    --------
    >>> undeclared(Exhibit("balance", {"g": (0.1,), "n_treated": (40,), "age": (31,)}, counts=("n_treated",)))
    ('age',)
    """
    known: Collection[str] = {*exhibit.counts, *exhibit.labels} | EFFECTS | LEVELS | NAMES
    return tuple(sorted(name for name in exhibit.table if name not in known and not name.startswith(CHOICE)))


def without_levels(table: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """The rows without means and shares of people, and whether there were any."""
    shown = table.copy()
    present = [name for name in shown if name in LEVELS]
    for name in present:
        shown[name] = float("nan")
    return shown, bool(present)

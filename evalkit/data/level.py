"""The level of an outcome, taken off before a fit: effects do not depend on it, and a large one costs digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evalkit.data.panel import Panel
from evalkit.vocabulary import FloatArray


def level_of(outcome: FloatArray) -> float:
    """The middle known outcome, the lower of two; 0 where none is known.

    It is one of the outcomes, not their mean: differences between numbers of like size are exact, so that a constant
    on all outcomes leaves every last digit of what is fitted. It depends on no name and no order.

    Examples
    --------
    >>> level_of(np.array([[1e9 + 3.0, np.nan], [1e9, 1e9 + 1.0]])) - 1e9
    1.0
    """
    known = outcome[~np.isnan(outcome)]
    middle = (known.size - 1) // 2
    return float(np.partition(known, middle)[middle]) if known.size else 0.0


def without_level(panel: Panel) -> tuple[Panel, float]:
    """The panel with its outcomes less their level, and the level: what is shown of outcomes gets it back.

    For models that are linear in the outcome; not for counts, shares or logarithms taken by the estimator.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=20, n_periods=6, seed=1)
    >>> centred, level = without_level(panel)
    >>> bool(np.allclose(centred.outcome + level, panel.outcome)), level_of(centred.outcome)
    (True, 0.0)
    """
    level = level_of(panel.outcome)
    return replace(panel, outcome=panel.outcome - level), level

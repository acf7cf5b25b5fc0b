"""A linear estimator on a balanced panel, as the weight it gives to each cohort's outcome in each period."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.power.history import Placebo
from evalkit.power.schedule import Schedule
from evalkit.vocabulary import FloatArray

AGREES: Final = 1e-6
"""Distance, in standard deviations of the outcome, within which the weights give the estimate itself."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The overall estimate is sum_i sum_t weights[group of i, t] y_it.

    Attributes
    ----------
    weights
        (G + 1, T) weight of one unit of each cohort (row 0: never treated) in each period.
    on_treatment
        (G + 1, G + 1) what a unit that is really in the row's cohort adds to the estimate of its own treatment
        dummy when it is taken to be in the column's.
    """

    weights: FloatArray
    on_treatment: FloatArray


def fits(placebo: Placebo) -> bool:
    """Whether units of a cohort can be exchangeable: alone in their cluster, always observed, unweighted."""
    panel = placebo.panel
    return panel.is_balanced and panel.weight is None and panel.cluster is None


def find_kernel(overall: Callable[[Panel], float], placebo: Placebo, schedule: Schedule) -> Kernel | None:
    """Learn the weights by moving one outcome at a time.

    Parameters
    ----------
    overall
        The estimator's overall effect on a panel.
    placebo, schedule
        Panel that outcomes are moved in, and its roll-out.

    Returns
    -------
    Kernel or None
        None where the estimate is not such a sum.
    """
    if not fits(placebo):
        return None
    panel, groups = placebo.panel, placebo.groups
    n_groups, n_periods = len(schedule.sizes) + 1, panel.n_periods
    scale = float(np.std(panel.outcome)) or 1.0
    base = overall(panel)
    weights = np.zeros((n_groups, n_periods))
    for group in np.unique(groups):
        unit = int(np.flatnonzero(groups == group)[0])
        for period in range(n_periods):
            moved = panel.outcome.copy()
            moved[unit, period] += scale
            weights[group, period] = (overall(dataclasses.replace(panel, outcome=moved)) - base) / scale
    if not agrees(weights, placebo, base):
        return None
    on = np.arange(n_periods)[None, :] >= np.concatenate([[n_periods], schedule.columns()])[:, None]
    return Kernel(weights, on.astype(np.float64) @ weights.T)


def agrees(weights: FloatArray, placebo: Placebo, estimate: float) -> bool:
    """Whether the weights give the estimate of a panel."""
    outcome = placebo.panel.outcome
    found = float((weights[placebo.groups] * (outcome - outcome.mean())).sum())
    return abs(found - estimate) <= AGREES * float(np.std(outcome))

"""The jackknife+ over periods before the start (Barber, Candes, Ramdas and Tibshirani 2021)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from evalkit.data.donor_pool import Pool
from evalkit.data.panel import Panel
from evalkit.language import say
from evalkit.uncertainty import OwnInterval
from evalkit.vocabulary import FloatArray, IntArray, Remark

Without = Callable[[Pool, IntArray], FloatArray]
"""Pool and the positions of the periods that are fitted -> the series (P,) without the programme."""


def time_jackknife(
    panel: Panel, pools: Sequence[Pool], without: Without, *, level: float
) -> tuple[OwnInterval | None, list[Remark]]:
    """Leave out each fitted period in turn: its error widens what the fit without it says of the effect.

    The error of one period stands for that of the mean over all periods under treatment, which is smaller where
    errors average out: the interval then covers more than `level` says.

    Returns
    -------
    OwnInterval or None, list of Remark
        None where treated units do not share their periods, or have too few for the level.
    """
    first = pools[0]
    count = int(first.fit.sum())
    rank = math.floor((1.0 - level) * (count + 1) + 1e-9)
    together = all(pool.start == first.start and np.array_equal(pool.columns, first.columns) for pool in pools)
    if rank < 1 or not together:
        said = Remark(
            "jackknife_uninformative",
            say(
                "The jackknife over {count} periods gives no {level:.0f} % interval: it needs {ceil} periods "
                "before a start that all treated units share.",
                count=count,
                level=100 * level,
                ceil=math.ceil(1.0 / (1.0 - level) - 1e-09) - 1,
            ),
        )
        return None, [said]
    effects, errors = np.empty(count), np.empty(count)
    fitted = np.flatnonzero(first.fit)
    for place, left_out in enumerate(fitted):
        kept = fitted[fitted != left_out]
        gaps = np.mean([pool.treated_series(panel.outcome) - without(pool, kept) for pool in pools], axis=0)
        effects[place], errors[place] = gaps[first.post].mean(), abs(gaps[left_out])
    low = float(np.sort(effects - errors)[rank - 1])
    high = float(np.sort(effects + errors)[-rank])
    return OwnInterval("jackknife", low, high, level, details={"periods": float(count)}), []

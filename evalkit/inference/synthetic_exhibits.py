"""The figures of synthetic-control estimators: donor weights, placebo gaps, and error ratios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.inference.placebo_space import error_ratios
from evalkit.inference.unit_gaps import UnitGaps
from evalkit.vocabulary import Exhibit

LEAST_SHOWN: Final = 5e-4
"""Weights below 0.05 % are left out of the figure, in either direction."""
MOST_SHOWN: Final = 25
"""Donors in the figure, the heaviest first."""


def exhibits(panel: Panel, units: Sequence[UnitGaps], *, scaled: bool) -> tuple[Exhibit, ...]:
    """What the estimate shows of its donors and placebos; each row is about one place."""
    shown = [donor_weights(panel, units)]
    if len(units) <= MOST_SHOWN and any(len(unit.placebos.donors) for unit in units):
        shown.append(placebo_gaps(panel, units))
    if len(units) == 1 and scaled and len(units[0].placebos.donors):
        shown.append(error_ratio_rows(panel, units[0]))
    return tuple(shown)


def donor_weights(panel: Panel, units: Sequence[UnitGaps]) -> Exhibit:
    """Weight of each donor, averaged over the treated units."""
    total = np.zeros(panel.n_units)
    for unit in units:
        total[unit.pool.donors] += unit.weights / len(units)
    order = [int(row) for row in np.argsort(-np.abs(total), kind="stable") if abs(total[row]) >= LEAST_SHOWN]
    used, order = len(order), order[:MOST_SHOWN]
    pool = len({int(row) for unit in units for row in unit.pool.donors})
    return Exhibit(
        kind="donor_weights",
        table={
            "donor": tuple(str(panel.units[row]) for row in order),
            "weight": tuple(float(total[row]) for row in order),
            "donors_used": (used,) * len(order),
            "donors_in_pool": (pool,) * len(order),
            "treated_units": (len(units),) * len(order),
        },
        labels=("donors_used", "donors_in_pool", "treated_units"),
        about="units",
    )


def placebo_gaps(panel: Panel, units: Sequence[UnitGaps]) -> Exhibit:
    """Gap of every treated unit and of every placebo by event time."""
    names: list[str] = []
    role: list[str] = []
    times: list[int] = []
    gaps: list[float] = []

    def add(name: str, kind: str, event_time: Sequence[int], gap: Sequence[float]) -> None:
        names.extend([name] * len(gap))
        role.extend([kind] * len(gap))
        times.extend(int(time) for time in event_time)
        gaps.extend(float(value) for value in gap)

    seen: set[tuple[object, ...]] = set()
    for unit in units:
        time = unit.pool.event_time.tolist()
        add(str(panel.units[unit.pool.unit]), "treated", time, unit.gap.tolist())
        if unit.pool.group in seen:
            continue
        seen.add(unit.pool.group)
        for place in np.argsort(unit.placebos.donors):
            name = str(panel.units[unit.placebos.donors[place]])
            add(name, "placebo", time, unit.placebos.gaps[place].tolist())
    return Exhibit(
        kind="placebo_gaps",
        table={"place": tuple(names), "role": tuple(role), "event_time": tuple(times), "estimate": tuple(gaps)},
        labels=("event_time",),
        about="units",
    )


def error_ratio_rows(panel: Panel, unit: UnitGaps) -> Exhibit:
    """Error before and after the start of the treated unit and each placebo, the largest ratio first."""
    own, others = error_ratios(unit)
    rows = [(str(panel.units[unit.pool.unit]), "treated", unit.error, own)]
    rows += [
        (str(panel.units[donor]), "placebo", float(error), float(ratio))
        for donor, error, ratio in zip(unit.placebos.donors, unit.placebos.error, others, strict=True)
    ]
    rows.sort(key=lambda row: -row[3])
    return Exhibit(
        kind="error_ratios",
        table={
            "place": tuple(row[0] for row in rows),
            "role": tuple(row[1] for row in rows),
            "error_before": tuple(row[2] for row in rows),
            "error_after": tuple(row[2] * row[3] for row in rows),
            "ratio": tuple(row[3] for row in rows),
        },
        about="units",
    )

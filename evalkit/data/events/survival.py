"""Medians of durations of which some have not ended: Kaplan and Meier (1958), cell by cell, in the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from evalkit.data.events.engine import Engine
from evalkit.data.events.relation import AT, BIN, UNIT, USED

REACHED: Final = 0.5 + 1e-12
"""The median is the first time at which the share still open is half or less; a rounding error is no more."""


def kaplan_meier_medians(
    engine: Engine,
    relation: str,
    steps: str,
    ended: str,
    cells: Sequence[tuple[str, int]],
    units: Sequence[str] | None = None,
    *,
    since: dt.date | None = None,
) -> dict[tuple[str, int], float]:
    """Median steps of each cell in which it is reached.

    S(t) = prod over t_i <= t of (1 - d_i / r_i), with d_i ended at t_i and r_i still followed just before it; the
    median is the smallest t with S(t) <= 1/2. A record censored at t counts as followed up to t.

    Parameters
    ----------
    engine
        Open.
    relation
        What stands behind FROM: records as :mod:`~evalkit.data.events.relation` places them.
    steps, ended
        SQL of the whole steps (NULL where the record has no duration) and of whether it ended.
    cells
        (unit, bin) of the cells that are asked for.
    units
        Units by the numbers that the relation has for them; None where it has the units themselves.
    since
        First day of the earliest of the cells: files that keep to the order of time are read from there on.

    Returns
    -------
    dict
        (unit, bin) to the median; cells where more than half are open have none.
    """
    if not cells:
        return {}
    import pyarrow as pa

    number = {unit: place for place, unit in enumerate(units or ())}
    column = pa.array([number[unit] for unit, _ in cells], pa.int32()) if units else [unit for unit, _ in cells]
    late = "" if since is None else f" AND {AT} >= TIMESTAMP '{since} 00:00:00'"
    asked = pa.table({"unit": column, "bin": pa.array([bin_ for _, bin_ in cells], pa.int32())})
    engine.connection.register("_ek_asked", asked)
    query = f"""
        WITH lasting AS (
            SELECT {UNIT} AS unit, {BIN} AS bin, {steps} AS t, {ended} AS over FROM {relation}
            SEMI JOIN _ek_asked a ON {UNIT} = a.unit AND {BIN} = a.bin WHERE {USED}{late}
        ),
        at_each AS (
            SELECT unit, bin, t, count(*) AS n, count(*) FILTER (WHERE over) AS d
            FROM lasting WHERE t IS NOT NULL GROUP BY unit, bin, t
        ),
        followed AS (
            SELECT *, sum(n) OVER (PARTITION BY unit, bin ORDER BY t
                                   ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS r
            FROM at_each
        ),
        open AS (
            SELECT unit, bin, t, product(1.0 - CAST(d AS DOUBLE) / CAST(r AS DOUBLE)) OVER (
                PARTITION BY unit, bin ORDER BY t ROWS UNBOUNDED PRECEDING) AS s
            FROM followed
        )
        SELECT unit, bin, min(t) FROM open WHERE s <= {REACHED!r} GROUP BY unit, bin
    """
    found = {(str(units[unit] if units else unit), int(ordinal)): float(t) for unit, ordinal, t in engine.rows(query)}
    engine.connection.unregister("_ek_asked")
    return found

"""Small long frames for tests of the data layer: three cities, four years."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel

YEARS = (2001, 2002, 2003, 2004)
ADOPTION = {"Akron": 2003, "Gary": 2004, "Kent": 0}


def long_frame(**columns: Any) -> pd.DataFrame:
    """Twelve rows, sorted by city and year; named columns replace or extend the usual ones."""
    cities = np.repeat(list(ADOPTION), len(YEARS))
    frame = pd.DataFrame(
        {
            "city": cities,
            "year": np.tile(YEARS, len(ADOPTION)),
            "y": np.arange(12.0) ** 1.5,
            "law": [ADOPTION[city] for city in cities],
        }
    )
    frame["on"] = ((frame.law > 0) & (frame.year >= frame.law)).astype(int)
    return frame.assign(**columns)


def with_cell(column: str, row: int, value: object, frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """The usual frame (or another) with one cell changed."""
    base = long_frame() if frame is None else frame
    values = base[column].astype(object)
    values.iloc[row] = value
    return base.assign(**{column: values.infer_objects()})


def read(frame: pd.DataFrame, **arguments: Any) -> Panel:
    """`Panel.from_frame` with the usual roles: cohort from `law` unless `treated` or `dose` is named."""
    roles: dict[str, Any] = {"unit": "city", "period": "year", "outcome": "y"}
    if not {"treated", "dose"} & set(arguments):
        roles["cohort"] = "law"
    return Panel.from_frame(frame, **{**roles, **arguments})


def remark_ids(panel: Panel) -> list[str]:
    """Names of the remarks, in order."""
    return [remark.id for remark in panel.remarks]


def remark(panel: Panel, name: str) -> Any:
    """The one remark of that name."""
    (found,) = [remark for remark in panel.remarks if remark.id == name]
    return found

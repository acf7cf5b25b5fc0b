"""Service requests of a small simulated city: records as real ones come, and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

DISTRICTS = tuple(f"district {place:02d}" for place in range(12))
TREATED = DISTRICTS[:5]
START = "2021-07-01"
FIRST, LAST, EXTRACTED = "2019-01-01", "2022-12-31", "2023-03-15"
TYPES = ("pothole", "street light", "noise", "graffiti")
EFFECT = 0.75
"""Requests under the programme, over those without it."""


def requests(*, seed: int = 7, per_day: float = 0.5, effect: float = EFFECT) -> pd.DataFrame:
    """One row a request: two tracts a district, Poisson counts a day, times to close, and when each was entered."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(FIRST, LAST, freq="D")
    parts = []
    for number, district in enumerate(DISTRICTS):
        rate = per_day * (1.0 + 0.1 * number) * (1.0 + 0.2 * np.sin(2 * np.pi * days.day_of_year / 365.25))
        rate = np.where((days >= pd.Timestamp(START)) & (district in TREATED), rate * effect, rate)
        counts = rng.poisson(rate)
        created = np.repeat(days.to_numpy(), counts) + rng.integers(0, 86_400, counts.sum()).astype("timedelta64[s]")
        tracts = rng.integers(0, 2, counts.sum()) + 2 * number + 100
        parts.append(pd.DataFrame({"created": created, "tract": [f"{tract:05d}" for tract in tracts]}))
    frame = pd.concat(parts, ignore_index=True).sort_values("created", ignore_index=True)
    count = len(frame)
    took = rng.exponential(20.0, count)
    closed = frame["created"] + pd.to_timedelta((took * 86_400).astype(np.int64), unit="s")
    frame["closed"] = closed.where(closed < pd.Timestamp(EXTRACTED) + pd.Timedelta(days=1))
    frame["entered"] = frame["created"] + pd.to_timedelta(rng.geometric(0.4, count) - 1, unit="D")
    frame["type"] = rng.choice(TYPES, count, p=[0.4, 0.3, 0.2, 0.1])
    frame["cost"] = np.round(rng.gamma(2.0, 50.0, count), 2)
    frame.insert(0, "id", [f"r{number:07d}" for number in range(count)])
    return frame


def geography() -> pd.DataFrame:
    """Tract to district."""
    rows = [
        (f"{2 * number + side + 100:05d}", district) for number, district in enumerate(DISTRICTS) for side in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["tract", "district"])


def write(folder: Path, frame: pd.DataFrame | None = None, *, name: str = "requests.csv") -> Path:
    """Write ``folder/data/`` with the requests (by the ending of `name`), their geography and the districts."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    written = requests() if frame is None else frame
    if name.endswith(".parquet"):
        written.to_parquet(data / name, index=False, write_page_checksum=True)
    else:
        written.to_csv(data / name, index=False)
    geography().to_csv(data / "tracts.csv", index=False)
    residents = [5_000 + 500 * place for place in range(len(DISTRICTS))]
    starts = [START if district in TREATED else "" for district in DISTRICTS]
    pd.DataFrame({"district": DISTRICTS, "residents": residents, "opened": starts}).to_csv(
        data / "districts.csv", index=False
    )
    return folder


def source(**changes: Any) -> dict[str, Any]:
    """Content of `data.source`; `changes` replace whole keys, None removes one."""
    content: dict[str, Any] = {
        "kind": "events",
        "path": "data/requests.csv",
        "time": "created",
        "recorded": "entered",
        "extracted": EXTRACTED,
        "every": "month",
        "place": {"column": "tract", "table": {"path": "data/tracts.csv", "key": "tract", "unit": "district"}},
        "recording": {"since": FIRST, "until": LAST},
        "measures": [
            {"name": "requests", "kind": "count"},
            {"name": "cost", "kind": "sum", "column": "cost"},
            {
                "name": "lights",
                "kind": "share",
                "where": [{"column": "type", "operator": "equals", "value": "street light"}],
            },
            {"name": "days_open", "kind": "duration", "end": "closed", "statistic": "median"},
            {"name": "closed_in_30", "kind": "duration", "end": "closed", "statistic": "share_within", "within": 30},
        ],
        "treatment": {"path": "data/districts.csv", "unit": "district", "start": "opened"},
        "units": {"path": "data/districts.csv", "unit": "district", "columns": ["residents"]},
        "deduplicate": {"by": "id", "order": "entered"},
        "categories": ["type"],
    }
    content.update(changes)
    return {key: value for key, value in content.items() if value is not None}

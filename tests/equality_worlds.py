"""Made-up groups of a made-up city, in the shape in which cities publish equality indicators; truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.study.equality import EqualitySpec

YEARS = (2020, 2021, 2022, 2023)
SAMPLE_SEED = 20_23

# theme, topic, indicator, kind, level of the comparison group, ratio in the first year, in the last, size of a group
SAMPLE: tuple[tuple[str, str, str, str, float, float, float, float], ...] = (
    ("Economic opportunity", "Work", "Unemployment", "share", 0.05, 2.4, 2.0, 9_000),
    ("Economic opportunity", "Work", "Jobs that pay a living wage", "share", 0.55, 0.66, 0.74, 8_000),
    ("Economic opportunity", "Business", "Business ownership", "share", 0.09, 0.42, 0.52, 12_000),
    ("Economic opportunity", "Business", "Loan applications denied", "share", 0.12, 2.1, 1.8, 2_500),
    ("Housing", "Home ownership", "Owner-occupied homes", "share", 0.62, 0.55, 0.58, 15_000),
    ("Housing", "Home ownership", "Years of waiting for a first home", "measurement", 4.2, 1.5, 1.4, 600),
    ("Housing", "Stability", "Eviction filings", "rate", 0.021, 3.1, 2.4, 20_000),
    ("Housing", "Stability", "Overcrowded homes", "share", 0.03, 2.0, 1.9, 15_000),
    ("Public health", "Mortality", "Infant deaths", "rate", 0.0055, 2.3, 2.3, 14_000),
    ("Public health", "Mortality", "Life expectancy", "measurement", 79.0, 0.87, 0.88, 5_000),
    ("Public health", "Access to care", "No health insurance", "share", 0.09, 2.2, 1.6, 9_000),
    ("Public health", "Access to care", "Seen by a dentist within a year", "share", 0.66, 0.78, 0.82, 4_000),
)
STOPS = ("Services", "Transport", "Transit stops that wheelchairs can use")


def sample_frame(seed: int = SAMPLE_SEED) -> pd.DataFrame:
    """The table behind ``configs/equality/sample_city.yaml``: a row an indicator, group and year."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for _, _, name, kind, level, first, last, size in SAMPLE:
        for step, year in enumerate(YEARS):
            ratio = first + (last - first) * step / (len(YEARS) - 1)
            for group, truth in (("East side", level * ratio), ("West side", level)):
                rows.append({"year": year, "indicator": name, "group": group, **_cell(kind, truth, size, rng)})
    for step, year in enumerate(YEARS):
        rows.append({"year": year, "indicator": STOPS[2], "group": "City", "count": 310 + 25 * step, "out_of": 900,
                     "value": None, "std_error": None, "people": None})  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.astype({"count": "Int64", "out_of": "Int64", "people": "Int64"})


def _cell(kind: str, truth: float, size: float, rng: np.random.Generator) -> dict[str, Any]:
    """One sampled cell."""
    if kind == "measurement":
        error = 0.4 * truth / np.sqrt(size)
        value = round(float(rng.normal(truth, error)), 4)
        return {"count": None, "out_of": None, "value": value, "std_error": round(float(error), 5), "people": int(size)}
    drawn = rng.poisson(truth * size) if kind == "rate" else rng.binomial(int(size), truth)
    return {"count": int(drawn), "out_of": int(size), "value": None, "std_error": None, "people": int(size)}


def flat_spec(kind: str, count: int, *, per_topic: int = 3, **more: Any) -> EqualitySpec:
    """A tree of `count` indicators of one kind, named i0, i1, ..., in topics of `per_topic` under one theme."""
    indicators = [
        {"name": f"i{place}", "kind": kind, "unit": "of them", "direction": "lower_better", "groups": ["a", "b"]}
        for place in range(count)
    ]
    topics = [
        {"name": f"topic {start}", "indicators": indicators[start : start + per_topic]}
        for start in range(0, count, per_topic)
    ]
    columns = {"value": "value", "std_error": "std_error"} if kind == "measurement" else {
        "count": "count", "out_of": "out_of"
    }  # fmt: skip
    return EqualitySpec.model_validate(
        {
            "id": "flat", "title": "Flat", "city": "Sample City", "owner": "Equity office", "baseline": "2020",
            "data": {"source": {"kind": "file", "path": "x.csv"}, "about": "published", **columns},
            "themes": [{"name": "theme", "topics": topics}], **more,
        }
    )  # fmt: skip

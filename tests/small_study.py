"""A study of a few simulated places in a folder of its own, for tests of configs and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from evalkit.study.spec import Choice, Study, StudySpec

N_PLACES = 24
YEARS = tuple(range(2010, 2018))
STARTS = {2013: 5, 2015: 5}  # the rest are never treated
EFFECT = -2.0


def frame(*, seed: int = 20, effect: float = EFFECT) -> pd.DataFrame:
    """24 places over 8 years; 5 start in 2013, 5 in 2015; a constant effect."""
    rng = np.random.default_rng(seed)
    starts = [start for start, count in STARTS.items() for _ in range(count)]
    starts += [0] * (N_PLACES - len(starts))
    rows = []
    for place, start in enumerate(starts):
        level = rng.normal(20.0, 2.0)
        for year in YEARS:
            treated = start and year >= start
            outcome = level + 0.3 * (year - YEARS[0]) + (effect if treated else 0.0) + rng.normal(0.0, 0.5)
            rows.append((f"place {place:02d}", year, start, int(bool(treated)), outcome))
    return pd.DataFrame(rows, columns=["place", "year", "start", "active", "crimes"])


def study(**changes: Any) -> dict[str, Any]:
    """Content of a valid study's file; `changes` replace whole top-level keys, None removes one."""
    content: dict[str, Any] = {
        "defaults": [{"override /estimator": "two_way_fixed_effects"}, "_self_"],
        "id": "lights",
        "title": "Street lights and crime",
        "programme": "New street lights",
        "priority": "public_safety",
        "question": {
            "population": "places of a city",
            "intervention": "new street lights",
            "comparator": "places without them",
            "outcome": "crimes per place and year",
            "setting": "a simulated city",
        },
        "assignment": {"mechanism": "policy_choice", "unit": "place"},
        "data": {
            "source": {"kind": "file", "path": "data/lights.csv"},
            "unit": "place",
            "period": "year",
            "cohort": "start",
            "never": 0,
        },
        "outcomes": [
            {
                "name": "crime",
                "column": "crimes",
                "unit": "crimes per place and year",
                "direction": "lower_better",
                "mid": {"value": 1.0, "rationale": "set for tests"},
            }
        ],
        "design": {"event_window": [-3, 2]},
        "robustness": [],
        "checks": ["sample_flow", "pre_trends"],
        "use": {"limitations": ["The data are simulated."]},
    }
    content.update(changes)
    return {key: value for key, value in content.items() if value is not None}


def built(*, seed: int = 0, **changes: Any) -> Study:
    """The study as a resolved one, without composing configs; `changes` as in `study`."""
    content = study(**changes)
    content.pop("defaults")
    return Study(
        spec=StudySpec.model_validate(content), estimator=Choice(name="two_way_fixed_effects"), robustness=(),
        checks=(), evidence={}, seed=seed,
    )  # fmt: skip


def write_study(folder: Path, content: Mapping[str, Any] | str | None = None, *, name: str = "lights") -> Path:
    """Write ``folder/configs/study/<name>.yaml`` and return `folder`; text is written as it is."""
    file = folder / "configs" / "study" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    chosen = study() if content is None else content
    text = chosen if isinstance(chosen, str) else yaml.safe_dump(dict(chosen), sort_keys=False)
    file.write_text(text, encoding="utf-8")
    return folder


def write_data(folder: Path, data: pd.DataFrame | None = None) -> Path:
    """Write ``folder/data/lights.csv``."""
    file = folder / "data" / "lights.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    (frame() if data is None else data).to_csv(file, index=False)
    return file

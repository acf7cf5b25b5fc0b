"""Summaries of many made-up cities, with effects whose average is known, for tests of the portfolio."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from evalkit.evidence.schema import Evidence
from tests import report_samples

PRIORITIES = ("public_safety", "homelessness", "permits")
OUTCOMES = {
    "public_safety": ("homicides", "homicides per 100,000 residents", "log", "lower_better"),
    "homelessness": ("people on the street", "people per 10,000 residents", "identity", "lower_better"),
    "permits": ("days until a permit is issued", "days", "log", "lower_better"),
}
LABELS = {None: "Not rated", 1: "Very low", 2: "Low", 3: "Moderate", 4: "High"}


def city_evidence(
    study: str,
    *,
    city: str = "Sample City",
    priority: str = "public_safety",
    effect: float = -0.07,
    std_error: float = 0.03,
    certainty: int | None = 2,
    decided: bool = False,
    created: dt.datetime | None = None,
    title: str | None = None,
    outcome: str | None = None,
) -> Evidence:
    """A summary whose primary effect has this value and error."""
    name, unit, scale, direction = OUTCOMES[priority]
    name = outcome or name
    plain: dict[str, Any] = report_samples.evidence("Programme", certainty=certainty).model_dump(mode="json")
    plain["identity"] |= {"study_id": study, "run_id": f"{abs(hash((study, effect))):016x}"[:16]}
    if created is not None:
        plain["identity"]["created_at"] = created.isoformat()
    plain["question"] |= {
        "city": {"value": city, "how": "declared"},
        "priority": {"value": priority, "how": "declared"},
        "title": {"value": title or f"Programme for {name} in {city}", "how": "declared"},
    }
    plain["outcomes"][0] |= {"name": name, "unit": unit, "direction": direction, "analysed_as": scale}
    low, high = effect - 1.959964 * std_error, effect + 1.959964 * std_error
    found = "inconclusive" if low <= 0.0 <= high else "favourable" if effect < 0.0 else "unfavourable"
    plain["estimates"][0] |= {
        "outcome": name,
        "scale": scale,
        "effect": report_samples.quantity(effect, low, high, "log points" if scale == "log" else unit),
    }
    plain["finding"] |= {"label": found, "outcome_direction": "decrease" if effect < 0.0 else "increase"}
    percent = [100.0 * float(np.expm1(value)) for value in (effect, low, high)]
    for field, numbers, of in (("percent", percent, "%"), ("absolute", [effect, low, high], unit)):
        plain["natural"][field]["effect"] = report_samples.quantity(numbers[0], numbers[1], numbers[2], of)
    plain["sentences"] |= {
        "headline": f"The programme may reduce {name} by about {abs(percent[0]):.0f} %.",
        "certainty": f"Certainty is {LABELS[certainty]} because assignment was not random.",
    }
    if not decided:
        plain["use"]["decision"] = None
    return Evidence.model_validate(plain)


def cities(count: int, *, seed: int = 1, mean: float = -0.1, spread: float = 0.05) -> list[Evidence]:
    """`count` cities, each with one study of one of three priorities; effects differ by `spread` around `mean`."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        error = float(rng.uniform(0.03, 0.12))
        made.append(
            city_evidence(
                f"study_{number:03d}",
                city=f"City {number:03d}",
                priority=PRIORITIES[number % 3],
                effect=float(rng.normal(mean, np.hypot(spread, error))),
                std_error=error,
                certainty=[None, 1, 2, 2, 3, 3, 4][number % 7],
                decided=number % 4 == 0,
            )
        )
    return made

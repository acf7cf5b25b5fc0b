"""What every estimator says of small random panels, in few numbers: kept, so that no published number changes unseen.

The panels are those of the second implementation (tests/oracle), which checks effects and errors against plain loops.
Here everything else an estimate holds is kept too: numbers of units, observed means, bands, remarks, tables of
exhibits, facts, the interval that the rule table reports, and what refusals count.

    python -m tests.kept.results        # keep today's numbers; CHANGELOG.md then says which changed and why
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from unittest import mock

import numpy as np
from pydantic import BaseModel

import evalkit as ek
from evalkit.errors import DesignRefused, EstimationFailed
from evalkit.estimators import registry
from evalkit.evidence.standard import shipped
from evalkit.inference.choose import report
from evalkit.inference.reported import NotComputable
from evalkit.testing.simulate import staggered_panel
from evalkit.uncertainty import Posterior
from tests.oracle.second import read
from tests.oracle.second.tables import CASES

KEPT = Path(__file__).with_name("results.json")
WITHOUT_RULES = ("synthetic_did", "imputation, two stages (Gardner)")
"""Each refit takes a tenth of a second and more."""
SEEDS = (301, 302, 303, 304, 305, 306)
SLOW = (
    "bayesian_did, sites",
    "synthetic_control",
    "augmented_synthetic_control",
    "interactive_fixed_effects",
    "interrupted",
)
"""Half of the panels are enough for what starts with these."""
SMALL = 1e-2
"""Outcomes have a size of about 1; below this differences count as they are."""
FEW_DRAWS = 39
"""Of rules that draw roll-outs or signs: what counts here is that they stay, and 39 are enough for 95 %."""
TABLE = shipped().inference.model_copy(
    update={
        "rows": tuple(
            row.model_copy(update={"draws": min(row.draws, FEW_DRAWS)}) if row.draws else row
            for row in shipped().inference.rows
        )
    }
)
Summary = dict[str, list[float]]


def summary(values: object) -> list[float]:
    """An array in few numbers: how many, how many of them finite, a sum with weights that all differ, its size.

    Examples
    --------
    >>> summary([1.0, float("nan")])
    [2.0, 1.0, 0.5403023059, 1.0]
    >>> summary([2, 1]) == summary([1, 2])
    False
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    finite = np.isfinite(array)
    weights = np.cos(np.arange(1, len(array) + 1))
    kept = array[finite]
    return [float(len(array)), float(finite.sum()), *(_short(x) for x in (kept @ weights[finite], np.abs(kept).sum()))]


def differences(now: Mapping[str, list[float]], before: Mapping[str, list[float]], tolerance: float) -> list[str]:
    """Names of what has changed, with both values."""
    found = [f"{name}: only {'now' if name in now else 'before'}" for name in sorted(set(now) ^ set(before))]
    for name in sorted(set(now) & set(before)):
        ours, kept = now[name], before[name]
        if ours[:2] != kept[:2] or abs(ours[2] - kept[2]) > tolerance * max(kept[3], SMALL):
            found.append(f"{name}: {ours}, was {kept}")
    return found


def names() -> list[str]:
    """What is kept: the comparisons with a second implementation, and exact posteriors."""
    return [*(case.name for case in CASES), *POSTERIORS]


def defaults() -> dict[str, dict[str, Any]]:
    """What every estimator does where a study says nothing, and what it asks of a study's data."""
    return {name: dict(_defaults(name)) for name in sorted(registry.BUILT_IN)}


def _defaults(name: str) -> Iterator[tuple[str, str]]:
    estimator = registry.get(name)
    for key, field in cast("type[BaseModel]", estimator).model_fields.items():
        yield key, str(field.default)
    for need in dataclasses.fields(estimator.needs):
        value = getattr(estimator.needs, need.name)
        yield f"needs {need.name}", str(sorted(value) if isinstance(value, frozenset) else value)


def made(name: str) -> dict[str, Summary]:
    """Everything said of each seed."""
    seeds = SEEDS[: len(SEEDS) // 2] if name.startswith(SLOW) else SEEDS
    return {str(seed): dict(_of_seed(name, seed)) for seed in seeds}


def _of_seed(name: str, seed: int) -> Iterator[tuple[str, list[float]]]:
    seen: list[tuple[ek.Estimate, ek.Panel, Callable[[ek.Panel], ek.Estimate]]] = []

    def fitted(estimator: str, panel: ek.Panel, settings: dict[str, Any]) -> ek.Estimate:
        fit = functools.partial(_fit, registry.get(estimator)(**settings))
        seen.append((fit(panel), panel, fit))
        return seen[-1][0]

    try:
        if name in POSTERIORS:
            fitted(*POSTERIORS[name](seed))
        else:
            with mock.patch.object(read, "fitted", fitted):
                figures = next(case for case in CASES if case.name == name).ours(seed)
            yield "figures", summary([figures[key] for key in sorted(figures)])
    except (DesignRefused, EstimationFailed, NotComputable) as refusal:
        yield f"refused: {type(refusal).__name__}", summary(_numbers(str(refusal)))
    for place, (estimate, panel, fit) in enumerate(seen):
        for what, values in _told(estimate):
            yield f"{place} {what}", values
        if seed == SEEDS[0] and name not in WITHOUT_RULES:
            yield _reported(estimate, panel, fit)


def _told(estimate: ek.Estimate) -> Iterator[tuple[str, list[float]]]:
    for field in dataclasses.fields(estimate.cells):
        values = getattr(estimate.cells, field.name)
        if values is not None:
            yield f"cells.{field.name}", summary(values)
    for kind in estimate.kinds:
        try:
            rows = estimate.aggregation(kind, simultaneous=not isinstance(estimate.uncertainty, Posterior))
        except DesignRefused as refusal:
            yield f"{kind}: refused", summary(_numbers(str(refusal)))
            continue
        for column in ("labels", "estimate", "std_error", "low", "high", "low_simultaneous", "observed", "n_treated"):
            values = getattr(rows, column)
            if values is not None:
                yield f"{kind}.{column}", summary(values)
    yield "counts", summary([estimate.n_units, estimate.n_treated_units, estimate.n_observations])
    if not isinstance(estimate.uncertainty, Posterior):
        yield "covariance", summary(estimate.uncertainty.covariance)
        yield "clusters", summary([np.nan if (n := estimate.uncertainty.n_clusters) is None else n])
    for remark in estimate.remarks:
        said = [remark.treated, remark.comparison, *_numbers(str(remark.text))]
        yield f"remark {remark.id}", summary(said)
    for fact, value in estimate.facts.items():
        yield f"fact {fact}", summary([value])
    for exhibit in estimate.exhibits:
        for column, entries in exhibit.table.items():
            numbers = all(isinstance(entry, int | float | np.number) for entry in entries)
            yield f"{exhibit.kind}.{column}", summary(entries if numbers else [len(set(map(str, entries)))])
    if estimate.own is not None:
        yield "own", summary([estimate.own.low, estimate.own.high])


def _reported(estimate: ek.Estimate, panel: ek.Panel, fit: Any) -> tuple[str, list[float]]:
    found = report(estimate, panel, fit, TABLE, level=0.9, cheap=True)
    passed = [method for method, _ in found.passed_over]
    figures = [
        found.low,
        found.high,
        found.p_value,
        found.smallest_p,
        *(found.details[k] for k in sorted(found.details)),
    ]
    return f"reported by {found.method} after {passed}", summary([np.nan if x is None else x for x in figures])


def _fit(estimator: Any, panel: ek.Panel) -> ek.Estimate:
    found: ek.Estimate = estimator.fit(panel, rng=np.random.default_rng(0))
    return found


def _numbers(text: str) -> list[float]:
    return [float(word) for word in re.findall(r"\d+\.?\d*", text)]


def _short(value: Any) -> float:
    return float(f"{value:.10g}")


def _world(seed: int, **settings: Any) -> ek.Panel:
    return staggered_panel(**{"n_units": 14, "n_periods": 8, "cohorts": {4: 0.2, 6: 0.2}, "seed": seed, **settings})


POSTERIORS: dict[str, Callable[[int], tuple[str, ek.Panel, dict[str, Any]]]] = {
    "bayesian_did": lambda seed: ("bayesian_did", _world(seed), {"draws": 100}),
    "bayesian_time_series": lambda seed: (
        "bayesian_time_series",
        _world(seed, n_periods=24, cohorts={16: 0.1}),
        {"draws": 100, "comparison_series": "none"},
    ),
    "bayesian_did, sites": lambda seed: ("bayesian_did", _world(seed), {"draws": 100, "sites": True}),
}


def main() -> None:
    """Keep today's numbers."""
    kept = {"defaults": defaults(), "results": {name: made(name) for name in names()}}
    KEPT.write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

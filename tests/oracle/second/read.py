"""The package's side: what an estimate says, under the keys that oracles use."""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators import registry
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import POOLED
from tests.oracle.plain import ZERO


def fitted(name: str, panel: Panel, settings: dict[str, Any]) -> Estimate:
    """Fit the estimator of a name."""
    estimator: Any = registry.get(name)
    found: Estimate = estimator(**settings).fit(panel, rng=np.random.default_rng(0))
    return found


def figures(estimate: Estimate, panel: Panel, *, events: bool = True) -> dict[str, float]:
    """Cells by cohort and position of the period, event times and the overall effect; references are left out."""
    cells, origin = estimate.cells, int(panel.time[0])
    table = estimate.to_frame()
    found: dict[str, float] = {}
    for k in range(len(cells)):
        if cells.is_reference[k] or cells.cohort[k] == POOLED or cells.unit is not None:
            continue
        where = f"of cohort {int(cells.cohort[k]) - origin} in {int(cells.period[k]) - origin}"
        found[f"effect {where}"] = float(table["estimate"].iloc[k])
        found[f"error {where}"] = float(table["std_error"].iloc[k])
    if events:
        study = estimate.aggregation("event_study")
        for e, effect, error, reference in zip(
            study.labels, study.estimate, study.std_error, study.is_reference, strict=True
        ):
            if not reference:
                found[f"effect at {e}"], found[f"error at {e}"] = float(effect), float(error)
        if study.degrees_by_row is not None:
            for e, degrees, reference in zip(study.labels, study.degrees_by_row, study.is_reference, strict=True):
                if not reference:
                    found[f"degrees at {e}"] = float(degrees)
    return found | overall(estimate)


def overall(estimate: Estimate) -> dict[str, float]:
    """The overall effect."""
    row = estimate.aggregation("overall")
    found = {"overall effect": float(row.estimate[0]), "overall error": float(row.std_error[0])}
    assert isinstance(estimate.uncertainty, Sampling)
    if row.degrees_of_freedom is not None:
        found["degrees of freedom"] = float(row.degrees_of_freedom)
    if found["overall error"] > ZERO:
        found["p-value"] = float(row.p_values()[0])
    return found

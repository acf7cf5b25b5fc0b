"""Time the engines of bayesian_did on city panels with staggered starts.

OMP_NUM_THREADS=1 python benchmarks/bayes/bayesian_did.py            # engines without a chain
OMP_NUM_THREADS=1 python benchmarks/bayes/bayesian_did.py --nuts 22  # and NUTS on 22 cities
OMP_NUM_THREADS=1 python benchmarks/bayes/bayesian_did.py --plain 22 # and pm.sample at its defaults

CPU seconds of the fit; imports, and the whole process, are printed apart. Posterior files are written to memory.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.report.draws import draws_netcdf
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior

DESIGNS: dict[str, tuple[int, int, str, dict[str, Any]]] = {
    "effects by cohort, 50 x 20": (50, 20, "y", {}),
    "effects by cohort, 500 x 20": (500, 20, "y", {}),
    "effects by cohort, 22 x 40": (22, 40, "y", {}),
    "effects by cohort, 100 x 40": (100, 40, "y", {}),
    "effects by cohort, 10,000 x 40": (10_000, 40, "y", {}),
    "each city its own, 22 x 40": (22, 40, "y", {"sites": True}),
    "each city its own, 100 x 40": (100, 40, "y", {"sites": True}),
    "known standard errors, 50 x 20": (50, 20, "y", {"standard_error": "se"}),
    "negative binomial, 22 x 48": (22, 48, "count", {"family": "negative_binomial"}),
    "negative binomial, each city its own, 100 x 40": (
        100, 40, "count", {"family": "negative_binomial", "sites": True},
    ),
    "shares, each city its own, 22 x 40": (22, 40, "successes", {"family": "binomial", "sites": True}),
}  # fmt: skip
"""Units, periods, outcome and settings of each row."""


def panel(n_units: int, n_periods: int, outcome: str) -> Panel:
    """Cohorts from the middle on, two fifths never treated, effects that grow and differ, AR(1) errors."""
    middle, step = n_periods * 3 // 8, 5 if n_units < 50 else 2
    starts = range(middle, middle + 16, step)
    design = StaggeredDesign(
        n_units=n_units,
        n_periods=n_periods,
        cohorts=dict.fromkeys((start for start in starts if start < n_periods), 0.6 / len(starts)),
        effect=0.5,
        growth=0.02,
        cohort_gap=0.1,
        autocorrelation=0.5,
    )
    frame = simulate_staggered(design, 1).frame
    rng = np.random.default_rng(2)
    rate = np.exp(3.0 + 0.2 * frame["y"].to_numpy())
    frame = frame.assign(
        se=0.5,
        trials=500,
        count=rng.poisson(rate * rng.standard_gamma(10.0, len(frame)) / 10.0),
        successes=rng.binomial(500, 1.0 / (1.0 + np.exp(1.0 - 0.2 * frame["y"]))),
    )
    return Panel.from_frame(
        frame, unit="unit", period="period", outcome=outcome, cohort="cohort", covariates=["se"],
        exposure="trials" if outcome == "successes" else None,
    )  # fmt: skip


def timed(data: Panel, **settings: Any) -> tuple[Estimate, float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    estimate = BayesianDid(**settings).fit(data, rng=np.random.default_rng(0))
    return estimate, time.process_time() - cpu, time.perf_counter() - wall


def row(name: str, **changes: Any) -> dict[str, object]:
    n_units, n_periods, outcome, settings = DESIGNS[name]
    data = panel(n_units, n_periods, outcome)
    estimate, cpu, wall = timed(data, leads=False, **{**settings, **changes})
    assert isinstance(estimate.uncertainty, Posterior)
    figures, overall = estimate.uncertainty.sampler, estimate.aggregation("overall")
    ess = min(figures.ess_bulk_min, figures.ess_tail_min)
    return {
        "model": name,
        "cells": len(estimate.cells),
        "engine": figures.engine,
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "cpu_s_to_400": round(cpu * min(400.0 / ess, 1.0) if ess else np.inf, 2),
        "overall": f"{overall.estimate[0]:.4f} ({overall.std_error[0]:.4f})",
        "ess": round(ess),
        "rhat": round(figures.rhat_max, 4),
        "divergences": figures.divergences,
        "file_mb": round(len(draws_netcdf(estimate) or b"") / 1e6, 1),
    }


def main() -> None:
    began = time.process_time()
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--nuts", type=int, nargs="*", default=[], help="numbers of units to sample with NUTS too")
    parser.add_argument("--plain", type=int, nargs="*", default=[], help="the same by PyMC's own NUTS at its defaults")
    asked = parser.parse_args()
    rows = []
    for name, (n_units, *_rest, settings) in DESIGNS.items():
        if asked.only not in name:
            continue
        rows.append(row(name))
        if "standard_error" in settings:
            continue
        if n_units in asked.nuts:
            rows.append(row(name, engine="nuts"))
        if n_units in asked.plain:
            plain = {"sampler": "pymc", "draws": 1_000, "tune": 1_000, "target_accept": 0.8}
            rows.append(row(name, engine="nuts", **plain) | {"engine": "pm.sample"})
    print(pd.DataFrame(rows).to_string(index=False))
    print(f"imports {began:.1f} CPU s, whole process {time.process_time():.1f}")


if __name__ == "__main__":
    main()

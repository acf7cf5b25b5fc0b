"""Time both engines of bayesian_did on city panels with staggered starts.

OMP_NUM_THREADS=1 python benchmarks/bayes/bayesian_did.py            # exact engine
OMP_NUM_THREADS=1 python benchmarks/bayes/bayesian_did.py --nuts 22  # and NUTS on 22 cities
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.uncertainty import Posterior

PERIODS = 40
SIZES = (22, 100, 1_000, 10_000)


def panel(n_units: int) -> Panel:
    """Eight cohorts, two fifths never treated, effects that grow and differ, AR(1) errors."""
    cohorts = dict.fromkeys(range(15, 31, 2), 0.075)
    if n_units < 50:
        cohorts = dict.fromkeys(range(15, 31, 5), 0.15)
    design = StaggeredDesign(
        n_units=n_units,
        n_periods=PERIODS,
        cohorts=cohorts,
        effect=0.5,
        growth=0.02,
        cohort_gap=0.1,
        autocorrelation=0.5,
    )
    frame = simulate_staggered(design, 1).frame
    return Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")


def timed(data: Panel, **settings: object) -> tuple[Estimate, float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    estimate = BayesianDid(**settings).fit(data, rng=np.random.default_rng(0))
    return estimate, time.process_time() - cpu, time.perf_counter() - wall


def row(n_units: int, data: Panel, engine: str) -> dict[str, object]:
    estimate, cpu, wall = timed(data, engine=engine, leads=False)
    assert isinstance(estimate.uncertainty, Posterior)
    figures, overall = estimate.uncertainty.sampler, estimate.aggregation("overall")
    return {
        "units": n_units,
        "cells": len(estimate.cells),
        "engine": figures.engine,
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "overall": f"{overall.estimate[0]:.4f} ({overall.std_error[0]:.4f})",
        "ess": round(min(figures.ess_bulk_min, figures.ess_tail_min)),
        "rhat": round(figures.rhat_max, 4),
        "divergences": figures.divergences,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nuts", type=int, nargs="*", default=[], help="sizes to sample with NUTS too")
    chosen = parser.parse_args().nuts
    rows = []
    for n_units in SIZES:
        data = panel(n_units)
        rows.append(row(n_units, data, "exact"))
        if n_units in chosen:
            rows.append(row(n_units, data, "nuts"))
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()

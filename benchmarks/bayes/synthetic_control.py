"""Time bayesian_synthetic_control beside CausalPy's synthetic control, in CPU seconds of the fit.

OMP_NUM_THREADS=1 python benchmarks/bayes/synthetic_control.py  # evalkit
OMP_NUM_THREADS=1 python benchmarks/bayes/synthetic_control.py --peer-python PATH  # and CausalPy there
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

START, PERIODS = 60, 80
SIZES = (10, 20, 50)


def series(donors: int) -> np.ndarray:
    """(T, 1 + J): a city that three of the donors make up, with effect 2 after period 60."""
    rng = np.random.default_rng(donors)
    factors = rng.standard_normal((PERIODS, 3)).cumsum(axis=0)
    others = 5.0 * rng.standard_normal(donors) + factors @ rng.standard_normal((3, donors))
    others = others + rng.standard_normal((PERIODS, donors))
    city = others[:, :3] @ np.array([0.5, 0.3, 0.2]) + rng.standard_normal(PERIODS)
    city[START:] += 2.0
    return np.column_stack([city, others])


def proposition_99(folder: str) -> tuple[np.ndarray, int]:
    """California first, then the other 38 states; the programme starts in the 20th year."""
    import pandas as pd

    wide = pd.read_csv(Path(folder) / "california_prop99.csv").set_index("Year")
    return np.column_stack([wide.pop("California").to_numpy(), wide.to_numpy()]), 19


def data(name: str, folder: str) -> tuple[np.ndarray, int]:
    return proposition_99(folder) if name == "prop99" else (series(int(name)), START)


def evalkit_row(name: str, folder: str, concentration: float | None) -> dict[str, object]:
    import pandas as pd

    import evalkit as ek

    values, start = data(name, folder)
    periods, units = values.shape
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(np.arange(1, periods + 1), units),
            "y": values.T.ravel(),
            "cohort": np.repeat(np.where(np.arange(units) == 0, start + 1, 0), periods),
        }
    )
    panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    estimator = ek.BayesianSyntheticControl(concentration=concentration, prior_pull=False)
    began = time.process_time()
    estimate = estimator.fit(panel, rng=np.random.default_rng(0))
    spent = time.process_time() - began
    row, figures = estimate.aggregation("overall"), estimate.uncertainty.sampler
    return {
        "contender": "evalkit" if concentration is None else f"evalkit, Dirichlet({concentration:g})",
        "fit_cpu_s": spent,
        "effect": float(row.estimate[0]),
        "low": float(row.low[0]),
        "high": float(row.high[0]),
        "ess": min(figures.ess_bulk_min, figures.ess_tail_min),
        "rhat": figures.rhat_max,
        "divergences": figures.divergences,
    }


def causalpy_row(name: str, folder: str) -> dict[str, object]:
    import arviz as az
    import causalpy as cp
    import pandas as pd

    values, start = data(name, folder)
    columns = ["city", *(f"d{j}" for j in range(1, values.shape[1]))]
    frame = pd.DataFrame(values, columns=columns)
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = cp.SyntheticControl(
        frame,
        start,
        control_units=columns[1:],
        treated_units=["city"],
        model=cp.pymc_models.WeightedSumFitter(
            sample_kwargs={"random_seed": 1, "progressbar": False, "cores": 1, "chains": 4}
        ),
    )
    ended = resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    posterior = result.model.idata.posterior
    weights = posterior["beta"].to_numpy().reshape(-1, values.shape[1] - 1)
    effect = values[start:, 0].mean() - weights @ values[start:, 1:].mean(axis=0)
    kept = posterior[["beta"]]
    return {
        "contender": "CausalPy",
        "fit_cpu_s": ended - began,
        "effect": float(effect.mean()),
        "low": float(np.quantile(effect, 0.025)),
        "high": float(np.quantile(effect, 0.975)),
        "ess": float(min(az.ess(kept)["beta"].min(), az.ess(kept, method="tail")["beta"].min())),
        "rhat": float(az.rhat(kept)["beta"].max()),
        "divergences": int(result.model.idata.sample_stats["diverging"].sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer-python", help="interpreter of an environment with causalpy")
    parser.add_argument("--data", default="", help="folder that holds california_prop99.csv; adds Proposition 99")
    parser.add_argument("--only", choices=["evalkit", "causalpy"], help="what one process runs")
    parser.add_argument("--name", nargs="*", default=[str(size) for size in SIZES])
    chosen = parser.parse_args()
    names = [*chosen.name, *(["prop99"] if chosen.data else [])]
    if chosen.only:
        for name in chosen.name:
            rows = [causalpy_row(name, chosen.data)] if chosen.only == "causalpy" else []
            if chosen.only == "evalkit":
                rows = [evalkit_row(name, chosen.data, alpha) for alpha in (None, 1.0)]
            for row in rows:
                print(json.dumps({"data": name, **row}), flush=True)
        return
    for name in names:
        for contender, python in (("evalkit", sys.executable), ("causalpy", chosen.peer_python)):
            if python:
                where = ["--data", chosen.data] if chosen.data else []
                subprocess.run([python, __file__, "--only", contender, "--name", name, *where], check=True)


if __name__ == "__main__":
    main()

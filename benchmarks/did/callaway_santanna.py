"""Callaway-Sant'Anna beside PyPI's diff-diff: same long frame, one run, one process and one core per contender.

    python benchmarks/did/callaway_santanna.py --units 100000 --periods 10
    python benchmarks/did/callaway_santanna.py --peer-python PATH   # an interpreter in which diff-diff is installed

Each contender makes the same frame from the same seed, runs once on 500 units so that imports do
not count, and is then measured on the whole frame, reading it included: doubly robust, 2 covariates,
never-treated comparison, 999 multiplier draws, all four aggregations. CPU time is the process's own;
peak memory is what the resident set gains over its size before the run (Linux).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

DRAWS = 999
WARM_UP_UNITS = 500
KINDS = ("overall", "event_study", "cohort", "period")
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
Answer = tuple[float, float]


def make_frame(units: int, periods: int, seed: int = 0) -> pd.DataFrame:
    """Long frame: four cohorts and never-treated units (0), chosen by two covariates that also move the trend."""
    rng = np.random.default_rng(seed)
    cohorts = np.array([0, *np.linspace(3, periods - 1, 4).round().astype(int)])
    x = rng.standard_normal((units, 2))
    odds = np.exp(np.outer(0.3 * x[:, 0] - 0.2 * x[:, 1], np.linspace(0.0, 1.0, len(cohorts))))
    odds[:, 0] *= 1.5
    first = cohorts[(odds.cumsum(axis=1) < rng.random((units, 1)) * odds.sum(axis=1, keepdims=True)).sum(axis=1)]
    clock = np.arange(1, periods + 1)
    y = rng.standard_normal((units, 1)) + 0.3 * clock + 0.1 * np.outer(x[:, 0], clock)
    y += rng.standard_normal((units, periods))
    since = clock - first[:, None]
    y += np.where((first[:, None] > 0) & (since >= 0), 1.0 + 0.2 * since, 0.0)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(clock, units),
            "y": y.ravel(),
            "cohort": np.repeat(first, periods),
            "x1": np.repeat(x[:, 0], periods),
            "x2": np.repeat(x[:, 1], periods),
        }
    )


def evalkit_with(**settings: Any) -> Callable[[pd.DataFrame], Answer]:
    """Our run, `Panel.from_frame` included."""
    import evalkit as ek

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(
            frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["x1", "x2"]
        )
        estimator = ek.CallawaySantAnna(comparison="never_treated", method="dr", covariates=("x1", "x2"), **settings)
        estimate = estimator.fit(panel, rng=np.random.default_rng(1))
        tables = {kind: estimate.aggregate(kind) for kind in KINDS}
        return float(tables["overall"]["estimate"].iloc[0]), float(tables["overall"]["std_error"].iloc[0])

    return run


def diff_diff(draws: int) -> Callable[[pd.DataFrame], Answer]:
    """The peer's run, with all the aggregations that it has (it has none by period)."""
    import warnings

    from diff_diff import CallawaySantAnna

    def run(frame: pd.DataFrame) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = CallawaySantAnna(
                control_group="never_treated", estimation_method="dr", n_bootstrap=draws, seed=1
            ).fit(
                frame, outcome="y", unit="unit", time="period", first_treat="cohort",
                covariates=["x1", "x2"], aggregate="all",
            )  # fmt: skip
        return float(found.overall_att), float(found.overall_se)

    return run


CONTENDERS: dict[str, Callable[[], Callable[[pd.DataFrame], Answer]]] = {
    "evalkit": lambda: evalkit_with(inference="bootstrap", multiplier="gaussian", n_draws=DRAWS),
    "evalkit, Rademacher": lambda: evalkit_with(inference="bootstrap", multiplier="rademacher", n_draws=DRAWS),
    "evalkit, analytical": lambda: evalkit_with(inference="analytical"),
    "diff-diff": lambda: diff_diff(DRAWS),
    "diff-diff, analytical": lambda: diff_diff(0),
}


def resident(field: str) -> float:
    """A size from /proc/self/status in MB; NaN where there is none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    for line in status.read_text().splitlines():
        if line.startswith(field):
            return float(line.split()[1]) / 1024.0
    return float("nan")


def measure(name: str, units: int, periods: int) -> dict[str, float]:
    """Run one contender in this process."""
    run = CONTENDERS[name]()
    run(make_frame(WARM_UP_UNITS, periods))
    frame = make_frame(units, periods)
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    before, clock, cpu = resident("VmRSS"), time.perf_counter(), time.process_time()
    estimate, error = run(frame)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return {"cpu": cpu, "wall": clock, "peak": resident("VmHWM") - before, "estimate": estimate, "std_error": error}


def in_process(name: str, units: int, periods: int, python: str) -> dict[str, float]:
    """Measure one contender in a process of its own."""
    command = [python, __file__, "--only", name, "--units", str(units), "--periods", str(periods)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ONE_CORE}, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def has_peer(python: str) -> bool:
    """Whether diff-diff can be imported by that interpreter."""
    if python == sys.executable:
        return importlib.util.find_spec("diff_diff") is not None
    return subprocess.run([python, "-c", "import diff_diff"], capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--periods", type=int, default=10)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter in which diff-diff is installed")
    parser.add_argument("--only", choices=list(CONTENDERS), help="measure one contender in this process, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.only, chosen.units, chosen.periods)))
        return
    peer = has_peer(chosen.peer_python)
    rows = {}
    for name in CONTENDERS:
        if name.startswith("diff-diff"):
            if peer:
                rows[name] = in_process(name, chosen.units, chosen.periods, chosen.peer_python)
            continue
        rows[name] = in_process(name, chosen.units, chosen.periods, sys.executable)
    print(
        f"{chosen.units:,} units x {chosen.periods} periods; wide outcome {chosen.units * chosen.periods * 8e-6:.0f} MB"
    )
    print(f"{'contender':24}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'overall':>11}{'error':>10}")
    for name, row in rows.items():
        print(
            f"{name:24}{row['cpu']:9.3f}{row['wall']:9.3f}{row['peak']:9.0f}"
            f"{row['estimate']:11.6f}{row['std_error']:10.6f}"
        )
    if not peer:
        print("diff-diff is not installed here (pip install diff-diff, or --peer-python): no ratio.")
        return
    for kind in ("", ", analytical"):
        ratio = rows[f"diff-diff{kind}"]["cpu"] / rows[f"evalkit{kind}"]["cpu"]
        print(f"CPU time of diff-diff over evalkit{kind or f', {DRAWS} draws'}: {ratio:.0f}")


if __name__ == "__main__":
    main()

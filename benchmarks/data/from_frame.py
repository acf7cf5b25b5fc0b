"""Time of `Panel.from_frame` against one `groupby("unit").y.mean()` on the same frame.

Run on one quiet core::

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/data/from_frame.py [rows]

Each layout is timed side by side in one process: CPU seconds, median of five runs of each. The goal is a ratio of at
most 4 for shuffled rows with integer units, years and cohorts and a floating-point outcome.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from evalkit.data.fingerprint import fingerprint
from evalkit.data.panel import Panel

PERIODS = 10
REPEATS = 5


def sorted_frame(rows: int, seed: int = 0) -> pd.DataFrame:
    """Balanced and sorted: 10 years a unit, one cohort a unit, one covariate."""
    rng = np.random.default_rng(seed)
    units = rows // PERIODS
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units) + 10_000, PERIODS),
            "year": np.tile(np.arange(2000, 2000 + PERIODS), units),
            "y": rng.normal(size=units * PERIODS),
            "cohort": np.repeat(rng.choice([0, 2004, 2006, 2008], units), PERIODS),
            "x": np.repeat(rng.normal(size=units), PERIODS),
        }
    )


def layouts(rows: int) -> dict[str, tuple[pd.DataFrame, list[str]]]:
    """Frames by name, with the covariates that `from_frame` is asked for."""
    ordered = sorted_frame(rows)
    shuffled = ordered.iloc[np.random.default_rng(1).permutation(len(ordered))].reset_index(drop=True)
    names = pd.Series([f"place {unit:08d}" for unit in ordered["unit"].unique()], dtype="str")
    text = shuffled.assign(unit=names.to_numpy()[shuffled["unit"] - 10_000])
    return {
        "shuffled, integers": (shuffled, []),
        "shuffled, integers, 1 covariate": (shuffled, ["x"]),
        "shuffled, never-treated NaN": (shuffled.assign(cohort=shuffled["cohort"].replace(0, np.nan)), []),
        "shuffled, sparse integer units": (shuffled.assign(unit=shuffled["unit"] * 1_000_003), []),
        "shuffled, 10 % of rows missing": (shuffled.iloc[rows // 10 :], []),
        "shuffled, text units": (text, []),
        "sorted, integers": (ordered, []),
    }


def seconds(action: Callable[[], object]) -> float:
    """Median CPU time of several runs."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main(rows: int) -> None:
    """Print one line a layout."""
    print(f"{rows:,} rows, {PERIODS} periods; pandas {pd.__version__}, numpy {np.__version__}")
    print(f"{'layout':34} {'groupby mean':>12} {'from_frame':>11} {'ratio':>6}")
    frames = layouts(rows)
    for name, (frame, covariates) in frames.items():
        base = seconds(lambda frame=frame: frame.groupby("unit").y.mean())  # type: ignore[misc]
        ours = seconds(
            lambda frame=frame, covariates=covariates: Panel.from_frame(  # type: ignore[misc]
                frame, unit="unit", period="year", outcome="y", cohort="cohort", covariates=covariates
            )
        )
        print(f"{name:34} {base:11.2f}s {ours:10.2f}s {ours / base:6.2f}")
    for name in ("shuffled, integers", "shuffled, text units"):
        taken = seconds(lambda name=name: fingerprint(frames[name][0]))  # type: ignore[misc]
        print(f"fingerprint, 5 columns, {name:22} {taken:7.2f}s")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)

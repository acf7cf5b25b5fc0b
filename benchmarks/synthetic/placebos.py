"""Synthetic control with all its placebos in space, beside pysyncon: Proposition 99 from the same file, one run.

    python benchmarks/synthetic/placebos.py
    python benchmarks/synthetic/placebos.py --peer-python PATH   # an interpreter in which pysyncon is installed

Each contender runs in a process of its own on one core, and once before it is measured, so that imports do not count.
Weights fit the outcome of all 19 years
before the start; 38 donors are then fitted in turn. The objective (sum of squared errors before the start) says how
far each
solver gets. CPU time is the process's own.
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

START, TREATED = 1989, "California"
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
Answer = tuple[float, float, float]


def sales() -> pd.DataFrame:
    """Years by states."""
    spec = importlib.util.find_spec("causalpy")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Install causalpy: pip install --no-deps causalpy")
    return pd.read_csv(Path(spec.submodule_search_locations[0]) / "data" / "california_prop99.csv", index_col="Year")


def by_evalkit(data: pd.DataFrame) -> Answer:
    import evalkit as ek

    frame = data.reset_index().melt(id_vars="Year", var_name="state", value_name="sales")
    frame["start"] = np.where(frame["state"] == TREATED, START, 0)
    panel = ek.Panel.from_frame(frame, unit="state", period="Year", outcome="sales", cohort="start")
    found = ek.SyntheticControl().fit(panel, rng=np.random.default_rng(0))
    loss = found.facts["rmspe_before"] ** 2 * int((data.index < START).sum())
    return loss, float(found.aggregation("overall").estimate[0]), found.facts["rmspe_ratio_rank"]


def by_pysyncon(data: pd.DataFrame) -> Answer:
    import pysyncon

    before, after = data.index < START, data.index >= START

    def gap(name: str, donors: list[str]) -> np.typing.NDArray[np.float64]:
        model = pysyncon.Synth()  # predictors are the outcome of every year, each with the same weight
        model.fit(
            X0=data.loc[before, donors], X1=data.loc[before, name], Z0=data.loc[before, donors],
            Z1=data.loc[before, name], custom_V=np.ones(int(before.sum())),
        )  # fmt: skip
        return np.asarray(data[name] - data[donors].to_numpy() @ np.asarray(model.W).ravel())

    donors = [name for name in data.columns if name != TREATED]
    gaps = {TREATED: gap(TREATED, donors)}
    gaps |= {name: gap(name, [other for other in donors if other != name]) for name in donors}
    ratio = {name: np.mean(found[after] ** 2) / np.mean(found[before] ** 2) for name, found in gaps.items()}
    own = gaps[TREATED]
    rank = 1 + sum(ratio[name] >= ratio[TREATED] for name in donors)
    return float((own[before] ** 2).sum()), float(own[after].mean()), float(rank)


CONTENDERS: dict[str, Callable[[pd.DataFrame], Answer]] = {"evalkit": by_evalkit, "pysyncon": by_pysyncon}


def measure(name: str) -> dict[str, Any]:
    """One contender in this process: CPU seconds of the second run."""
    data = sales()
    CONTENDERS[name](data)
    before = time.process_time()
    loss, effect, rank = CONTENDERS[name](data)
    return {
        "contender": name,
        "cpu_seconds": time.process_time() - before,
        "objective": loss,
        "effect": effect,
        "rank": rank,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Synthetic control with all placebos.")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--one", choices=CONTENDERS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one)))
        return 0
    rows = []
    for name in CONTENDERS:
        python = chosen.peer_python if name == "pysyncon" else sys.executable
        done = subprocess.run(
            [python, __file__, "--one", name], capture_output=True, text=True, check=False, env=os.environ | ONE_CORE
        )
        if done.returncode:
            print(f"{name} did not run: {done.stderr.strip().splitlines()[-1]}")
            continue
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    table = pd.DataFrame(rows)
    table["times_evalkit"] = table["cpu_seconds"] / table.loc[0, "cpu_seconds"]
    print(table.to_string(index=False, float_format=lambda value: f"{value:.6g}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

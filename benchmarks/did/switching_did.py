"""Switching treatment beside PyPI's moderndid, py-did-multiplegt-dyn (by the estimator's authors) and diff-diff.

    python benchmarks/did/switching_did.py --units 10000 --peer-python PATH   # an interpreter that has them
    python benchmarks/did/switching_did.py --units 1000000 --no-peer

Same long frame, one run, one process and one core per contender, a run on 500 units before it. Over 10 periods four
cohorts leave a first dose of 0 or 1, two in five of them go back two periods later, a fifth never change; five
effects, two placebos, the average total effect, analytical errors. CPU time is the process's own, reading the
frame included; peak memory is what the resident set gains.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from callaway_santanna import ONE_CORE, WARM_UP_UNITS, Answer, resident

PERIODS = 10
EFFECTS, PLACEBOS = 5, 2
SECONDS = 900
"""After which a contender is given up."""


def make_frame(units: int, seed: int = 0) -> pd.DataFrame:
    """Long frame of doses that rise from 0 or fall from 1, some for two periods only."""
    rng = np.random.default_rng(seed)
    clock = np.arange(PERIODS)
    start = rng.choice([PERIODS, 3, 5, 6, 8], units)
    first = rng.integers(0, 2, units).astype(float)
    back = rng.random(units) < 0.4
    on = (clock >= start[:, None]) & ~(back[:, None] & (clock >= start[:, None] + 2))
    dose = first[:, None] + np.where(first == 0.0, 1.0, -1.0)[:, None] * on
    y = rng.standard_normal((units, 1)) + 0.3 * clock + rng.standard_normal((units, PERIODS)) + dose
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), PERIODS),
            "period": np.tile(clock + 1, units),
            "y": y.ravel(),
            "dose": dose.ravel(),
            "same": np.repeat(np.arange(units), PERIODS),
        }
    )


def ours() -> Callable[[pd.DataFrame], Answer]:
    """Our run, `Panel.from_frame` included."""
    import evalkit as ek

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", dose="dose")
        estimate = ek.SwitchingDid(effects=EFFECTS, placebos=PLACEBOS).fit(panel, rng=np.random.default_rng(1))
        estimate.aggregate("event_study")
        row = estimate.aggregate("overall").iloc[0]
        return float(row["estimate"]), float(row["std_error"])

    return run


def moderndid() -> Callable[[pd.DataFrame], Answer]:
    """moderndid's run; it reads polars frames, made before the clock would count them."""
    import moderndid as peer
    import polars as pl

    def run(frame: pd.DataFrame) -> Answer:
        found = peer.did_multiplegt(
            data=pl.from_pandas(frame), yname="y", tname="period", idname="unit", dname="dose",
            effects=EFFECTS, placebo=PLACEBOS,
        )  # fmt: skip
        return float(found.ate.estimate), float(found.ate.std_error)

    return run


def authors() -> Callable[[pd.DataFrame], Answer]:
    """py-did-multiplegt-dyn's run, clustered by unit: without a cluster it fails under the polars it installs."""
    import polars as pl
    from did_multiplegt_dyn import DidMultiplegtDyn

    def run(frame: pd.DataFrame) -> Answer:
        model = DidMultiplegtDyn(
            df=pl.from_pandas(frame), outcome="y", group="unit", time="period", treatment="dose",
            effects=EFFECTS, placebo=PLACEBOS, cluster="same",
        )  # fmt: skip
        model.fit()
        row = model.result["did_multiplegt_dyn"]["ATE"].iloc[0]
        return float(row["Estimate"]), float(row["SE"])

    return run


def diff_diff() -> Callable[[pd.DataFrame], Answer]:
    """diff-diff's run."""
    from diff_diff import ChaisemartinDHaultfoeuille

    def run(frame: pd.DataFrame) -> Answer:
        model = ChaisemartinDHaultfoeuille(twfe_diagnostic=False)
        found = model.fit(frame, outcome="y", unit="unit", time="period", treatment="dose", L_max=EFFECTS)
        return float(found.overall_att), float(found.overall_se)

    return run


CONTENDERS: dict[str, Callable[[], Callable[[pd.DataFrame], Answer]]] = {
    "evalkit": ours,
    "moderndid": moderndid,
    "py-did-multiplegt-dyn": authors,
    "diff-diff": diff_diff,
}


def measure(name: str, units: int) -> dict[str, float]:
    """Run one contender in this process."""
    run = CONTENDERS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(make_frame(WARM_UP_UNITS))
        frame = make_frame(units)
        if Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
        before, cpu = resident("VmRSS"), time.process_time()
        estimate, error = run(frame)
    cpu = time.process_time() - cpu
    return {"cpu": cpu, "peak": resident("VmHWM") - before, "estimate": estimate, "std_error": error}


def in_process(name: str, units: int, python: str) -> dict[str, float] | str:
    """Measure one contender in a process of its own; the reason where it has no answer."""
    command = [python, __file__, "--only", name, "--units", str(units)]
    environment = {**os.environ, **ONE_CORE, "POLARS_MAX_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:90]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter in which the peers are installed")
    parser.add_argument("--no-peer", action="store_true", help="measure evalkit alone")
    parser.add_argument("--only", choices=list(CONTENDERS), help="measure one contender in this process, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.only, chosen.units)))
        return
    print(f"{chosen.units:,} units x {PERIODS} periods")
    print(f"{'contender':24}{'CPU s':>9}{'peak MB':>9}{'overall':>11}{'error':>10}{'ratio':>8}")
    mine = in_process("evalkit", chosen.units, sys.executable)
    for name in CONTENDERS:
        if chosen.no_peer and name != "evalkit":
            continue
        row = mine if name == "evalkit" else in_process(name, chosen.units, chosen.peer_python)
        if isinstance(row, str) or isinstance(mine, str):
            print(f"{name:24} {row}")
            continue
        ratio = row["cpu"] / mine["cpu"]
        print(
            f"{name:24}{row['cpu']:9.3f}{row['peak']:9.0f}{row['estimate']:11.6f}{row['std_error']:10.6f}{ratio:8.0f}"
        )


if __name__ == "__main__":
    main()

"""Triple differences beside PyPI's diff-diff, as in stacked_did.py.

    python benchmarks/did/triple_difference.py --units 100000
    python benchmarks/did/triple_difference.py --peer-python PATH   # an interpreter in which diff-diff is installed
    python benchmarks/did/triple_difference.py --units 1000000 --no-peer

Four cohorts and never-treated units over 10 periods, every other unit eligible, two covariates, doubly robust,
comparison with never-treated units; the effect of the first cohort at its start. The peer takes minutes above 10,000
units.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from callaway_santanna import ONE_CORE, WARM_UP_UNITS, Answer, has_peer, make_frame, resident

FIRST = 3
PERIODS = 10


def with_eligible(frame: pd.DataFrame) -> pd.DataFrame:
    """The usual frame; every other unit is eligible, drawn independently of its cohort."""
    drawn = np.random.default_rng(7).random(frame["unit"].max() + 1) < 0.5
    return frame.assign(eligible=drawn[frame["unit"]].astype(int))


def evalkit_with() -> Callable[[pd.DataFrame], Answer]:
    """Our run, `Panel.from_frame` included."""
    import evalkit as ek

    estimator = ek.TripleDifference(comparison="never_treated", covariates=("x1", "x2"))

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(
            frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=["x1", "x2", "eligible"]
        )
        estimate = estimator.fit(panel, rng=np.random.default_rng(1))
        estimate.aggregate("event_study")
        first = estimate.to_frame().query("cohort == @FIRST and period == @FIRST")
        return float(first["estimate"].iloc[0]), float(first["std_error"].iloc[0])

    return run


def diff_diff() -> Callable[[pd.DataFrame], Answer]:
    """The peer's run."""
    import warnings

    from diff_diff import TripleDifference

    def run(frame: pd.DataFrame) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = TripleDifference(estimation_method="dr", control_group="never_treated").fit(
                frame, outcome="y", unit="unit", time="period", first_treat="cohort", partition="eligible",
                covariates=["x1", "x2"],
            )  # fmt: skip
        first = found.group_time_effects[FIRST, FIRST]
        return float(first["effect"]), float(first["se"])

    return run


CONTENDERS: dict[str, Callable[[], Callable[[pd.DataFrame], Answer]]] = {
    "evalkit": evalkit_with,
    "diff-diff": diff_diff,
}


def measure(name: str, units: int) -> dict[str, float]:
    """Run one contender in this process."""
    run = CONTENDERS[name]()
    run(with_eligible(make_frame(WARM_UP_UNITS, PERIODS)))
    frame = with_eligible(make_frame(units, PERIODS))
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    before, cpu = resident("VmRSS"), time.process_time()
    estimate, error = run(frame)
    cpu = time.process_time() - cpu
    return {"cpu": cpu, "peak": resident("VmHWM") - before, "estimate": estimate, "std_error": error}


def in_process(name: str, units: int, python: str) -> dict[str, float]:
    """Measure one contender in a process of its own."""
    command = [python, __file__, "--only", name, "--units", str(units)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ONE_CORE}, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter in which diff-diff is installed")
    parser.add_argument("--no-peer", action="store_true", help="measure evalkit alone")
    parser.add_argument("--only", choices=list(CONTENDERS), help="measure one contender in this process, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.only, chosen.units)))
        return
    peer = not chosen.no_peer and has_peer(chosen.peer_python)
    rows = {}
    for name in CONTENDERS:
        theirs = name.startswith("diff-diff")
        if peer or not theirs:
            rows[name] = in_process(name, chosen.units, chosen.peer_python if theirs else sys.executable)
    print(f"{chosen.units:,} units x {PERIODS} periods; wide outcome {chosen.units * PERIODS * 8e-6:.0f} MB")
    print(f"{'contender':12}{'CPU s':>9}{'peak MB':>9}{'at start':>11}{'error':>10}")
    for name, row in rows.items():
        print(f"{name:12}{row['cpu']:9.3f}{row['peak']:9.0f}{row['estimate']:11.6f}{row['std_error']:10.6f}")
    if not peer:
        print("Without diff-diff (pip install diff-diff, or --peer-python): no ratio.")
        return
    print(f"CPU time of diff-diff over evalkit: {rows['diff-diff']['cpu'] / rows['evalkit']['cpu']:.1f}")


if __name__ == "__main__":
    main()

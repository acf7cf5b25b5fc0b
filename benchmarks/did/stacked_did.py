"""Stacked difference-in-differences and local projections beside PyPI's diff-diff, as in callaway_santanna.py.

    python benchmarks/did/stacked_did.py --units 100000
    python benchmarks/did/stacked_did.py --peer-python PATH   # an interpreter in which diff-diff is installed
    python benchmarks/did/stacked_did.py --units 1000000 --no-peer

Same long frame, one run, one process and one core per contender, a run on 500 units before it. Four cohorts and
never-treated units over 10 periods, event window from -2 to 2, no covariates; overall effect and event study. CPU
time is the process's own, reading the frame included; peak memory is what the resident set gains.
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
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from callaway_santanna import ONE_CORE, WARM_UP_UNITS, Answer, has_peer, make_frame, resident

WINDOW = (-2, 2)
PERIODS = 10


def evalkit_with(**settings: Any) -> Callable[[pd.DataFrame], Answer]:
    """Our run, `Panel.from_frame` included."""
    import evalkit as ek

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
        estimate = ek.StackedDid(event_window=WINDOW, **settings).fit(panel, rng=np.random.default_rng(1))
        tables = {kind: estimate.aggregate(kind) for kind in ("overall", "event_study")}
        at_zero = tables["event_study"].query("event_time == 0")
        return float(at_zero["estimate"].iloc[0]), float(at_zero["std_error"].iloc[0])

    return run


def peer_stacked() -> Callable[[pd.DataFrame], Answer]:
    """diff-diff's stacked estimator over the same window."""
    import warnings

    from diff_diff import StackedDiD

    def run(frame: pd.DataFrame) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = StackedDiD(kappa_pre=-WINDOW[0], kappa_post=WINDOW[1]).fit(
                frame, outcome="y", unit="unit", time="period", first_treat="cohort"
            )
        at_zero = found.event_study_effects[0]
        return float(at_zero["effect"]), float(at_zero["se"])

    return run


def peer_projections(reweight: bool) -> Callable[[pd.DataFrame], Answer]:
    """diff-diff's local projections over the same window."""
    import warnings

    from diff_diff import LPDiD

    def run(frame: pd.DataFrame) -> Answer:
        marked = frame.assign(d=((frame["cohort"] > 0) & (frame["period"] >= frame["cohort"])).astype(int))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = LPDiD(pre_window=-WINDOW[0], post_window=WINDOW[1], reweight=reweight).fit(
                marked, outcome="y", unit="unit", time="period", treatment="d"
            )
        at_zero = found.event_study.query("horizon == 0")
        return float(at_zero["coefficient"].iloc[0]), float(at_zero["se"].iloc[0])

    return run


CONTENDERS: dict[str, Callable[[], Callable[[pd.DataFrame], Answer]]] = {
    "evalkit, stacked": evalkit_with,
    "evalkit, local projections, equal weights": lambda: evalkit_with(method="local_projections"),
    "evalkit, local projections": lambda: evalkit_with(method="local_projections", weighting="variance"),
    "diff-diff, stacked": peer_stacked,
    "diff-diff, local projections, equal weights": lambda: peer_projections(True),
    "diff-diff, local projections": lambda: peer_projections(False),
}


def measure(name: str, units: int) -> dict[str, float]:
    """Run one contender in this process."""
    run = CONTENDERS[name]()
    run(make_frame(WARM_UP_UNITS, PERIODS))
    frame = make_frame(units, PERIODS)
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
    print(f"{'contender':46}{'CPU s':>9}{'peak MB':>9}{'at start':>11}{'error':>10}")
    for name, row in rows.items():
        print(f"{name:46}{row['cpu']:9.3f}{row['peak']:9.0f}{row['estimate']:11.6f}{row['std_error']:10.6f}")
    if not peer:
        print("Without diff-diff (pip install diff-diff, or --peer-python): no ratio.")
        return
    for name in CONTENDERS:
        kind = name.partition(", ")[2]
        if name.startswith("evalkit"):
            ratio = rows[f"diff-diff, {kind}"]["cpu"] / rows[name]["cpu"]
            print(f"CPU time of diff-diff over evalkit, {kind}: {ratio:.1f}")


if __name__ == "__main__":
    main()

"""Gardner's two stages beside PyPI's diff-diff, as in stacked_did.py.

    python benchmarks/did/two_stage.py --units 10000
    python benchmarks/did/two_stage.py --peer-python PATH   # an interpreter in which diff-diff is installed

Four cohorts and never-treated units over 10 periods, no covariates; overall effect and event study. The peer is not
run above 10,000 units, where it asks for more memory than there is.
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

PEER_LIMIT = 10_000
PERIODS = 10


def evalkit_with() -> Callable[[pd.DataFrame], Answer]:
    """Our run, `Panel.from_frame` included."""
    import evalkit as ek

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
        estimate = ek.Imputation(variance="gardner", leads=False).fit(panel, rng=np.random.default_rng(1))
        estimate.aggregate("event_study")
        overall = estimate.aggregate("overall")
        return float(overall["estimate"].iloc[0]), float(overall["std_error"].iloc[0])

    return run


def diff_diff() -> Callable[[pd.DataFrame], Answer]:
    """The peer's run."""
    import warnings

    from diff_diff import TwoStageDiD

    def run(frame: pd.DataFrame) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = TwoStageDiD().fit(frame, outcome="y", unit="unit", time="period", first_treat="cohort")
        return float(found.overall_att), float(found.overall_se)

    return run


CONTENDERS: dict[str, Callable[[], Callable[[pd.DataFrame], Answer]]] = {
    "evalkit": evalkit_with,
    "diff-diff": diff_diff,
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
    parser.add_argument("--units", type=int, default=PEER_LIMIT)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter in which diff-diff is installed")
    parser.add_argument("--only", choices=list(CONTENDERS), help="measure one contender in this process, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.only, chosen.units)))
        return
    peer = chosen.units <= PEER_LIMIT and has_peer(chosen.peer_python)
    rows = {}
    for name in CONTENDERS:
        theirs = name.startswith("diff-diff")
        if peer or not theirs:
            rows[name] = in_process(name, chosen.units, chosen.peer_python if theirs else sys.executable)
    print(f"{chosen.units:,} units x {PERIODS} periods; wide outcome {chosen.units * PERIODS * 8e-6:.0f} MB")
    print(f"{'contender':12}{'CPU s':>9}{'peak MB':>9}{'overall':>11}{'error':>10}")
    for name, row in rows.items():
        print(f"{name:12}{row['cpu']:9.3f}{row['peak']:9.0f}{row['estimate']:11.6f}{row['std_error']:10.6f}")
    if not peer:
        print("Without diff-diff (pip install diff-diff, or --peer-python; at most 10,000 units): no ratio.")
        return
    print(f"CPU time of diff-diff over evalkit: {rows['diff-diff']['cpu'] / rows['evalkit']['cpu']:.1f}")


if __name__ == "__main__":
    main()

"""Extended two-way fixed effects and Poisson with fixed effects beside PyPI's diff-diff and pyfixest.

    python benchmarks/did/extended_twfe.py --units 100000
    python benchmarks/did/extended_twfe.py --diff-diff-python PATH --pyfixest-python PATH   # where they are installed
    python benchmarks/did/extended_twfe.py --units 1000000 --no-peer

Same long frame, one run, one process and one core per contender, a run on 500 units before it, as in
callaway_santanna.py. Four cohorts and never-treated units over 10 periods; levels with and without two covariates
that are constant within units, counts without. evalkit: overall effect and event study, leads and bands included;
diff-diff: the simple average alone. Poisson with fixed effects: one ratio and an event study, for pyfixest two calls
of `fepois` with errors clustered by unit. CPU time is the process's own, reading the frame included; peak memory is
what the resident set gains. diff-diff with covariates takes 240 KB a unit and is left out above 10,000 units.
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
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from callaway_santanna import ONE_CORE, WARM_UP_UNITS, Answer, make_frame, resident

PERIODS = 10
Run = Callable[[pd.DataFrame], Answer]


def frame_of(units: int) -> pd.DataFrame:
    """The levels of callaway_santanna.py and counts whose log mean is a third of them."""
    frame = make_frame(units, PERIODS)
    rate = np.exp(np.clip(frame["y"] / 3.0, -3.0, 3.0))
    return frame.assign(count=np.random.default_rng(1).poisson(rate).astype(float))


def evalkit_with(name: str, outcome: str = "y", **settings: Any) -> Run:
    """Our run, `Panel.from_frame` included."""
    import evalkit as ek

    covariates = list(settings.get("covariates", ()))

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(
            frame, unit="unit", period="period", outcome=outcome, cohort="cohort", covariates=covariates
        )
        estimate = getattr(ek, name)(**settings).fit(panel, rng=np.random.default_rng(1))
        tables = {kind: estimate.aggregate(kind) for kind in ("overall", "event_study")}
        return float(tables["overall"]["estimate"].iloc[0]), float(tables["overall"]["std_error"].iloc[0])

    return run


def diff_diff(outcome: str = "y", method: str = "ols", covariates: tuple[str, ...] = ()) -> Run:
    """The peer's run with its simple aggregation."""
    from diff_diff import WooldridgeDiD

    names = list(covariates)
    columns = {"exovar": names, "xgvar": names, "xtvar": names} if names else {}

    def run(frame: pd.DataFrame) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = WooldridgeDiD(method=method).fit(
                frame, outcome=outcome, unit="unit", time="period", cohort="cohort", **columns
            )
        return float(found.overall_att), float(found.overall_se)

    return run


def fepois() -> Run:
    """pyfixest's Poisson: one ratio, then the event study."""
    import pyfixest

    def run(frame: pd.DataFrame) -> Answer:
        since = np.where(frame["cohort"] > 0, frame["period"] - frame["cohort"], -1)
        used = frame.assign(treated=((frame["cohort"] > 0) & (since >= 0)).astype(float), since=since)
        settings: dict[str, Any] = {"vcov": {"CRV1": "unit"}, "copy_data": False, "store_data": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            static = pyfixest.fepois("count ~ treated | unit + period", used, **settings).tidy()
            pyfixest.fepois("count ~ i(since, ref=-1) | unit + period", used, **settings).tidy()
        return float(static.loc["treated", "Estimate"]), float(static.loc["treated", "Std. Error"])

    return run


X = ("x1", "x2")
CONTENDERS: dict[str, Callable[[], Run]] = {
    "evalkit, levels": lambda: evalkit_with("ExtendedTwfe"),
    "evalkit, levels, 2 covariates": lambda: evalkit_with("ExtendedTwfe", covariates=X),
    "evalkit, counts": lambda: evalkit_with("ExtendedTwfe", "count", family="poisson"),
    "evalkit, unit effects": lambda: evalkit_with("PoissonFixedEffects", "count"),
    "diff-diff, levels": diff_diff,
    "diff-diff, levels, 2 covariates": lambda: diff_diff(covariates=X),
    "diff-diff, counts": lambda: diff_diff("count", "poisson"),
    "pyfixest, unit effects": fepois,
}
LARGE = "diff-diff, levels, 2 covariates"
LARGEST = 10_000
PEER_OF = {
    "evalkit, levels": "diff-diff, levels",
    "evalkit, levels, 2 covariates": "diff-diff, levels, 2 covariates",
    "evalkit, counts": "diff-diff, counts",
    "evalkit, unit effects": "pyfixest, unit effects",
}


def measure(name: str, units: int) -> dict[str, float]:
    """Run one contender in this process."""
    run = CONTENDERS[name]()
    run(frame_of(WARM_UP_UNITS))
    frame = frame_of(units)
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    before, cpu = resident("VmRSS"), time.process_time()
    estimate, error = run(frame)
    cpu = time.process_time() - cpu
    return {"cpu": cpu, "peak": resident("VmHWM") - before, "estimate": estimate, "std_error": error}


def in_process(name: str, units: int, python: str) -> dict[str, float] | None:
    """Measure one contender in a process of its own; None where it is not installed or fails."""
    command = [python, __file__, "--only", name, "--units", str(units)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ONE_CORE}, check=False)
    if done.returncode != 0:
        print(f"{name}: {(done.stderr.strip().splitlines() or ['killed'])[-1]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--diff-diff-python", default=sys.executable, help="interpreter that has diff-diff")
    parser.add_argument("--pyfixest-python", default=sys.executable, help="interpreter that has pyfixest")
    parser.add_argument("--no-peer", action="store_true", help="measure evalkit alone")
    parser.add_argument("--only", choices=list(CONTENDERS), help="measure one contender in this process, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(chosen.only, chosen.units)))
        return
    pythons = {"evalkit": sys.executable, "diff-diff": chosen.diff_diff_python, "pyfixest": chosen.pyfixest_python}
    rows = {}
    for name in CONTENDERS:
        whose = name.partition(",")[0]
        too_large = name == LARGE and chosen.units > LARGEST
        if whose == "evalkit" or not (chosen.no_peer or too_large):
            found = in_process(name, chosen.units, pythons[whose])
            if found is not None:
                rows[name] = found
    print(f"{chosen.units:,} units x {PERIODS} periods; wide outcome {chosen.units * PERIODS * 8e-6:.0f} MB")
    print(f"{'contender':34}{'CPU s':>9}{'peak MB':>9}{'overall':>11}{'error':>10}")
    for name, row in rows.items():
        print(f"{name:34}{row['cpu']:9.3f}{row['peak']:9.0f}{row['estimate']:11.6f}{row['std_error']:10.6f}")
    for ours, theirs in PEER_OF.items():
        if ours in rows and theirs in rows:
            print(f"CPU time of {theirs} over evalkit: {rows[theirs]['cpu'] / rows[ours]['cpu']:.1f}")


if __name__ == "__main__":
    main()

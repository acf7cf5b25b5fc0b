"""Jobs a minute: a plain loop of `evalkit run`, and one sweep of the same jobs on joblib and on Ray.

    PYTHONPATH=. python benchmarks/sweeps/jobs_per_minute.py --cities 6 --workers 2

Everything a user waits for is in it: start-up of Python, of the launcher and of its workers, estimation, checks,
figures, the bundle, the run in MLflow (sqlite). The loop pays the imports for each job; a sweep once a worker.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.sweeping import environment, figures, sweep, write_cities

ESTIMATORS = ("two_way_fixed_effects", "callaway_santanna")


def loop(folder: Path, cities: list[str]) -> None:
    """Each job by a command of its own, as a shell script would."""
    for city in cities:
        for estimator in ESTIMATORS:
            words = [
                sys.executable,
                "-m",
                "evalkit.cli",
                "run",
                "study=lights",
                f"city={city}",
                f"estimator={estimator}",
            ]
            subprocess.run([*words, "--quiet"], cwd=folder, env=environment(), check=True)


def main() -> None:
    """Time the three, and compare their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cities", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    words = ("city=glob(*)", f"estimator={','.join(ESTIMATORS)}")
    launchers = {"joblib": f"hydra.launcher.n_jobs={asked.workers}"}
    if importlib.util.find_spec("ray") is not None:
        launchers["ray"] = f"hydra.launcher.num_cpus={asked.workers}"
    jobs = asked.cities * len(ESTIMATORS)
    seconds, found = {}, {}
    for way in ("loop", *launchers):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            cities = write_cities(folder, asked.cities)
            start = time.perf_counter()
            if way == "loop":
                loop(folder, cities)
            else:
                code, document = sweep(folder, *words, f"hydra/launcher={way}", launchers[way])
                assert code == 0, document["counts"]
            seconds[way] = time.perf_counter() - start
            found[way] = figures(folder)
    for way, taken in seconds.items():
        rate, ratio = 60 * jobs / taken, seconds["loop"] / taken
        same = "same figures" if found[way] == found["loop"] else "OTHER FIGURES"
        print(f"{way:8} {jobs} jobs  {taken:7.1f} s  {rate:6.1f} jobs a minute  {ratio:5.2f} times the loop  {same}")


if __name__ == "__main__":
    main()

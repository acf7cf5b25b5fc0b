"""How long `evalkit portfolio` takes on a store of many runs.

Usage: PYTHONPATH=. python benchmarks/evidence/portfolio.py [--cities 100] [--runs 1000]

Makes a local store with that many runs of that many studies (100 simulated cities, three priorities, ten versions each
by default), each with its evidence and a brief, then times the command from start to end in a process of its own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evalkit.tracking.store import opened, resolve
from tests.portfolio_samples import cities

ROOT = Path(__file__).resolve().parents[2]
BRIEF = b"<!DOCTYPE html><title>brief</title>" + b"<p>text</p>" * 20_000


def fill(folder: Path, count: int, runs: int) -> None:
    """Log `runs` runs of `count` studies."""
    studies = cities(count)
    with opened(resolve(f"sqlite:///{folder / 'mlflow.db'}")) as client:
        experiments = {}
        for number in range(runs):
            evidence = studies[number % count]
            priority = evidence.question.priority.value or ""
            if priority not in experiments:
                experiments[priority] = client.create_experiment(
                    f"evalkit/{priority}", artifact_location=(folder / "mlartifacts" / priority).as_uri()
                )
            created = evidence.identity.created_at + dt.timedelta(days=number // count)
            identity = evidence.identity.model_copy(update={"run_id": f"{number:032x}", "created_at": created})
            tags = {
                "evalkit.role": "study", "evalkit.study": identity.study_id, "evalkit.priority": priority,
                "evalkit.status": "done" if evidence.rating.certainty else "not rated",
            }  # fmt: skip
            run = client.create_run(experiments[priority], start_time=int(1000 * created.timestamp()), tags=tags)
            client.log_text(
                run.info.run_id, evidence.model_copy(update={"identity": identity}).to_json(), "evidence.json"
            )
            client.log_text(run.info.run_id, BRIEF.decode(), "brief.html")
            client.set_terminated(run.info.run_id)


def main() -> None:
    """Fill a store, build the site, print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cities", type=int, default=100)
    parser.add_argument("--runs", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, asked.cities, asked.runs)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        }
        start = time.perf_counter()
        command = [sys.executable, "-m", "evalkit.cli", "portfolio", "--out", "site", "--quiet"]
        subprocess.run(command, cwd=folder, env=environment, check=True)
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in (folder / "site").rglob("*") if path.is_file())
        print(f"{asked.runs} runs of {asked.cities} studies: {seconds:.1f} s, site of {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

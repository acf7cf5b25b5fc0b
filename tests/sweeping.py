"""Many cities with one study, sweeps over them in processes of their own, and what those leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.small_study import frame, study, write_study

TREE = Path(__file__).resolve().parents[1]
PLUGIN = '''
import os
import signal
import time
from pathlib import Path

from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects


class Fragile(TwoWayFixedEffects):
    """Two-way fixed effects that slows down or kills its process, as files in the working folder say."""

    name = "fragile"

    def fit(self, panel, *, rng):
        if Path("kill-once").exists() and not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if Path("be-slow").exists():
            Path("fitting").touch()
            time.sleep(120)
        return super().fit(panel, rng=rng)
'''


def write_cities(folder: Path, count: int) -> list[str]:
    """Write one study for many cities, a file of data each, and the table of cities; their names."""
    shared = study(
        city="???",
        title="Street lights in ${study.city}",
        data={
            "source": {"kind": "file", "path": "data/${study.city}.csv"},
            "unit": "place",
            "period": "year",
            "cohort": "start",
            "never": 0,
        },
    )
    write_study(folder, shared)
    (folder / "data").mkdir(exist_ok=True)
    names = [f"city{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        frame(seed=1000 + number).to_csv(folder / "data" / f"{name}.csv", index=False)
    (folder / "configs" / "cities.yaml").write_text(yaml.safe_dump({name: {} for name in names}), encoding="utf-8")
    (folder / "fragile.py").write_text(PLUGIN, encoding="utf-8")
    return names


def command(*words: str) -> list[str]:
    """The sweep as typed, under this Python."""
    return [sys.executable, "-m", "evalkit.cli", "run", "-m", "study=lights", *words]


def environment(**more: str) -> dict[str, str]:
    """Of a process that must find this tree and no store but its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "PYTHONPATH": str(TREE), "OMP_NUM_THREADS": "1", **more}


def sweep(folder: Path, *words: str, **more: str) -> tuple[int, dict[str, Any]]:
    """Run a sweep to its end; its exit code and what ``--json`` says."""
    done = subprocess.run(
        command(*words, "--json", "--quiet"), cwd=folder, env=environment(**more), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def states(document: Mapping[str, Any]) -> dict[str, int]:
    """Jobs by how they ended."""
    counts: dict[str, int] = document["counts"]
    return counts


def figures(folder: Path, results: str = "results") -> dict[tuple[str, str], bytes]:
    """Study and estimator to the bytes of its estimates; fails where a job has two bundles."""
    found: dict[tuple[str, str], bytes] = {}
    for marker in sorted((folder / results).glob("*/*/COMPLETE")):
        evidence = json.loads((marker.parent / "evidence.json").read_text(encoding="utf-8"))
        key = (evidence["identity"]["study_id"], evidence["estimates"][0]["estimator"])
        assert key not in found, f"{key} was counted twice"
        found[key] = (marker.parent / "estimates.csv").read_bytes()
    return found


def working(folder: Path, results: str = "results") -> list[int]:
    """Processes that are at a job of a sweep now."""
    found = []
    for begun in (folder / results / ".sweeps").glob("*/*/begun-*"):
        if not (begun.parent / "status.json").exists():
            try:
                pid = int(json.loads(begun.read_text(encoding="utf-8"))["pid"])
                os.kill(pid, 0)
            except (ValueError, KeyError, ProcessLookupError):
                continue
            found.append(pid)
    return found


def until(ready: Callable[[], bool], process: subprocess.Popen[Any], *, seconds: float) -> None:
    """Wait for something that a running sweep does."""
    end = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, "the sweep ended before"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def marked(mark: str) -> dict[int, str]:
    """Living processes, and their commands, whose environment names `mark`: a sweep's, and all that it started."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environ = (place / "environ").read_bytes()
            command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # another user's, or gone
            continue
        if mark.encode() in environ and command:  # one that has ended and waits to be collected has no command
            found[int(place.name)] = command
    return found


def complete(folder: Path, results: str = "results") -> int:
    """Number of bundles that are whole."""
    return len(list((folder / results).glob("*/*/COMPLETE")))


def kill(pid: int) -> None:
    """As ``kill -9`` does."""
    os.kill(pid, signal.SIGKILL)

"""Every difference-in-differences estimator beside each PyPI peer that offers it, at 1k to 1M units x 10 periods.

    python benchmarks/did/speed.py --peer-python PATH --dry-run        # which cells are left, how long they may take
    python benchmarks/did/speed.py --peer-python PATH --units 1000 10000
    python benchmarks/did/speed.py --peer-python PATH                  # all sizes; goes on where it was stopped
    python benchmarks/did/speed.py --report                            # only writes the page and the figure again

PATH is an interpreter that has the peers: pip install diff-diff pyfixest csdid differences moderndid linearmodels.
Each cell runs in a process of its own on one core: the same long frame from one seed, a run on 500 units before it so
that imports and compilation do not count, then the frame is read and estimated. CPU seconds are the process's own, the
least of up to five runs where one takes less than a second. Peak memory is what the resident set gains over its size
with the frame loaded (Linux). A cell that passes --seconds of CPU time or --gigabytes is ended and noted, and larger
ones of that contender are not begun.

Writes docs/benchmarks/speed.csv (one line a cell, kept between runs), docs/benchmarks/speed.svg and docs/speed.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from callaway_santanna import ONE_CORE, WARM_UP_UNITS, resident
from speed_report import CSV, OURS, Cell, read, write_page
from speed_rows import available, contender, frame_of

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SHORT = 1.0
"""Runs under this many CPU seconds are repeated: their noise is larger than what they measure."""
REPEATS = 5
START = 6.0
"""Seconds that a process needs to import, warm up and make its frame; what the estimate of duration adds."""


def measure(row_name: str, package: str, units: int) -> dict[str, float]:
    """Run one contender in this process."""
    row = available()[row_name]
    run = contender(row, package)
    run(frame_of(row, WARM_UP_UNITS))
    frame = frame_of(row, units)
    taken, peak, answer = [], 0.0, (0.0, 0.0)
    while not taken or (taken[0] < SHORT and len(taken) < REPEATS):
        if Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
        before, cpu = resident("VmRSS"), time.process_time()
        answer = run(frame)
        taken.append(time.process_time() - cpu)
        peak = max(peak, resident("VmHWM") - before)
    return {"cpu": min(taken), "peak": peak, "estimate": answer[0], "std_error": answer[1]}


def in_process(cell: Cell, python: str, seconds: float, gigabytes: float) -> Cell:
    """Measure one cell in a process of its own, ended when it takes too long or too much."""
    command = [python, __file__, "--only", cell.row, cell.package, "--units", str(cell.units)]
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, **ONE_CORE}
    if cell.package == OURS:
        environment["PYTHONPATH"] = path
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        while process.poll() is None:
            time.sleep(0.2)
            over_time, over_memory = _cpu_seconds(process.pid) > seconds, _gigabytes(process.pid) > gigabytes
            if over_time or over_memory:
                process.kill()
                process.wait()
                return cell.ended(f"over {seconds:.0f} s" if over_time else f"over {gigabytes:g} GB")
        out, err = process.communicate()
    if process.returncode != 0:
        reason = err.strip().splitlines()[-1][:120] if err.strip() else f"exit code {process.returncode}"
        return cell.ended(f"failed: {reason}")
    return cell.done(**json.loads(out.splitlines()[-1]))


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process, imports and the run before included; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _gigabytes(pid: int) -> float:
    """Resident memory of a process; 0 once it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def left(done: dict[tuple[str, str, int], Cell], sizes: list[int], again: list[str], part: str) -> list[Cell]:
    """Cells without an answer, small ones first; none of a contender that was ended at a smaller size."""
    found = []
    for units in sorted(sizes):
        for name, row in available().items():
            for package in row.contenders:
                kept = done.get((name, package, units))
                if part.lower() not in name.lower():
                    continue
                if (kept is not None and package not in again) or units > row.largest.get(package, units):
                    continue
                found.append(Cell(name, package, units))
    return found


def ended_before(cell: Cell, done: dict[tuple[str, str, int], Cell]) -> bool:
    """Whether a smaller cell of this contender took too long or too much."""
    return any(
        row == cell.row and package == cell.package and units < cell.units and found.status != "done"
        for (row, package, units), found in done.items()
    )


def expected_seconds(cell: Cell, done: dict[tuple[str, str, int], Cell], limit: float) -> float:
    """From the largest smaller size, cost taken as linear; a size unheard of counts as a tenth of the limit."""
    smaller = [
        (units, found.cpu)
        for (row, package, units), found in done.items()
        if row == cell.row and package == cell.package and units <= cell.units and found.status == "done"
    ]
    if not smaller:
        return limit / 10.0
    units, cpu = max(smaller)
    return min(cpu * cell.units / units, limit) + START


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--seconds", type=float, default=900.0, help="CPU time that one cell may take")
    parser.add_argument("--gigabytes", type=float, default=8.0, help="limit of one cell's resident memory")
    parser.add_argument("--again", nargs="*", default=[], help="packages whose cells are measured again")
    parser.add_argument("--rows", default="", help="only rows whose name holds this, e.g. two-way")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--report", action="store_true", help="write the page from the figures there are")
    parser.add_argument("--only", nargs=2, metavar=("ROW", "PACKAGE"), help="measure one cell in this process, as JSON")
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(measure(*chosen.only, chosen.units[0])))
        return
    done = read()
    cells = [] if chosen.report else left(done, chosen.units, chosen.again, chosen.rows)
    if cells:
        minutes = sum(expected_seconds(cell, done, chosen.seconds) for cell in cells) / 60.0
        print(f"{len(cells)} cells left, about {minutes:.0f} minutes on a quiet machine.")
    if chosen.dry_run:
        for cell in cells:
            print(f"  {cell.units:>9,}  {cell.package:13} {cell.row}")
        return
    for place, cell in enumerate(cells, start=1):
        if ended_before(cell, done):
            found = cell.ended("not begun")
        else:
            python = sys.executable if cell.package == OURS else chosen.peer_python
            found = in_process(cell, python, chosen.seconds, chosen.gigabytes)
        done[cell.key] = found
        with CSV.open("a", newline="") as file:
            csv.writer(file).writerow(found.line())
        print(f"[{place}/{len(cells)}] {cell.units:,} {cell.package}, {cell.row}: {found.in_words()}", flush=True)
    write_page(done, list(available()))


if __name__ == "__main__":
    main()

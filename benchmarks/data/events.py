"""Time and memory of a panel from records against the bare DuckDB query that adds the same records up.

Run with the number of records and a folder on disk (about 25 bytes a record; kept for a second run)::

    python benchmarks/data/events.py 100000000 /tmp/evalkit-events

Each case runs in a process of its own, one after the other: wall and CPU seconds and the peak of resident memory of the
whole process, imports included. The goal for 100 million records is twice the bare query's time within 8 GiB. The bare
query trusts its files; the panel verifies page checksums, counts what it cannot use, joins the geography with unmatched
rows kept apart, and sums in whole hundredths so that the order of rows changes nothing.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

TRACTS, DISTRICTS = 1_000, 50
BLOCK = 5_000_000
MEMORY = "5GiB"
CASES = ("import alone", "bare: counts", "panel: counts", "bare: durations", "panel: durations", "panel: all, report")


def generate(rows: int, folder: Path) -> None:
    """Parquet files of `BLOCK` records with page checksums, and the geography."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    tracts = pa.array([f"{17_031_000 + number:08d}" for number in range(TRACTS)])
    types = pa.array([f"type {number:02d}" for number in range(30)])
    lines = [f"{tract},district {number % DISTRICTS:02d}" for number, tract in enumerate(tracts.to_pylist())]
    (folder / "tracts.csv").write_text("\n".join(["tract,district", *lines[:-1]]) + "\n", encoding="utf-8")
    for block in range(-(-rows // BLOCK)):
        path = folder / f"records-{block:03d}.parquet"
        if path.exists():
            continue
        count = min(BLOCK, rows - block * BLOCK)
        rng = np.random.default_rng([7, block])
        created = np.sort(rng.integers(0, 10 * 365 * 86_400, count)) + 1_420_070_400  # from 2015-01-01 on
        closed = created + (rng.exponential(20.0, count) * 86_400).astype(np.int64)
        table = pa.table(
            {
                "created": pa.array(created * 1_000_000, pa.timestamp("us")),
                "closed": pa.array(closed * 1_000_000, pa.timestamp("us"), mask=closed > 1_735_689_600),
                "entered": pa.array((created + rng.geometric(0.5, count) * 43_200) * 1_000_000, pa.timestamp("us")),
                "tract": tracts.take(pa.array(rng.integers(0, TRACTS, count))),
                "type": types.take(pa.array(rng.integers(0, 30, count))),
                "amount": np.round(rng.gamma(2.0, 50.0, count), 2),
            }
        )
        pq.write_table(table, path, write_page_checksum=True, row_group_size=1_000_000)


def bare(folder: Path, what: str) -> int:
    """The query that an analyst would write."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{folder}/spill'")
    added = (
        "count(*), sum(amount), avg(CASE WHEN type = 'type 03' THEN 1.0 ELSE 0.0 END)"
        if what == "counts"
        else "count(*), median(date_diff('hour', created, closed)), "
        "avg(CASE WHEN closed <= created + INTERVAL 30 DAY THEN 1.0 ELSE 0.0 END)"
    )
    query = f"""
        SELECT g.district, date_trunc('month', created) AS month, {added}
        FROM read_parquet('{folder}/records-*.parquet') r JOIN read_csv('{folder}/tracts.csv', all_varchar = true) g
        USING (tract) GROUP BY ALL ORDER BY ALL
    """
    return len(connection.execute(query).fetchall())


def panel(folder: Path, what: str) -> int:
    """The same by a study's source."""
    from evalkit.data.sources import read_with_accounts
    from evalkit.study.events import EventsSource

    counts = [
        {"name": "records", "kind": "count"},
        {"name": "amount", "kind": "sum", "column": "amount", "decimals": 2},
        {
            "name": "share",
            "kind": "share",
            "where": [{"column": "type", "operator": "equals", "value": "type 03"}],
        },
    ]
    durations = [
        {"name": "records", "kind": "count"},
        {"name": "days", "kind": "duration", "end": "closed", "statistic": "median"},
        {"name": "in_30", "kind": "duration", "end": "closed", "statistic": "share_within", "within": 30},
    ]
    everything = what == "all, report"
    measures = [*counts, *durations[1:]] if everything else counts if what == "counts" else durations
    content = {
        "kind": "events",
        "path": "records-*.parquet",
        "time": "created",
        "extracted": "2024-12-31",
        "every": "month",
        "place": {"column": "tract", "table": {"path": "tracts.csv", "key": "tract", "unit": "district"}},
        "measures": measures,
        "limits": {"future": 0.01, "durations": 0.01},
    }
    if everything:
        content |= {"recorded": "entered", "categories": ["type"]}
    frame, _ = read_with_accounts(EventsSource.model_validate(content), root=folder, report=everything)
    return len(frame)


def one(case: str, folder: Path) -> None:
    """Run one case and print what it took."""
    start = time.perf_counter()
    kind, _, what = case.partition(": ")
    if kind == "import alone":
        import duckdb  # noqa: F401

        import evalkit.data.sources  # noqa: F401

        cells = 0
    else:
        cells = bare(folder, what) if kind == "bare" else panel(folder, what)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "cells": cells,
                "wall": time.perf_counter() - start,
                "cpu": used.ru_utime + used.ru_stime,
                "peak": peak(),
            }
        )
    )


def peak() -> float:
    """Most resident memory since the program started, in MiB; `ru_maxrss` would also remember the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def main(rows: int, folder: Path, cases: tuple[str, ...] = CASES) -> None:
    """Print one line a case, and the ratios."""
    generate(rows, folder)
    size = sum(path.stat().st_size for path in folder.glob("records-*.parquet")) / 2**30
    print(f"{rows:,} records, {size:.2f} GiB of parquet, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"{'case':22} {'cells':>7} {'wall, s':>8} {'CPU, s':>8} {'peak, MiB':>10} {'CPU ratio':>10} {'wall ratio':>11}"
    )
    base: dict[str, dict[str, float]] = {}
    for case in cases:
        done = subprocess.run(
            [sys.executable, __file__, "--case", case, str(folder)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        kind, _, what = case.partition(": ")
        if kind == "bare":
            base[what] = found
        against = base.get(what) if kind == "panel" else None
        ratios = (
            "" if against is None else f"{found['cpu'] / against['cpu']:10.2f} {found['wall'] / against['wall']:11.2f}"
        )
        print(
            f"{case:22} {found['cells']:7.0f} {found['wall']:8.1f} {found['cpu']:8.1f} {found['peak']:10.0f} {ratios}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000,
            Path(sys.argv[2] if len(sys.argv) > 2 else "/tmp/evalkit-events"),
        )

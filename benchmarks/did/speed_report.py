"""The figures of speed.py: kept as lines of a CSV file, shown as a page and a picture."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

DOCS = Path(__file__).parents[2] / "docs"
CSV = DOCS / "benchmarks" / "speed.csv"
FIGURE = DOCS / "benchmarks" / "speed.svg"
PAGE = DOCS / "speed.md"
HEAD = ("row", "package", "units", "status", "cpu_seconds", "peak_mb", "estimate", "std_error")
OURS = "evalkit"
TARGETS = {"Callaway": 20.0, "Two-way fixed effects": 1.0}
"""Least ratio to the fastest peer, by the beginning of a row's name; 2 for all others."""


@dataclass(frozen=True)
class Cell:
    """One contender at one size; NaN and a reason in `status` where it has no answer."""

    row: str
    package: str
    units: int
    status: str = "left"
    cpu: float = float("nan")
    peak: float = float("nan")
    estimate: float = float("nan")
    std_error: float = float("nan")

    @property
    def key(self) -> tuple[str, str, int]:
        """What a cell is found by."""
        return self.row, self.package, self.units

    def done(self, cpu: float, peak: float, estimate: float, std_error: float) -> Cell:
        """The cell with its figures."""
        return replace(self, status="done", cpu=cpu, peak=peak, estimate=estimate, std_error=std_error)

    def ended(self, reason: str) -> Cell:
        """The cell without figures."""
        return replace(self, status=reason)

    def line(self) -> list[object]:
        """As `HEAD` orders it."""
        figures = (self.cpu, self.peak, self.estimate, self.std_error)
        return [self.row, self.package, self.units, self.status, *(f"{value:.6g}" for value in figures)]

    def in_words(self) -> str:
        """For the screen."""
        return f"{self.cpu:.3f} CPU s, {self.peak:.0f} MB" if self.status == "done" else self.status


def read() -> dict[tuple[str, str, int], Cell]:
    """Cells measured so far, the last line of each; the file is begun where there is none."""
    CSV.parent.mkdir(parents=True, exist_ok=True)
    if not CSV.exists():
        with CSV.open("w", newline="") as file:
            csv.writer(file).writerow(HEAD)
    found = {}
    with CSV.open(newline="") as file:
        for line in csv.DictReader(file):
            figures = [float(line[name]) for name in HEAD[4:]]
            cell = Cell(line["row"], line["package"], int(line["units"]), line["status"], *figures)
            found[cell.key] = cell
    return found


def slope(cells: list[Cell]) -> float:
    """Slope of log CPU seconds in log units over the two largest sizes; 1 is linear."""
    known = sorted((cell.units, cell.cpu) for cell in cells if cell.status == "done")
    if len(known) < 2:
        return float("nan")
    (small, before), (large, after) = known[-2:]
    return float(np.log(after / before) / np.log(large / small))


def write_page(done: dict[tuple[str, str, int], Cell], order: list[str]) -> None:
    """Write docs/speed.md and its figure, rows in the given order."""
    measured = {cell.row for cell in done.values()}
    rows = [row for row in order if row in measured]
    sizes = sorted({cell.units for cell in done.values()})
    text = [_head(), *(line for row in rows for line in _section(row, done, sizes)), _foot()]
    PAGE.write_text("\n".join(text) + "\n")
    draw(rows, done)


def _head() -> str:
    return """# Speed

Every difference-in-differences estimator beside each Python peer that offers the same, at 10 periods, in one run:

```text
python benchmarks/did/speed.py --peer-python PATH
```

CPU seconds of one core, reading the long frame included; in brackets the peak memory beyond the frame in MB. "Slope" is
that of log seconds in log units over the two largest sizes: 1 is linear. "Ratio" is the CPU time of the fastest peer
over ours.

The rows of Callaway-Sant'Anna were measured again after the others, each contender's least of several runs; the machine
was busy with other work during ours. At 1,000 and 10,000 units fixed costs decide there. Timed step by step, without
covariates: reading the frame 0.8 and 1.4 ms, the fit 1.4 and 2.7 ms, four tables 1 ms, the 9,999 draws behind the
simultaneous band 2 to 3 ms (the peer's analytical rows have no such band). A twentieth of the peer's time is 0.5 and
1.7 ms: at 1,000 units less than reading the frame, at 10,000 less than the fit.

![CPU seconds by number of units](benchmarks/speed.svg)
"""


def _section(row: str, done: dict[tuple[str, str, int], Cell], sizes: list[int]) -> list[str]:
    packages = list(dict.fromkeys(cell.package for cell in done.values() if cell.row == row))
    lines = [f"## {row}", "", "| units | " + " | ".join(f"{size:,}" for size in sizes) + " | slope |"]
    lines.append("|---" * (len(sizes) + 2) + "|")
    for package in packages:
        cells = [done.get((row, package, size), Cell(row, package, size)) for size in sizes]
        steep = slope(cells)
        lines.append(f"| {package} | " + " | ".join(_shown(cell) for cell in cells) + f" | {_number(steep, '.2f')} |")
    ratios = [_ratio(row, packages, size, done) for size in sizes]
    if len(packages) > 1:
        target = next((least for name, least in TARGETS.items() if row.startswith(name)), 2.0)
        lines.append(f"| ratio (at least {target:g}) | " + " | ".join(_number(r, ".1f") for r in ratios) + " | |")
    return [*lines, ""]


def _shown(cell: Cell) -> str:
    if cell.status == "left":
        return ""
    if cell.status != "done":
        return cell.status.partition(":")[0]
    return f"{cell.cpu:.3g} ({cell.peak:.0f})"


def _number(value: float, form: str) -> str:
    return "" if np.isnan(value) else format(value, form)


def _ratio(row: str, packages: list[str], units: int, done: dict[tuple[str, str, int], Cell]) -> float:
    peers = [done[key].cpu for p in packages if p != OURS and (key := (row, p, units)) in done]
    known = [cpu for cpu in peers if not np.isnan(cpu)]
    mine = done.get((row, OURS, units))
    return min(known) / mine.cpu if known and mine is not None else float("nan")


def _foot() -> str:
    return """Empty: not measured, or known to fail at that size. The lines are kept in `docs/benchmarks/speed.csv`,
with each contender's effect and error (nan where only the time was kept)."""


def draw(rows: list[str], done: dict[tuple[str, str, int], Cell]) -> None:
    """Log-log lines, one panel a row."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    matplotlib.rcParams["svg.hashsalt"] = "speed"
    across = 3
    down = max(-(-len(rows) // across), 1)
    figure, axes = plt.subplots(down, across, figsize=(11.0, 2.9 * down), sharex=True, sharey=True, squeeze=False)
    peers = [p for p in dict.fromkeys(cell.package for cell in done.values()) if p != OURS]
    colour = dict(zip(peers, ["#d95f02", "#1b9e77", "#7570b3", "#66a61e", "#a6761d", "#666666"], strict=False))
    for place, axis in enumerate(axes.ravel()):
        if place >= len(rows):
            axis.axis("off")
            continue
        for package in (OURS, *peers):
            points = sorted(
                (cell.units, cell.cpu)
                for cell in done.values()
                if cell.row == rows[place] and cell.package == package and cell.status == "done"
            )
            if points:
                style = {"color": "#08306b", "lw": 2.4} if package == OURS else {"color": colour[package], "lw": 1.3}
                axis.loglog(*zip(*points, strict=True), marker="o", ms=3.5, label=package, **style)
        axis.set_title(rows[place], fontsize=7.5)
        axis.grid(True, which="major", color="#dddddd", lw=0.6)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("units (10 periods each)", fontsize=8.5)
    for axis in axes[:, 0]:
        axis.set_ylabel("CPU seconds", fontsize=8.5)
    handles = {}
    for axis in axes.ravel():
        handles |= {label: line for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    shown = {"loc": "lower center", "ncol": len(handles) or 1, "frameon": False, "fontsize": 9}
    figure.legend(handles.values(), handles.keys(), **shown)
    figure.tight_layout(rect=(0.0, 0.03, 1.0, 1.0))
    figure.savefig(FIGURE, metadata={"Date": None})
    plt.close(figure)

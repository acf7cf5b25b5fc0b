"""The commands of the pages that lead a newcomer, typed in an empty folder as they stand there, in their order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILL_IN = "FILL IN: "
RUN_ID = re.compile(r"/runs/([0-9a-f]{32})")
BUNDLE = re.compile(r"^\s*Bundle\s+(\S+)", re.MULTILINE)

pytestmark = [pytest.mark.calibration, pytest.mark.timeout(1_800)]


class Terminal:
    """A folder, and what was printed in it so far."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shown = folder, ""

    def type(self, line: str) -> None:
        """Type a line of a page, with the names that it leaves open; it has to end with exit code 0."""
        if line.startswith("cd "):
            self.folder /= line[3:].strip()
            return
        bundles, ids = BUNDLE.findall(self.shown), RUN_ID.findall(self.shown)
        if "RUN RUN" in line:
            line = line.replace("RUN RUN", f"{bundles[0]} {bundles[-1]}")
        if "RUN_ID" in line:
            line = line.replace("RUN_ID", ids[-1])
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        self.shown += done.stdout


def commands(page: str) -> Iterator[str]:
    """Lines of the page's console blocks, without their comments."""
    for block in BLOCK.findall((DOCS / page).read_text("utf-8")):
        for line in block.splitlines():
            yield re.sub(r"\s+#.*$", "", line)


def write_buses(folder: Path) -> None:
    """Monthly lateness in 12 districts, 8 of which get night buses in two waves."""
    rng = np.random.default_rng(5)
    starts = ["2021-07"] * 4 + ["2021-10"] * 4 + [""] * 4
    months = pd.period_range("2020-07", "2022-06", freq="M").astype(str)
    rows = [
        (f"District {number}", month, start, round(float(rng.normal(18.0 - 2.0 * (start != "" and month >= start))), 2))
        for number, start in enumerate(starts, start=1)
        for month in months
    ]
    pd.DataFrame(rows, columns=["district", "month", "night_bus_since", "late"]).to_csv(folder, index=False)


def test_the_first_study_is_done_by_its_page(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    typed = list(commands("first-study.md"))
    for line in typed:
        terminal.type(line)
    assert typed[-1] == "evalkit run study=claims"
    assert (terminal.folder / BUNDLE.findall(terminal.shown)[-1] / "brief.html").is_file()
    assert "Headline   " in terminal.shown


def test_the_evaluators_day_is_done_by_its_page(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    for line in commands("evaluators-day.md"):
        if line.startswith("evalkit new study"):
            write_buses(terminal.folder / "data" / "buses.csv")
        if line.startswith("evalkit plan lock"):  # the page: it refuses until the texts are written
            config = terminal.folder / "configs" / "study" / "night_buses.yaml"
            config.write_text(config.read_text("utf-8").replace(FILL_IN, ""), encoding="utf-8")
        terminal.type(line)
    site = next(line for line in (DOCS / "evaluators-day.md").read_text("utf-8").splitlines() if "portfolio" in line)
    terminal.type(re.findall(r"`(evalkit portfolio[^`]*)`", site)[0])
    page = (terminal.folder / "site" / "index.html").read_text("utf-8")
    assert "Night buses" in page
    assert "Castle doctrine" not in page, "studies that ship with evalkit are nobody's plans"


def test_the_commands_of_the_readme_are_commands(tmp_path: Path) -> None:
    """Each line's verb and options exist; what they do is typed above."""
    readme = BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    lines = [line for block in readme for line in block.splitlines() if line.startswith("evalkit ")]
    terminal = Terminal(tmp_path)
    for line in lines:
        words = line.split()
        verb = " ".join(words[1:3]) if words[1] in ("new", "plan") else words[1]
        terminal.type(f"evalkit {verb} --help")
        for option in re.findall(r"(?<=\s)--[a-z-]+", line.split("#")[0]):
            assert option in terminal.shown, line

"""Put the rows of the other scripts of this folder side by side: one table and one figure for docs/speed.md.

python benchmarks/bayes/at_a_glance.py

Reads what they left in docs/benchmarks (time_series.csv, bayesian_did.csv) and bayes_other.csv, where the others' rows
are kept by hand with the command that made them. Measures nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
WANTED = 400.0
"""Effective draws."""
PACKAGES = ("evalkit", "bsts-causalimpact", "pycausalimpact", "tfcausalimpact", "nutpie", "causalpy", "pm.sample")
COLOURS = ("#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#E69F00", "#555555")
NAMES = {"causalpy": "CausalPy", "nutpie": "nutpie (PyMC model)"}


def rows() -> pd.DataFrame:
    """Columns model, package, fit, process, to_400: CPU seconds."""
    series = pd.read_csv(FOLDER / "time_series.csv").sort_values("periods")
    series["model"] = [f"time series, 2 controls, {periods:,} points" for periods in series["periods"]]
    did = pd.read_csv(FOLDER / "bayesian_did.csv").sort_values("units")
    did["model"] = [f"DiD, {units} x 20" for units in did["units"]]
    both = pd.concat([series, did], ignore_index=True)
    both["to_400"] = both["fit"] * (WANTED / both["effective"]).clip(lower=0.0)
    table = pd.concat([both, pd.read_csv(FOLDER / "bayes_other.csv")], ignore_index=True)
    table = table[table["package"].isin(PACKAGES)]
    return table[["model", "package", "fit", "process", "to_400"]].reset_index(drop=True)


def markdown(table: pd.DataFrame) -> str:
    """One line a model: process / fit / to 400 effective draws of each package."""
    lines = ["| model | " + " | ".join(NAMES.get(each, each) for each in PACKAGES) + " |"]
    lines.append("|---" * (len(PACKAGES) + 1) + "|")
    for model, found in table.groupby("model", sort=False):
        by = found.set_index("package")
        lines.append(f"| {model} | " + " | ".join(_cell(by, each) for each in PACKAGES) + " |")
    return "\n".join(lines)


def _cell(by: pd.DataFrame, package: str) -> str:
    if package not in by.index:
        return ""
    row = by.loc[package]
    return " / ".join("–" if pd.isna(row[name]) else f"{row[name]:.2g}" if row[name] < 10.0 else f"{row[name]:.0f}"
                      for name in ("process", "fit", "to_400"))  # fmt: skip


def draw(table: pd.DataFrame) -> None:
    """A line a model, a colour a package: whole process hollow, fit filled."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    models = list(dict.fromkeys(table["model"]))[::-1]
    figure, axes = plt.subplots(figsize=(9.0, 0.5 * len(models) + 1.4), layout="constrained")
    colours = dict(zip(PACKAGES, COLOURS, strict=True))
    for package in PACKAGES:
        found = table[table["package"] == package]
        if found.empty:
            continue
        height = [models.index(model) for model in found["model"]]
        size = 70 if package == "evalkit" else 36
        axes.scatter(found["fit"], height, s=size, color=colours[package], label=NAMES.get(package, package), zorder=3)
        axes.scatter(found["process"], height, s=size, facecolors="white", edgecolors=colours[package], zorder=2)
    axes.set(xscale="log", xlabel="CPU seconds: fit (filled), whole process from a cold start (hollow)")
    axes.set_yticks(range(len(models)), models)
    axes.grid(axis="x", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(FOLDER / "bayes.svg", metadata={"Date": None})


def main() -> int:
    """Print the table and write the figure."""
    table = rows()
    print(markdown(table))
    draw(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())

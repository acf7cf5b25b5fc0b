"""Time bayesian_time_series beside the Python ports of CausalImpact and CausalPy's interrupted time series.

OMP_NUM_THREADS=1 python benchmarks/bayes/time_series.py \
    --peer bsts-causalimpact=PATH --peer pycausalimpact=PATH --peer tfcausalimpact=PATH --peer causalpy=PATH

A peer's PATH is a Python that has it (tfcausalimpact and pycausalimpact share a module name). Each row
is a process of its own on the same data: two comparison series, a level that wanders, 70 % of the periods before the
start. "process" is the CPU time from the start of the process to its first summary, imports and compilation included;
"fit" is that of a second run in the same process. "effective" is the effective sample size of the worst of effect,
level sd and noise sd (Vehtari et al. 2021), where a package draws them all. Rows that are not run again stay.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SIZES = (100, 500, 2_000)
SHARE_BEFORE = 0.7
EFFECT = 3.0
LIMIT_SECONDS = 900
ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "benchmarks" / "time_series.csv"
Answer = tuple[float, float, float]


def world(periods: int) -> tuple[pd.DataFrame, int]:
    """Columns y, x1, x2 and the number of periods before the start."""
    rng = np.random.default_rng(periods)
    columns = 20.0 + np.cumsum(0.3 * rng.standard_normal((periods, 2)), axis=0)
    level = np.cumsum(0.05 * rng.standard_normal(periods))
    outcome = columns @ np.array([1.2, 0.5]) + level + rng.standard_normal(periods)
    before = round(SHARE_BEFORE * periods)
    outcome[before:] += EFFECT
    return pd.DataFrame({"y": outcome, "x1": columns[:, 0], "x2": columns[:, 1]}), before


def evalkit(data: pd.DataFrame, before: int, draws: int = 500) -> Answer:
    from evalkit.data.panel import Panel
    from evalkit.estimators.bayesian_time_series import BayesianTimeSeries

    wide = data.rename(columns={"y": "town"}).assign(period=np.arange(1, len(data) + 1))
    long = wide.melt("period", var_name="unit", value_name="y")
    long["start"] = np.where(long["unit"] == "town", before + 1, 0)
    panel = Panel.from_frame(long, unit="unit", period="period", outcome="y", cohort="start")
    row = BayesianTimeSeries(draws=draws).fit(panel, rng=np.random.default_rng(0)).aggregate("overall").iloc[0]
    return float(row["estimate"]), float(row["low"]), float(row["high"])


def _impact(module: Any, data: pd.DataFrame, before: int) -> Any:
    return module.CausalImpact(data, [0, before - 1], [before, len(data) - 1])


def bsts_causalimpact(data: pd.DataFrame, before: int) -> Answer:
    import causal_impact

    found = _impact(causal_impact, data, before).summary_stats
    return tuple(float(found[name]) for name in ("point_effect_mean", "ci_lower", "ci_upper"))


def _summary(found: Any) -> Answer:
    table = found.summary_data
    return tuple(float(table.loc[name, "average"]) for name in ("abs_effect", "abs_effect_lower", "abs_effect_upper"))


def pycausalimpact(data: pd.DataFrame, before: int) -> Answer:
    import causalimpact

    return _summary(_impact(causalimpact, data, before))


def tfcausalimpact(data: pd.DataFrame, before: int) -> Answer:
    import causalimpact

    return _summary(_impact(causalimpact, data, before))


def causalpy(data: pd.DataFrame, before: int) -> Answer:
    import causalpy

    model = causalpy.pymc_models.LinearRegression(
        sample_kwargs={"random_seed": 0, "progressbar": False, "cores": 1, "chains": 4}
    )
    found = causalpy.InterruptedTimeSeries(data, before, formula="y ~ 1 + x1 + x2", model=model)
    effect = found.post_impact
    mean = effect.mean([name for name in effect.dims if name not in ("chain", "draw")]).to_numpy().ravel()
    return float(mean.mean()), *(float(each) for each in np.quantile(mean, [0.025, 0.975]))


RUNS: dict[str, Callable[[pd.DataFrame, int], Answer]] = {
    "evalkit": evalkit,
    "evalkit, 1,000 draws": functools.partial(evalkit, draws=250),
    "bsts-causalimpact": bsts_causalimpact,
    "pycausalimpact": pycausalimpact,
    "tfcausalimpact": tfcausalimpact,
    "causalpy": causalpy,
}


def bsts_effective(data: pd.DataFrame, before: int) -> float:
    """Of the compiled Gibbs sampler's 1,000 draws."""
    import causal_impact

    sys.path.insert(0, str(ROOT))
    from evalkit.numerics.chain_figures import bulk_ess

    drawn = _impact(causal_impact, data, before)._samples
    effect = np.array(drawn.predictions).reshape(len(drawn.predictions), -1).mean(axis=1)
    chains = (effect, np.array(drawn.sigma_level, dtype=float), np.array(drawn.sigma_obs, dtype=float))
    return round(min(bulk_ess(each[None]) for each in chains), 1)


EFFECTIVE: dict[str, Callable[[pd.DataFrame, int], float]] = {
    "evalkit": lambda data, before: 2_000.0,  # draws of the exact engine are independent
    "evalkit, 1,000 draws": lambda data, before: 1_000.0,
    "bsts-causalimpact": bsts_effective,
}


def child(name: str, periods: int) -> None:
    """One process: one package, one size, twice."""
    import warnings

    warnings.simplefilter("ignore")
    data, before = world(periods)
    RUNS[name](data, before)
    cold = time.process_time()
    answer = RUNS[name](data, before)
    fit = time.process_time() - cold
    effective = EFFECTIVE[name](data, before) if name in EFFECTIVE else None
    print("RESULT " + json.dumps({"process": cold, "fit": fit, "answer": answer, "effective": effective}))


def measure(python: str, name: str, periods: int) -> dict[str, object]:
    """CPU seconds of a cold process and of a warm fit."""
    command = [python, __file__, "--child", name, "--periods", str(periods)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise RuntimeError(f"{name} at {periods} periods gave no answer: {done.stderr.strip()[-500:]}")
    result = json.loads(lines[-1].removeprefix("RESULT "))
    answer = "{:.2f} [{:.2f}, {:.2f}]".format(*result["answer"])
    return {
        "package": name, "periods": periods, "fit": round(result["fit"], 3), "process": round(result["process"], 2),
        "effective": result["effective"], "answer": answer,
    }  # fmt: skip


def draw(table: pd.DataFrame) -> None:
    """Fit and process by length, a line a package."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9.0, 3.6), sharex=True, layout="constrained")
    for name, rows in table[table["package"] != "evalkit, 1,000 draws"].groupby("package", sort=False):
        ordered = rows.sort_values("periods")
        width = 2.5 if name == "evalkit" else 1.3
        for panel, column in zip(panels, ("fit", "process"), strict=True):
            panel.plot(ordered["periods"], ordered[column], "o-", linewidth=width, markersize=4, label=name)
    for panel, title in zip(panels, ("Fit, imports paid", "Whole process, cold"), strict=True):
        panel.set(xscale="log", yscale="log", xlabel="periods", title=title)
        panel.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
        panel.minorticks_off()
    panels[0].set_ylabel("CPU seconds")
    panels[1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.savefig(TABLE.with_suffix(".svg"), metadata={"Date": None})


def main(arguments: list[str]) -> int:
    """Measure evalkit and the peers that are given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--child", choices=sorted(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--periods", type=int, default=100, help=argparse.SUPPRESS)
    parser.add_argument("--without-evalkit", action="store_true")
    given = parser.parse_args(arguments)
    if given.child:
        child(given.child, given.periods)
        return 0
    own = {} if given.without_evalkit else {"evalkit": sys.executable, "evalkit, 1,000 draws": sys.executable}
    pythons = {**own, **dict(each.split("=", 1) for each in given.peer)}
    for name, python in pythons.items():
        for periods in given.sizes:
            found = pd.DataFrame([measure(python, name, periods)])
            known = pd.read_csv(TABLE) if TABLE.exists() else found.iloc[:0]
            stays = ~((known["package"] == name) & (known["periods"] == periods))
            table = pd.concat([known[stays], found], ignore_index=True)
            table.to_csv(TABLE, index=False)
    draw(table)
    print(table.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

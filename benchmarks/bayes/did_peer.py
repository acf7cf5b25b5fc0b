"""Time Bayesian difference-in-differences beside CausalPy's: all treated start together, unit and period effects.

OMP_NUM_THREADS=1 python benchmarks/bayes/did_peer.py --peer-python PATH

PATH is a Python that has CausalPy. Each row is a process of its own: "process" is the CPU time from its start to its
first summary, imports and compilation included; "fit" is that of a second run in the same process. Rows that are not
run again stay in `docs/benchmarks/bayesian_did.csv`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

PERIODS, START, EFFECT = 20, 11, 0.5
SIZES = (50, 500)
LIMIT_SECONDS = 1_800
ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "benchmarks" / "bayesian_did.csv"
Answer = tuple[float, float, float, float | None]


def world(units: int) -> pd.DataFrame:
    """One row a unit and period; the first half of the units is treated from period 11 on."""
    rng = np.random.default_rng(units)
    unit, period = np.repeat(np.arange(units), PERIODS), np.tile(1 + np.arange(PERIODS), units)
    treated = unit < units // 2
    level = rng.standard_normal(units)[unit] + np.sin(period)
    outcome = level + EFFECT * (treated & (period >= START)) + 0.5 * rng.standard_normal(len(unit))
    return pd.DataFrame({"unit": unit, "t": period, "y": outcome, "group": treated.astype(int)})


def evalkit(data: pd.DataFrame) -> Answer:
    """Independent errors, as the peer has."""
    from evalkit.data.panel import Panel
    from evalkit.estimators.bayesian_did import BayesianDid
    from evalkit.uncertainty import Posterior

    data = data.assign(start=np.where(data["group"] == 1, START, 0))
    panel = Panel.from_frame(data, unit="unit", period="t", outcome="y", cohort="start")
    estimate = BayesianDid(errors="iid", leads=False).fit(panel, rng=np.random.default_rng(0))
    row = estimate.aggregation("overall")
    assert isinstance(estimate.uncertainty, Posterior)
    figures = estimate.uncertainty.sampler
    return (
        float(row.estimate[0]),
        float(row.low[0]),
        float(row.high[0]),
        min(figures.ess_bulk_min, figures.ess_tail_min),
    )


def causalpy(data: pd.DataFrame) -> Answer:
    """Unit and period effects as dummies; 4 x 1,000 draws."""
    import arviz
    import causalpy

    data = data.assign(post_treatment=data["t"] >= START)
    model = causalpy.pymc_models.LinearRegression(
        sample_kwargs={"random_seed": 0, "progressbar": False, "cores": 1, "chains": 4}
    )
    found = causalpy.DifferenceInDifferences(
        data, formula="y ~ 1 + C(unit) + C(t) + group:post_treatment", time_variable_name="t",
        group_variable_name="group", model=model,
    )  # fmt: skip
    effect = found.causal_impact.to_numpy().ravel()
    low, high = np.quantile(effect, [0.025, 0.975])
    sizes = arviz.ess(found.model.idata, var_names=["beta"])["beta"]
    worst = float(sizes.min())
    return float(effect.mean()), float(low), float(high), worst


RUNS = {"evalkit": evalkit, "causalpy": causalpy}


def child(name: str, units: int) -> None:
    import warnings

    warnings.simplefilter("ignore")
    data = world(units)
    RUNS[name](data)
    cold = time.process_time()
    value, low, high, worst = RUNS[name](data)
    fit = time.process_time() - cold
    print("RESULT " + json.dumps({"process": cold, "fit": fit, "answer": [value, low, high], "effective": worst}))


def measure(python: str, name: str, units: int) -> dict[str, object]:
    """CPU seconds of a cold process and of a warm fit."""
    command = [python, __file__, "--child", name, "--units", str(units)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise RuntimeError(f"{name} with {units} units gave no answer: {done.stderr.strip()[-800:]}")
    result = json.loads(lines[-1].removeprefix("RESULT "))
    return {
        "package": name, "units": units, "fit": round(result["fit"], 3), "process": round(result["process"], 2),
        "effective": round(result["effective"]), "answer": "{:.3f} [{:.3f}, {:.3f}]".format(*result["answer"]),
    }  # fmt: skip


def main(arguments: list[str]) -> int:
    """Measure evalkit and, where its Python is given, CausalPy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--child", choices=sorted(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--units", type=int, default=SIZES[0], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        child(given.child, given.units)
        return 0
    pythons = {"evalkit": sys.executable} | ({"causalpy": given.peer_python} if given.peer_python else {})
    for name, python in pythons.items():
        for units in given.sizes:
            found = pd.DataFrame([measure(python, name, units)])
            known = pd.read_csv(TABLE) if TABLE.exists() else found.iloc[:0]
            stays = ~((known["package"] == name) & (known["units"] == units))
            pd.concat([known[stays], found], ignore_index=True).to_csv(TABLE, index=False)
    print(pd.read_csv(TABLE).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

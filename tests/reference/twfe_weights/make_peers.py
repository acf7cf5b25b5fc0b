"""Write peers.csv: what diff-diff's twowayfeweights answers on castle and Medicaid. Run where it is installed.

    pip install diff-diff moderndid causaldata
    python tests/reference/twfe_weights/make_peers.py

Medicaid without the never-treated states, so that some weights are negative. Its weights are those of single
units; added up by cohort and period they are ours.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import causaldata
import moderndid
import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def castle() -> pd.DataFrame:
    data = causaldata.castle.load_pandas().data
    first = data["sid"].map(data[data["post"] > 0].groupby("sid")["year"].min())
    return pd.DataFrame(
        {"unit": data["sid"].astype(int), "time": data["year"].astype(int), "start": first,
         "y": np.log(data["homicide"].astype(float))}
    )  # fmt: skip


def medicaid() -> pd.DataFrame:
    data = moderndid.load_ehec().to_pandas()
    names = {"stfips": "unit", "year": "time", "yexp2": "start", "dins": "y"}
    kept: pd.DataFrame = data[data["yexp2"].notna()].rename(columns=names)[list(names.values())]
    return kept


def main() -> None:
    from diff_diff import twowayfeweights  # type: ignore[import-not-found, unused-ignore] # not needed by the tests

    rows = []
    for name, data in {"castle": castle(), "medicaid": medicaid()}.items():
        data["d"] = (data["time"] >= data["start"]).astype(int)
        found = twowayfeweights(data, outcome="y", unit="unit", time="time", treatment="d")
        cells = found.weights.merge(data, left_on=["unit", "time"], right_on=["unit", "time"])
        weight = cells.loc[cells["d"] == 1].groupby(["start", "time"])["weight"].sum()
        weight /= weight.sum()
        rows += [("diff-diff", version("diff-diff"), name, "beta", found.beta_fe),
                 ("diff-diff", version("diff-diff"), name, "sigma", found.sigma_fe)]  # fmt: skip
        rows += [
            ("diff-diff", version("diff-diff"), name, f"{int(start)}/{int(time)}", value)
            for (start, time), value in weight.items()
        ]
    pd.DataFrame(rows, columns=["peer", "version", "data", "what", "value"]).to_csv(HERE / "peers.csv", index=False)


if __name__ == "__main__":
    main()

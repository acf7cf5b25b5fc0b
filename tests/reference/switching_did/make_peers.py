"""Figures of py-did-multiplegt-dyn, by the estimator's authors, and of moderndid: writes peers.csv beside this file.

    pip install py-did-multiplegt-dyn==0.1.9 moderndid==0.2.0
    python -m tests.reference.switching_did.make_peers     # from the project's folder

Data: favara_imbs (Favara and Imbs 2015, as moderndid ships it: loans of banks in 1,048 US counties, 1994 to
2005, and the number of branching restrictions lifted), and a panel simulated here. With no cluster or with
controls py-did-multiplegt-dyn 0.1.9 calls `polars.count` in a way that the polars it installs no longer
knows; it is given the meaning that it had, the number of rows. Units are named as their clusters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tests.reference.switching_did.simulated import simulated

LOANS = {"outcome": "Dl_vloans_b", "group": "county", "time": "year", "treatment": "inter_bra"}
MADE = {"outcome": "y", "group": "unit", "time": "period", "treatment": "dose"}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "by state": ("favara_imbs", {"effects": 5, "placebo": 3, "cluster": "state_n"}),
    "normalized": ("favara_imbs", {"effects": 5, "placebo": 3, "cluster": "state_n", "normalized": True}),
    "eight effects": ("favara_imbs", {"effects": 8, "placebo": 3, "cluster": "state_n"}),
    "weighted": ("favara_imbs", {"effects": 5, "placebo": 2, "cluster": "state_n", "weight": "w1"}),
    "by unit": ("simulated", {"effects": 3, "placebo": 2, "cluster": "same"}),
    "by cluster": ("simulated", {"effects": 3, "placebo": 2, "cluster": "cluster"}),
    "in": ("simulated", {"effects": 3, "placebo": 2, "cluster": "cluster", "switchers": "in"}),
    "out": ("simulated", {"effects": 3, "placebo": 2, "cluster": "cluster", "switchers": "out"}),
    "same switchers": ("simulated", {"effects": 3, "placebo": 0, "cluster": "cluster", "same_switchers": True}),
    "a covariate, loans": ("favara_imbs", {"effects": 5, "placebo": 3, "cluster": "state_n", "controls": ["Dl_hpi"]}),
    "a covariate": ("simulated", {"effects": 3, "placebo": 2, "cluster": "cluster", "controls": ["x"]}),
    "normalized, weighted": (
        "simulated",
        {"effects": 3, "placebo": 2, "cluster": "cluster", "weight": "w", "normalized": True},
    ),
}


def authors(frame: pd.DataFrame, names: dict[str, str], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Effects (event time 0 and later), placebos (-2 and earlier) and the average total effect."""
    import polars as pl
    from did_multiplegt_dyn import DidMultiplegtDyn  # type: ignore[import-not-found]

    count = pl.count
    pl.count = lambda *columns: count(*columns) if columns else pl.len()
    model = DidMultiplegtDyn(df=pl.from_pandas(frame), **names, **settings)
    model.fit()
    tables = model.result["did_multiplegt_dyn"]
    rows = []
    for name, first, step in (("Effects", 0, 1), ("Placebos", -2, -1), ("ATE", None, 0)):
        table = tables.get(name)
        for number, (estimate, error) in enumerate([] if table is None else table[["Estimate", "SE"]].to_numpy()):
            label = "overall" if first is None else first + step * number
            rows.append({"label": label, "estimate": estimate, "std_error": error})
    return rows


def moderndid_rows(frame: pd.DataFrame, cluster: str | None) -> list[dict[str, Any]]:
    """The same of moderndid."""
    import moderndid
    import polars as pl

    found = moderndid.did_multiplegt(
        data=pl.from_pandas(frame), yname="Dl_vloans_b", tname="year", idname="county", dname="inter_bra",
        effects=5, placebo=3, cluster=cluster,
    )  # fmt: skip
    rows = [
        {"label": sign * number - (sign < 0), "estimate": effect, "std_error": error}
        for sign, part in ((1, found.effects), (-1, found.placebos))
        for number, (effect, error) in enumerate(zip(part.estimates, part.std_errors, strict=True), start=sign < 0)
    ]
    return [*rows, {"label": "overall", "estimate": found.ate.estimate, "std_error": found.ate.std_error}]


if __name__ == "__main__":
    import moderndid

    loans = moderndid.load_favara_imbs().to_pandas()
    frames = {"favara_imbs": (loans, LOANS), "simulated": (simulated(), MADE)}
    rows = []
    for case, (data, settings) in CASES.items():
        frame, names = frames[data]
        found = authors(frame, {**names, "outcome": "y_with_x"} if case == "a covariate" else names, settings)
        rows += [{"data": data, "case": case, "package": "py-did-multiplegt-dyn", **row} for row in found]
    for case, cluster in (("by county", None), ("by state", "state_n")):
        rows += [
            {"data": "favara_imbs", "case": case, "package": "moderndid", **row}
            for row in moderndid_rows(loans, cluster)
        ]
    pd.DataFrame(rows).to_csv(Path(__file__).parent / "peers.csv", index=False)

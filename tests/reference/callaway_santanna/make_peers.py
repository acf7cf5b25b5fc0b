"""Write peers.csv: what moderndid and csdid answer on mpdta and castle. Run where they are installed.

    pip install moderndid csdid causaldata
    python tests/reference/callaway_santanna/make_peers.py

Kept beside its output, so that a number in a test can be traced to the call that gave it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from importlib.metadata import version
from pathlib import Path
from typing import Any

import causaldata
import moderndid
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
KINDS = {"simple": "overall", "dynamic": "event_study", "group": "cohort", "calendar": "period"}
MPDTA: dict[str, dict[str, Any]] = {
    "none": {},
    "lpop_dr": {"xformla": "~lpop", "est_method": "dr"},
    "lpop_ipw": {"xformla": "~lpop", "est_method": "ipw"},
    "lpop_reg": {"xformla": "~lpop", "est_method": "reg"},
    "not_yet": {"control_group": "notyettreated"},
    "not_yet_lpop_dr": {"control_group": "notyettreated", "xformla": "~lpop", "est_method": "dr"},
    "universal": {"base_period": "universal"},
}


def castle() -> pd.DataFrame:
    """Log homicide by state; first full year with a law."""
    data = causaldata.castle.load_pandas().data
    first = data[data["post"] > 0].groupby("sid")["year"].min()
    return pd.DataFrame(
        {
            "sid": data["sid"].astype(int),
            "year": data["year"].astype(int),
            "y": np.log(data["homicide"].astype(float)),
            "g": data["sid"].map(first).fillna(0).astype(int),
            "popwt": data["popwt"].astype(float),
        }
    )


def by_moderndid(data: Any, names: dict[str, str], settings: dict[str, Any]) -> dict[str, tuple[float, float]]:
    options = {"control_group": "nevertreated", "xformla": "~1", "est_method": "dr", **settings}
    fit = moderndid.att_gt(data=data, boot=False, cband=False, **names, **options)
    tables = {kind: moderndid.aggte(fit, type=kind, boot=False, cband=False) for kind in KINDS}
    return {KINDS[kind]: (float(table.overall_att), float(table.overall_se)) for kind, table in tables.items()}


def by_csdid(data: pd.DataFrame, weight: str | None) -> dict[str, tuple[float, float]]:
    model_class = importlib.import_module("csdid.att_gt").ATTgt
    with contextlib.redirect_stdout(io.StringIO()):
        options = {} if weight is None else {"weights_name": weight}
        model = model_class(
            yname="y", gname="g", idname="sid", tname="year", data=data,
            control_group=["nevertreated"], xformla="y~1", **options,
        )  # fmt: skip
        found = model.fit(est_method="dr", bstrap=False).aggte("simple", bstrap=False, cband=False).atte
    return {"overall": (float(found["overall_att"]), float(found["overall_se"]))}


def main() -> None:
    rows = []

    def note(peer: str, data: str, case: str, answers: dict[str, tuple[float, float]]) -> None:
        for kind, (estimate, error) in answers.items():
            rows.append((peer, version(peer), data, case, kind, repr(estimate), repr(error)))

    names = {"yname": "lemp", "tname": "year", "idname": "countyreal", "gname": "first.treat"}
    for case, settings in MPDTA.items():
        note("moderndid", "mpdta", case, by_moderndid(moderndid.load_mpdta(), names, settings))
    states = castle()
    names = {"yname": "y", "tname": "year", "idname": "sid", "gname": "g"}
    note("moderndid", "castle", "none", by_moderndid(states, names, {}))
    note("moderndid", "castle", "popwt_cells", by_moderndid(states, names, {"weightsname": "popwt"}))
    note("csdid", "castle", "none", by_csdid(states, None))
    note("csdid", "castle", "popwt", by_csdid(states, "popwt"))
    columns = ["peer", "version", "data", "case", "kind", "estimate", "std_error"]
    pd.DataFrame(rows, columns=columns).to_csv(HERE / "peers.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()

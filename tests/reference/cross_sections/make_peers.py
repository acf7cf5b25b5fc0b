"""Write peers.csv: what Python peers answer on mpdta read as repeated cross-sections. Run where they are installed.

    pip install csdid diff-diff moderndid
    python tests/reference/cross_sections/make_peers.py

Each county-year is another observation: panel=False. Kept beside its output, so that a number in a test can be
traced to the call that gave it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
KINDS = {"simple": "overall", "dynamic": "event_study", "group": "cohort", "calendar": "period"}
CASES: dict[str, dict[str, Any]] = {
    "none": {},
    "lpop_dr": {"xformla": "~lpop", "est_method": "dr"},
    "lpop_ipw": {"xformla": "~lpop", "est_method": "ipw"},
    "lpop_reg": {"xformla": "~lpop", "est_method": "reg"},
    "not_yet_lpop_dr": {"control_group": "notyettreated", "xformla": "~lpop", "est_method": "dr"},
    "not_yet_lpop_reg": {"control_group": "notyettreated", "xformla": "~lpop", "est_method": "reg"},
}
NAMES = {"yname": "lemp", "tname": "year", "gname": "first.treat"}
Rows = list[tuple[str, str, str, str, float, float]]


def mpdta() -> pd.DataFrame:
    """County minimum wages of Callaway and Sant'Anna (2021), each row an observation of its own."""
    module = importlib.import_module("moderndid")
    data = module.load_mpdta()
    frame = data.to_pandas() if hasattr(data, "to_pandas") else pd.DataFrame(data)
    return frame.assign(row=np.arange(len(frame)))


def by_moderndid(data: pd.DataFrame, case: str, settings: dict[str, Any]) -> Rows:
    moderndid = importlib.import_module("moderndid")
    options = {"control_group": "nevertreated", "xformla": "~1", "est_method": "dr", **settings}
    fit = moderndid.att_gt(data=data, idname=None, panel=False, boot=False, cband=False, **NAMES, **options)
    rows: Rows = []
    for kind, name in KINDS.items():
        table = moderndid.aggte(fit, type=kind, boot=False, cband=False)
        rows.append(("moderndid", version("moderndid"), case, name, float(table.overall_att), float(table.overall_se)))
    return rows


def by_csdid(data: pd.DataFrame, case: str, settings: dict[str, Any]) -> Rows:
    model_class = importlib.import_module("csdid.att_gt").ATTgt
    options = {"control_group": "nevertreated", "xformla": "~1", "est_method": "dr", **settings}
    rows: Rows = []
    with contextlib.redirect_stdout(io.StringIO()):
        model = model_class(
            yname="lemp", tname="year", idname="row", gname="first.treat", data=data, panel=False,
            control_group=[options["control_group"]], xformla=f"lemp {options['xformla']}",
        )  # fmt: skip
        model.fit(est_method=options["est_method"], base_period="varying", bstrap=False)
        for kind, name in KINDS.items():
            table = model.aggte(typec=kind, bstrap=False, cband=False).atte
            estimate, error = (float(np.asarray(table[key]).ravel()[0]) for key in ("overall_att", "overall_se"))
            rows.append(("csdid", version("csdid"), case, name, estimate, error))
    return rows


def by_diff_diff(data: pd.DataFrame, case: str, settings: dict[str, Any]) -> Rows:
    diff_diff = importlib.import_module("diff_diff")
    control = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}[
        settings.get("control_group", "nevertreated")
    ]
    model = diff_diff.CallawaySantAnna(
        control_group=control, estimation_method=settings.get("est_method", "dr"), panel=False, n_bootstrap=0
    )
    covariates = ["lpop"] if "xformla" in settings else None
    fit = model.fit(data, outcome="lemp", unit="row", time="year", first_treat="first.treat", covariates=covariates)
    return [("diff-diff", version("diff-diff"), case, "overall", float(fit.overall_att), float(fit.overall_se))]


def main() -> None:
    """Write every answer."""
    warnings.simplefilter("ignore")
    data = mpdta()
    rows: Rows = []
    for case, settings in CASES.items():
        for answer in (by_moderndid, by_csdid, by_diff_diff):
            rows += answer(data.copy(), case, settings)
    columns = ["peer", "version", "case", "kind", "estimate", "std_error"]
    pd.DataFrame(rows, columns=columns).to_csv(HERE / "peers.csv", index=False)


if __name__ == "__main__":
    main()

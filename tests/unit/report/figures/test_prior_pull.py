from __future__ import annotations

import pandas as pd

from evalkit.report.figures.donor_posterior import donor_posterior
from evalkit.report.figures.prior_pull import prior_pull
from evalkit.report.figures.setting import Setting

SETTING = Setting("sales", "packs", "year", "95 % credible interval")


def test_the_prior_that_was_used_and_the_best_fit_are_told_apart() -> None:
    rows = pd.DataFrame(
        {
            "prior": ["0.05", "0.05", "1", ""],
            "role": ["other", "used", "other", "best_fit"],
            "estimate": [1.0, 2.0, 3.0, 0.5],
            "low": [0.0, 1.0, 2.0, None],
            "high": [2.0, 3.0, 4.0, None],
        }
    )
    figure = prior_pull(rows, SETTING)
    assert figure.alt.startswith("Effect on sales: 2 packs under the prior used (1 to 3).")
    assert figure.alt.endswith("runs from 1 to 3; the best fit without a prior gives 0.5.")
    assert figure.png[:4] == b"\x89PNG"


def test_no_donor_of_any_weight_is_said_so() -> None:
    columns = ["donor", "weight", "weight_low", "weight_high", "best_fit", "donors_in_pool"]
    figure = donor_posterior(pd.DataFrame({name: [] for name in columns}), SETTING)
    assert figure.alt.startswith("No single place")

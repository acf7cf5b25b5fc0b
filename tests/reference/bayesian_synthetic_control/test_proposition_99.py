"""Proposition 99 (Abadie, Diamond and Hainmueller 2010) under Dirichlet priors.

Source of the figures: the mean gap of 1989 to 2000 is -19.51 at the weights that fit the outcome best before the start
(root mean squared error 1.656; Utah .394, Montana .232, Nevada .205), -30.6 under Dirichlet(1) and -21.1 (-24.6 to
-18.3, weights alone) under Dirichlet(0.2), measured by NUTS on PyMC 5.28 with data that CausalPy 0.9 ships.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_synthetic_control import BayesianSyntheticControl
from evalkit.uncertainty import Posterior

MCSE = 4.0  # Monte Carlo standard errors
PUBLISHED = 0.4  # Monte Carlo error of the published means, from some hundred effective draws, and their rounding


def california() -> tuple[Panel, pd.DataFrame]:
    found = importlib.util.find_spec("causalpy")
    assert found is not None
    assert found.origin is not None
    wide = pd.read_csv(Path(found.origin).parent / "data" / "california_prop99.csv")
    long = wide.melt("Year", var_name="state", value_name="packs")
    long["law"] = np.where(long["state"] == "California", 1989, 0)
    return Panel.from_frame(long, unit="state", period="Year", outcome="packs", cohort="law"), wide.set_index("Year")


def fit(**settings: Any) -> tuple[Estimate, Posterior]:
    panel, _ = california()
    estimator = BayesianSyntheticControl(**{"prior_pull": False, **settings})
    estimate = estimator.fit(panel, rng=np.random.default_rng(1))
    assert isinstance(estimate.uncertainty, Posterior)
    return estimate, estimate.uncertainty


@pytest.mark.parametrize(("concentration", "published"), [(1.0, -30.6), (0.2, -21.1)])
def test_effects_under_two_priors_are_those_that_nuts_gives(concentration: float, published: float) -> None:
    estimate, found = fit(concentration=concentration)
    row = estimate.aggregation("overall")
    error = MCSE * row.std_error[0] / np.sqrt(found.sampler.ess_bulk_min)
    assert abs(row.estimate[0] - published) < PUBLISHED + error


def test_the_interval_of_the_weights_alone_is_that_of_nuts_under_dirichlet_0_2() -> None:
    _, wide = california()
    _, found = fit(concentration=0.2)
    weights = found.parameters["weights"].reshape(-1, 38)
    later = wide.loc[1989:]
    donors = sorted(set(wide.columns) - {"California"})
    gap = later["California"].mean() - weights @ later[donors].mean().to_numpy()
    low, high = np.quantile(gap, [0.025, 0.975])
    assert low == pytest.approx(-24.6, abs=0.8)
    assert high == pytest.approx(-18.3, abs=0.4)


def test_the_default_passes_its_gates_near_the_optimum() -> None:
    estimate, found = fit()
    assert estimate.facts["optimum_effect"] == pytest.approx(-19.51, abs=0.005)
    assert estimate.aggregation("overall").estimate[0] == pytest.approx(-19.8, abs=0.4)
    assert found.sampler.rhat_max <= 1.01
    assert min(found.sampler.ess_bulk_min, found.sampler.ess_tail_min) >= 400
    weights = next(shown for shown in estimate.exhibits if shown.kind == "donor_posterior").table
    best = dict(zip(weights["donor"], weights["best_fit"], strict=True))
    assert best["Utah"] == pytest.approx(0.394, abs=5e-4)
    assert best["Montana"] == pytest.approx(0.232, abs=5e-4)
    assert best["Nevada"] == pytest.approx(0.205, abs=5e-4)

"""Monte Carlo of Bayesian synthetic control: ranks under its own prior, coverage where the truth is fixed, the null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.estimators.bayesian_synthetic_control import BayesianSyntheticControl
from evalkit.numerics.donor_model import RHO_GRID, Batch, Draws, ErrorModel, Series, gaps_of
from evalkit.numerics.simplex_posterior import Effort, sample_weights
from evalkit.testing.sbc import sbc_ranks, uniform
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured, around
from tests.donor_worlds import DonorWorld

FITS, DRAWS = 200, 99
LEVEL = 0.9
BEFORE, AFTER, DONORS, ALPHA = 12, 4, 8, 0.3
EFFORT = Effort(populations=4, walkers=50, most_snapshots=4)
MCSE = 4.0  # standard errors of a share


def world(rng: np.random.Generator, autoregressive: bool) -> tuple[FloatArray, Series]:
    """Parameters from the prior (two weights, log sigma, rho), an effect of 0, and data drawn from them."""
    time = np.arange(BEFORE + AFTER)
    donors = rng.standard_normal((len(time), DONORS)).cumsum(axis=0) + 2.0 * rng.standard_normal(DONORS)
    weights = rng.dirichlet(np.full(DONORS, ALPHA))
    sigma = abs(rng.standard_cauchy())
    errors = ErrorModel.of(autoregressive=autoregressive, intercept=False)
    mass = np.exp(errors.log_prior)
    rho = errors.rhos[rng.choice(len(mass), p=mass / mass.sum())]
    noise = rng.standard_normal(len(time))
    noise[0] /= np.sqrt(1.0 - rho**2)
    for t in range(1, len(time)):
        noise[t] += rho * noise[t - 1]
    own = donors @ weights + sigma * noise
    series = Series(own, donors, time, time < BEFORE, np.empty((0, 1 + DONORS)))
    return np.array([weights[0], weights[1], np.log(sigma), rho, 0.0]), series


@pytest.mark.calibration
@pytest.mark.parametrize("autoregressive", [False, True])
@pytest.mark.promise("calibration-sbc-synthetic-control")
@pytest.mark.calibrates("bayesian_synthetic_control", "credible")
def test_ranks_of_the_truth_are_uniform(autoregressive: bool, measured: Measured) -> None:
    """Simulation-based calibration (Talts et al. 2018), 200 fits: weights, log sigma, rho, and the mean effect."""
    errors = ErrorModel.of(autoregressive=autoregressive, intercept=False)

    def simulate(rng: np.random.Generator) -> tuple[FloatArray, Series]:
        truth, series = world(rng, autoregressive)
        return truth if autoregressive else np.delete(truth, 3), series

    def fit(series: Series, rng: np.random.Generator) -> FloatArray:
        batch = Batch.of([series], errors, sigma_scale=1.0 / series.unit_sd)  # the prior must not see the data
        found = sample_weights(batch.problems, np.array([ALPHA]), EFFORT, rng, judged=False)
        draws = Draws(
            batch.restored(found.weights)[0].reshape(-1, DONORS), batch.unit[0] * found.sigma[0].ravel(),
            found.rho[0].ravel(),
        )  # fmt: skip
        gaps = gaps_of(series, errors, draws, rng)
        columns = [draws.weights[:, 0], draws.weights[:, 1], np.log(draws.sigma)]
        columns += [RHO_GRID[draws.rho]] if autoregressive else []
        return np.column_stack([*columns, gaps.effect[:, BEFORE:].mean(axis=1)])

    ranks = sbc_ranks(simulate, fit, n_fits=FITS, n_draws=DRAWS, seed=11)
    names = ["a weight", "another weight", "log sigma", *(["rho"] if autoregressive else []), "mean effect"]
    found = uniform(ranks, DRAWS, names=names)
    errors_are = "AR(1) errors" if autoregressive else "independent errors"
    measured.ranks("bayesian_synthetic_control", errors_are, ranks, found, DRAWS)
    found.raise_if_not()


def outcomes(design: DonorWorld, repetitions: int, **settings: Any) -> tuple[float, float, float]:
    """Share of 90 % intervals that hold the true mean effect, and shares that lie wholly above and below it."""
    held, above, below = [], [], []
    for seed in range(repetitions):
        estimator = BayesianSyntheticControl(prior_pull=False, walkers=50, level=LEVEL, **settings)
        row = estimator.fit(design.panel(seed), rng=np.random.default_rng(seed)).aggregation("overall")
        held.append(row.low[0] <= design.effect <= row.high[0])
        above.append(row.low[0] > design.effect)
        below.append(row.high[0] < design.effect)
    return float(np.mean(held)), float(np.mean(above)), float(np.mean(below))


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("design", "settings"),
    [
        (DonorWorld(effect=2.0), {}),
        (DonorWorld(donors=8, before=30, autocorrelation=0.6), {"errors": "ar1"}),
    ],
)
@pytest.mark.calibrates("bayesian_synthetic_control", "credible")
def test_intervals_hold_a_truth_inside_the_hull_as_often_as_they_say(
    design: DonorWorld, settings: dict[str, Any], measured: Measured
) -> None:
    repetitions = 120
    held, above, below = outcomes(design, repetitions, **settings)
    where = "autocorrelation 0.6, AR(1) errors" if settings else "inside the hull, independent errors"
    measured.intervals(
        "bayesian_synthetic_control", where, held, data_sets=repetitions, rule="credible", level=LEVEL,
        asked=around(LEVEL, repetitions, MCSE), above=above, below=below,
    )  # fmt: skip
    assert held == pytest.approx(LEVEL, abs=MCSE * np.sqrt(LEVEL * (1.0 - LEVEL) / repetitions))
    assert above < 0.05 + MCSE * np.sqrt(0.05 * 0.95 / repetitions)  # false "favourable": half of the 10 %


def test_far_above_all_donors_the_interval_misses_the_truth_and_an_intercept_mends_it() -> None:
    design, repetitions = DonorWorld(donors=6, shift=25.0), 8
    assert outcomes(design, repetitions)[0] < 0.5
    assert outcomes(design, repetitions, intercept=True)[0] > 0.5

"""Monte Carlo of repeated cross-sections: bias, honest errors and coverage, where confounding moves trends.

Groups differ in a covariate that also drives the trend, so that plain means are biased; effects differ by cohort and
grow. The doubly robust forms hold where both models are right; so do the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from tests.calibrated.measure import Measured, around

REPETITIONS = 200
LONG = 2_000
MCSE = 4.0
"""Standard errors of a Monte Carlo mean that a fixed-seed test may stray."""
PERIODS, START = 4, 2
EFFECTS = np.array([1.0, 1.5])
CASES: dict[str, dict[str, Any]] = {
    "locally_efficient": {},
    "traditional": {"cross_sections": "traditional"},
    "ipw": {"method": "ipw"},
    "reg": {"method": "reg"},
}


def draw(seed: int, n: int, sites: int) -> ek.Panel:
    """Each period other people; who is treated depends on x, and x drives the trend; with sites, shocks of theirs."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    place = rng.integers(0, max(sites, 1), n)
    treated = rng.random(n) < 1.0 / (1.0 + np.exp(0.3 - 0.7 * x))
    period = rng.integers(0, PERIODS, n)
    effect = np.where(treated & (period >= START), EFFECTS[np.clip(period - START, 0, 1)], 0.0)
    shock = 0.5 * rng.standard_normal(sites)[place] if sites else 0.0
    y = x + 0.5 * period * (1.0 + x) + effect + shock + rng.standard_normal(n) * np.where(treated, 1.5, 1.0)
    frame = pd.DataFrame({"arm": treated, "t": period, "y": y, "x": x, "s": place, "g": np.where(treated, START, -1)})
    return ek.Panel.from_frame(
        frame,
        group="arm",
        period="t",
        outcome="y",
        cohort="g",
        never=-1,
        covariates=["x"],
        cluster="s" if sites else None,
    )


def repeat(
    repetitions: int, settings: dict[str, Any], n: int = 600, sites: int = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(R, 3) overall effect, standard error, covered."""
    estimator = ek.CallawaySantAnna(**{"covariates": ("x",), "comparison": "never_treated", **settings})
    found = []
    for seed in range(repetitions):
        row = estimator.fit(draw(seed, n, sites), rng=np.random.default_rng(seed)).aggregation("overall")
        found.append((row.estimate[0], row.std_error[0], row.low[0] <= EFFECTS.mean() <= row.high[0]))
    return np.array(found, dtype=np.float64)


def judge(found: np.ndarray[Any, np.dtype[np.float64]], band: float) -> None:
    estimate, error, covered = found.T
    count = len(estimate)
    assert abs(estimate.mean() - EFFECTS.mean()) < MCSE * estimate.std() / np.sqrt(count)
    assert error.mean() / estimate.std() == pytest.approx(1.0, abs=band)
    assert covered.mean() == pytest.approx(0.95, abs=MCSE * np.sqrt(0.95 * 0.05 / count))


@pytest.mark.parametrize("case", ["locally_efficient", "traditional"])
def test_doubly_robust_intervals_cover(case: str) -> None:
    judge(repeat(REPETITIONS, CASES[case]), band=0.2)


def test_without_the_covariate_the_trend_is_taken_for_an_effect() -> None:
    estimate, _, covered = repeat(60, {"covariates": ()}).T
    assert estimate.mean() - EFFECTS.mean() > 4.0 * estimate.std() / np.sqrt(60)
    assert covered.mean() < 0.9


@pytest.mark.calibration
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("n", "sites"), [(1_500, 0), (3_000, 400)], ids=["persons", "clusters"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.calibrates("callaway_santanna", "clustered")
def test_coverage_holds_in_a_long_run(case: str, n: int, sites: int, measured: Measured) -> None:
    """At 150 clusters of 10 the normal reference covers 93 %: there is no small-sample correction, as in R `did`."""
    found = repeat(LONG, CASES[case], n=n, sites=sites)
    where = f"repeated cross-sections, {case.replace('_', ' ')}, {f'{sites} clusters' if sites else 'persons'}"
    measured.intervals(
        "callaway_santanna", where, found[:, 2], rule="clustered", level=0.95, asked=around(0.95, LONG, MCSE),
        error=found[:, 0] - EFFECTS.mean(), std_error=found[:, 1],
    )  # fmt: skip
    judge(found, band=0.05)

"""Stated power against closed forms, and against what happens when effects are really put into fresh data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.estimators.registry import get
from evalkit.power.result import Power
from evalkit.power.schedule import Wishes
from evalkit.power.simulate import power
from evalkit.testing.simulate import staggered_panel
from tests.calibrated.measure import Measured
from tests.designs import long, study

POOL = 1_200
"""Places of the history: so many that their noise is known to about 2 %."""
DRAWS = 400
REPETITIONS = 200
NOISE_KNOWN_TO = 0.03
"""Share by which the noise of a pool of 400 never-treated places differs from the true one (1.4 errors)."""


def test_with_independent_noise_and_two_periods_the_detectable_effect_is_the_closed_form() -> None:
    """MDE = (t_{1 - alpha/2} + t_{power}) SE, SE = s sqrt(1/n1 + 1/n0) for the changes' standard deviation s."""
    values = np.random.default_rng(8).normal(size=(60, 2))
    found = power(study(), long(values), Wishes(treated=20, units=60, before=1, after=1), draws=1_000)
    error = np.std(values[:, 1] - values[:, 0], ddof=1) * np.sqrt(1 / 20 + 1 / 40)
    for target in (0.5, 0.8, 0.9):
        expected = (stats.t(59).ppf(0.975) + stats.t(59).ppf(target)) * error
        for way in ("rise", "fall"):
            one = found.detectable(target, "rise" if way == "rise" else "fall")
            width = (one.high - one.low) / 2.0
            assert abs(one.effect - expected) < 2.0 * width + 0.01 * expected, (target, way)


def stated(name: str, treated: int, total: int, seed: int, **design: object) -> Power:
    history = staggered_panel(n_units=POOL, n_periods=7, cohorts={4: 1 / 3, 5: 1 / 3}, seed=seed, **design)
    return power(study(name), history, Wishes(treated=treated, units=total), draws=DRAWS)


def realized(name: str, effect: float, total: int, treated: int, **design: object) -> float:
    """Share of fresh data sets with this effect whose interval lies above 0, everything estimated from scratch."""
    cohorts = {4: treated / 2 / total, 5: treated / 2 / total}
    hits = 0
    for seed in range(REPETITIONS):
        panel = staggered_panel(
            n_units=total, n_periods=7, cohorts=cohorts, effect=effect, seed=10_000 + seed, **design
        )  # fmt: skip
        overall = get(name)().fit(panel, rng=np.random.default_rng(seed)).aggregation("overall")
        hits += bool(overall.low[0] > 0.0)
    return hits / REPETITIONS


@pytest.mark.parametrize(
    ("name", "design"),
    [("callaway_santanna", {}), ("imputation", {"autocorrelation": 0.7})],
    ids=["independent errors", "AR(1) errors"],
)
def test_stated_power_is_the_rejection_rate_of_effects_really_put_in(name: str, design: dict[str, float]) -> None:
    found = stated(name, 24, 60, seed=3, **design)
    effect = found.detectable(0.65, "rise").effect
    share, error = found.power_at(effect, "rise")
    again = realized(name, effect, 60, 24, **design)
    slope = (found.power_at(1.05 * effect, "rise")[0] - found.power_at(0.95 * effect, "rise")[0]) / 0.1
    allowed = 4.0 * np.hypot(error, np.sqrt(share * (1 - share) / REPETITIONS)) + NOISE_KNOWN_TO * slope
    assert abs(again - share) < allowed


@pytest.mark.parametrize("name", ["callaway_santanna", "imputation"])
@pytest.mark.promise("calibration-null")
def test_the_size_of_a_sound_design_is_its_level(name: str, measured: Measured) -> None:
    share, error = stated(name, 30, 90, seed=4).size()
    asked = (0.05 - 4.0 * error - 0.01, 0.05 + 4.0 * error + 0.01)
    measured.share("power", f"{name}, 30 of 90 treated: stated size", share, data_sets=DRAWS, nominal=0.05, asked=asked)
    assert abs(share - 0.05) < 4.0 * error + 0.01  # errors without small-sample correction


@pytest.mark.parametrize("treated", [1, 3])
def test_with_few_treated_places_the_size_is_kept_where_the_clustered_interval_would_not(treated: int) -> None:
    history = staggered_panel(n_units=300, n_periods=12, cohorts={7: 0.5}, autocorrelation=0.8, seed=5)
    found = power(study(), history, Wishes(treated=treated, units=50), draws=DRAWS)
    share, error = found.size()
    assert found.test == "permutation"
    assert share < 0.05 + 3.0 * error
    assert share > (0.0 if treated == 1 else 0.05 - 3.0 * error)


@pytest.mark.calibration
@pytest.mark.parametrize("name", ["callaway_santanna", "imputation", "sun_abraham"])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_calibration_of_stated_power(name: str, rho: float, measured: Measured) -> None:
    history = staggered_panel(n_units=6_000, n_periods=7, cohorts={4: 1 / 3, 5: 1 / 3}, autocorrelation=rho, seed=6)
    found = power(study(name), history, Wishes(treated=24, units=60), draws=2_000)
    effect = found.detectable(0.8, "rise").effect
    hits = [_detected(name, effect, rho, seed) for seed in range(2_000)]
    where = f"{name}, 24 of 60 treated, autocorrelation {rho:g}: found where 80 % is stated"
    measured.share("power", where, hits, nominal=0.8, asked=(0.76, 0.84))
    assert abs(float(np.mean(hits)) - 0.8) < 0.04


def _detected(name: str, effect: float, rho: float, seed: int) -> bool:
    panel = staggered_panel(
        n_units=60, n_periods=7, cohorts={4: 0.2, 5: 0.2}, effect=effect, autocorrelation=rho, seed=50_000 + seed
    )  # fmt: skip
    overall = get(name)().fit(panel, rng=np.random.default_rng(seed)).aggregation("overall")
    return bool(overall.low[0] > 0.0)

"""Size with one to five treated units of 50 when nothing happened: what over-rejects, and what holds.

AR(1) errors with coefficient 0.8, 20 periods, start in the middle, all treated at once (Bertrand, Duflo and
Mullainathan 2004; MacKinnon and Webb 2020). The clustered error with its t(49) reference rejects far too often;
reassigning the roll-out does not.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
from evalkit.numerics.reassignment import randomization_p, roll_out
from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.numerics.wild_bootstrap import wild_bootstrap
from evalkit.testing.simulate import simulate_few_treated
from evalkit.uncertainty import multipliers
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured, around

UNITS, PERIODS, RHO, LEVEL = 50, 20, 0.8, 0.05
# Rejections at 5 % of CR1 with t(C-1) in an independent simulation of this design: 1, 3 and 5 treated.
CLUSTERED = {1: 0.79, 3: 0.21, 5: 0.13}
CLUSTERED_AGREES = 0.03
"""Absolute: three Monte Carlo errors of a share near 0.15 at 1,000 repetitions, drawn by another generator."""
REASSIGNED = 199
BOOTSTRAPPED = 199


def null_panel(treated: int, seed: int) -> ek.Panel:
    return simulate_few_treated(treated, seed=seed, n_units=UNITS, n_periods=PERIODS, autocorrelation=RHO).panel()


def p_values(treated: int, seed: int) -> tuple[float, float, float]:
    """p of the clustered t test, of randomization inference (studentized) and of the wild bootstrap."""
    panel, rng = null_panel(treated, seed), np.random.default_rng([seed, treated])
    plan = roll_out(panel.first_treated, panel.cluster_codes, panel.always_treated)
    assert plan is not None

    def t_statistic(starts: np.typing.NDArray[np.int64]) -> float:
        found = fit_static_two_way(panel.outcome, starts[:, None] <= panel.time[None, :], panel.cluster_codes)
        assert found is not None
        return found.coefficient / found.std_error

    fit = fit_static_two_way(panel.outcome, panel.treated, panel.cluster_codes)
    assert fit is not None
    t = fit.coefficient / fit.std_error
    exact = plan.distinct <= REASSIGNED + 1
    others: FloatArray = np.array([t_statistic(s) for s in (plan.every() if exact else plan.drawn(REASSIGNED, rng))])
    signs = multipliers("rademacher", (BOOTSTRAPPED, UNITS), rng)
    return (
        2.0 * float(stats.t(UNITS - 1).sf(abs(t))),
        randomization_p(t, others, exact=exact),
        wild_bootstrap(fit, [signs], exact=False).p_value(),
    )


def sizes(treated: int, repetitions: int) -> FloatArray:
    """(3,) shares of repetitions with p at most 5 %."""
    p = np.array([p_values(treated, 1_000 + seed) for seed in range(repetitions)])
    found: FloatArray = (p <= LEVEL + 1e-12).mean(axis=0)
    return found


def error(share: float, repetitions: int) -> float:
    """Monte Carlo standard error of a share."""
    return float(np.sqrt(share * (1.0 - share) / repetitions))


@pytest.mark.parametrize("treated", [1, 2, 3, 5])
@pytest.mark.promise("trap-12", "calibration-few-treated", "calibration-autocorrelation")
def test_clustered_errors_reject_too_often_and_randomization_inference_does_not(treated: int) -> None:
    repetitions = 80
    clustered, randomized, bootstrapped = sizes(treated, repetitions)
    assert clustered > LEVEL + 2.0 * error(LEVEL, repetitions) or treated == 5
    assert randomized <= LEVEL + 4.0 * error(LEVEL, repetitions)
    if treated <= 2:
        assert clustered > randomized + 0.1
        assert bootstrapped <= LEVEL, "with one or two treated the restricted bootstrap hardly ever rejects"


@pytest.mark.calibration
@pytest.mark.parametrize("treated", [1, 2, 3, 5])
@pytest.mark.promise("trap-12", "calibration-few-treated", "calibration-autocorrelation")
@pytest.mark.calibrates("two_way_fixed_effects", "clustered", "randomization", "wild_bootstrap")
def test_size_at_length(treated: int, measured: Measured) -> None:
    """1,000 repetitions: randomization inference within three Monte Carlo errors of 5 %, CR1 as printed above."""
    repetitions = 1_000
    clustered, randomized, bootstrapped = sizes(treated, repetitions)
    # one treated: 2 of 50 assignments reach p <= .05, so the exact size is .04
    expected = 0.04 if treated == 1 else LEVEL
    for rule, share, asked, note in (
        ("clustered", clustered, (around(LEVEL, repetitions, 3.0)[1], None), "has to fail; not reported with so few"),
        ("randomization", randomized, around(expected, repetitions, 3.0), ""),
        ("wild_bootstrap", bootstrapped, (None, None), "restricted, whole clusters; nothing is asked of it"),
    ):
        measured.share(
            "two_way_fixed_effects", f"{treated} of {UNITS} treated, autocorrelation {RHO:g}, no effect", share,
            data_sets=repetitions, nominal=expected if rule == "randomization" else LEVEL, rule=rule, asked=asked,
            note=note,
        )  # fmt: skip
    assert abs(randomized - expected) <= 3.0 * error(expected, repetitions)
    if treated in CLUSTERED:
        assert abs(clustered - CLUSTERED[treated]) <= CLUSTERED_AGREES
    assert clustered > LEVEL + 3.0 * error(LEVEL, repetitions)

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.power.detection import Thresholds
from evalkit.power.result import Power
from evalkit.power.rule import TestKind
from evalkit.vocabulary import FloatArray
from tests.designs import panel as simulated
from tests.designs import study, task

DRAWS = 2_000


def made(rise: FloatArray, fall: FloatArray, test: TestKind = "interval") -> Power:
    one = task(simulated(n_units=40, n_periods=6), study())
    zero = np.zeros(len(rise))
    return Power(
        one.schedule, one.history, Thresholds(rise, fall, zero, zero), test, 0.05, True, False, 0, one.schedule.distinct
    )


def normal(seed: int = 0, draws: int = DRAWS) -> Power:
    """Thresholds of a z test with unit errors."""
    estimate = np.random.default_rng(seed).normal(size=draws)
    critical = stats.norm.ppf(0.975)
    return made(critical - estimate, critical + estimate)


def test_power_of_a_z_test_is_its_closed_form() -> None:
    found = normal()
    for effect in (1.0, 2.0, 2.8):
        share, error = found.power_at(effect, "rise")
        assert abs(share - stats.norm.cdf(effect - stats.norm.ppf(0.975))) < 4.0 * error


def test_the_detectable_effect_of_a_z_test_is_its_closed_form_and_its_interval_covers() -> None:
    expected = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    covered = [normal(seed, 400).detectable(0.8, "fall") for seed in range(120)]
    share = np.mean([one.low <= expected <= one.high for one in covered])
    assert 0.89 < share <= 1.0  # 95 %, with a binomial error of 2 points over 120 repetitions
    assert abs(normal(draws=20_000).detectable(0.8, "rise").effect - expected) < 0.04


def test_size_counts_both_directions_and_a_sound_one_draws_no_warning() -> None:
    found = normal()
    share, error = found.size()
    assert abs(share - 0.05) < 4.0 * error
    assert not found.size_is_off()


def test_a_size_that_is_off_is_noticed_unless_few_roll_outs_make_it_so() -> None:
    estimate = np.random.default_rng(0).normal(size=DRAWS)
    assert made(1.5 - estimate, 1.5 + estimate).size_is_off()
    assert made(2.6 - estimate, 2.6 + estimate).size_is_off()
    assert not made(2.6 - estimate, 2.6 + estimate, "permutation").size_is_off()


def test_an_effect_that_is_never_detected_is_infinite() -> None:
    never = np.full(200, np.inf)
    found = made(never, never)
    assert found.detectable(0.8, "rise").effect == np.inf
    assert found.power_at(1e9, "rise")[0] == 0.0


def test_an_interval_without_an_upper_end_says_so() -> None:
    rise = np.concatenate([np.ones(161), np.full(39, np.inf)])
    found = made(rise, rise).detectable(0.8, "rise")
    assert (found.effect, found.low, found.high) == (1.0, 1.0, np.inf)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_error_of_a_sure_power_is_not_zero(share: float) -> None:
    rise = np.full(500, 1.0 - 2.0 * share)
    found, error = made(rise, rise).power_at(0.5, "rise")
    assert found == share
    assert error == pytest.approx(1.0 / 500, rel=0.01)

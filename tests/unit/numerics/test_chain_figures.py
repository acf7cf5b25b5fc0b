"""R-hat and effective sizes are those of ArviZ."""

from __future__ import annotations

from typing import Any

import arviz
import numpy as np
import pytest

from evalkit.numerics.chain_figures import bulk_ess, chain_figures, rank_rhat, tail_ess
from evalkit.vocabulary import FloatArray

AZ: Any = arviz  # ships no types
SAME = 2e-2  # relative: ArviZ treats the last pair of autocorrelations differently
SAME_RHAT = 1e-6


def chains(rho: float, shift: float = 0.0) -> FloatArray:
    rng = np.random.default_rng(0)
    found = rng.standard_normal((4, 400))
    for t in range(1, 400):
        found[:, t] = rho * found[:, t - 1] + np.sqrt(1.0 - rho**2) * found[:, t]
    found[0] += shift
    return found


@pytest.mark.parametrize(("rho", "shift"), [(0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (-0.3, 0.0), (0.3, 1.0)])
def test_figures_are_those_of_arviz(rho: float, shift: float) -> None:
    draws = chains(rho, shift)
    assert rank_rhat(draws) == pytest.approx(float(AZ.rhat(draws, method="rank")), abs=SAME_RHAT)
    assert bulk_ess(draws) == pytest.approx(float(AZ.ess(draws, method="bulk")), rel=SAME)
    assert tail_ess(draws) == pytest.approx(float(AZ.ess(draws, method="tail", prob=(0.05, 0.95))), rel=SAME)


def test_quantities_that_do_not_vary_are_left_out() -> None:
    draws = np.stack([chains(0.0), np.ones((4, 400))], axis=2)
    assert chain_figures(draws).rhat_max == rank_rhat(draws[:, :, 0])
    assert chain_figures(np.ones((4, 400, 1))).rhat_max == 1.0


def test_draws_that_never_move_are_worth_their_number() -> None:
    assert bulk_ess(np.full((4, 100), 2.0)) == 400.0

"""Figures of independent draws."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.posterior_draws import split_rhat


def test_independent_draws_mix() -> None:
    assert split_rhat(np.random.default_rng(0).standard_normal((6_000, 5))) < 1.005


def test_one_drifting_column_is_noticed() -> None:
    draws = np.random.default_rng(0).standard_normal((6_000, 5))
    draws[:, 3] += np.linspace(0.0, 2.0, 6_000)
    assert split_rhat(draws) > 1.1


def test_columns_that_do_not_vary_are_left_out() -> None:
    assert split_rhat(np.ones((400, 2))) == 1.0

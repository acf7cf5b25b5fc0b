"""linearmodels' coefficients of a system in which no regressor survives."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.panel_ols import panel_ols_coefficient
from evalkit.numerics.two_way_system import set_up
from evalkit.numerics.unit_types import sort_into_types


def test_without_regressors_that_survive_all_coefficients_are_0() -> None:
    y = np.random.default_rng(0).standard_normal((5, 4))
    types = sort_into_types([y], np.full(5, 2), np.ones((5, 4), dtype=bool))
    everywhere = np.ones((1, len(types), 4))
    assert panel_ols_coefficient(set_up(types, everywhere), [y], everywhere).tolist() == [0.0]

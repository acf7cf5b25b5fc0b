"""Degrees of freedom of combinations of cells."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.series_terms import Degrees


def test_a_combination_of_no_cells_has_no_variance_to_be_unsure_of() -> None:
    assert Degrees((), (), 0)(np.ones((2, 3))).tolist() == [np.inf] * 3

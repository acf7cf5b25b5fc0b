from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.canonical import FAMILIES, FamilyName

STEP = 1e-5
NUMERIC = 1e-8  # central differences


@pytest.mark.parametrize("name", list(FAMILIES))
def test_mean_and_slope_are_derivatives_and_the_link_inverts_the_mean(name: FamilyName) -> None:
    family, index = FAMILIES[name], np.linspace(-3.0, 3.0, 13)
    mean = (family.cumulant(index + STEP) - family.cumulant(index - STEP)) / (2.0 * STEP)
    slope = (family.mean(index + STEP) - family.mean(index - STEP)) / (2.0 * STEP)
    np.testing.assert_allclose(family.mean(index), mean, atol=NUMERIC)
    np.testing.assert_allclose(family.slope(index), slope, atol=NUMERIC)
    np.testing.assert_allclose(family.link(family.mean(index)), index, atol=NUMERIC)


def test_an_index_out_of_reach_gives_an_infinite_mean_without_a_warning() -> None:
    assert np.isinf(FAMILIES["poisson"].mean(np.array([1e4]))[0])
    assert FAMILIES["logit"].mean(np.array([1e4]))[0] == 1.0

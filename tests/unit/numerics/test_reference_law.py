"""The special functions are those of scipy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.reference_law import above, quantile

STATISTICS = np.array([-3.0, 0.0, 0.4, 2.0, 12.0])
EXACT = 1e-9  # scipy's distributions call the same functions, or ones as good


@pytest.mark.parametrize("degrees", [None, 1.0, 3.7, 250.0, np.inf])
def test_quantiles_and_tails_are_those_of_the_distribution(degrees: float | None) -> None:
    law = stats.norm if degrees is None else stats.t(degrees)
    np.testing.assert_allclose(above(STATISTICS, degrees), law.sf(STATISTICS), rtol=EXACT)
    for probability in (0.005, 0.5, 0.975):
        assert quantile(probability, degrees) == pytest.approx(float(law.ppf(probability)), rel=EXACT, abs=1e-12)


def test_each_row_may_have_its_own_degrees_of_freedom() -> None:
    degrees = np.array([2.0, 9.0, np.inf])
    np.testing.assert_allclose(quantile(0.975, degrees), stats.t(degrees).ppf(0.975), rtol=EXACT)
    np.testing.assert_allclose(above(np.full(3, 1.5), degrees), stats.t(degrees).sf(1.5), rtol=EXACT)

"""Many coefficients at once against one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import static_two_way_batch
from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.numerics.static_two_way_batch import two_way_batch
from evalkit.vocabulary import NEVER

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


@pytest.mark.parametrize("grouped", [False, True])
def test_each_is_that_of_its_own_regression(grouped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_two_way_batch, "BLOCK_CELLS", 12 * 7 * 3)  # three assignments a block
    rng = np.random.default_rng(4)
    outcomes, time = rng.normal(5.0, 1.0, (3, 12, 7)), np.arange(2, 9)
    starts = rng.choice([4, 6, NEVER, 2], p=[0.2, 0.2, 0.5, 0.1], size=(8, 12))
    clusters = np.arange(12) % 5 if grouped else np.arange(12)
    found = two_way_batch(outcomes, starts, time, clusters)
    for b, k in np.ndindex(8, 3):
        one = fit_static_two_way(outcomes[k], starts[b][:, None] <= time, clusters)
        assert one is not None
        assert found[b, k] == pytest.approx((one.coefficient, one.std_error), rel=SAME)


def test_treatment_that_does_not_vary_has_no_coefficient() -> None:
    outcomes = np.random.default_rng(1).normal(size=(1, 4, 5))
    assert np.isnan(two_way_batch(outcomes, np.full((1, 4), 3), np.arange(5), np.arange(4))).all()
    assert np.isnan(two_way_batch(outcomes, np.full((1, 4), NEVER), np.arange(5), np.arange(4))).all()

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.numerics.multiplicity import benjamini_hochberg


def test_it_agrees_with_scipy() -> None:
    p_values = np.random.default_rng(1).random(40) ** 2
    assert benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values, method="bh"))


def test_the_published_example_rejects_four_of_fifteen() -> None:
    # Benjamini and Hochberg (1995), section 3.2: 15 hypotheses of Neuhaus et al. (1992).
    small = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values = np.array([*small, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    assert int((benjamini_hochberg(p_values) <= 0.05).sum()) == 4


def test_one_p_value_and_none_stay_as_they_are() -> None:
    assert benjamini_hochberg(np.array([0.03])).tolist() == [0.03]
    assert benjamini_hochberg(np.empty(0)).size == 0


def test_the_order_given_is_the_order_returned_and_ties_share_a_value() -> None:
    assert benjamini_hochberg(np.array([0.5, 0.02, 0.02])).tolist() == pytest.approx([0.5, 0.03, 0.03])

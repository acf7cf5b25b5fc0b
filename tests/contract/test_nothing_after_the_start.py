"""A panel that ends, for the treated, where treatment starts holds no effect: nobody makes one up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.errors import DesignRefused
from evalkit.estimators import registry
from evalkit.testing.simulate import staggered_panel


@pytest.mark.parametrize("name", sorted(set(registry.BUILT_IN) - {"triple_difference"}))
def test_treated_units_that_are_not_seen_after_their_start_are_refused(name: str) -> None:
    made = staggered_panel(n_units=20, n_periods=8, cohorts={4: 0.3, 6: 0.3}, seed=1)
    gone = np.where(made.treated, np.nan, np.round(np.exp(made.outcome)))
    with pytest.raises(DesignRefused) as refused:
        registry.get(name)().fit(dataclasses.replace(made, outcome=gone), rng=np.random.default_rng(0))
    assert "Next:" in str(refused.value)


def test_nor_are_eligible_ones_of_a_triple_difference() -> None:
    made = staggered_panel(n_units=40, n_periods=8, cohorts={4: 0.3, 6: 0.3}, ineligible=0.5, seed=1)
    eligible = np.repeat((np.arange(40) % 2 == 1)[:, None] * 1.0, 8, axis=1)
    gone = np.where(made.treated & (eligible == 1.0), np.nan, made.outcome)
    panel = dataclasses.replace(made, outcome=gone, covariates={"eligible": eligible})
    with pytest.raises(DesignRefused) as refused:
        registry.get("triple_difference")().fit(panel, rng=np.random.default_rng(0))
    assert "Next:" in str(refused.value)

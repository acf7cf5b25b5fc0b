"""Steps of a varying base added up to long differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.checks.universal_base import universal_base
from evalkit.errors import DesignRefused
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.uncertainty import Sampling
from tests.simulated import context

ROUNDING = 1e-12
COHORTS = {4: 0.2, 5: 0.2, 6: 0.1}


@pytest.mark.parametrize("anticipation", [0, 1])
def test_added_up_steps_are_the_fit_with_a_universal_base_covariance_included(anticipation: int) -> None:
    made = context(CallawaySantAnna(comparison="never_treated", anticipation=anticipation), cohorts=COHORTS)
    direct = CallawaySantAnna(comparison="never_treated", anticipation=anticipation, base_period="universal").fit(
        made.panel, rng=np.random.default_rng(0)
    )
    for kind in ("event_study", "overall"):
        expected = direct.aggregation(kind)
        found = universal_base(made.estimate, -1 - anticipation).aggregation(kind)
        keep = ~expected.is_reference
        np.testing.assert_array_equal(found.labels, expected.labels[keep])
        np.testing.assert_allclose(found.estimate, expected.estimate[keep], atol=ROUNDING)
        np.testing.assert_allclose(found.covariance, expected.covariance[np.ix_(keep, keep)], atol=ROUNDING)


def test_leads_beyond_a_missing_step_are_left_out() -> None:
    made = context(CallawaySantAnna(comparison="never_treated"), cohorts={6: 0.4}).estimate
    keep = np.flatnonzero(made.cells.event_time != -3)
    arrays = ("cohort", "period", "event_time", "estimate", "observed", "n_treated", "is_reference")
    cells = dataclasses.replace(made.cells, **{name: getattr(made.cells, name)[keep] for name in arrays})
    rows = np.append(keep, len(made.cells))
    assert isinstance(made.uncertainty, Sampling)
    uncertainty = dataclasses.replace(made.uncertainty, covariance=made.uncertainty.covariance[np.ix_(rows, rows)])
    found = universal_base(dataclasses.replace(made, cells=cells, uncertainty=uncertainty), -1)
    assert [int(e) for e in found.aggregation("event_study").labels if e < 0] == [-3, -2]


def test_a_posterior_and_leads_that_are_no_steps_are_refused() -> None:
    with pytest.raises(DesignRefused, match="varying base"):
        universal_base(context(BayesianDid(engine="exact")).estimate, -1)
    with pytest.raises(DesignRefused, match="varying base"):
        universal_base(context().estimate, -1)

"""What every estimator does before it fits: a dose that switches is refused where treatment must stay on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimators import registry
from evalkit.estimators.base import require_absorbing
from evalkit.testing.simulate import staggered_frame, staggered_panel

ABSORBING = [name for name in registry.names() if registry.get(name).needs.absorbing]


def switching() -> Panel:
    """A staggered panel whose unit 4 ends treatment in its last period."""
    frame = staggered_frame(n_units=30, n_periods=6, seed=1)
    frame["dose"] = ((frame.cohort > 0) & (frame.period >= frame.cohort)).astype(float)
    who = frame.loc[frame.cohort > 0, "unit"].min()
    frame.loc[(frame.unit == who) & (frame.period == frame.period.max()), "dose"] = 0.0
    return Panel.from_frame(frame, unit="unit", period="period", outcome="y", dose="dose")


@pytest.mark.parametrize("name", ABSORBING)
def test_an_estimator_of_lasting_treatment_refuses_one_that_switches_off(name: str) -> None:
    panel = switching()
    who = panel.units[int(np.flatnonzero(~panel.never_treated)[0])]
    with pytest.raises(DesignRefused, match=rf"{name} needs .* 'dose' is 0 for '{who}' in \d+.*") as caught:
        registry.get(name)().fit(panel, rng=np.random.default_rng(0))
    assert "estimator=switching_did" in str(caught.value)


def test_a_dose_that_stays_on_is_not_refused_however_it_came_into_the_panel() -> None:
    panel = switching()
    estimator = registry.get("callaway_santanna")()
    lasting = dataclasses.replace(panel, dose=panel.treated.astype(float))
    require_absorbing(estimator, lasting)
    assert len(estimator.fit(lasting, rng=np.random.default_rng(0)).cells) > 0


def test_one_effect_has_the_errors_of_its_influence_function_summed_within_clusters() -> None:
    made = staggered_panel(n_units=12, n_periods=6, cohorts={4: 0.5}, seed=1)
    made = dataclasses.replace(made, cluster=np.arange(12) // 2)
    psi = np.append(np.random.default_rng(0).standard_normal(11), np.nan)  # the last unit is not used
    estimate = ek.TwoWayFixedEffects().one_effect(made, 1.5, psi, observed=7.0, rng=np.random.default_rng(0))
    overall = estimate.aggregation("overall")
    sums = np.nansum(psi.reshape(6, 2), axis=1)
    assert (overall.estimate[0], overall.observed[0]) == (1.5, 7.0)
    assert overall.std_error[0] == pytest.approx(float(np.sqrt((sums**2).sum())))
    assert (estimate.n_units, estimate.n_treated_units) == (11, int((~made.never_treated)[:11].sum()))
    assert estimate.n_observations == int(made.observed[:11].sum())

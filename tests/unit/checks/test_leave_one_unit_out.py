from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from evalkit.checks.base import CheckContext
from evalkit.checks.leave_one_unit_out import DRAWN, REPLICATES, LeaveOneUnitOut
from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.synthetic_did import SyntheticDid
from evalkit.uncertainty import Posterior
from tests.simulated import context

SAME = 1e-10
"""The same estimator on the same panel."""


def _details(found: Any) -> dict[str, float]:
    return dict(found.details)


def _with_one_extreme_place(size: float) -> CheckContext:
    """The simulated panel with one treated place that jumps by `size` when it starts."""
    made = context(CallawaySantAnna(), effect=1.0, noise=0.2)
    panel = made.panel
    place = int(np.flatnonzero(~panel.never_treated)[0])
    outcome = panel.outcome.copy()
    outcome[place, panel.treated[place]] += size
    changed = dataclasses.replace(panel, outcome=outcome)
    return dataclasses.replace(made, panel=changed, estimate=made.fit(changed))


def test_an_effect_that_all_places_share_keeps_its_sign() -> None:
    found = LeaveOneUnitOut().run(context(effect=3.0))[0]
    assert (found.status, found.value) == ("pass", 1.0)
    assert _details(found)["refits"] == context(effect=3.0).panel.n_units


def test_its_figures_are_those_of_the_panel_without_the_place() -> None:
    made = _with_one_extreme_place(40.0)
    found = LeaveOneUnitOut().run(made)[0]
    place = int(np.flatnonzero(~made.panel.never_treated)[0])
    without = made.fit(keep_units(made.panel, np.arange(made.panel.n_units) != place)).aggregation("overall")
    np.testing.assert_allclose(_details(found)["lowest"], without.estimate[0], rtol=SAME)


def test_one_place_that_carries_the_answer_is_a_warning_and_named() -> None:
    made = _with_one_extreme_place(-60.0)
    found = LeaveOneUnitOut().run(made)[0]
    place = made.panel.units[int(np.flatnonzero(~made.panel.never_treated)[0])]
    assert found.status == "warn"
    assert f"(without '{place}')" in found.reading
    assert found.value is not None
    assert found.value < 1.0


def test_with_very_many_places_those_that_pull_hardest_are_left_out() -> None:
    made = _with_one_extreme_place(40.0)
    all_of_them, some = LeaveOneUnitOut().run(made)[0], LeaveOneUnitOut(most=5).run(made)[0]
    assert _details(some)["refits"] == 5.0
    assert _details(some)["lowest"] == _details(all_of_them)["lowest"]
    assert "(5 of 90 were left out)" in some.reading


def test_clusters_are_left_out_whole() -> None:
    made = context(CallawaySantAnna(), effect=2.0)
    codes = np.arange(made.panel.n_units, dtype=np.int64) // 3
    panel = dataclasses.replace(made.panel, cluster=codes)
    found = LeaveOneUnitOut().run(dataclasses.replace(made, panel=panel, estimate=made.fit(panel)))[0]
    assert _details(found)["refits"] == len(np.unique(codes))
    assert "and 2 more" in found.reading


def test_the_figure_shows_the_places_that_move_the_effect_most() -> None:
    exhibit = LeaveOneUnitOut().run(_with_one_extreme_place(40.0))[0].exhibit
    assert exhibit is not None
    rows = pd.DataFrame(dict(exhibit.table))
    assert (exhibit.about, len(rows)) == ("units", DRAWN)
    assert rows["left_out"].iloc[0] == ""
    assert rows["estimate"].iloc[1:].is_monotonic_increasing


def test_the_only_treated_place_cannot_be_left_out_but_the_others_can() -> None:
    made = context(CallawaySantAnna(), cohorts={5: 0.5})
    starts = made.panel.first_treated.copy()
    treated = np.flatnonzero(~made.panel.never_treated)
    starts[treated[1:]] = made.panel.time[-1] + 9
    panel = dataclasses.replace(made.panel, first_treated=starts)
    found = LeaveOneUnitOut().run(dataclasses.replace(made, panel=panel, estimate=made.fit(panel)))[0]
    assert f"Not estimable without: '{panel.units[treated[0]]}'" in found.reading
    assert _details(found)["refits"] == panel.n_units - 1


def test_a_sampled_posterior_is_not_sampled_again_for_every_place() -> None:
    made = context(BayesianDid(), effect=1.0)
    assert LeaveOneUnitOut(most=3).run(made)[0].status == "pass"
    exact = made.estimate.uncertainty
    assert isinstance(exact, Posterior)
    posterior = dataclasses.replace(exact, sampler=dataclasses.replace(exact.sampler, engine="nutpie"))
    sampled = dataclasses.replace(made, estimate=dataclasses.replace(made.estimate, uncertainty=posterior))
    assert LeaveOneUnitOut().run(sampled)[0].status == "not_run"


def test_errors_that_refit_the_whole_rest_on_fewer_draws_in_each_refit() -> None:
    """Effects without each place stay those of the estimator; only the draws behind their intervals are fewer."""
    made = context(SyntheticDid(errors="bootstrap", n_draws=REPLICATES + 1), effect=3.0)
    seen: list[float] = []

    def never(_: Panel) -> Estimate:
        seen.append(1.0)
        raise AssertionError("a refit with all draws")

    found = LeaveOneUnitOut(most=2).run(dataclasses.replace(made, fit=never))[0]
    assert _details(found)["refits"] == 2.0
    assert not seen

"""The decomposition of the two-way coefficient: when it warns, fails and refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.goodman_bacon import MOST_ROWS, GoodmanBacon
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.evidence.withhold import in_text, without_cohort_effects
from evalkit.vocabulary import Diagnostic
from tests.simulated import context

EXACT = 1e-10


def run(made: CheckContext, **settings: Any) -> Diagnostic:
    return GoodmanBacon(**settings).run(made)[0]


def all_treated(made: CheckContext) -> CheckContext:
    """Without the never-treated, so that half of the weight and more is forbidden."""
    panel = made.panel
    keep = ~panel.never_treated
    reduced = dataclasses.replace(
        panel, outcome=panel.outcome[keep], first_treated=panel.first_treated[keep], units=panel.units[keep]
    )
    return dataclasses.replace(made, panel=reduced, estimate=made.fit(reduced))


def test_the_coefficient_is_that_of_the_two_way_regression() -> None:
    made = context(effect=2.0, cohort_gap=3.0)
    details = dict(run(made).details)
    overall = made.estimate.aggregation("overall")
    assert details["coefficient"] == pytest.approx(float(overall.estimate[0]), abs=EXACT)
    shares = sum(details[f"{name}_share"] for name in ("never", "later", "earlier", "always"))
    assert shares == pytest.approx(1.0, abs=EXACT)
    assert run(made).value == pytest.approx(float(made.estimate.facts["forbidden_share"]), abs=EXACT)


def test_one_start_has_nothing_forbidden_and_no_figure() -> None:
    found = run(context(cohorts={5: 0.5}))
    assert (found.status, found.value, found.exhibit) == ("pass", 0.0, None)
    assert "only with places that were not treated at the time" in found.reading


def test_a_share_above_the_marks_fails_where_the_estimate_is_the_coefficient() -> None:
    made = context(effect=2.0)
    share = run(made).value
    assert share
    assert run(made, warn=share * 2, fail=share * 3).status == "pass"
    assert run(made, warn=share / 2, fail=share * 3).status == "warn"
    assert run(made, warn=share / 3, fail=share / 2).status == "fail"


def test_another_estimator_is_warned_at_most() -> None:
    made = context(CallawaySantAnna(comparison="never_treated"), effect=2.0)
    found = run(made, warn=0.001, fail=0.002)
    assert found.status == "warn"
    assert "does not use this coefficient" in found.reading


def test_a_sign_that_turns_without_forbidden_comparisons_fails() -> None:
    # the early half rises a little at once, and by far more from the late start on: a later start subtracts that rise
    made = all_treated(context(effect=1.0, noise=0.05, cohorts={3: 0.4, 6: 0.4}))
    panel = made.panel
    early = panel.first_treated == panel.cohorts[0]
    grown = np.where(early[:, None] & (panel.time >= panel.cohorts[1]), panel.outcome + 30.0, panel.outcome)
    bent = dataclasses.replace(panel, outcome=grown)
    found = run(dataclasses.replace(made, panel=bent, estimate=made.fit(bent)), fail=1.0)
    assert dict(found.details)["sign_flips"] == 1.0
    assert found.status == "fail"
    assert "The sign turns without them." in found.reading


def test_panels_outside_the_theorem_are_refused() -> None:
    made = context()
    holes = made.panel.outcome.copy()
    holes[0, 0] = np.nan
    weight = np.ones_like(holes)
    weight[0, 0] = 2.0
    for panel, word in (
        (dataclasses.replace(made.panel, outcome=holes), "missing"),
        (dataclasses.replace(made.panel, weight=weight), "weights"),
    ):
        found = run(dataclasses.replace(made, panel=panel))
        assert found.status == "not_run"
        assert word in found.reading


def test_weights_of_units_enter() -> None:
    made = context(effect=2.0, cohort_gap=3.0)
    weight = np.repeat(np.random.default_rng(1).uniform(0.5, 2.0, (made.panel.n_units, 1)), made.panel.n_periods, 1)
    panel = dataclasses.replace(made.panel, weight=weight)
    weighted = dataclasses.replace(made, panel=panel, estimate=made.fit(panel))
    overall = weighted.estimate.aggregation("overall")
    assert dict(run(weighted).details)["coefficient"] == pytest.approx(float(overall.estimate[0]), abs=EXACT)


def test_its_figure_adds_up_even_where_light_comparisons_are_pooled() -> None:
    made = context(cohorts=dict.fromkeys(range(1, 8), 0.1))
    cohorts = np.tile(np.arange(1, 31), 3)
    wide = dataclasses.replace(
        made.panel, outcome=np.random.default_rng(2).standard_normal((90, 30)), first_treated=cohorts,
        time=np.arange(30),
    )  # fmt: skip
    exhibit = run(dataclasses.replace(made, panel=wide)).exhibit
    assert exhibit is not None
    rows = pd.DataFrame(dict(exhibit.table))
    assert len(rows) > MOST_ROWS
    assert rows["treated"].iloc[-1] == "others"
    assert rows["weight"].iloc[1:].sum() == pytest.approx(1.0, abs=EXACT)
    assert rows["weight"].iloc[1:] @ rows["estimate"].iloc[1:] == pytest.approx(rows["estimate"].iloc[0], abs=EXACT)


def test_beside_a_ratio_there_is_no_figure_in_the_outcomes_own_unit() -> None:
    made = context(effect=2.0)
    ratio = dataclasses.replace(made.estimate, facts={"log_link": True})
    found = run(dataclasses.replace(made, estimate=ratio))
    assert found.exhibit is None
    assert "points" in found.reading


def test_readings_pass_the_linter_and_count_nobody() -> None:
    people = Policy("persons", 11, "")
    for made in (context(effect=2.0), context(cohorts={5: 0.5}), context(CallawaySantAnna(anticipation=1))):
        reading = run(made, warn=0.001).reading
        assert lint(reading, shipped().prose, bayesian=False, very_low=True, digits=False) == reading
        assert in_text(reading, people) == reading


def test_beside_a_cohort_of_few_people_everything_is_withheld() -> None:
    made = context(cohorts={5: 0.4, 6: 0.05})
    (told,) = without_cohort_effects([run(made)], made.panel, Policy("persons", 11, ""))
    assert (told.value, told.details, told.exhibit) == (None, (), None)

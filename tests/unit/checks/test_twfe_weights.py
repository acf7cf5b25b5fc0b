"""The weights inside the two-way coefficient: statuses, words, and the figure."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.twfe_weights import MOST_ROWS, TwfeWeights
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.evidence.withhold import in_text
from evalkit.vocabulary import Diagnostic
from tests.simulated import context

EXACT = 1e-9


def run(made: CheckContext) -> Diagnostic:
    return TwfeWeights().run(made)[0]


def few_never_treated(made: CheckContext, kept: int = 4) -> CheckContext:
    """With few never-treated units, so that early cohorts serve as comparison late."""
    panel = made.panel
    keep = ~panel.never_treated | (np.cumsum(panel.never_treated) <= kept)
    reduced = dataclasses.replace(
        panel, outcome=panel.outcome[keep], first_treated=panel.first_treated[keep], units=panel.units[keep]
    )
    return dataclasses.replace(made, panel=reduced, estimate=made.fit(reduced))


def staggered() -> CheckContext:
    return few_never_treated(context(cohorts={2: 0.45, 6: 0.45}, effect=2.0))


def test_many_never_treated_units_leave_all_weights_positive() -> None:
    found = run(context(cohorts={4: 0.2, 6: 0.2}))
    assert (found.status, found.value) == ("pass", 0.0)
    assert "every cohort and period positively" in found.reading


def test_negative_weights_fail_where_the_estimate_is_the_coefficient() -> None:
    found = run(staggered())
    details = dict(found.details)
    assert found.status == "fail"
    assert details["negative_cells"] > 0
    assert details["smallest_relative_weight"] < 0.0 < details["spread_for_opposite"]
    assert details["spread_for_zero"] < details["spread_for_opposite"]
    assert TwfeWeights(fail=0.99).run(staggered())[0].status == "warn"


def test_beside_another_estimator_negative_weights_are_a_warning() -> None:
    made = few_never_treated(context(CallawaySantAnna(), cohorts={2: 0.45, 6: 0.45}, effect=2.0))
    found = run(made)
    assert found.status == "warn"
    assert "does not use this coefficient" in found.reading


def test_the_coefficient_is_that_of_the_estimate_also_with_holes_and_weights() -> None:
    made = staggered()
    rng = np.random.default_rng(1)
    holes = np.where(rng.random(made.panel.outcome.shape) < 0.1, np.nan, made.panel.outcome)
    panel = dataclasses.replace(made.panel, outcome=holes, weight=rng.uniform(0.5, 2.0, holes.shape))
    ragged = dataclasses.replace(made, panel=panel, estimate=made.fit(panel))
    overall = ragged.estimate.aggregation("overall")
    assert dict(run(ragged).details)["coefficient"] == pytest.approx(float(overall.estimate[0]), abs=EXACT)


def test_its_figure_has_one_row_a_cell_or_one_an_event_time_where_there_are_many() -> None:
    few = run(staggered()).exhibit
    assert few is not None
    rows = pd.DataFrame(dict(few.table))
    assert rows["share"].sum() == pytest.approx(1.0, abs=EXACT)
    assert rows["weight"].sum() == pytest.approx(1.0, abs=EXACT)
    assert (rows["event_time"] == rows["period"].astype(int) - rows["cohort"].astype(int)).all()
    made = context(effect=1.0)
    wide = dataclasses.replace(
        made.panel, outcome=np.random.default_rng(2).standard_normal((90, 30)), time=np.arange(30),
        first_treated=np.tile(np.arange(1, 31), 3),
    )  # fmt: skip
    many = run(dataclasses.replace(made, panel=wide)).exhibit
    assert many is not None
    assert len(many.table["weight"]) < MOST_ROWS
    assert set(many.table["cohort"]) == {"all"}
    assert sum(float(str(weight)) for weight in many.table["weight"]) == pytest.approx(1.0, abs=EXACT)


def test_a_panel_without_variation_is_refused() -> None:
    made = context(cohorts={4: 0.2})
    alike = dataclasses.replace(made.panel, first_treated=np.full(made.panel.n_units, 4))
    assert run(dataclasses.replace(made, panel=alike)).status == "not_run"


def test_readings_pass_the_linter_and_count_nobody() -> None:
    people = Policy("persons", 11, "")
    for made in (staggered(), context(cohorts={5: 0.5}), context(CallawaySantAnna(anticipation=1))):
        reading = run(made).reading
        assert lint(reading, shipped().prose, bayesian=False, very_low=True, digits=False) == reading
        assert in_text(reading, people) == reading


def test_one_treated_cell_has_all_the_weight_and_no_figure() -> None:
    found = run(context(cohorts={8: 0.5}))
    assert dict(found.details)["cells"] == 1.0
    assert (found.value, found.exhibit) == (0.0, None)

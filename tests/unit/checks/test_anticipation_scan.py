from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pytest

from evalkit.checks import anticipation_scan
from evalkit.checks.anticipation_scan import AnticipationScan
from evalkit.checks.base import CheckContext
from evalkit.checks.refit import error_of_difference
from evalkit.errors import DesignRefused
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.estimators.registry import _plugins
from tests.simulated import context


class _Plain(PanelEstimator):
    """An estimator without settings."""

    name: ClassVar[str] = "plain_for_this_test"
    needs: ClassVar[Needs] = Needs(answers="Nothing.")


SAME = 1e-10
"""The same estimator with the same settings."""


def _acting_early(size: float, declared: int = 0) -> CheckContext:
    """The simulated panel with an effect that begins one period early."""
    made = context(CallawaySantAnna(anticipation=declared), effect=3.0, noise=0.2)
    panel = made.panel
    early = panel.time[None, :] == np.where(panel.never_treated, -9, panel.first_treated - 1)[:, None]
    changed = dataclasses.replace(panel, outcome=panel.outcome + size * early)
    return dataclasses.replace(made, panel=changed, estimate=made.fit(changed))


def test_without_anticipation_all_answers_agree() -> None:
    found = AnticipationScan().run(context(CallawaySantAnna(), seed=0, effect=3.0, noise=0.3))[0]
    assert found.status == "pass"
    assert found.value is not None
    assert found.value > 0.05


def test_acting_early_shows_as_an_answer_that_depends_on_it() -> None:
    found = AnticipationScan().run(_acting_early(3.0))[0]
    assert found.status == "warn"
    assert dict(found.details)["lowest"] < 1.0 < 2.5 < dict(found.details)["highest"]


def test_the_difference_of_two_answers_is_the_lead_between_their_bases() -> None:
    """With one cohort, anticipation 0 minus 1 is minus the effect one period before, measured from two before."""
    made = context(CallawaySantAnna(base_period="universal"), cohorts={5: 0.5}, noise=1.0)
    panel, rng = made.panel, np.random.default_rng(0)
    plain, early = (CallawaySantAnna(anticipation=a, base_period="universal").fit(panel, rng=rng) for a in (0, 1))
    rows = early.aggregation("event_study")
    found = error_of_difference(plain, early)
    np.testing.assert_allclose(found or 0.0, rows.std_error[rows.labels == -1][0], rtol=1e-8)


def test_each_row_is_the_estimate_with_that_anticipation() -> None:
    made = _acting_early(3.0)
    exhibit = AnticipationScan(periods=2).run(made)[0].exhibit
    assert exhibit is not None
    expected = [
        CallawaySantAnna(anticipation=allowed).fit(made.panel, rng=np.random.default_rng(0)).aggregation("overall")
        for allowed in (0, 1, 2)
    ]
    np.testing.assert_allclose(exhibit.table["estimate"], [rows.estimate[0] for rows in expected], rtol=SAME)  # type: ignore[arg-type]
    assert exhibit.table["declared"] == (True, False, False)


def test_what_the_study_declares_is_among_the_rows_even_beyond_the_scan() -> None:
    exhibit = AnticipationScan(periods=1).run(_acting_early(0.0, declared=2))[0].exhibit
    assert exhibit is not None
    assert exhibit.table["anticipation"] == (0, 1, 2)
    assert exhibit.table["declared"] == (False, False, True)


def test_more_anticipation_than_there_are_periods_is_said() -> None:
    found = AnticipationScan(periods=12).run(context(CallawaySantAnna(), effect=3.0))[0]
    assert "Not estimable with" in found.reading


def test_an_estimator_without_that_setting_is_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_plugins, _Plain.name, _Plain)
    made = context(CallawaySantAnna())
    plain = dataclasses.replace(made, estimate=dataclasses.replace(made.estimate, estimator="plain_for_this_test"))
    assert AnticipationScan().run(plain)[0].status == "not_run"


def test_where_no_other_number_of_periods_can_be_tried_each_is_named_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(*arguments: object) -> None:
        raise DesignRefused("Too few periods.")

    monkeypatch.setattr(anticipation_scan, "refit", refuses)
    (found,) = AnticipationScan().run(_acting_early(0.0))
    assert found.status == "not_run"
    assert "1 (Too few periods); 2 (Too few periods)" in found.reading

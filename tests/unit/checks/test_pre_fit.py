"""The fit before the start: when it passes, warns and fails."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import evalkit as ek
from evalkit.checks.base import CheckContext
from evalkit.checks.pre_fit import PreFit
from evalkit.checks.pre_trends import PreTrends
from tests.simulated import context
from tests.synthetic_worlds import factor_panel


def made(panel: ek.Panel) -> CheckContext:
    estimator = ek.SyntheticControl()
    estimate = estimator.fit(panel, rng=np.random.default_rng(0))
    return dataclasses.replace(context(), panel=panel, estimate=estimate)


def scaled_to(share: float) -> CheckContext:
    """Gaps before the start of this share of the outcome's standard deviation."""
    found = made(factor_panel(1))
    cells, spread = found.estimate.cells, float(found.panel.outcome[:, :24].std())
    gaps = np.where(cells.event_time < 0, share * spread, cells.estimate)
    return dataclasses.replace(
        found, estimate=dataclasses.replace(found.estimate, cells=dataclasses.replace(cells, estimate=gaps))
    )


@pytest.mark.parametrize(("share", "status"), [(0.05, "pass"), (0.15, "warn"), (0.3, "fail"), (0.0, "warn")])
def test_it_is_held_against_the_spread_of_the_outcome(share: float, status: str) -> None:
    (found,) = PreFit().run(scaled_to(share))
    assert found.status == status
    assert found.value == pytest.approx(share, rel=1e-9)
    assert dict(found.details)["n_pre_periods"] == 24.0


def test_an_exact_fit_is_said_to_prove_nothing() -> None:
    assert "exact" in PreFit().run(scaled_to(0.0))[0].reading


def test_of_several_treated_units_the_worst_is_named() -> None:
    found = made(factor_panel(2, treated=3))
    assert "largest for" in PreFit().run(found)[0].reading


def test_changes_from_period_to_period_are_no_gaps() -> None:
    assert PreFit().run(context(ek.CallawaySantAnna()))[0].status == "not_run"


def test_gaps_of_a_fit_are_no_test_of_trends() -> None:
    (found,) = PreTrends().run(made(factor_panel(1)))
    assert found.status == "informational"
    assert "fitted to the treated themselves" in found.reading


def test_without_a_time_before_or_a_spread_there_is_nothing_to_hold_it_against() -> None:
    found = scaled_to(0.1)
    cells = found.estimate.cells
    after = dataclasses.replace(cells, event_time=np.abs(cells.event_time))
    (late,) = PreFit().run(dataclasses.replace(found, estimate=dataclasses.replace(found.estimate, cells=after)))
    assert late.status == "not_run"
    assert "nothing of the time before the start" in late.reading
    flat = dataclasses.replace(found.panel, outcome=np.full_like(found.panel.outcome, 3.0))
    (level,) = PreFit().run(dataclasses.replace(found, panel=flat))
    assert level.status == "not_run"
    assert "does not vary before the start" in level.reading

"""Ridge augmented synthetic control: its formula, its penalty, and its intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.numerics.ridge_augmentation import choose_penalty
from tests.oracle import synthetic_control as oracle
from tests.synthetic_worlds import factor_panel

SAME = 1e-6
"""The formula with an inverse against singular values."""


def fit(panel: ek.Panel, **settings: Any) -> Estimate:
    return ek.AugmentedSyntheticControl(**settings).fit(panel, rng=np.random.default_rng(0))


@pytest.mark.parametrize("penalty", [0.5, 50.0])
@pytest.mark.promise("second-augmented-synthetic-control")
def test_gaps_follow_the_formula_of_the_paper(penalty: float) -> None:
    panel = factor_panel(2, units=12, effect=2.0)
    treated = int(np.flatnonzero(~panel.never_treated)[0])
    donors = [row for row in range(12) if row != treated]
    gamma = oracle.augmented_weights(panel.outcome[donors, :24].T, panel.outcome[treated, :24], penalty)
    found = fit(panel, penalty=penalty)
    np.testing.assert_allclose(found.cells.estimate, panel.outcome[treated] - gamma @ panel.outcome[donors], atol=SAME)
    assert sum(float(str(value)) for value in found.exhibits[0].table["weight"]) == pytest.approx(1.0, abs=0.01)


def test_with_a_large_penalty_it_is_synthetic_control() -> None:
    panel = factor_panel(3, effect=2.0)
    plain = ek.SyntheticControl().fit(panel, rng=np.random.default_rng(0))
    np.testing.assert_allclose(fit(panel, penalty=1e12).cells.estimate, plain.cells.estimate, atol=SAME)


def test_it_follows_a_place_outside_the_range_of_its_donors_better() -> None:
    panel = factor_panel(4, units=15, noise=0.2)
    outcome = panel.outcome.copy()
    treated = ~panel.never_treated
    outcome[treated] += 1.5 * (outcome[treated] - 20.0) + 3.0
    panel = ek.Panel(**{**{name: getattr(panel, name) for name in panel.__slots__}, "outcome": outcome})
    plain = ek.SyntheticControl().fit(panel, rng=np.random.default_rng(0))
    assert fit(panel).facts["rmspe_before"] < 0.8 * plain.facts["rmspe_before"]


def test_the_jackknife_gives_an_interval_and_no_p_value() -> None:
    found = fit(factor_panel(5, effect=2.0), inference="jackknife", level=0.9)
    assert found.own is not None
    assert found.own.method == "jackknife"
    assert np.isnan(found.own.p_value)
    assert found.own.low < float(found.aggregation("overall").estimate[0]) < found.own.high


def test_the_jackknife_says_how_many_periods_it_needs() -> None:
    found = fit(factor_panel(5, periods=20, start=11), inference="jackknife", level=0.95)
    assert found.own is None
    assert "19 periods" in next(r.text for r in found.remarks if r.id == "jackknife_uninformative")


def test_two_periods_before_the_start_are_too_few() -> None:
    with pytest.raises(DesignRefused, match="at least 3 periods before"):
        fit(factor_panel(1, periods=6, start=3))


def test_penalties_of_several_treated_units_are_told_from_the_least_to_the_largest() -> None:
    panel = factor_panel(19, units=12, treated=3, periods=18, start=13, noise=0.5)
    found = fit(panel)
    (said,) = [remark.text for remark in found.remarks if remark.id == "ridge_penalty"]
    treated = np.flatnonzero(~panel.never_treated)
    alone = sorted(
        choose_penalty(
            panel.outcome[panel.never_treated, :12].T, panel.outcome[row, :12], rule="one_standard_error"
        ).chosen
        for row in treated
    )
    assert alone[0] < alone[1] < alone[2]
    assert f"is {alone[0]:.3g} to {alone[-1]:.3g}:" in said

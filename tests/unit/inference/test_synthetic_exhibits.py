"""Tables of donors and placebos, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.inference.synthetic_exhibits import MOST_SHOWN, exhibits
from evalkit.inference.unit_gaps import UnitGaps, fit_units
from tests.synthetic_worlds import factor_panel, mean_fitter


def fitted(treated: int, units: int, placebos: int = 200) -> tuple[Panel, tuple[UnitGaps, ...]]:
    panel = factor_panel(1, units=units, treated=treated, periods=12, start=9)
    pools, rng = mean_fitter.pools(panel), np.random.default_rng(0)
    return panel, tuple(fit_units(panel, pools, mean_fitter.of(panel), most_placebos=placebos, rng=rng))


@pytest.mark.parametrize(
    ("treated", "units", "kinds"),
    [
        (1, 6, ["donor_weights", "placebo_gaps", "error_ratios"]),
        (2, 6, ["donor_weights", "placebo_gaps"]),
        (MOST_SHOWN, MOST_SHOWN + 4, ["donor_weights", "placebo_gaps"]),
        (MOST_SHOWN + 1, MOST_SHOWN + 5, ["donor_weights"]),
    ],
)
def test_placebos_are_shown_of_as_many_places_as_a_figure_holds(treated: int, units: int, kinds: list[str]) -> None:
    panel, gaps = fitted(treated, units)
    assert [each.kind for each in exhibits(panel, gaps, scaled=True)] == kinds


def test_ratios_are_shown_where_the_statistic_is_one_and_placebos_where_there_are_any() -> None:
    panel, gaps = fitted(1, 6)
    assert [each.kind for each in exhibits(panel, gaps, scaled=False)] == ["donor_weights", "placebo_gaps"]
    panel, gaps = fitted(1, 6, placebos=0)
    assert [each.kind for each in exhibits(panel, gaps, scaled=True)] == ["donor_weights"]


def test_weights_are_averaged_over_the_treated_and_the_rest_is_counted() -> None:
    panel, gaps = fitted(2, 6)
    table = exhibits(panel, gaps, scaled=True)[0].table
    assert table["weight"] == pytest.approx((0.25,) * 4)
    assert table["donors_used"] == (4,) * 4
    assert table["donors_in_pool"] == (4,) * 4
    assert table["treated_units"] == (2,) * 4


def test_the_largest_ratio_stands_first_and_is_the_error_after_over_that_before() -> None:
    panel, (unit,) = fitted(1, 6)
    table = exhibits(panel, [unit], scaled=True)[2].table
    ratios = np.array(table["ratio"], dtype=float)
    assert (np.diff(ratios) <= 0).all()
    own = table["role"].index("treated")
    assert table["place"][own] == str(panel.units[unit.pool.unit])
    assert len(table["place"]) == 6
    before, after = unit.gap[unit.pool.event_time < 0], unit.gap[unit.pool.event_time >= 0]
    assert table["error_before"][own] == pytest.approx(np.sqrt(np.mean(before**2)))
    assert table["error_after"][own] == pytest.approx(np.sqrt(np.mean(after**2)))


def test_every_donor_of_a_start_is_a_placebo_once() -> None:
    panel, gaps = fitted(2, 6)
    table = exhibits(panel, gaps, scaled=True)[1].table
    rows = set(zip(table["place"], table["role"], strict=True))
    treated = {str(panel.units[unit.pool.unit]) for unit in gaps}
    assert {place for place, role in rows if role == "treated"} == treated
    assert len(rows) == 6
    assert len(table["place"]) == 6 * 12

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evalkit.data.counts import refuse_logs, refuse_outside, sizes
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, Reason
from evalkit.testing.simulate import staggered_panel


def panel(*, exposure: bool = True) -> Panel:
    found = staggered_panel(n_units=10, n_periods=4, seed=1)
    counts = np.floor(np.abs(found.outcome) * 3.0)
    return replace(found, outcome=counts, exposure=np.full(counts.shape, 2.0) if exposure else None)


def test_whole_numbers_take_the_exposure_as_offset_and_fractions_as_weight() -> None:
    counts = panel()
    as_offset = sizes(counts, counts.observed, "auto")
    assert as_offset.offset is counts.exposure
    assert as_offset.weight is None
    rates = replace(counts, outcome=counts.outcome / 2.0)
    as_weight = sizes(rates, rates.observed, "auto")
    assert as_weight.offset is None
    assert as_weight.weight is counts.exposure
    weighted = replace(rates, weight=np.full(rates.outcome.shape, 3.0))
    np.testing.assert_array_equal(sizes(weighted, rates.observed, "weight").weight, 6.0)
    assert [remark.id for remark in sizes(counts, counts.observed, "weight").remarks] == ["exposure_weight"]


def test_an_exposure_left_aside_is_reported() -> None:
    found = sizes(panel(), panel().observed, "ignore")
    assert found.offset is None
    assert [remark.id for remark in found.remarks] == ["exposure_ignored"]


def test_an_exposure_that_is_not_there_is_refused_when_asked_for() -> None:
    without = panel(exposure=False)
    assert sizes(without, without.observed, "auto").offset is None
    with pytest.raises(ConfigError, match="exposure is 'weight', and this panel has no exposure"):
        sizes(without, without.observed, "weight")


def test_outcomes_that_no_count_can_have_are_refused_by_row() -> None:
    counts = panel()
    counts.outcome[3, 2] = -1.0
    with pytest.raises(DataError, match="not in 1 rows, the first being unit '3' in 3: -1"):
        refuse_outside(counts, counts.observed, "Poisson", Reason("counts"))
    unused = counts.observed.copy()
    unused[3, 2] = False
    refuse_outside(counts, unused, "Poisson", Reason("counts"))


def test_logs_are_refused_by_name() -> None:
    refuse_logs(panel(), "Poisson", Reason("counts"))
    with pytest.raises(DataError, match="'y' is analysed in logs, and Poisson takes counts"):
        refuse_logs(replace(panel(), transform="log"), "Poisson", Reason("counts"))

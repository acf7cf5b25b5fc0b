"""Counts of one summary: which are withheld together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.data.panel import Panel
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.ledger import (
    CLUSTERS,
    LOST,
    LOST_APART,
    MISSING,
    OBSERVATIONS,
    SAMPLE_FLOW,
    TREATED,
    UNITS,
    Counted,
    close,
    flow_item,
    ledger,
)
from evalkit.evidence.standard import shipped
from evalkit.vocabulary import Remark
from tests.unit.evidence import made

LIMITS = shipped().disclosure
PEOPLE = Policy("persons", LIMITS.min_cell, "")
STARTS = {6: 40, 7: 30}


def book(
    data: Panel, *, used: int | None = None, remarks: tuple[Remark, ...] = (), rules: Policy = PEOPLE
) -> frozenset[str]:
    never, starters = int(data.never_treated.sum()), int((~data.never_treated).sum())
    later = int((data.first_treated == data.cohorts[-1]).sum())
    used = data.n_units if used is None else used
    counted = Counted(used, starters, never + later, used, starters)
    return ledger(rules, LIMITS, data, counted, remarks).hidden


def with_gaps(data: Panel, cells: list[tuple[int, int]]) -> Panel:
    outcome = data.outcome.copy()
    for row, period in cells:
        outcome[row, period] = np.nan
    return dataclasses.replace(data, outcome=outcome)


def test_nothing_is_withheld_where_nothing_is_small() -> None:
    assert not book(made.panel(starts=STARTS, never=60))


def test_places_are_told() -> None:
    assert not book(made.panel(starts={6: 3}, never=5), rules=Policy("places", LIMITS.min_cell, ""))


def test_few_who_never_start_hide_how_many_do_and_the_size_of_the_sample_stays() -> None:
    hidden = book(made.panel(starts=STARTS, never=5))
    assert {TREATED, CLUSTERS, SAMPLE_FLOW} <= hidden
    assert UNITS not in hidden


def test_few_left_out_of_the_estimate_hide_how_many_were_in_the_data() -> None:
    hidden = book(made.panel(starts=STARTS, never=60), used=127)
    assert SAMPLE_FLOW in hidden
    assert not hidden & {UNITS, TREATED}


def test_few_missing_unit_periods_hide_every_number_that_counts_them() -> None:
    hidden = book(with_gaps(made.panel(starts=STARTS, never=60), [(0, 4), (1, 4), (100, 4)]))
    assert {MISSING, OBSERVATIONS, SAMPLE_FLOW} <= hidden
    assert not hidden & {UNITS, TREATED}


def test_few_who_are_lost_hide_attrition() -> None:
    assert {LOST, LOST_APART} <= book(with_gaps(made.panel(starts=STARTS, never=60), [(0, 9), (1, 9), (100, 9)]))


def test_a_step_of_the_flow_that_tells_of_few_is_withheld() -> None:
    hidden = book(made.panel(starts=STARTS, never=60), remarks=(Remark("a", "", 3, 50), Remark("b", "", 20, 30)))
    assert flow_item(0) in hidden
    assert flow_item(1) not in hidden


@pytest.mark.parametrize(("value", "expected"), [(70, False), (69, True), (60, True), (59, False)])
def test_a_count_that_misses_few_of_another_is_close_to_it(value: int, expected: bool) -> None:
    assert close(value, [70], LIMITS.min_cell) is expected


def test_a_sample_without_clusters_or_starts_has_nothing_of_them_to_withhold() -> None:
    data = made.panel(starts={}, never=60)
    counted = Counted(60, 0, 60, None, None)
    assert not ledger(PEOPLE, LIMITS, data, counted, ()).hidden

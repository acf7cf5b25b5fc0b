"""Complementary suppression: it protects, it is the lightest, and it fails closed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from evalkit.numerics import suppression
from evalkit.numerics.suppression import Attack, Linked, suppress

ROUNDS, NODES = 40, 2000
LOW, HIGH = 1.0, 10.0
SAME_WEIGHT = 1e-6
"""Sums of the same weights in another order."""


def rows(values: list[list[float]]) -> sparse.csr_array:
    """A sparse matrix of these rows."""
    return sparse.csr_array(np.array(values))


def two_way(inner: list[list[int]], *, margin: float = 5.0) -> Linked:
    """A table with its totals; every count is an item of its own and a total weighs `margin` times as much."""
    table = np.array(inner, dtype=float)
    rows, columns = table.shape
    full = np.zeros((rows + 1, columns + 1))
    full[:rows, :columns] = table
    full[rows, :columns], full[:rows, columns], full[rows, columns] = table.sum(0), table.sum(1), table.sum()
    place = np.arange(full.size).reshape(full.shape)
    sums = sparse.lil_array((rows + columns + 2, full.size))
    for line in range(rows + 1):
        sums[line, place[line, :columns]], sums[line, place[line, columns]] = 1.0, -1.0
    for line in range(columns + 1):
        sums[rows + 1 + line, place[:rows, line]], sums[rows + 1 + line, place[rows, line]] = 1.0, -1.0
    weights = 1.0 + np.log1p(full)
    weights[rows, :] *= margin
    weights[:, columns] *= margin
    values = full.ravel()
    return Linked(
        values=values, relations=sparse.csr_array(sums), items=sparse.csr_array(np.eye(values.size)),
        weights=weights.ravel(), protected=(values > 0) & (values <= HIGH), fixed=np.zeros(values.size, dtype=bool),
        low=np.full(values.size, LOW), high=np.full(values.size, HIGH),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("inner", "relaxed"), [([[30, 4, 25], [20, 40, 60]], suppression.RELAXED_ROUNDS), ([[30, 4], [20, 40]], 0)]
)
def test_the_choice_is_the_lightest_that_protects(
    inner: list[list[int]], relaxed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against every choice of withheld cells of a small table, with and without a start from relaxed programs."""
    monkeypatch.setattr(suppression, "RELAXED_ROUNDS", relaxed)
    linked = two_way(inner)
    found = suppress(linked, rounds=ROUNDS, nodes=NODES)
    attack = Attack(linked)
    best = np.inf
    for choice in product((False, True), repeat=len(linked.weights)):
        withheld = np.array(choice)
        lighter = (linked.protected <= withheld).all() and linked.weights[withheld].sum() < best - SAME_WEIGHT
        if lighter and not attack.open(linked.hidden_cells(withheld)).size:
            best = float(linked.weights[withheld].sum())
    assert found.optimal
    assert found.weight == pytest.approx(best, abs=SAME_WEIGHT)


def test_a_table_of_many_small_counts_is_protected() -> None:
    rng = np.random.default_rng(4)
    linked = two_way(rng.negative_binomial(1, 0.03, (10, 6)).tolist())
    found = suppress(linked, rounds=ROUNDS, nodes=NODES)
    assert found.protects
    assert not Attack(linked).open(linked.hidden_cells(found.withheld)).size
    assert found.withheld.sum() < len(linked.weights)


def test_when_the_rounds_run_out_the_choice_is_completed_and_protects() -> None:
    linked = two_way([[30, 4, 25, 90], [20, 40, 60, 7], [33, 34, 35, 36]])
    found = suppress(linked, rounds=0, nodes=NODES)
    assert not found.optimal
    assert found.protects
    assert not Attack(linked).open(linked.hidden_cells(found.withheld)).size


def test_a_gap_stops_early_at_a_choice_that_is_no_heavier_than_allowed() -> None:
    rng = np.random.default_rng(5)
    linked = two_way(rng.negative_binomial(1, 0.005, (12, 8)).tolist())
    found = suppress(linked, rounds=ROUNDS, nodes=NODES, gap=0.2)
    assert linked.protected.any()
    assert found.bound <= found.weight <= 1.2 * found.bound + SAME_WEIGHT
    assert not Attack(linked).open(linked.hidden_cells(found.withheld)).size


def test_the_same_table_gives_the_same_choice() -> None:
    rng = np.random.default_rng(9)
    linked = two_way(rng.negative_binomial(1, 0.03, (8, 5)).tolist())
    first, second = (suppress(linked, rounds=ROUNDS, nodes=NODES).withheld for _ in range(2))
    assert (first == second).all()


def test_nothing_small_withholds_nothing() -> None:
    assert not suppress(two_way([[30, 40], [50, 60]]), rounds=ROUNDS, nodes=NODES).withheld.any()


@pytest.mark.parametrize("tries", [0, suppression.MOST_TRIES])
def test_a_choice_that_is_too_long_to_thin_out_protects_all_the_same(
    tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the first integer program: what was completed stays, thinned out where that is quick."""
    monkeypatch.setattr(suppression, "MOST_TRIES", tries)
    monkeypatch.setattr(suppression, "RELAXED_ROUNDS", 0)
    linked = two_way([[30, 4, 25], [20, 40, 7]])
    found = suppress(linked, rounds=1, nodes=NODES)
    attack = Attack(linked)
    assert found.protects
    assert not attack.open(linked.hidden_cells(found.withheld)).size
    least = suppress(linked, rounds=ROUNDS, nodes=NODES)
    assert found.bound <= least.weight <= found.weight + SAME_WEIGHT


@pytest.mark.parametrize("rounds", [0, ROUNDS])
def test_what_cannot_be_protected_says_so(rounds: int) -> None:
    """A total and all parts but the small one are shown whatever happens."""
    linked = Linked(
        values=np.array([68.0, 65.0, 3.0]), relations=rows([[1.0, -1.0, -1.0]]),
        items=sparse.csr_array(np.eye(3)), weights=np.ones(3), protected=np.array([False, False, True]),
        fixed=np.array([True, True, False]), low=np.full(3, LOW), high=np.full(3, HIGH),
    )  # fmt: skip
    found = suppress(linked, rounds=rounds, nodes=NODES)
    assert not found.protects
    assert found.withheld.tolist() == [False, False, True]


def test_a_small_count_that_is_shown_whatever_happens_is_not_protected() -> None:
    linked = Linked(
        values=np.array([68.0, 65.0, 3.0]), relations=rows([[1.0, -1.0, -1.0]]),
        items=sparse.csr_array(np.eye(3)), weights=np.ones(3), protected=np.array([False, False, True]),
        fixed=np.array([False, False, True]), low=np.full(3, LOW), high=np.full(3, HIGH),
    )  # fmt: skip
    assert Attack(linked).open(np.zeros(3, dtype=bool)).tolist() == [2]
    assert not suppress(linked, rounds=ROUNDS, nodes=NODES).protects


def test_a_cell_that_two_items_show_is_hidden_with_both() -> None:
    linked = Linked(
        values=np.array([3.0]), relations=sparse.csr_array((0, 1)), items=rows([[1.0], [1.0]]),
        weights=np.ones(2), protected=np.array([True]), fixed=np.zeros(2, dtype=bool), low=np.ones(1),
        high=np.full(1, HIGH),
    )  # fmt: skip
    assert suppress(linked, rounds=ROUNDS, nodes=NODES).withheld.all()


def test_sums_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="does not add up"):
        Linked(
            values=np.array([5.0, 4.0]), relations=rows([[1.0, -1.0]]), items=sparse.csr_array(np.eye(2)),
            weights=np.ones(2), protected=np.zeros(2, dtype=bool), fixed=np.zeros(2, dtype=bool), low=np.ones(2),
            high=np.full(2, HIGH),
        )  # fmt: skip


def test_a_count_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Linked(
            values=np.array([-1.0]), relations=sparse.csr_array((0, 1)), items=rows([[1.0]]), weights=np.ones(1),
            protected=np.zeros(1, dtype=bool), fixed=np.zeros(1, dtype=bool), low=np.ones(1), high=np.full(1, HIGH),
        )  # fmt: skip

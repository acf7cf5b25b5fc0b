"""What to withhold beside small counts, so that none of them can be computed: complementary suppression.

Counts are cells of a system of sums (rows, columns, totals, tables that share margins). A reader who knows the sums and
every count that is shown can bound each withheld one by two linear programs. The withheld set must leave every small
count free over the whole range that the published rule tells anyway; of all such sets the one of least weight is
wanted. Fischetti and Salazar (2001), "Solving the cell suppression problem on tabular data with linear constraints",
Management Science 47(7), 1008-1027: a master program chooses what to withhold, each bound that is too tight gives one
inequality of its dual solution (their eq. 3.7), until none is left. Solved with HiGHS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from evalkit.vocabulary import BoolArray, FloatArray, IntArray

TOLERANCE: Final = 1e-6
"""Counts are whole numbers: a bound this close to the wanted one is on it."""
REACH: Final = 4.0
"""How far a cell may move while one is protected, in widths of the protected range; a cap that errs on withholding."""
RELAXED_ROUNDS: Final = 12
NEGLIGIBLE: Final = 1e-9
HALF: Final = 0.5
MOST_TRIES: Final = 600
"""Spare items times protected cells, up to which each spare item is tried without."""


@dataclass(frozen=True, slots=True)
class Linked:
    """N cells under M sums, shown by K items.

    Attributes
    ----------
    values
        (N,) counts, 0 or more.
    relations
        (M, N) what everybody knows: ``relations @ values == 0``.
    items
        (K, N) 1 where an item, such as a row of a table, shows a cell. A cell that no item shows is unknown.
    weights
        (K,) cost of withholding an item.
    protected
        (N,) cells that must not be known more closely than `low` to `high`.
    fixed
        (K,) items that are shown whatever happens.
    low, high
        (N,) the range that must stay possible for each protected cell.
    """

    values: FloatArray
    relations: sparse.csr_array
    items: sparse.csr_array
    weights: FloatArray
    protected: BoolArray
    fixed: BoolArray
    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        off = np.abs(self.relations @ self.values)
        if off.size and off.max() > TOLERANCE * max(1.0, float(self.values.max())):
            raise ValueError(f"sum {int(off.argmax())} does not add up: it is off by {off.max():g}")
        if (self.values < 0.0).any():
            raise ValueError("a count is below 0")

    def hidden_cells(self, withheld: BoolArray) -> BoolArray:
        """(N,) cells that no shown item shows."""
        return np.asarray(self.items.T @ (~withheld).astype(np.float64) == 0.0)


@dataclass(frozen=True, slots=True)
class Suppression:
    """The withheld items.

    Attributes
    ----------
    withheld
        (K,) True where an item is withheld.
    weight
        Of the withheld items.
    rounds, inequalities
        Master programs solved, and inequalities found.
    optimal
        Whether no set of less weight protects as well.
    protects
        False where even withholding everything that may be withheld leaves a small count too well known.
    bound
        No protecting set weighs less than this.
    """

    withheld: BoolArray
    weight: float
    rounds: int
    inequalities: int
    optimal: bool
    protects: bool
    bound: float = 0.0


def suppress(linked: Linked, *, rounds: int, nodes: int, gap: float = 0.0) -> Suppression:
    """Choose the items to withhold, at least weight.

    Every item that shows a protected cell is withheld. The limits count steps, not seconds, so that the answer does
    not depend on the machine. After each master program its choice is completed one cell at a time, so that there
    always is a set that protects; when the steps run out it is merely not proven the lightest.

    Parameters
    ----------
    linked
        Cells, sums and items.
    rounds
        Most integer master programs to solve.
    nodes
        Most nodes of each.
    gap
        Stop where the set is at most this share heavier than the bound.

    Examples
    --------
    >>> cells = Linked(  # a total of 68 and its parts; the second is small
    ...     values=np.array([68.0, 40.0, 3.0, 25.0]), relations=sparse.csr_array([[1.0, -1.0, -1.0, -1.0]]),
    ...     items=sparse.csr_array(np.eye(4)), weights=np.array([9.0, 1.0, 1.0, 1.0]),
    ...     protected=np.array([False, False, True, False]), fixed=np.zeros(4, dtype=bool),
    ...     low=np.ones(4), high=np.full(4, 10.0))
    >>> suppress(cells, rounds=20, nodes=1000).withheld.sum()
    np.int64(2)
    """
    primary = np.asarray(linked.items @ linked.protected.astype(np.float64) > 0.0)
    if not linked.protected.any():
        return Suppression(np.zeros(len(linked.weights), dtype=bool), 0.0, 0, 0, optimal=True, protects=True)
    master = _Master(linked, primary)
    attack = Attack(linked)
    solved = 0
    for _ in range(RELAXED_ROUNDS):
        solved += 1
        choice = master.solve(integer=False, nodes=nodes)
        found = [] if choice is None else list(attack.inequalities(choice.cells))
        master.cuts.extend(found)
        if not found:
            break
    bound, best = 0.0, None
    for _ in range(rounds):
        solved += 1
        choice = master.solve(integer=True, nodes=nodes)
        if choice is None:  # too many things have to stay
            return _everything(linked, attack, solved, len(master.cuts))
        found = list(attack.inequalities(choice.cells))
        chosen = choice.items > HALF
        bound = max(bound, choice.bound)
        best = _lighter(linked, best, _pruned(linked, attack, _completed(linked, attack, chosen)) if found else chosen)
        if not found or float(linked.weights[best].sum()) <= bound * (1.0 + gap):
            break
        master.cuts.extend(found)
    if best is None:
        best = _completed(linked, attack, primary & ~linked.fixed)
    if attack.open(linked.hidden_cells(best)).size:
        return _everything(linked, attack, solved, len(master.cuts))
    weight = float(linked.weights[best].sum())
    optimal = weight <= bound + TOLERANCE * max(1.0, weight)
    return Suppression(best, weight, solved, len(master.cuts), optimal=optimal, protects=True, bound=bound)


def _lighter(linked: Linked, best: BoolArray | None, other: BoolArray) -> BoolArray:
    if best is None or linked.weights[other].sum() < linked.weights[best].sum():
        return other
    return best


def _everything(linked: Linked, attack: Attack, rounds: int, cuts: int) -> Suppression:
    withheld = ~linked.fixed
    safe = attack.open(linked.hidden_cells(withheld)).size == 0
    return Suppression(withheld, float(linked.weights[withheld].sum()), rounds, cuts, optimal=False, protects=safe)


class Attack:
    """A reader with a linear-programming solver, who knows all sums and all that is shown."""

    def __init__(self, linked: Linked) -> None:
        self.linked = linked
        self.columns = sparse.csc_array(linked.relations)
        wide = REACH * float((linked.high - linked.low)[linked.protected].max())
        self.up = np.full(len(linked.values), wide)
        self.down = np.minimum(linked.values, wide)

    def open(self, hidden: BoolArray) -> IntArray:
        """Protected cells that the reader knows too closely when these cells are hidden."""
        return np.unique([target for target, *_ in self._tight(hidden.astype(np.float64))]).astype(np.int64)

    def inequalities(self, share: FloatArray) -> Iterator[tuple[FloatArray, float]]:
        """Inequalities ``c @ share >= need`` that any protecting choice keeps and this one breaks."""
        for target, sign, need, prices in self._tight(share):
            reduced = -np.asarray(self.linked.relations.T @ prices)
            reduced[target] -= sign
            cost = np.where(reduced > 0.0, reduced * self.down, -reduced * self.up)
            cost[target] = min(cost[target], need)
            yield np.minimum(np.where(cost > NEGLIGIBLE, cost, 0.0), need), need

    def _tight(self, share: FloatArray) -> Iterator[tuple[int, float, float, FloatArray]]:
        """Target, direction, how far it should move, and dual prices of the sums, where it cannot move so far."""
        linked = self.linked
        free = np.flatnonzero(share > NEGLIGIBLE)
        columns = self.columns[:, free]
        used = np.flatnonzero(np.diff(sparse.csr_array(columns).indptr))
        system = sparse.csr_array(columns)[used]
        place = np.full(len(share), -1)
        place[free] = np.arange(free.size)
        highest, lowest = np.zeros(free.size), np.zeros(free.size)
        for target in np.flatnonzero(linked.protected):
            own = int(place[target])
            value = linked.values[target]
            for sign, need in ((1.0, linked.high[target] - value), (-1.0, value - linked.low[target])):
                if need <= TOLERANCE:
                    continue
                if own < 0:  # it is shown
                    yield int(target), sign, need, np.zeros(linked.relations.shape[0])
                    continue
                if (highest[own] if sign > 0.0 else -lowest[own]) >= need - TOLERANCE:
                    continue
                moved, prices = self._move(system, free, share, own, sign, need)
                highest, lowest = np.maximum(highest, moved), np.minimum(lowest, moved)
                if sign * moved[own] < need - TOLERANCE:
                    every = np.zeros(linked.relations.shape[0])
                    every[used] = prices
                    yield int(target), sign, need, every

    def _move(
        self, system: sparse.csr_array, free: IntArray, share: FloatArray, own: int, sign: float, need: float
    ) -> tuple[FloatArray, FloatArray]:
        """How the hidden cells move when one goes as far as it can, up to `need`; and the dual prices."""
        low, high = -self.down[free] * share[free], self.up[free] * share[free]
        low[own], high[own] = max(low[own], -need), min(high[own], need)
        aim = np.zeros(free.size)
        aim[own] = -sign
        if system.shape[0] == 0:
            return np.where(np.arange(free.size) == own, low if sign < 0 else high, 0.0), np.zeros(0)
        sums: Any = system  # what is taken is wider than scipy's types say
        ends: Any = np.stack([low, high], axis=1)
        found = linprog(aim, A_eq=sums, b_eq=np.zeros(system.shape[0]), bounds=ends, method="highs")
        if found.status != 0:  # pragma: no cover - not to move is always a solution, and every move has bounds
            raise RuntimeError(f"the bound of a withheld count was not found: {found.message}")
        return np.asarray(found.x), np.asarray(found.eqlin.marginals)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Items and cells of one master program, and what no choice undercuts."""

    items: FloatArray
    cells: FloatArray
    bound: float


class _Master:
    """Which items to withhold, given the inequalities found so far."""

    def __init__(self, linked: Linked, primary: BoolArray) -> None:
        self.linked = linked
        self.cuts: list[tuple[FloatArray, float]] = []
        k, n = linked.items.shape
        self.shown = shown = sparse.coo_array(linked.items)
        pairs = np.arange(shown.nnz)
        self.ties = sparse.csr_array(  # a cell is hidden only where every item that shows it is withheld
            (
                np.r_[np.ones(shown.nnz), -np.ones(shown.nnz)],
                (np.r_[pairs, pairs], np.r_[k + shown.col, shown.row]),
            ),
            shape=(shown.nnz, k + n),
        )
        low = np.r_[primary & ~linked.fixed, np.zeros(n)].astype(np.float64)
        self.bounds = Bounds(low, np.r_[(~linked.fixed).astype(np.float64), np.ones(n)])

    def solve(self, *, integer: bool, nodes: int) -> _Choice | None:
        """The lightest choice under the inequalities (shares where not `integer`); None where none is found."""
        k, n = self.linked.items.shape
        limits = [LinearConstraint(self.ties, -np.inf, 0.0)] if self.ties.shape[0] else []
        if self.cuts:
            rows = sparse.csr_array(np.stack([cost for cost, _ in self.cuts]))
            needs = np.array([need for _, need in self.cuts])
            limits.append(LinearConstraint(sparse.hstack([sparse.csr_array((len(needs), k)), rows]), needs, np.inf))
        found = milp(
            np.r_[self.linked.weights, np.zeros(n)],
            integrality=np.full(k + n, int(integer)),
            bounds=self.bounds,
            constraints=limits,
            options={"node_limit": nodes, "mip_rel_gap": 0.0} if integer else {},
        )
        if found.x is None:
            return None
        items = np.round(found.x[:k]) if integer else found.x[:k]
        cells = np.ones(n)
        np.minimum.at(cells, self.shown.col, np.maximum(items[self.shown.row], 0.0))
        return _Choice(items, cells, float(found.mip_dual_bound) if integer else float(found.fun))


def _completed(linked: Linked, attack: Attack, chosen: BoolArray) -> BoolArray:
    """Withhold further items until every protected cell is free, each time the cheapest that frees the next one."""
    chosen = chosen.copy()
    fixed_cells = np.asarray(linked.items.T @ linked.fixed.astype(np.float64) > 0.0)
    while True:
        hidden = linked.hidden_cells(chosen)
        still = attack.open(hidden)
        if still.size == 0:
            return chosen
        more = _cheapest(linked, attack, hidden, fixed_cells, int(still[0]), chosen)
        if not more.any():
            return ~linked.fixed
        chosen |= more


def _pruned(linked: Linked, attack: Attack, chosen: BoolArray) -> BoolArray:
    """Without the items that are not needed, the heaviest first; left as it is where trying would take long."""
    primary = np.asarray(linked.items @ linked.protected.astype(np.float64) > 0.0)
    spare = np.flatnonzero(chosen & ~primary)
    if spare.size * int(linked.protected.sum()) > MOST_TRIES:
        return chosen
    kept = chosen.copy()
    for item in spare[np.argsort(-linked.weights[spare], kind="stable")]:
        kept[item] = False
        if attack.open(linked.hidden_cells(kept)).size:
            kept[item] = True
    return kept


def _cheapest(
    linked: Linked, attack: Attack, hidden: BoolArray, fixed: BoolArray, target: int, chosen: BoolArray
) -> BoolArray:
    """Items behind the cells that must move for the target to move both ways; none where it cannot."""
    n = len(linked.values)
    price = np.asarray(linked.items.T @ np.where(chosen, 0.0, linked.weights))
    price = np.where(hidden, 0.0, price + NEGLIGIBLE)
    moves = np.zeros(n, dtype=bool)
    value = linked.values[target]
    for sign, need in ((1.0, linked.high[target] - value), (-1.0, value - linked.low[target])):
        if need <= TOLERANCE:
            continue
        up, down = np.where(fixed, 0.0, attack.up), np.where(fixed, 0.0, attack.down)
        bounds: Any = np.stack([np.zeros(2 * n), np.r_[up, down]], axis=1)
        bounds[[target, n + target]] = [[need, need], [0.0, 0.0]] if sign > 0.0 else [[0.0, 0.0], [need, need]]
        sums: Any = sparse.hstack([linked.relations, -linked.relations])
        found = linprog(
            np.r_[price, price], A_eq=sums,
            b_eq=np.zeros(linked.relations.shape[0]), bounds=bounds, method="highs",
        )  # fmt: skip
        if found.status != 0:
            return np.zeros(len(chosen), dtype=bool)
        moved = np.asarray(found.x)
        moves |= (moved[:n] + moved[n:]) > TOLERANCE
    touched = np.asarray(linked.items @ (moves & ~hidden).astype(np.float64) > 0.0)
    return touched & ~chosen & ~linked.fixed

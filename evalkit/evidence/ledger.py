"""The counts of people that one summary publishes, as one system of sums: which of them must be withheld together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy import sparse

from evalkit.data.panel import Panel
from evalkit.evidence.disclosure import Policy
from evalkit.evidence.standard import Disclosure
from evalkit.numerics.suppression import Linked, suppress
from evalkit.vocabulary import BoolArray, Remark

UNITS: Final = "n_units"
TREATED: Final = "n_treated"
COMPARED: Final = "n_comparison"
CLUSTERS: Final = "n_clusters"
OBSERVATIONS: Final = "n_observations"
MISSING: Final = "missing_share"
LOST: Final = "attrition_overall"
LOST_APART: Final = "attrition_differential"
SAMPLE_FLOW: Final = "sample_flow"
ARMS: Final = frozenset({TREATED, COMPARED, CLUSTERS})
"""Items that sentences and steps of the rating name."""


def flow_item(place: int) -> str:
    """Name of the item of one remark."""
    return f"flow {place}"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Which items of a summary are withheld; none where units are places.

    Attributes
    ----------
    hidden
        Names of items: the constants of this module, and those of :func:`flow_item`.
    """

    hidden: frozenset[str] = field(default_factory=frozenset)

    def hides(self, item: str) -> bool:
        """Whether an item is withheld."""
        return item in self.hidden

    @property
    def hides_arms(self) -> bool:
        """Whether a count that sentences name is withheld: all are put in words then."""
        return bool(self.hidden & ARMS)


@dataclass(frozen=True, slots=True)
class Counted:
    """Numbers of the primary estimate that a ledger starts from.

    Attributes
    ----------
    used, treated
        Units in the estimate, and treated ones among them.
    compared
        Units that they are compared with, later starters included.
    clusters, treated_clusters
        Independent clusters; None where they are not of people.
    """

    used: int
    treated: int
    compared: int
    clusters: int | None
    treated_clusters: int | None


class _Book:
    """Cells, sums and items as they are entered."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.sums: list[tuple[str, tuple[str, ...]]] = []
        self.items: dict[str, set[str]] = {}

    def cell(self, name: str, value: float) -> None:
        self.values[name] = float(value)

    def adds_up(self, whole: str, *parts: str) -> None:
        """Enter a sum; one that the numbers do not keep is not known to anybody."""
        if abs(self.values[whole] - sum(self.values[part] for part in parts)) < 0.5:
            self.sums.append((whole, parts))

    def split(self, whole: str, part: str, rest: str) -> None:
        """Enter what is left of a whole beside a part of it."""
        left = self.values[whole] - self.values[part]
        if left >= 0.0:
            self.cell(rest, left)
            self.sums.append((whole, (part, rest)))

    def show(self, item: str, *cells: str) -> None:
        self.items.setdefault(item, set()).update(cells)


def ledger(rules: Policy, limits: Disclosure, panel: Panel, counted: Counted, remarks: Sequence[Remark] = ()) -> Ledger:
    """Which counts of the summary to withhold, so that none from 1 to ``min_cell - 1`` is told or can be computed.

    The sample in all and by arm, cohorts, units and unit-periods left out, and those lost on the way are one system of
    sums. A share of people in a known number of them counts them; so do two totals, of which one leaves a few out.

    Parameters
    ----------
    rules, limits
        What counts are about, and the thresholds.
    panel
        The primary outcome as analysed.
    counted
        Of the primary estimate.
    remarks
        Steps of the sample flow, in their order.
    """
    if rules.subject != "persons":
        return Ledger()
    book = _Book()
    _units(book, panel, counted)
    if panel.cross_sections is None:
        _clusters(book, counted)
    _missing(book, panel)
    _lost(book, panel)
    _flow(book, remarks)
    return Ledger(_solved(book, rules, limits))


def close(value: float, published: Collection[float], min_cell: int) -> bool:
    """Whether a count beside a published one of nearly the same people tells how few make the difference.

    Examples
    --------
    >>> close(67, [70, 130], 11), close(70, [70, 130], 11), close(40, [70], 11)
    (True, False, False)
    """
    return any(0.0 < abs(value - other) < min_cell for other in published)


def _units(book: _Book, panel: Panel, counted: Counted) -> None:
    never, always = int(panel.never_treated.sum()), int(panel.always_treated.sum())
    book.cell("units in the data", panel.n_units)
    book.cell("never", never)
    book.cell("always", always)
    book.cell("starters", panel.n_units - never - always)
    book.adds_up("units in the data", "starters", "never", "always")
    book.cell("used", counted.used)
    book.split("units in the data", "used", "left out")
    book.cell("treated", counted.treated)
    book.split("starters", "treated", "starters left out")
    if counted.used - counted.treated == never:
        book.adds_up("used", "treated", "never")
    else:
        book.split("used", "treated", "used beside the treated")
    sizes = {f"cohort {cohort}": int((panel.first_treated == cohort).sum()) for cohort in panel.cohorts.tolist()}
    for name, size in sizes.items():
        book.cell(name, size)
    if sizes:
        book.adds_up("starters", *sizes)
    book.cell("compared", counted.compared)
    book.split("compared", "never", "later starters")
    if len(sizes) > 1 and "later starters" in book.values:
        book.adds_up("later starters", *list(sizes)[1:])
    book.show(UNITS, "used")
    book.show(TREATED, "treated")
    book.show(COMPARED, "compared")
    book.show(SAMPLE_FLOW, "units in the data", "used", "treated", "always")


def _clusters(book: _Book, counted: Counted) -> None:
    if counted.clusters is None or counted.treated_clusters is None:
        return
    for name, value, same in (
        ("clusters", counted.clusters, "used"),
        ("treated clusters", counted.treated_clusters, "treated"),
    ):
        book.cell(name, value)
        book.adds_up(name, same)
        book.show(CLUSTERS, name)
    book.split("clusters", "treated clusters", "other clusters")


def _missing(book: _Book, panel: Panel) -> None:
    """Unit-periods without an outcome; the number of all unit-periods is known."""
    treated = ~panel.never_treated
    absent = ~panel.observed
    for arm, rows in (("treated", treated), ("others", ~treated)):
        book.cell(f"missing of {arm}", int(absent[rows].sum()))
    book.cell("missing", int(absent.sum()))
    book.adds_up("missing", "missing of treated", "missing of others")
    book.cell("missing of used", int(absent[~panel.always_treated].sum()))
    book.split("missing", "missing of used", "missing of always treated")
    book.show(MISSING, "missing of used")
    book.show(OBSERVATIONS, "missing of used")
    book.show(SAMPLE_FLOW, "missing", "missing of treated", "missing of others")


def _lost(book: _Book, panel: Panel) -> None:
    """Units seen before the first start and not in the last period, as attrition counts them."""
    if panel.cohorts.size == 0 or panel.cross_sections is not None:
        return
    before = panel.observed[:, panel.time < panel.cohorts[0]].any(axis=1)
    arms: Mapping[str, BoolArray] = {
        "treated": ~panel.always_treated & ~panel.never_treated,
        "others": panel.never_treated,
    }
    for arm, rows in arms.items():
        book.cell(f"lost of {arm}", int((before & rows & ~panel.observed[:, -1]).sum()))
    book.cell("lost", sum(book.values[f"lost of {arm}"] for arm in arms))
    book.adds_up("lost", *(f"lost of {arm}" for arm in arms))
    book.show(LOST, "lost")
    book.show(LOST_APART, *(f"lost of {arm}" for arm in arms))


def _flow(book: _Book, remarks: Sequence[Remark]) -> None:
    counted: list[tuple[str, str]] = []
    for place, remark in enumerate(remarks):
        for arm, count in (("treated", remark.treated), ("comparison", remark.comparison)):
            book.cell(f"{flow_item(place)} {arm}", count)
            book.show(flow_item(place), f"{flow_item(place)} {arm}")
        both = f"{flow_item(place)} in all"
        book.cell(both, remark.treated + remark.comparison)
        book.adds_up(both, f"{flow_item(place)} treated", f"{flow_item(place)} comparison")
        book.show(flow_item(place), both)
        if remark.id in ("outcome_missing", "unit_periods_absent"):
            counted.append((f"{flow_item(place)} treated", f"{flow_item(place)} comparison"))
        for name in ("never", "always", "left out"):  # a step may tell of a group that is known by another name
            for part in (both, f"{flow_item(place)} treated", f"{flow_item(place)} comparison"):
                if book.values[part] > 0.0 and name in book.values:
                    book.adds_up(part, name)
    if counted:
        book.adds_up("missing of treated", *(treated for treated, _ in counted))
        book.adds_up("missing of others", *(comparison for _, comparison in counted))


def _solved(book: _Book, rules: Policy, limits: Disclosure) -> frozenset[str]:
    names = list(book.values)
    place = {name: number for number, name in enumerate(names)}
    values = np.array([book.values[name] for name in names])
    protected = (values > 0.0) & (values < rules.min_cell)
    relations = np.zeros((len(book.sums), len(names)))
    for line, (whole, parts) in enumerate(book.sums):
        relations[line, place[whole]] += 1.0
        for part in parts:
            relations[line, place[part]] -= 1.0
    items = np.zeros((len(book.items), len(names)))
    for line, cells in enumerate(book.items.values()):
        items[line, [place[cell] for cell in cells]] = 1.0
    weights = [limits.item_weights.get(item.split(" ")[0], limits.item_weights["otherwise"]) for item in book.items]
    found = suppress(
        Linked(
            values=values, relations=sparse.csr_array(relations), items=sparse.csr_array(items),
            weights=np.array(weights), protected=protected, fixed=np.zeros(len(items), dtype=bool),
            low=np.ones(len(names)), high=np.full(len(names), float(rules.min_cell - 1)),
        ),
        rounds=limits.solver_rounds, nodes=limits.solver_nodes, gap=limits.solver_gap,
    )  # fmt: skip
    return frozenset(item for item, withheld in zip(book.items, found.withheld, strict=True) if withheld)

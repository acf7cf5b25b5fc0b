"""Cells and the linear maps over them: overall, event study, by cohort, by period.

An estimator returns cell effects ATT(g, t); everything a reader sees is a weighted sum of
cells. The weights of Callaway and Sant'Anna (2021), section 3, depend on the cohort shares
P(G = g), which are themselves estimated, so the gradient of each aggregate has two parts: with
respect to the cells (the weights) and with respect to the shares (the estimated-weights term).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.errors import DesignRefused, Reason
from evalkit.language import Phrases
from evalkit.vocabulary import POOLED, AggregationKind, FloatArray, IntArray

_POOLED_ONLY: Final = {
    "overall": "This estimate has no effects of cohorts and periods to average: it holds pooled effects only.",
    "event_study": "This estimate has no effects by event time: it holds pooled effects only.",
    "cohort": "This estimate has no effects by cohort: it holds pooled effects only.",
    "period": "This estimate has no effects by period: it holds pooled effects only.",
    "unit": "This estimate has no effects by unit: it holds pooled effects only.",
}
POOLED_ONLY: Final = Phrases(_POOLED_ONLY)
"""By the aggregation asked for."""


@dataclass(frozen=True, slots=True)
class Cells:
    """K effects, each for one cohort in one period, or pooled where ordinals are ``POOLED``.

    Attributes
    ----------
    cohort, period, event_time
        (K,) ordinals of the calendar; ``POOLED`` where the effect pools over that index.
        A static two-way fixed-effects coefficient is pooled in all three.
    estimate
        (K,) effects in the unit of the outcome as analysed.
    observed
        (K,) mean outcome as analysed of the treated units in the cell; NaN where unknown.
    n_treated
        (K,) treated units behind the cell.
    is_reference
        (K,) True where the effect is 0 by construction (the base period).
    share_cohorts, shares
        (G,) ordinals of the treated cohorts and their population shares P(G = g).
    unit, fraction
        (K,) index of the treated unit that the cell is of, and its share of its cohort; None where cells
        are of whole cohorts.
    """

    cohort: IntArray
    period: IntArray
    event_time: IntArray
    estimate: FloatArray
    observed: FloatArray
    n_treated: IntArray
    is_reference: np.typing.NDArray[np.bool_]
    share_cohorts: IntArray
    shares: FloatArray
    unit: IntArray | None = None
    fraction: FloatArray | None = None

    def __post_init__(self) -> None:
        k = self.estimate.shape
        if (self.unit is None) != (self.fraction is None):
            raise ValueError("cells.unit and cells.fraction come together")
        for name in ("cohort", "period", "event_time", "observed", "n_treated", "is_reference", "unit", "fraction"):
            values = getattr(self, name)
            if values is not None and values.shape != k:
                raise ValueError(f"cells.{name} must have shape {k}, got {values.shape}")
        if self.shares.shape != self.share_cohorts.shape:
            raise ValueError("cells.shares and cells.share_cohorts must have one shape")

    def __len__(self) -> int:
        return int(self.estimate.shape[0])

    @property
    def fractions(self) -> FloatArray:
        """(K,) share of its cohort that each cell stands for; 1 where cells are of whole cohorts."""
        return np.ones(len(self)) if self.fraction is None else self.fraction


@dataclass(frozen=True, slots=True)
class Weights:
    """L linear maps over K cells and G shares.

    Attributes
    ----------
    labels
        (L,) ordinals that name the rows: event times, cohorts or periods; ``POOLED`` for one overall row.
    on_cells
        (K, L) weights; each column sums to 1.
    on_shares
        (G, L) derivative of each aggregate with respect to the cohort shares.
    """

    kind: AggregationKind
    labels: IntArray
    on_cells: FloatArray
    on_shares: FloatArray

    def average(self) -> Weights:
        """One row: the plain mean of all rows."""
        return self.combine(np.full(len(self.labels), 1.0 / len(self.labels)))

    def combine(self, weights: FloatArray) -> Weights:
        """One row: a fixed combination of all rows."""
        return Weights(
            self.kind,
            np.array([POOLED], dtype=np.int64),
            (self.on_cells @ weights)[:, None],
            (self.on_shares @ weights)[:, None],
        )


def weights(cells: Cells, kind: AggregationKind) -> Weights:
    """Weights of an aggregation (Callaway and Sant'Anna 2021, eqs. 3.4 to 3.11).

    Parameters
    ----------
    cells
        Effects of one estimate.
    kind
        ``overall``: cells at event time 0 or later, weighted by cohort share ("simple" in R `did`).
        ``event_study``: within an event time, by cohort share. ``cohort``: plain mean over a
        cohort's treated periods. ``period``: within a calendar period, by cohort share. ``unit``: plain mean over a
        unit's treated periods. A cell of one unit weighs its share of the cohort.

    Raises
    ------
    DesignRefused
        When the estimator pools over the index that is asked for.
    """
    pooled = _pooled_selection(cells, kind)
    if pooled is not None:
        return pooled
    is_cell = (cells.cohort != POOLED) & (cells.period != POOLED)
    treated = is_cell & (cells.event_time >= 0)
    if kind == "unit" and cells.unit is None:
        raise DesignRefused(
            Reason("This estimate has no effects by unit: its effects are of whole cohorts."),
            next_step="Use an estimator that fits each treated unit by itself, e.g. estimator=synthetic_control.",
        )
    index = {
        "overall": None,
        "event_study": cells.event_time,
        "cohort": cells.cohort,
        "period": cells.period,
        "unit": cells.unit,
    }[kind]
    included = is_cell if kind == "event_study" else treated
    if not included.any():
        raise DesignRefused(
            POOLED_ONLY.reason(kind),
            next_step="Use an estimator with cohort-by-period effects, e.g. estimator=callaway_santanna.",
        )
    if index is None:
        return _by_share(cells, kind, [included], np.array([POOLED], dtype=np.int64))
    labels = np.unique(index[included])
    groups = [included & (index == label) for label in labels]
    if kind in ("cohort", "unit"):
        share = cells.fractions
        on_cells = np.stack([group * share / share[group].sum() for group in groups], axis=1)
        return Weights(kind, labels, on_cells, np.zeros((len(cells.shares), len(labels))))
    return _by_share(cells, kind, groups, labels)


def average_weights(cells: Cells, kind: AggregationKind) -> Weights:
    """Weights of the one-number summary of an aggregation.

    Event study: plain mean over event times 0 and later (eq. 3.11 analogue of R `did`'s
    "dynamic"). Period: plain mean over treated periods. Cohort: by cohort share (eq. 3.8).
    """
    rows = weights(cells, kind)
    if kind == "event_study":
        keep = rows.labels >= 0
        return rows.combine(keep / keep.sum())
    if kind == "cohort":
        present = np.isin(cells.share_cohorts, rows.labels)
        share = np.where(present, cells.shares, 0.0)
        total = share.sum()
        position = np.searchsorted(rows.labels, cells.share_cohorts[present])
        by_row = np.zeros(len(rows.labels))
        by_row[position] = share[present] / total
        effects = rows.on_cells.T @ np.nan_to_num(cells.estimate)
        combined = rows.combine(by_row)
        on_shares = np.zeros(len(cells.shares))
        on_shares[present] = (effects[position] - by_row @ effects) / total
        return Weights(kind, combined.labels, combined.on_cells, on_shares[:, None])
    return rows.average()


def _pooled_selection(cells: Cells, kind: AggregationKind) -> Weights | None:
    """Pick effects that the estimator reports already pooled, if it does."""
    pooled_cohort, pooled_period = cells.cohort == POOLED, cells.period == POOLED
    pooled_time = cells.event_time == POOLED
    if kind == "unit":
        return None
    selected, index = {
        "overall": (pooled_cohort & pooled_period & pooled_time, cells.cohort),
        "event_study": (pooled_cohort & pooled_period & ~pooled_time, cells.event_time),
        "cohort": (~pooled_cohort & pooled_period, cells.cohort),
        "period": (pooled_cohort & ~pooled_period, cells.period),
    }[kind]
    positions = np.flatnonzero(selected)
    if positions.size == 0:
        return None
    positions = positions[np.argsort(index[positions], kind="stable")]
    on_cells = np.zeros((len(cells), positions.size))
    on_cells[positions, np.arange(positions.size)] = 1.0
    return Weights(kind, index[positions], on_cells, np.zeros((len(cells.shares), positions.size)))


def _by_share(
    cells: Cells, kind: AggregationKind, groups: list[np.typing.NDArray[np.bool_]], labels: IntArray
) -> Weights:
    """Weights proportional to cohort shares within each group of cells, with their derivative.

    With theta = sum_k f_k p_k ATT_k / sum_k f_k p_k, where f is the share of its cohort that a cell stands for,
    d theta / d p_g = sum_{k in g} f_k (ATT_k - theta) / sum_k f_k p_k.
    """
    member = np.stack(groups, axis=1)
    used = np.flatnonzero(member.any(axis=1))
    cohort, within = np.searchsorted(cells.share_cohorts, cells.cohort[used]), member[used]
    fraction = np.where(within, cells.fractions[used][:, None], 0.0)
    share = cells.shares[cohort][:, None] * fraction
    total = share.sum(axis=0)
    on_cells = np.zeros((len(cells), len(groups)))
    on_cells[used] = share / total
    effect = np.where(within, cells.estimate[used][:, None], 0.0)
    pooled = (on_cells[used] * effect).sum(axis=0)
    on_shares = np.zeros((len(cells.shares), len(groups)))
    np.add.at(on_shares, cohort, fraction * (effect - pooled) / total)
    return Weights(kind, labels, on_cells, on_shares)

"""The Estimate: cell effects, their joint uncertainty, and every aggregate of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from evalkit import aggregate as aggregation_weights
from evalkit.aggregate import Cells, Weights
from evalkit.data.calendar import Calendar
from evalkit.errors import ConfigError, DesignRefused, closest
from evalkit.numerics import reference_law
from evalkit.uncertainty import OwnInterval, Posterior, Reported, Sampling, multiplied
from evalkit.vocabulary import (
    POOLED,
    AggregationKind,
    Estimand,
    Exhibit,
    FloatArray,
    IntArray,
    IntervalKind,
    Remark,
)

KINDS: tuple[AggregationKind, ...] = ("overall", "event_study", "cohort", "period", "unit")
LeadsFrom = Literal["reference", "previous", "own_mean", "fit"]
SUP_T_DRAWS = 9_999
"""Draws behind a simultaneous critical value: its Monte Carlo error stays near 0.01."""
IQR_OF_NORMAL = 2.0 * float(reference_law.quantile(0.75, None))


@dataclass(frozen=True, slots=True)
class Aggregation:
    """L effects with their joint uncertainty.

    Attributes
    ----------
    labels
        (L,) event times, cohort or period ordinals, units; ``POOLED`` for one overall effect.
    estimate, std_error, low, high
        (L,) in the unit of the outcome as analysed; bounds at `level`.
    observed
        (L,) mean observed outcome of the treated behind each effect, same weights.
    n_treated
        (L,) distinct treated units behind each effect.
    covariance
        (L, L).
    draws
        (S, L) posterior draws; None on a frequentist estimate.
    low_simultaneous, high_simultaneous
        (L,) bands that hold for all rows at once; None unless asked for.
    degrees_of_freedom
        Of the t reference, the fewest over the rows; None for the normal or a posterior.
    degrees_by_row
        (L,) where rows differ; infinite on reference rows. None where `degrees_of_freedom` holds for all.
    """

    kind: AggregationKind
    labels: IntArray
    estimate: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    level: float
    observed: FloatArray
    n_treated: IntArray
    is_reference: np.typing.NDArray[np.bool_]
    covariance: FloatArray
    draws: FloatArray | None
    degrees_of_freedom: float | None
    low_simultaneous: FloatArray | None = None
    high_simultaneous: FloatArray | None = None
    degrees_by_row: FloatArray | None = None

    def p_values(self) -> FloatArray:
        """(L,) two-sided p-values of "the effect is 0"; NaN for reference rows and posteriors."""
        if self.draws is not None:
            return np.full(len(self.labels), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.abs(self.estimate / self.std_error)
        degrees = self.degrees_of_freedom if self.degrees_by_row is None else self.degrees_by_row
        return np.where(self.is_reference, np.nan, 2.0 * reference_law.above(statistic, degrees))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an estimator returns.

    Attributes
    ----------
    estimator
        Registered name.
    estimand
        ``ATT`` unless the design says otherwise.
    settings
        The estimator's settings, as validated, in plain types.
    cells
        Effects by cohort and period (or pooled).
    uncertainty
        :class:`~evalkit.uncertainty.Sampling` or :class:`~evalkit.uncertainty.Posterior`.
    calendar
        Turns ordinals into the labels of the data.
    n_units, n_treated_units, n_observations
        Used by the fit, after exclusions.
    seed
        Of the draws behind simultaneous bands and bootstrap errors.
    level
        Default level of intervals.
    remarks
        Exclusions and choices the reader must know.
    facts
        Further figures by name (e.g. share of forbidden comparisons).
    leads_from
        What an effect before treatment is measured from: the ``reference`` period, the ``previous``
        period (varying base), the cohort's ``own_mean`` over its untreated periods, or the model's ``fit``: observed
        less effect is then the counterfactual in every period.
    reported
        Interval and p-value to report for the overall effect where a study has decided on them
        (:mod:`evalkit.inference.choose`); None straight from an estimator.
    own
        Interval that the estimator's own design calls for; the rule table reports it. None for clustered errors.
    uncalibrated
        Whether intervals of this estimate are known to hold less often than they say, whatever the errors: the rule
        table then reports none.
    exhibits
        The estimator's own figures, shown behind the annex like those of the checks.
    unit_names
        Names that `cells.unit` points to; empty where cells are of whole cohorts.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=60, n_periods=6, effect=2.0, seed=1)
    >>> estimate = ek.CallawaySantAnna().fit(panel, rng=np.random.default_rng(0))
    >>> list(estimate.aggregate("overall").columns)[:6]
    ['label', 'cohort', 'period', 'event_time', 'n_treated', 'estimate']
    """

    estimator: str
    settings: dict[str, Any]
    cells: Cells
    uncertainty: Sampling | Posterior
    calendar: Calendar
    n_units: int
    n_treated_units: int
    n_observations: int
    seed: int
    estimand: Estimand = "ATT"
    level: float = 0.95
    remarks: tuple[Remark, ...] = ()
    facts: dict[str, float] = field(default_factory=dict)
    leads_from: LeadsFrom = "reference"
    reported: Reported | None = None
    own: OwnInterval | None = None
    uncalibrated: bool = False
    exhibits: tuple[Exhibit, ...] = ()
    unit_names: tuple[str, ...] = ()
    _drawn: list[tuple[FloatArray, FloatArray]] = field(default_factory=list, init=False, repr=False, compare=False)
    """Gradients of all aggregations and their multiplier draws, made when first asked for: one pass serves all."""

    @property
    def kinds(self) -> tuple[AggregationKind, ...]:
        """Aggregations worth asking for: by unit only where effects are of units."""
        return KINDS if self.cells.unit is not None else KINDS[:-1]

    @property
    def interval_kind(self) -> IntervalKind:
        """``credible`` for a posterior, else ``confidence``."""
        return "credible" if isinstance(self.uncertainty, Posterior) else "confidence"

    @property
    def draws(self) -> FloatArray | None:
        """(S, K) posterior draws of the cells; None on a frequentist estimate."""
        return self.uncertainty.draws if isinstance(self.uncertainty, Posterior) else None

    @property
    def influence(self) -> FloatArray | None:
        """(n_clusters, K) influence functions of the cells; their cross product is the covariance.

        Computed when asked for; None on a Bayesian estimate.
        """
        if isinstance(self.uncertainty, Posterior) or self.uncertainty.influence_of is None:
            return None
        return self.uncertainty.influence_of()[:, : len(self.cells)]

    def aggregation(
        self, kind: AggregationKind, *, level: float | None = None, simultaneous: bool = False, average: bool = False
    ) -> Aggregation:
        """Aggregate the cells; the typed form of :meth:`aggregate`.

        Parameters
        ----------
        kind
            ``overall``, ``event_study``, ``cohort``, ``period`` or ``unit``.
        level
            Of intervals and bands; the estimate's own by default.
        simultaneous
            Also compute bands that hold for all rows at once (sup-t).
        average
            The one-number summary of the aggregation instead of its rows.
        """
        if kind not in KINDS:
            raise ConfigError(
                f"There is no aggregation '{kind}'.",
                allowed=", ".join(KINDS),
                next_step=f"Did you mean '{closest(str(kind), KINDS)}'?" if closest(str(kind), KINDS) else None,
            )
        maps = (aggregation_weights.average_weights if average else aggregation_weights.weights)(self.cells, kind)
        return self._apply(maps, self.level if level is None else level, simultaneous)

    def aggregate(self, kind: AggregationKind, *, level: float | None = None) -> pd.DataFrame:
        """Aggregate the cells into a table.

        Returns
        -------
        DataFrame
            One row an effect: label, cohort, period, event_time, n_treated, estimate, std_error,
            low, high; `event_study` also has low_simultaneous and high_simultaneous.
            Labels of pooled indexes are missing.
        """
        return self._table(self.aggregation(kind, level=level, simultaneous=kind == "event_study"))

    def average(self, over: AggregationKind, *, level: float | None = None) -> pd.DataFrame:
        """One row: the mean of an aggregation over its treated rows (R `did`'s overall of each type).

        Cohorts are weighted by their share; event times (0 and later) and periods equally.
        """
        return self._table(self.aggregation(over, level=level, average=True))

    def to_frame(self, *, level: float | None = None) -> pd.DataFrame:
        """One row a cell: cohort, period, event_time, n_treated, estimate, std_error, low, high.

        The unit stands first where cells are of units.
        """
        count = len(self.cells)
        identity = Weights("overall", np.full(count, POOLED), np.eye(count), np.zeros((len(self.cells.shares), count)))
        applied = self._apply(identity, self.level if level is None else level, simultaneous=False)
        units = {} if self.cells.unit is None else {"unit": [self.unit_names[unit] for unit in self.cells.unit]}
        return pd.DataFrame(
            {
                **units,
                "cohort": self.calendar.label_array(self.cells.cohort),
                "period": self.calendar.label_array(self.cells.period),
                "event_time": _integers(self.cells.event_time),
                "n_treated": self.cells.n_treated,
                "estimate": applied.estimate,
                "std_error": applied.std_error,
                "low": applied.low,
                "high": applied.high,
            }
        )

    def _apply(self, maps: Weights, level: float, simultaneous: bool) -> Aggregation:
        cells = self.cells
        used = maps.on_cells != 0.0
        value = maps.on_cells.T @ np.where(used.any(axis=1), cells.estimate, 0.0)
        observed = maps.on_cells.T @ np.where(used.any(axis=1), cells.observed, 0.0)
        reference = ~(used & ~cells.is_reference[:, None]).any(axis=0)
        n_treated = _distinct_treated(cells, used)
        if not 0.0 < level < 1.0:
            raise ConfigError(f"The level of intervals must lie between 0 and 1, as 0.95 does. Got {level!r} instead.")
        tail = (1.0 - level) / 2.0
        low_band = high_band = draws = degrees = by_row = None
        if isinstance(self.uncertainty, Posterior):
            draws = self.uncertainty.draws @ maps.on_cells
            value, std_error = draws.mean(axis=0), draws.std(axis=0, ddof=1)
            low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
            covariance = np.atleast_2d(np.cov(draws, rowvar=False))
            deviations = draws - value
        else:
            gradient = np.vstack([maps.on_cells, maps.on_shares])
            covariance = gradient.T @ self.uncertainty.covariance @ gradient
            std_error = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
            degrees = self.uncertainty.degrees_of_freedom
            if self.uncertainty.degrees_of is not None:
                by_row = self.uncertainty.degrees_of(gradient)
                degrees = float(by_row.min())
            deviations = np.empty((0, 0))
            if self.uncertainty.bootstrap is not None:
                deviations = self._sampling_deviations(self.uncertainty, gradient)
                quartiles = np.quantile(deviations, [0.25, 0.75], axis=0)
                std_error = (quartiles[1] - quartiles[0]) / IQR_OF_NORMAL
            critical = reference_law.quantile(1.0 - tail, degrees if by_row is None else by_row)
            low, high = value - critical * std_error, value + critical * std_error
            if simultaneous and deviations.size == 0:
                deviations = self._sampling_deviations(self.uncertainty, gradient)
        if simultaneous:
            critical = _sup_t(deviations, std_error, reference, level)
            if by_row is not None:  # the tail beyond the normal bands, by each row's own t
                beyond = float(reference_law.above(np.array([critical]), None)[0])
                critical = -reference_law.quantile(beyond, by_row)
            width = critical * std_error
            if degrees is not None:
                width = np.maximum(width, value - low)
            low_band, high_band = value - width, value + width
        return Aggregation(
            maps.kind, maps.labels, value, std_error, low, high, level, observed, n_treated, reference,
            covariance, draws, degrees, low_band, high_band, by_row,
        )  # fmt: skip

    def _sampling_deviations(self, sampling: Sampling, gradient: FloatArray) -> FloatArray:
        """(B, L) draws of the aggregates around their estimate.

        Gaussian multipliers make the draws exactly normal with the estimated covariance given
        the data, so they are drawn from it directly; other laws need the influence functions.
        """
        rng = np.random.default_rng(self.seed)
        bootstrap = sampling.bootstrap
        if bootstrap is None or bootstrap.multiplier == "gaussian" or sampling.influence_of is None:
            count = SUP_T_DRAWS if bootstrap is None else bootstrap.n_draws
            covariance = gradient.T @ sampling.covariance @ gradient
            values, vectors = np.linalg.eigh(covariance)
            root = vectors * np.sqrt(np.clip(values, 0.0, None))
            normal: FloatArray = (root @ rng.standard_normal((count, len(values))).T).T
            return normal  # columns contiguous: quantiles run along them
        if not self._drawn:
            every = np.hstack([gradient for gradient in self._gradients() if gradient.size])
            self._drawn.append((every, multiplied(sampling, every, bootstrap, self.seed)))
        known, drawn = self._drawn[0]
        place = _columns_among(gradient, known)
        return multiplied(sampling, gradient, bootstrap, self.seed) if place is None else drawn[:, place]

    def _gradients(self) -> Iterator[FloatArray]:
        """(K + G, L) of each aggregation that the cells allow."""
        for kind in self.kinds:
            try:
                maps = aggregation_weights.weights(self.cells, kind)
            except DesignRefused:  # an estimate of pooled effects has no aggregation over the index it pools
                continue
            yield np.vstack([maps.on_cells, maps.on_shares])

    def _table(self, rows: Aggregation) -> pd.DataFrame:
        def ordinals(kind: AggregationKind) -> IntArray:
            return rows.labels if rows.kind == kind else np.full(len(rows.labels), POOLED)

        columns: dict[str, Any] = {
            "label": pd.array([self._named(rows.kind, int(ordinal)) for ordinal in rows.labels], dtype="str"),
            "cohort": self.calendar.label_array(ordinals("cohort")),
            "period": self.calendar.label_array(ordinals("period")),
            "event_time": _integers(ordinals("event_study")),
            "n_treated": rows.n_treated,
            "estimate": rows.estimate,
            "std_error": rows.std_error,
            "low": rows.low,
            "high": rows.high,
        }
        if rows.low_simultaneous is not None and rows.high_simultaneous is not None:
            columns |= {"low_simultaneous": rows.low_simultaneous, "high_simultaneous": rows.high_simultaneous}
        return pd.DataFrame(columns)

    def _named(self, kind: AggregationKind, ordinal: int) -> str:
        if ordinal == POOLED or kind == "overall":
            return "overall" if kind == "overall" else "average"
        if kind == "event_study":
            return f"{ordinal:+d}" if ordinal else "0"
        return self.unit_names[ordinal] if kind == "unit" else self.calendar.text(ordinal)


def _columns_among(columns: FloatArray, known: FloatArray) -> list[int] | None:
    """Where each column stands among known ones; None when one is missing."""
    place = []
    for column in columns.T:
        same = np.flatnonzero((known == column[:, None]).all(axis=0))
        if not same.size:
            return None
        place.append(int(same[0]))
    return place


def _integers(ordinals: IntArray) -> pd.arrays.IntegerArray:
    """Numbers that are missing where ordinals are pooled."""
    return pd.arrays.IntegerArray(ordinals.astype(np.int64), ordinals == POOLED)


def _distinct_treated(cells: Cells, used: np.typing.NDArray[np.bool_]) -> IntArray:
    """(L,) treated units behind sets of cells (K, L), counting each cohort once at its largest cell."""
    if cells.unit is not None:
        return np.array([np.unique(cells.unit[column]).size for column in used.T], dtype=np.int64)
    order = np.argsort(cells.cohort, kind="stable")
    starts = np.flatnonzero(np.diff(cells.cohort[order], prepend=cells.cohort[order[:1]] - 1))
    sizes = np.where(used, cells.n_treated[:, None], 0)[order]
    largest: IntArray = np.maximum.reduceat(sizes, starts, axis=0)
    return np.asarray(largest.sum(axis=0))


def _sup_t(
    deviations: FloatArray, std_error: FloatArray, reference: np.typing.NDArray[np.bool_], level: float
) -> float:
    """Critical value of the largest absolute t statistic over rows (Montiel Olea and Plagborg-Moller 2019)."""
    rows = ~reference & (std_error > 0.0)
    if not rows.any():
        return 0.0
    largest = np.max(np.abs(deviations.T[rows] / std_error[rows, None]), axis=0)
    return float(np.quantile(largest, level))

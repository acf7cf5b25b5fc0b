"""One interrupted series: its rows, its regression, and the covariance of its coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.errors import DesignRefused, Reason
from evalkit.numerics.autoregression import RhoBy, SeriesFit, fit_series
from evalkit.numerics.newey_west import moving_sums
from evalkit.numerics.segmented import (
    Change,
    Season,
    Segmented,
    Trend,
    assemble,
    change_columns,
    season_columns,
    trend_columns,
)
from evalkit.numerics.series_cells import SeriesCells, gaps
from evalkit.numerics.series_counts import fit_counts
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

Errors = Literal["ar1", "prais_winsten", "newey_west", "independent"]
RHO_BY: Mapping[Errors, RhoBy] = {
    "ar1": "reml", "prais_winsten": "prais_winsten", "newey_west": "none", "independent": "none",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """One outcome over time, NaN where it was not observed, and what is known of each of its periods.

    Attributes
    ----------
    outcome
        (T,) as modelled: of a controlled series, less the mean of the comparison units.
    time
        (T,) ordinals.
    start
        First period of the programme.
    regressors
        Name to (T,) values: other programmes first, then covariates.
    offset, weight
        (T,) logs of the exposures of a count; denominators of a rate. None where there are none.
    left_out
        (T,) periods that the model does not use: a donut around the start.
    """

    outcome: FloatArray
    time: IntArray
    start: int
    regressors: Mapping[str, FloatArray]
    left_out: BoolArray
    offset: FloatArray | None = None
    weight: FloatArray | None = None

    @property
    def used(self) -> BoolArray:
        """(T,) periods with an outcome and every regressor, outside the donut."""
        known = ~np.isnan(self.outcome) & ~self.left_out
        for values in self.regressors.values():
            known &= ~np.isnan(values)
        return np.asarray(known)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the regression looks like."""

    trend: Trend
    season: Season
    length: float
    pairs: int
    change: Change
    counts: bool
    errors: Errors


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted series.

    Attributes
    ----------
    rows
        (n,) positions in time of the periods used.
    time
        (n,) their ordinals.
    on
        (n,) whether under the programme.
    design
        With the coefficients' names.
    fit
        The regression; of counts, on weighted working residuals.
    root
        (n,) square roots of the weights; None for a linear model.
    cells
        The gaps.
    """

    rows: IntArray
    time: IntArray
    on: BoolArray
    design: Segmented
    fit: SeriesFit
    root: FloatArray | None
    cells: SeriesCells

    def covariance(self, lags: int | None, factor: float) -> FloatArray:
        """(p, p) of the coefficients; Newey and West's where `lags` are given."""
        if lags is None:
            return self.fit.covariance * factor
        sums = moving_sums(self.fit.loading.T * self.fit.innovation[:, None], self.time, lags)
        return np.asarray(factor * (sums.T @ sums))

    @property
    def overall(self) -> FloatArray:
        """(p,) weights of the coefficients in the mean effect over the periods under the programme."""
        return np.asarray(self.cells.of_model[self.on[self.cells.row]].mean(axis=0))


def design_of(series: Series, shape: Shape) -> Segmented:
    """The design matrix; the programme's columns first, so that the rest gives way where they overlap."""
    first = int(series.time[series.used & (series.time >= series.start)].min(initial=int(series.time[-1])))
    change = change_columns(series.time, first, shape.change)
    parts = {
        "constant": np.ones(len(series.time)),
        **change,
        **series.regressors,
        **trend_columns(series.time, shape.trend),
        **season_columns(series.time, shape.season, shape.length, shape.pairs),
    }
    return assemble(list(parts.items()), list(change), series.used)


def fit_one(series: Series, shape: Shape, design: Segmented) -> Fitted:
    """Run the regression of one series.

    Raises
    ------
    EstimationFailed
        When the regression of counts does not settle.
    """
    rows = np.flatnonzero(series.used)
    time, outcome = series.time[rows], series.outcome[rows]
    on = time >= series.start
    by = RHO_BY[shape.errors]
    if not shape.counts:
        fit = fit_series(outcome, design.columns, time, by)
        cells = gaps(design.columns, design.change, fit.coefficient, fit.residual, on)
        return Fitted(rows, time, on, design, fit, None, cells)
    offset, weight = (None if each is None else each[rows] for each in (series.offset, series.weight))
    found = fit_counts(outcome, design.columns, time, by, offset=offset, weight=weight)
    with np.errstate(divide="ignore"):
        misfit = np.where(outcome > 0.0, np.log(outcome) - np.log(found.mean), np.nan)
    cells = gaps(design.columns, design.change, found.fit.coefficient, misfit, on)
    return Fitted(rows, time, on, design, found.fit, found.root, cells)


def refuse_exact(name: str, fitted: Sequence[Fitted]) -> None:
    """Refuse series that are all fitted to the last digit: what is left is rounding, and tells of no errors.

    One such series among others is taken: it adds nothing to their errors.

    Parameters
    ----------
    name
        Of the estimator.
    fitted
        All series.

    Raises
    ------
    DesignRefused
        When no series leaves anything over.
    """
    if all(each.fit.exact for each in fitted):
        raise DesignRefused(
            Reason(
                "The model of {name} fits every period exactly: errors are told by what it misses, and it misses "
                "nothing.",
                name=name,
            ),
            next_step="Look at how the outcome was computed: interpolated or copied values leave no noise.",
        )

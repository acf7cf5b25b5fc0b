"""Wagner et al. (2002), Linden (2015), Bernal et al. (2017): a change of level and slope in one series."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from evalkit.aggregate import Cells
from evalkit.data.counts import refuse_logs, refuse_outside, sizes
from evalkit.data.interventions import OtherIntervention, slope_of
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics import series_remarks as remarks_on
from evalkit.numerics import series_terms as terms
from evalkit.numerics.newey_west import Calibrated, usual_lags
from evalkit.numerics.segmented import Change, Season, Trend
from evalkit.numerics.serial_correlation import SeriesResiduals
from evalkit.numerics.series_cells import by_innovations, by_scores, correlation, joined
from evalkit.numerics.series_model import Errors, Fitted, Series, Shape, design_of, fit_one, refuse_exact
from evalkit.uncertainty import OwnInterval, Sampling
from evalkit.vocabulary import Exhibit, FloatArray, IntArray, Remark

MOST_CELLS = 4_000
"""Places times periods beyond which their joint covariance does not fit into memory."""
FEWEST_DEGREES = 2
"""Periods beyond the number of coefficients, so that there is something to tell errors by."""


class InterruptedTimeSeries(PanelEstimator):
    """Y_t = b0 + b1 T_t + b2 X_t + b3 (T_t - T_0) X_t + season + covariates + u_t, X_t = 1 from the start T_0 on.

    The programme is compared with the place's own trend before it. The effect in a period is what b2 and b3 add;
    overall, their mean over the periods under the programme. Effects by period are observed less expected without b2
    and b3, so that they show the noise of the series too.

    It stands or falls with the trend: whatever else changed at the start is counted as effect. Other programmes that
    are known enter as `other_interventions`. With never-treated units (`comparison`) the same regression is run on
    the difference to their mean: by linearity its b2 and b3 are the coefficients b6 and b7 of Linden's (2015) model
    with all interactions, and what moves all places alike, season or shock, drops out.

    Parameters
    ----------
    family
        ``gaussian``; ``poisson`` or ``quasi_poisson`` for counts and rates, with effects that are logs of ratios. The
        panel's exposure is then an offset. Quasi-Poisson lets the variance be a multiple of the mean.
    change
        ``step_and_slope``, or ``step``: only the level changes, and the overall effect is its coefficient b2.
    trend
        ``none``, ``linear`` or ``quadratic``.
    season
        ``dummies``, one a position in the season; ``harmonics``, pairs of sine and cosine; ``none``; or ``auto``:
        what the calendar calls for where the series holds two seasons (dummies for months, quarters and weekdays,
        harmonics for weeks).
    season_length
        Periods after which the season repeats; by default read off the calendar.
    harmonics
        Pairs.
    covariates
        Columns of the panel that enter linearly.
    other_interventions
        Other programmes, each adjusted for with a coefficient of its own.
    comparison
        ``controlled``: the difference to the mean of never-treated units. ``none``. ``auto``: controlled where there
        are such units and the family is Gaussian.
    anticipation, donut
        Periods before the start, and from the start on, that are left out: people may react early, and a programme
        may take time to be there. The step then counts from the first period after the donut.
    errors
        ``ar1``: u_t = rho u_{t-1} + e_t by restricted maximum likelihood, with Satterthwaite's degrees of freedom.
        ``prais_winsten``: rho from residuals, iterated. ``newey_west``: least squares with errors that allow for any
        autocorrelation up to `lags`. ``independent``. ``auto``: ar1, and Newey-West for ``poisson``. See Notes.
    lags
        Of Newey-West errors; by default the integer part of 4 (n / 100)^(2/9).
    small_sample
        Multiply Newey-West variances by n / (n - p) and refer to t(n - p); else to the normal.
    level
        Of intervals and bands.

    Notes
    -----
    Of the usual errors only ``ar1`` gives intervals that hold in series of 60 to 120 periods with a season: 90 %
    intervals hold the truth in 87 to 93 % of simulated series with autocorrelation 0 to 0.7, those of Prais-Winsten
    in 79 to 88 %, those of Newey and West in 64 to 84 %. So with ``newey_west`` the interval that is reported overall
    is another: the variance is corrected for its bias, and referred to as many degrees of freedom, as it has under
    autoregressive errors of the estimated correlation (:func:`evalkit.numerics.newey_west.calibrate`); the standard
    error stays the usual one.

    Examples
    --------
    >>> import pandas as pd
    >>> import evalkit as ek
    >>> months = pd.period_range("2015-01", periods=72, freq="M")
    >>> noise = np.random.default_rng(1).normal(0.0, 0.5, 72)
    >>> df = pd.DataFrame({"city": "Tulsa", "month": months, "start": pd.Period("2019-01", "M")})
    >>> df["calls"] = 50.0 + 0.1 * np.arange(72) - 4.0 * (df["month"] >= df["start"]) + noise
    >>> panel = ek.Panel.from_frame(df, unit="city", period="month", outcome="calls", cohort="start")
    >>> estimate = ek.InterruptedTimeSeries(change="step").fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    -3.7
    """

    name: ClassVar[str] = "interrupted_time_series"
    needs: ClassVar[Needs] = Needs(
        answers="By how much a series left its own earlier trend when the programme started.",
        pre_periods=4,
        comparison_units=False,
        laws_without=frozenset(
            {
                "a design without comparison is refused",  # a series is compared with itself
            }
        ),
    )

    family: Literal["gaussian", "poisson", "quasi_poisson"] = "gaussian"
    change: Change = "step_and_slope"
    trend: Trend = "linear"
    season: Literal["auto", "none", "dummies", "harmonics"] = "auto"
    season_length: Annotated[float, Field(ge=2.0)] | None = None
    harmonics: Annotated[int, Field(ge=1)] = 2
    covariates: tuple[str, ...] = ()
    other_interventions: tuple[OtherIntervention, ...] = ()
    comparison: Literal["auto", "none", "controlled"] = "auto"
    anticipation: Annotated[int, Field(ge=0)] = 0
    donut: Annotated[int, Field(ge=0)] = 0
    errors: Literal["auto", "ar1", "prais_winsten", "newey_west", "independent"] = "auto"
    lags: Annotated[int, Field(ge=0)] | None = None
    small_sample: bool = True
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    @model_validator(mode="after")
    def _what_fits_together(self) -> Self:
        if self.family != "gaussian" and self.comparison == "controlled":
            raise ValueError(
                "comparison 'controlled' takes the difference to other places, which is for family 'gaussian': "
                "for counts use comparison 'none', or poisson_fixed_effects on the panel of places"
            )
        if self.family == "poisson" and self.errors in ("ar1", "prais_winsten"):
            raise ValueError(
                "family 'poisson' has errors 'newey_west' or 'independent': autoregressive errors need a variance of "
                "their own, as family 'quasi_poisson' has"
            )
        if self.season == "dummies" and self.season_length is not None and self.season_length % 1.0:
            raise ValueError("season 'dummies' needs a whole season_length")
        return self

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Fit each treated unit's own series.

        Raises
        ------
        ConfigError
            When a column or date is not in the panel.
        DataError
            When a count is negative or in logs.
        DesignRefused
            When a series is too short for its model, no series leaves anything over to tell errors by, or there is
            nothing to compare with where it was asked for.
        EstimationFailed
            When a regression of counts does not settle.
        """
        seed = int(rng.integers(2**53))
        units = np.flatnonzero(~panel.never_treated & ~panel.always_treated)
        self._refuse(panel, units)
        controlled, shape, fitted = self._fitted(panel, units)
        covariances = tuple(self._covariance(each, shape) for each in fitted)
        estimate = self._estimate(panel, units, shape, fitted, covariances, seed)
        facts = terms.facts(fitted, covariances, self._others) | {"controlled": float(controlled > 0)}
        lags = self._lags(fitted[0], shape)
        return dataclasses.replace(
            estimate,
            n_units=len(units) + controlled,
            remarks=tuple(self._remarks(panel, shape, fitted, units, controlled)),
            own=self._own(estimate, fitted, shape),
            exhibits=() if len(units) > 1 else (self._terms(fitted[0], shape),),
            facts=facts | ({} if lags is None else {"lags": float(lags)}) | ({"log_link": 1.0} if shape.counts else {}),
        )

    @property
    def _others(self) -> tuple[str, ...]:
        """Names of the other programmes' columns."""
        return tuple(name for other in self.other_interventions for name in (other.label, slope_of(other.label)))

    def _normal(self, shape: Shape) -> bool:
        """Whether the usual interval refers to the normal."""
        return shape.errors == "newey_west" and not self.small_sample

    def residuals(self, panel: Panel) -> tuple[SeriesResiduals, ...]:
        """What the regressions leave over, for checks."""
        units = np.flatnonzero(~panel.never_treated & ~panel.always_treated)
        self._refuse(panel, units)
        _, shape, fitted = self._fitted(panel, units)
        return tuple(
            SeriesResiduals(
                place=str(panel.units[int(unit)]),
                time=each.time,
                residual=each.fit.innovation,
                season=self.season_length or panel.calendar.season_length,
                errors=shape.errors,
                lags=self._lags(each, shape),
            )
            for unit, each in zip(units, fitted, strict=True)
        )

    def _refuse(self, panel: Panel, units: IntArray) -> None:
        """Refuse what no series can answer, and more of them than fit."""
        if not len(units):
            raise DesignRefused(
                Reason("No unit starts within the window: there is no before and after in any series."),
                next_step="Widen the periods so that they include some before and after a start.",
            )
        if panel.weight is not None and np.ptp(panel.weight[panel.observed]) > 0.0:
            raise DesignRefused(
                Reason(
                    "{name} takes no sampling weights that differ: it fits each place's own series.", name=self.name
                ),
                next_step="Build the panel without weight; the denominators of a rate are its exposure.",
            )
        if len(units) * panel.n_periods > MOST_CELLS:
            raise DesignRefused(
                Reason(
                    "{name} fits each treated place by itself, and {places} places over {periods} periods are too "
                    "many.",
                    name=self.name,
                    places=len(units),
                    periods=panel.n_periods,
                ),
                allowed=f"up to {MOST_CELLS:,} place-periods",
                next_step="Compare the places instead, e.g. estimator=imputation, or add them up to one series.",
            )
        if self.family != "gaussian":
            refuse_logs(panel, "Poisson", Reason("counts or rates"))
            refuse_outside(panel, panel.observed, "Poisson", Reason("counts or rates"))

    def _compared(self, panel: Panel) -> tuple[int, FloatArray | None]:
        """Number of comparison units, and (units, T) positions of those that can serve; None without comparison."""
        never = panel.never_treated
        if self.comparison == "none" or (self.comparison == "auto" and (self.family != "gaussian" or not never.any())):
            return 0, None
        if not never.any():
            raise DesignRefused(
                Reason("A controlled series needs never-treated units, and this panel has none."),
                next_step="Add places without the programme, or set comparison=none.",
            )
        return int(never.sum()), panel.outcome[never]

    def _fitted(self, panel: Panel, units: IntArray) -> tuple[int, Shape, tuple[Fitted, ...]]:
        """Number of comparison units, the model, and its fit to each series less the level of all outcomes."""
        centred = without_level(panel)[0] if self.family == "gaussian" else panel
        shape = self._shape(panel)
        controlled, comparison = self._compared(centred)
        fitted = tuple(self._one(centred, int(unit), shape, comparison) for unit in units)
        if self.family != "poisson":  # its variance is the mean
            refuse_exact(self.name, fitted)
        return controlled, shape, fitted

    def _shape(self, panel: Panel) -> Shape:
        length = self.season_length or panel.calendar.season_length
        season: Season = "none" if self.season == "auto" else self.season
        if length is None and season != "none":
            raise ConfigError(
                Reason(
                    "season is '{season}', and the calendar does not say after how many periods it repeats.",
                    season=season,
                ),
                next_step="Set season_length, e.g. 12 for months numbered from 1.",
            )
        if self.season == "auto" and length is not None and panel.n_periods >= 2.0 * length:
            season = "harmonics" if length % 1.0 or length > 12.0 else "dummies"
        by_family: Errors = "newey_west" if self.family == "poisson" else "ar1"
        return Shape(
            trend=self.trend,
            season=season,
            length=length or 1.0,
            pairs=self.harmonics,
            change=self.change,
            counts=self.family != "gaussian",
            errors=by_family if self.errors == "auto" else self.errors,
        )

    def _one(self, panel: Panel, unit: int, shape: Shape, comparison: FloatArray | None) -> Fitted:
        """Fit one unit, or say why its series is too short."""
        series = self._series(panel, unit, shape, comparison)
        design = design_of(series, shape)
        name, after = str(panel.units[unit]), series.time[series.used] >= series.start
        count, coefficients = len(after), len(design.names)
        if "level" not in design.names or not after.any() or after.all() or count < coefficients + FEWEST_DEGREES:
            raise DesignRefused(
                Reason(
                    "The series of '{name}' is too short for this model: {before} periods before the start and "
                    "{after} from it on, for {coefficients} coefficients.",
                    name=name,
                    before=int((~after).sum()),
                    after=int(after.sum()),
                    coefficients=coefficients,
                ),
                allowed=f"periods on both sides, and at least {FEWEST_DEGREES} more than coefficients",
                next_step="Add periods, or leave terms out: season=none, change=step, fewer covariates.",
            )
        return fit_one(series, shape, design)

    def _series(self, panel: Panel, unit: int, shape: Shape, comparison: FloatArray | None) -> Series:
        """The unit's own series, or its difference to the comparison units that are observed throughout."""
        time, start = panel.time, int(panel.first_treated[unit])
        outcome = panel.outcome[unit]
        names = [each.column for each in self.other_interventions if each.column is not None]
        values = {name: panel.covariate(name)[unit] for name in (*names, *self.covariates)}
        if comparison is not None:
            complete = ~np.isnan(comparison[:, ~np.isnan(outcome)]).any(axis=1)
            if not complete.any():
                raise DesignRefused(
                    Reason("No comparison unit is observed in all periods of '{unit}'.", unit=panel.units[unit]),
                    next_step="Add places that are observed throughout, or set comparison=none.",
                )
            outcome = outcome - comparison[complete].mean(axis=0)
            never = np.flatnonzero(panel.never_treated)[complete]
            values = {name: own - panel.covariate(name)[never].mean(axis=0) for name, own in values.items()}
        regressors: dict[str, FloatArray] = {}
        for other in self.other_interventions:
            regressors |= other.columns(panel, values)
        regressors |= {name: values[name] for name in self.covariates if name not in regressors}
        since = time - start
        found = sizes(panel, panel.observed, "auto") if shape.counts else None
        return Series(
            outcome=outcome,
            time=time,
            start=start,
            regressors=regressors,
            left_out=np.asarray((since >= -self.anticipation) & (since < self.donut)),
            offset=None if found is None or found.offset is None else np.log(found.offset[unit]),
            weight=None if found is None or found.offset is not None or found.weight is None else found.weight[unit],
        )

    def _lags(self, each: Fitted, shape: Shape) -> int | None:
        if shape.errors != "newey_west":
            return None
        return usual_lags(len(each.time)) if self.lags is None else self.lags

    def _factor(self, each: Fitted, shape: Shape) -> float:
        """What the covariance of the coefficients is multiplied by."""
        if shape.errors == "newey_west":
            return len(each.time) / each.fit.degrees if self.small_sample else 1.0
        known = self.family == "poisson"  # the variance is the mean
        return 1.0 / each.fit.variance if known and each.fit.variance > 0.0 else 1.0

    def _covariance(self, each: Fitted, shape: Shape) -> FloatArray:
        return each.covariance(self._lags(each, shape), self._factor(each, shape))

    def _estimate(
        self,
        panel: Panel,
        units: IntArray,
        shape: Shape,
        fitted: tuple[Fitted, ...],
        covariances: tuple[FloatArray, ...],
        seed: int,
    ) -> Estimate:
        """Cells and their joint uncertainty."""
        of_series = np.repeat(np.arange(len(units)), [len(each.cells.gap) for each in fitted])
        cohort = panel.first_treated[units][of_series]
        period = np.concatenate([each.time[each.cells.row] for each in fitted])
        rows = np.concatenate([each.rows[each.cells.row] for each in fitted])
        cohorts, sizes_of = np.unique(panel.first_treated[units], return_counts=True)
        several = len(units) > 1
        count = len(of_series)
        influence = self._influence(fitted, shape)
        joint = np.hstack([influence, np.zeros((len(influence), len(cohorts)))])
        cells = Cells(
            cohort=cohort,
            period=period,
            event_time=period - cohort,
            estimate=np.concatenate([each.cells.gap for each in fitted]),
            observed=panel.outcome[units[of_series], rows],
            n_treated=np.ones(count, dtype=np.int64),
            is_reference=np.zeros(count, dtype=np.bool_),
            share_cohorts=cohorts,
            shares=sizes_of / len(units),
            unit=of_series.astype(np.int64) if several else None,
            fraction=1.0 / sizes_of[np.searchsorted(cohorts, cohort)] if several else None,
        )
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Sampling(
                covariance=joint.T @ joint,
                n_clusters=len(np.unique(period)),
                influence_of=lambda: joint,
                correction=self._correction(shape),
                degrees_of=None if self._normal(shape) else terms.Degrees(fitted, covariances, count),
            ),
            calendar=panel.calendar,
            n_units=len(units),
            n_treated_units=len(units),
            n_observations=sum(len(each.time) for each in fitted),
            seed=seed,
            level=self.level,
            leads_from="fit",
            unit_names=tuple(str(name) for name in panel.units[units]) if several else (),
        )

    def _influence(self, fitted: tuple[Fitted, ...], shape: Shape) -> FloatArray:
        """(R, K) influence functions, innovations or moving sums of scores in their rows."""
        times = [each.time for each in fitted]
        if shape.errors == "newey_west":
            lags = max(self._lags(each, shape) or 0 for each in fitted)
            factors = [self._factor(each, shape) for each in fitted]
            return by_scores(
                [each.fit for each in fitted], [each.cells for each in fitted], [each.root for each in fitted],
                times, lags, factors,
            )  # fmt: skip
        parts = [
            by_innovations(each.fit, each.cells, np.diff(each.time), each.root) * np.sqrt(self._factor(each, shape))
            for each in fitted
        ]
        return joined(parts, times, correlation([each.fit.innovation for each in fitted], times))

    def _correction(self, shape: Shape) -> str:
        if shape.errors == "newey_west":
            return "n / (n - p)" if self.small_sample else "none"
        return "restricted maximum likelihood" if shape.errors == "ar1" else "n - p degrees of freedom"

    def _own(self, estimate: Estimate, fitted: tuple[Fitted, ...], shape: Shape) -> OwnInterval:
        """The interval of the overall effect: the estimate's, or one that holds with Newey-West errors."""
        overall = estimate.aggregation("overall", level=self.level)
        value, error = float(overall.estimate[0]), float(overall.std_error[0])
        if shape.errors != "newey_west":
            return OwnInterval(
                method="hac",
                low=float(overall.low[0]),
                high=float(overall.high[0]),
                level=self.level,
                p_value=float(overall.p_values()[0]),
                degrees_of_freedom=overall.degrees_of_freedom,
            )
        found = self._trusted(fitted, shape)
        width = found.half_width(error, self.level)
        return OwnInterval(
            method="hac",
            low=value - width,
            high=value + width,
            level=self.level,
            p_value=found.p_value(value, error),
            degrees_of_freedom=found.degrees,
            details={"variance_factor": found.factor},
        )

    def _trusted(self, fitted: tuple[Fitted, ...], shape: Shape) -> Calibrated:
        """Bias and degrees of freedom of the overall variance; over several places, the mean and the fewest."""
        found = [
            terms.trusted(each, each.overall, self._lags(each, shape), self._factor(each, shape)) for each in fitted
        ]
        return Calibrated(float(np.mean([each.factor for each in found])), min(each.degrees for each in found))

    def _terms(self, each: Fitted, shape: Shape) -> Exhibit:
        """Change of level and slope, and the other programmes beside them, with intervals that hold."""

        def half_width(weights: FloatArray, error: float) -> float:
            return terms.trusted(each, weights, self._lags(each, shape), self._factor(each, shape)).half_width(
                error, self.level
            )

        return terms.exhibit(each, self._covariance(each, shape), self._others, half_width)

    def _remarks(
        self, panel: Panel, shape: Shape, fitted: tuple[Fitted, ...], units: IntArray, controlled: int
    ) -> Iterable[Remark]:
        yield remarks_on.compared_with(controlled, [str(name) for name in panel.units[units]])
        yield remarks_on.model(shape, panel.calendar.step_name)
        lags = self._lags(fitted[0], shape)
        yield remarks_on.errors(shape, [each.fit.rho for each in fitted], lags, self.small_sample)
        if self.anticipation or self.donut:
            yield remarks_on.left_out(self.anticipation, self.donut, panel.calendar.step_name)
        absorbed = sorted({name for each in fitted for name in each.design.absorbed})
        if absorbed:
            yield remarks_on.absorbed(absorbed)
        if shape.counts:
            yield from sizes(panel, panel.observed, "auto").remarks
            empty = sum(len(each.time) - len(each.cells.gap) for each in fitted)
            if empty:
                yield remarks_on.no_logarithm(empty)

"""Bayesian structural time series: what one place would have seen without the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.data.seasons import CalendarEffect
from evalkit.data.treated_series import (
    TreatedSeries,
    closest_first,
    comparison_columns,
    covariate_columns,
    date_columns,
    ordinals_of,
    season_columns,
    step_columns,
    treated_series,
)
from evalkit.errors import ConfigError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics import series_remarks as remarks
from evalkit.numerics.posterior_draws import split_rhat
from evalkit.numerics.series_design import Column, prepare
from evalkit.numerics.structural import Trend, TrendKind
from evalkit.numerics.structural_density import thinned
from evalkit.numerics.structural_exact import MOST_SELECTABLE, Coefficients, draw_exact
from evalkit.numerics.structural_places import (
    Densities,
    Place,
    correlation_of_surprises,
    counterfactual,
    densities,
    normals,
)
from evalkit.uncertainty import Posterior, Predictive, SamplerFigures
from evalkit.vocabulary import FloatArray, IntArray, Remark

Positive = Annotated[float, Field(gt=0)]
FEWEST_PERIODS = 6
"""Periods before the start below which nothing is fitted."""
MOST_NUMBERS = 3e8
"""Draws x cells that are kept."""


class BayesianTimeSeries(PanelEstimator):
    """y_t = mu_t + x_t' beta + e_t before the start, forecast after it; effect = observed - forecast.

    The level mu_t wanders (Harvey 1989; Brodersen et al. 2015, eqs. 2.1 to 2.3), with a slope where `trend` says
    so. Regressors are other places' series, covariates, the season, the calendar and steps of earlier programmes. Every
    treated place is fitted by itself, to its own periods before its start; several places may start at different times.

    Levels and slopes are integrated out, never sampled one by one. Ratios of sds have half-Cauchy priors and the rest
    is conjugate, so that the Gaussian model is solved exactly: quadrature over one ratio, or importance sampling over
    few, and independent draws. `docs/methods/bayesian_time_series.md` gives the priors and their reasons.

    Parameters
    ----------
    trend
        ``local_level``: the level wanders; ``local_linear``: its slope wanders as well, and forecasts fan out
        fast; ``damped``: the slope dies out.
    errors
        ``iid``, or ``ar1``: part of the noise carries over into the next periods.
    seasonality
        ``auto``: a free effect of each month, quarter or weekday with three whole seasons before the start,
        waves with two, none with fewer. ``dummy``, ``harmonic`` and ``none`` as they say.
    season_length
        Periods in a season; None for the calendar's own.
    harmonics
        Waves of a season.
    calendar_effects
        ``month_length`` and ``trading_days``, from dates.
    comparison_series
        ``each`` never-treated place as a regressor, their ``mean``, ``none``, or ``auto``: each where there
        are at most 8 and twice as many periods to fit, else the mean.
    covariates
        Columns of the treated place that the programme cannot have moved.
    coefficients
        Prior of the coefficients of comparison series and covariates: ``spike_and_slab``, which drops those
        that do not help (all stay where at most `expected_size` are offered), or ``ridge``, which keeps all.
    expected_size
        Regressors expected to matter.
    other_interventions
        Labels of periods from which on an earlier programme moved the level for good.
    anticipation
        Periods before the start that are not fitted; their effects are reported and not pooled.
    donut
        Periods before the start, and from the start on, that are left out of both.
    engine
        ``exact``, or ``auto``: the fastest that applies.
    draws, chains
        Draws kept are draws x chains.
    level_scale, slope_scale
        Scales of the half-Cauchy priors of the sds by which level and slope move in a period, in sds of the noise.
    coefficient_scale
        Scale of the half-Cauchy prior of the coefficients' common sd: change explained by a regressor over change
        left unexplained.
    noise_scale
        First guess of the sd of the unexplained change from one period to the next, in the outcome's unit; its prior
        weighs as much as one observation. None: from least squares on changes.
    level
        Of the credible intervals.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=12, n_periods=40, cohorts={31: 0.1}, effect=3.0, noise=0.3, seed=1)
    >>> estimate = ek.BayesianTimeSeries().fit(panel, rng=np.random.default_rng(0))
    >>> abs(float(estimate.aggregate("overall").estimate.iloc[0]) - 3.0) < 0.5
    True
    """

    name: ClassVar[str] = "bayesian_time_series"
    needs: ClassVar[Needs] = Needs(
        answers="What one place would have seen without the programme, foretold from its own past and other places.",
        pre_periods=8,
        comparison_units=False,
        laws_without=frozenset(
            {
                # The comparison series enter with a coefficient, not as the other half of a difference.
                "period constants change nothing",
                # The series itself is the comparison: a place without any other is what the model is for.
                "a design without comparison is refused",
            }
        ),
    )

    trend: TrendKind = "local_level"
    errors: Literal["iid", "ar1"] = "iid"
    seasonality: Literal["auto", "none", "dummy", "harmonic"] = "auto"
    season_length: Annotated[int, Field(ge=2)] | None = None
    harmonics: Annotated[int, Field(ge=1)] = 2
    calendar_effects: tuple[CalendarEffect, ...] = ()
    comparison_series: Literal["auto", "each", "mean", "none"] = "auto"
    covariates: tuple[str, ...] = ()
    coefficients: Literal["spike_and_slab", "ridge"] = "spike_and_slab"
    expected_size: Positive = 3.0
    other_interventions: tuple[str, ...] = ()
    anticipation: Annotated[int, Field(ge=0)] = 0
    donut: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (0, 0)
    engine: Literal["auto", "exact"] = "auto"
    draws: Annotated[int, Field(ge=100)] = 500
    chains: Annotated[int, Field(ge=2)] = 4
    level_scale: Positive = 0.3
    slope_scale: Positive = 0.03
    coefficient_scale: Positive = 1.0
    noise_scale: Positive | None = None
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Draw what each treated place would have seen.

        Raises
        ------
        ConfigError
            When settings contradict each other or name what the panel lacks.
        DesignRefused
            When no treated place has enough periods before its start, or sampling weights differ between rows.
        EstimationFailed
            When nothing is left to vary.
        """
        self._refuse_weights(panel)
        series, short = treated_series(
            panel, anticipation=self.anticipation, donut=self.donut, covariates=self.covariates, least=FEWEST_PERIODS
        )
        seed = int(rng.integers(2**63 - 1))
        try:
            places = [self._place(panel, each, seed) for each in sorted(series, key=lambda one: (one.start, one.key))]
            return self._estimate(panel, places, short, seed)
        except (FloatingPointError, np.linalg.LinAlgError) as error:
            raise EstimationFailed(
                f"Nothing can be estimated: {error}.", next_step="Check that the outcome column is the one meant."
            ) from None

    def _refuse_weights(self, panel: Panel) -> None:
        if panel.weight is None:
            return
        known = panel.weight[panel.observed]
        if known.size and np.ptp(known) > 1e-12 * np.abs(known).max():
            raise DesignRefused(
                f"{self.name} takes no sampling weights: each place is a series of its own.",
                next_step="Build the panel without weight.",
            )

    @property
    def _trend(self) -> Trend:
        return Trend(self.trend, self.errors == "ar1", self.level_scale, self.slope_scale)

    def _place(self, panel: Panel, series: TreatedSeries, seed: int) -> Place:
        """One treated place: its regressors, and draws of its parameters."""
        columns, season = self._columns(panel, series)
        prepared = prepare(series.outcome, series.fitted, columns, self.noise_scale)
        own = np.random.default_rng([seed, series.key])
        expected = self.expected_size if self.coefficients == "spike_and_slab" else np.inf
        learned = int(prepared.series.learned.sum())
        if expected < learned and learned > MOST_SELECTABLE:
            raise ConfigError(
                f"spike_and_slab tries all subsets of at most {MOST_SELECTABLE} regressors; {learned} are offered.",
                next_step="Set comparison_series: mean, or coefficients: ridge.",
            )
        prior = Coefficients(self.coefficient_scale, expected)
        drawn = draw_exact(prepared.series, self._trend, prior, size=self.draws * self.chains, rng=own)
        return Place(
            start=series.start,
            name=str(panel.units[series.unit]),
            outcome=series.outcome,
            effect=series.effect,
            prepared=prepared,
            prior=prior,
            drawn=drawn,
            rng=own,
            left_out=tuple(column.name for column in columns if column.name not in prepared.columns),
            season=season,
        )

    def _columns(self, panel: Panel, series: TreatedSeries) -> tuple[list[Column], tuple[int | None, bool, int | None]]:
        """Regressors of one place, those with a wide prior first; and what was done about the season."""
        ordinals = ordinals_of(panel)
        seasonal, length, waves = season_columns(
            panel.calendar, ordinals, int(series.fitted.sum()),
            kind=self.seasonality, length=self.season_length, harmonics=self.harmonics,
        )  # fmt: skip
        dated = date_columns(panel.calendar, ordinals, self.calendar_effects) if self.calendar_effects else []
        steps = step_columns(panel, series, self.other_interventions)
        others = self._comparison(panel, int(series.fitted.sum()))
        if len(others) > 1:
            others = closest_first(others, series)
        own = covariate_columns(panel, series.unit, self.covariates)
        return [*seasonal, *dated, *steps, *others, *own], (length, bool(seasonal), waves)

    def _comparison(self, panel: Panel, fitted: int) -> list[Column]:
        if self.comparison_series == "none":
            return []
        each = comparison_columns(panel, panel.outcome, averaged=False)
        few = len(each) <= MOST_SELECTABLE and fitted >= 2 * len(each)
        if self.comparison_series == "each" or (self.comparison_series == "auto" and few):
            return each
        return comparison_columns(panel, panel.outcome, averaged=True)

    def _estimate(self, panel: Panel, places: Sequence[Place], short: list[str], seed: int) -> Estimate:
        trend, size = self._trend, self.draws * self.chains
        cells = _cells(panel, places)
        if size * len(cells) > MOST_NUMBERS:
            raise DesignRefused(
                f"{len(places)} places x {panel.n_periods} periods x {size:,} draws do not fit into memory.",
                next_step=f"Lower draws to {max(int(0.8 * MOST_NUMBERS / len(cells) / self.chains), 100)}.",
            )
        correlation = correlation_of_surprises(places, trend)
        shared = None
        if len(places) > 1:
            shared = normals(np.random.default_rng([seed, 0]), size, len(ordinals_of(panel)), trend.states)
        rows = thinned(size, sum(int(place.prepared.series.used.sum()) for place in places))
        draws, parts = [], []
        for place in places:
            _, predicted = counterfactual(place, trend, correlation, shared)
            draws.append((place.outcome - predicted)[:, place.shown])
            parts.append(densities(place, trend, predicted, rows))
        joined = np.hstack(draws) if len(draws) > 1 else draws[0]
        parameters = _parameters(places, trend)
        figures = self._figures(places, joined, parameters)
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=replace(cells, estimate=joined.mean(axis=0)),
            uncertainty=Posterior(joined, figures, parameters, _predictive(panel, parts, rows)),
            calendar=panel.calendar,
            n_units=len(places) + int(panel.never_treated.sum()) * (self.comparison_series != "none"),
            n_treated_units=len(places),
            n_observations=sum(int(place.prepared.series.used.sum()) for place in places),
            seed=seed,
            level=self.level,
            remarks=self._remarks(panel, places, short, correlation),
            facts={name: float(value.mean()) for name, value in parameters.items()},
            leads_from="fit",
            unit_names=tuple(place.name for place in places),
        )

    def _figures(self, places: Sequence[Place], draws: FloatArray, parameters: dict[str, FloatArray]) -> SamplerFigures:
        watched = np.column_stack([draws.mean(axis=1), *(value[0] for value in parameters.values())])
        effective = min(place.drawn.effective_size for place in places)
        return SamplerFigures(
            engine="exact", n_chains=1, n_draws=len(draws), divergences=0, rhat_max=split_rhat(watched),
            ess_bulk_min=effective, ess_tail_min=effective,
        )  # fmt: skip

    def _remarks(
        self, panel: Panel, places: Sequence[Place], short: list[str], correlation: float
    ) -> tuple[Remark, ...]:
        never = int(panel.never_treated.sum())
        offered = self._comparison(panel, int(places[0].prepared.series.used.sum()))
        complete = comparison_columns(panel, panel.outcome, averaged=False) if offered else []
        told = [
            remarks.PREDICTIVE,
            remarks.comparison_series(len(complete), never - len(complete), len(offered) < len(complete))
            if offered
            else remarks.NO_COMPARISON,
            remarks.COMPARISON_UNTOUCHED if offered else None,
            remarks.too_short(short, FEWEST_PERIODS),
            remarks.season(*places[0].season),
            remarks.constant_columns(sorted({name for place in places for name in place.left_out})),
            remarks.earlier_programmes(self.other_interventions),
            remarks.donut(*self.donut),
            remarks.shared_noise(correlation, len(places)),
        ]
        return tuple(remark for remark in told if remark is not None)


def _cells(panel: Panel, places: Sequence[Place]) -> Cells:
    """Cells of each place in its fitted periods and in those with an effect; estimates to be filled in."""
    first = int(panel.time[0])
    shown = [np.flatnonzero(place.shown) for place in places]
    counts = [len(rows) for rows in shown]
    period = np.concatenate(shown) + first
    start = np.repeat([place.start for place in places], counts)
    cohorts, sizes = np.unique([place.start for place in places], return_counts=True)
    size = dict(zip(cohorts.tolist(), sizes.tolist(), strict=True))
    return Cells(
        cohort=start.astype(np.int64),
        period=period.astype(np.int64),
        event_time=(period - start).astype(np.int64),
        estimate=np.zeros(len(period)),
        observed=np.concatenate([place.outcome[rows] for place, rows in zip(places, shown, strict=True)]),
        n_treated=np.ones(len(period), dtype=np.int64),
        is_reference=np.zeros(len(period), dtype=np.bool_),
        share_cohorts=cohorts.astype(np.int64),
        shares=sizes / sizes.sum(),
        unit=np.repeat(np.arange(len(places)), counts).astype(np.int64),
        fraction=np.repeat([1.0 / size[place.start] for place in places], counts),
    )


def _parameters(places: Sequence[Place], trend: Trend) -> dict[str, FloatArray]:
    """Draws by name, (1, S) for one place and (1, S, places) for several: ratios, sds, coefficients."""
    found: dict[str, list[FloatArray]] = {}
    for place in places:
        drawn, unit = place.drawn, place.prepared.unit
        shape = drawn.shape
        named = {"sigma": drawn.sigma * unit, "level_sd": drawn.sigma * shape.level * unit}
        if trend.has_slope:
            named |= {"slope_sd": drawn.sigma * shape.slope * unit}
        if trend.kind == "damped":
            named |= {"damping": shape.damping}
        if trend.autocorrelated:
            named |= {"autocorrelated_share": shape.share, "autocorrelation": shape.rho}
        for name, value in named.items():
            found.setdefault(name, []).append(value)
    joined = {name: values[0] if len(values) == 1 else np.stack(values, axis=1) for name, values in found.items()}
    if len(places) == 1:
        prepared = places[0].prepared
        beta = places[0].drawn.beta * (prepared.unit / prepared.divisors)
        for j in np.flatnonzero(prepared.series.learned):
            joined[f"coefficient of {prepared.columns[j]}"] = beta[:, j]
    return {name: value[None] for name, value in joined.items()}


def _predictive(panel: Panel, parts: Sequence[Densities], rows: IntArray) -> Predictive:
    """Densities of all places side by side; priors of places that are fitted apart add up."""
    return Predictive(
        observed=np.concatenate([part.observed for part in parts]),
        replicated=np.hstack([part.replicated for part in parts]),
        period=np.concatenate([part.periods for part in parts]) + int(panel.time[0]),
        before=np.ones(sum(len(part.observed) for part in parts), dtype=np.bool_),
        log_likelihood=np.hstack([part.log_likelihood for part in parts]),
        log_prior=np.sum([part.log_prior for part in parts], axis=0),
        prior_replicated=np.hstack([part.prior for part in parts]),
        draws_of=rows,
    )

"""Bayesian structural time series: what one place would have seen without the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.data.seasons import CalendarEffect
from evalkit.data.treated_series import (
    TreatedSeries,
    closest_first,
    comparison_columns,
    covariate_columns,
    date_columns,
    ordinals_of,
    refuse_non_counts,
    season_columns,
    step_columns,
    treated_series,
)
from evalkit.errors import ConfigError, DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, nothing_estimated
from evalkit.inference.at_level import at_level
from evalkit.numerics import structural_remarks as remarks
from evalkit.numerics.chain_figures import chain_figures
from evalkit.numerics.posterior_draws import split_rhat
from evalkit.numerics.structural import Trend, TrendKind
from evalkit.numerics.structural_counts import CountFamily, Counts, draw_counts, first_index
from evalkit.numerics.structural_density import thinned
from evalkit.numerics.structural_design import Column, prepare
from evalkit.numerics.structural_exact import MOST_SELECTABLE, Coefficients, Drawn, draw_exact
from evalkit.numerics.structural_gibbs import Plan, draw_gibbs
from evalkit.numerics.structural_places import Foretold, Place, foretell, foretell_counts
from evalkit.numerics.structural_regression import Series
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

    family: Literal["gaussian", "student_t", "poisson", "negative_binomial"] = "gaussian"
    trend: TrendKind = "local_level"
    errors: Literal["iid", "ar1"] = "iid"
    seasonality: Literal["auto", "none", "dummy", "harmonic"] = "auto"
    season_length: Annotated[int, Field(ge=2)] | None = None
    harmonics: Annotated[int, Field(ge=1)] = 2
    calendar_effects: tuple[CalendarEffect, ...] = ()
    comparison_series: Literal["auto", "each", "mean", "none"] = "auto"
    covariates: tuple[str, ...] = ()
    coefficients: Literal["auto", "spike_and_slab", "horseshoe", "ridge"] = "auto"
    expected_size: Positive = 3.0
    other_interventions: tuple[str, ...] = ()
    anticipation: Annotated[int, Field(ge=0)] = 0
    donut: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (0, 0)
    engine: Literal["auto", "exact", "gibbs"] = "auto"
    draws: Annotated[int, Field(ge=100)] = 500
    tune: Annotated[int, Field(ge=100)] = 500
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
        self._refuse_contradictions(panel)
        panel, level = (panel, 0.0) if self._of_counts else without_level(panel)
        series, short = treated_series(
            panel, anticipation=self.anticipation, donut=self.donut, covariates=self.covariates, least=FEWEST_PERIODS
        )
        seed = int(rng.integers(2**63 - 1))
        try:
            series = sorted(series, key=lambda one: (one.start, one.key))
            places = [self._place(panel, each, seed) for each in series]
            self._refuse_too_large(panel, places)
            found, correlation = self._foretell(series, places, seed)
            return at_level(self._estimate(panel, found, correlation, short, seed), level)
        except (FloatingPointError, np.linalg.LinAlgError) as error:
            raise nothing_estimated(error) from None

    def _refuse_weights(self, panel: Panel) -> None:
        if panel.weight is None:
            return
        known = panel.weight[panel.observed]
        if known.size and np.ptp(known) > 1e-12 * np.abs(known).max():
            raise DesignRefused(
                Reason("{name} takes no sampling weights: each place is a series of its own.", name=self.name),
                next_step="Build the panel without weight.",
            )

    def _refuse_contradictions(self, panel: Panel) -> None:
        if not self._of_counts:
            return
        for name, value, allowed in (
            ("coefficients", self.coefficients, ("auto", "ridge")),
            ("errors", self.errors, ("iid",)),
            ("engine", self.engine, ("auto",)),
        ):
            if value not in allowed:
                raise ConfigError(
                    Reason(
                        "{name} is {value}, which the family {family} does not have.",
                        name=name,
                        value=value,
                        family=self.family,
                    ),
                    allowed=f"{name}: {' or '.join(allowed)} for counts",
                    next_step=f"Set {name}: {allowed[0]}, or family: gaussian.",
                )
        refuse_non_counts(panel, self.family)

    def _refuse_too_large(self, panel: Panel, places: Sequence[Place]) -> None:
        cells = sum(int(place.shown.sum()) for place in places)
        size = self.draws * self.chains
        if size * cells > MOST_NUMBERS:
            raise DesignRefused(
                Reason(
                    "{places} places x {periods} periods x {size:,} draws do not fit into memory.",
                    places=len(places),
                    periods=panel.n_periods,
                    size=size,
                ),
                next_step=f"Lower draws to {max(int(0.8 * MOST_NUMBERS / cells / self.chains), 100)}.",
            )

    @property
    def _trend(self) -> Trend:
        return Trend(self.trend, self.errors == "ar1", self.level_scale, self.slope_scale)

    @property
    def _of_counts(self) -> bool:
        return self.family in ("poisson", "negative_binomial")

    def _place(self, panel: Panel, series: TreatedSeries, seed: int) -> Place:
        """One treated place and its regressors; counts on the scale of log rates."""
        columns, season = self._columns(panel, series)
        outcome = first_index(series.outcome, series.exposure) if self._of_counts else series.outcome
        prepared = prepare(outcome, series.fitted, columns, self.noise_scale)
        keeps_all = self.coefficients == "ridge" or self._of_counts
        return Place(
            name=str(panel.units[series.unit]),
            start=series.start,
            outcome=series.outcome,
            effect=series.effect,
            prepared=prepared,
            prior=Coefficients(self.coefficient_scale, np.inf if keeps_all else self.expected_size),
            rng=np.random.Generator(np.random.SFC64([seed, series.key])),  # a third faster, and millions are drawn
            left_out=tuple(column.name for column in columns if column.name not in prepared.columns),
            season=season,
        )

    def _foretell(
        self, series: Sequence[TreatedSeries], places: Sequence[Place], seed: int
    ) -> tuple[list[Foretold], float]:
        """Every place without the programme, and the correlation of their surprises."""
        size, trend = self.draws * self.chains, self._trend
        rows = thinned(size, sum(int(place.prepared.series.used.sum()) for place in places))
        if not self._of_counts:
            drawn = [self._draw(place.prepared.series, place.prior, place.rng) for place in places]
            return foretell(places, drawn, trend, rows, np.random.default_rng([seed, 0]))
        found = []
        for one, place in zip(series, places, strict=True):
            prepared = place.prepared
            scaled = replace(prepared.series, outcome=prepared.series.outcome * prepared.unit)
            count = np.where(one.fitted, one.outcome, 0.0)
            offset = prepared.center + np.log(np.where(one.exposure > 0.0, one.exposure, 1.0))
            counts = Counts(scaled, count, offset, prepared.unit)
            family: CountFamily = "poisson" if self.family == "poisson" else "negative_binomial"
            counted = draw_counts(counts, trend, family, self.coefficient_scale, size=size, rng=place.rng)
            found.append(foretell_counts(place, counts, counted, trend, rows))
        return found, 0.0

    def _draw(self, series: Series, prior: Coefficients, rng: np.random.Generator) -> Drawn:
        """Draws of one place's parameters, by the fastest engine that applies."""
        learned = int(series.learned.sum())
        many = (
            self.coefficients in ("auto", "spike_and_slab")
            and self.expected_size < learned
            and learned > MOST_SELECTABLE
        )
        chains = self.family == "student_t" or (self.coefficients == "horseshoe" and learned > 0) or many
        if self.engine == "exact" and chains:
            raise ConfigError(
                Reason(
                    "engine is exact, and the exact engine knows neither Student-t noise nor the horseshoe, and "
                    "tries all subsets of at most {most} regressors; {learned} are offered.",
                    most=MOST_SELECTABLE,
                    learned=learned,
                ),
                next_step="Set engine: auto, comparison_series: mean, or coefficients: ridge.",
            )
        if not chains and self.engine != "gibbs":
            return draw_exact(series, self._trend, prior, size=self.draws * self.chains, rng=rng)
        kind: Literal["spike_and_slab", "horseshoe"] = "spike_and_slab"
        if self.coefficients == "horseshoe":
            kind = "horseshoe"
        plan = Plan(kind, self.family == "student_t", self.draws, self.tune, self.chains)
        return draw_gibbs(series, self._trend, prior, plan, rng=rng)

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
        exposure = panel.exposure if self._of_counts else None
        each = comparison_columns(panel, averaged=False, log_rate=self._of_counts, exposure=exposure)
        few = len(each) <= MOST_SELECTABLE and fitted >= 2 * len(each)
        if self.comparison_series == "each" or (self.comparison_series == "auto" and few):
            return each
        return comparison_columns(panel, averaged=True, log_rate=self._of_counts, exposure=exposure)

    def _estimate(
        self, panel: Panel, found: Sequence[Foretold], correlation: float, short: list[str], seed: int
    ) -> Estimate:
        places = [each.place for each in found]
        cells = _cells(panel, places)
        draws = [_gaps(each) for each in found]
        joined = np.hstack(draws) if len(draws) > 1 else draws[0]
        parameters = _parameters(found)
        rows = thinned(len(joined), sum(int(place.prepared.series.used.sum()) for place in places))
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=replace(cells, estimate=joined.mean(axis=0)),
            uncertainty=Posterior(joined, self._figures(found, joined), parameters, _predictive(panel, found, rows)),
            calendar=panel.calendar,
            n_units=len(places) + int(panel.never_treated.sum()) * (self.comparison_series != "none"),
            n_treated_units=len(places),
            n_observations=sum(int(place.prepared.series.used.sum()) for place in places),
            seed=seed,
            level=self.level,
            remarks=self._remarks(panel, places, short, correlation),
            facts={name: float(value.mean()) for name, value in parameters.items()} | self._controlled(panel, places),
            leads_from="fit",
            unit_names=tuple(place.name for place in places),
        )

    def _controlled(self, panel: Panel, places: Sequence[Place]) -> dict[str, float]:
        """Whether series of other places enter: the rating then takes the series for a controlled one."""
        return {"controlled": float(bool(self._comparison(panel, int(places[0].prepared.series.used.sum()))))}

    def _figures(self, found: Sequence[Foretold], draws: FloatArray) -> SamplerFigures:
        """Independent draws have no chains to compare; chains are judged by effects and parameters."""
        watched = np.column_stack(
            [draws.mean(axis=1), *(value for each in found for value in each.parameters.values())]
        )
        effective = min(each.effective_size for each in found)
        if np.isnan(effective):
            figures = chain_figures(watched.reshape(self.chains, self.draws, -1))
            return SamplerFigures(
                engine="gibbs", n_chains=self.chains, n_draws=self.draws, divergences=0,
                rhat_max=figures.rhat_max, ess_bulk_min=figures.ess_bulk_min, ess_tail_min=figures.ess_tail_min,
            )  # fmt: skip
        return SamplerFigures(
            engine="laplace" if self._of_counts else "exact", n_chains=1, n_draws=len(draws), divergences=0,
            rhat_max=split_rhat(watched), ess_bulk_min=effective, ess_tail_min=effective,
        )  # fmt: skip

    def _remarks(
        self, panel: Panel, places: Sequence[Place], short: list[str], correlation: float
    ) -> tuple[Remark, ...]:
        never = int(panel.never_treated.sum())
        offered = self._comparison(panel, int(places[0].prepared.series.used.sum()))
        complete = comparison_columns(panel, averaged=False) if offered else []
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


def _gaps(found: Foretold) -> FloatArray:
    """(S, K) draws of observed less foretold in the periods that have a cell; takes the place of what was foretold."""
    gaps = np.subtract(found.place.outcome, found.predicted, out=found.predicted)
    return gaps if found.place.shown.all() else gaps[:, found.place.shown]


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


def _parameters(found: Sequence[Foretold]) -> dict[str, FloatArray]:
    """Draws by name, (1, S) for one place; for several (1, S, places), of what all of them have."""
    if len(found) == 1:
        return {name: value[None] for name, value in found[0].parameters.items()}
    common = [name for name in found[0].parameters if all(name in each.parameters for each in found)]
    return {name: np.stack([each.parameters[name] for each in found], axis=1)[None] for name in common}


def _predictive(panel: Panel, found: Sequence[Foretold], rows: IntArray) -> Predictive:
    """Densities of all places side by side; priors of places that are fitted apart add up."""
    parts = [each.densities for each in found]
    priors = [part.prior for part in parts if part.prior is not None]
    return Predictive(
        observed=np.concatenate([part.observed for part in parts]),
        replicated=np.hstack([part.replicated for part in parts]),
        period=np.concatenate([part.periods for part in parts]) + int(panel.time[0]),
        before=np.ones(sum(len(part.observed) for part in parts), dtype=np.bool_),
        log_likelihood=np.hstack([part.log_likelihood for part in parts]),
        log_prior=np.sum([part.log_prior for part in parts], axis=0),
        prior_replicated=np.hstack(priors) if priors else None,
        draws_of=rows,
        series=np.repeat(np.arange(len(parts)), [len(part.observed) for part in parts]),
    )

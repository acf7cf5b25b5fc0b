"""Bayesian difference-in-differences: hierarchical effects by cohort and event time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics import did_remarks as remarks
from evalkit.numerics.did_layout import CellTable, cell_means
from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.exact_did import Priors, effect_draws, lead_cells, lead_draws
from evalkit.numerics.hierarchical_did import ExactDraws
from evalkit.numerics.nuts_did import sample_effects, sample_leads
from evalkit.numerics.posterior_draws import split_rhat
from evalkit.numerics.pymc_did import LOG_LINK
from evalkit.numerics.sampler import SamplerSettings
from evalkit.uncertainty import Posterior, SamplerFigures
from evalkit.vocabulary import BoolArray, Comparison, FloatArray, Remark

Family = Literal["gaussian", "student_t", "poisson", "negative_binomial"]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, slots=True)
class _Fit:
    """What an engine returns: draws (S, K) of effects and leads, figures, parameters (chain, draw)."""

    draws: FloatArray
    leads: FloatArray | None
    sampler: SamplerFigures
    parameters: dict[str, FloatArray]


class BayesianDid(PanelEstimator):
    """y_it = alpha_i + lambda_t + theta_{g,e} D_it + x_it' beta + u_it, with theta partially pooled.

    The effect of cohort g at event time e is theta_{g,e} = mu + slope (e - mean e) + m_e + c_g + d_{g,e}: an
    overall effect, a line in event time, deviations of event times and of cohorts that each sum to zero, and what
    is left. The sds of m, c and d are learned, so cells that the data say little about borrow from the others.
    Unit and period effects are flat. All priors are in units of sigma, the residual sd, so that they mean the same
    on any scale of the outcome; `docs/decisions/010-bayesian-did-model.md` gives the reasons of the defaults.

    Errors of a Gaussian model follow an AR(1) within units unless `errors` says otherwise: independent
    errors give too narrow intervals where a unit's bad years come in runs.

    Parameters
    ----------
    family
        ``gaussian``, ``student_t`` (outliers), ``poisson`` or ``negative_binomial`` (counts, log link, with the
        panel's exposure as offset; effects are then log rate ratios).
    engine
        ``exact`` (Gaussian only: independent draws, no convergence to wait for), ``nuts`` (a PyMC
        model) or ``auto``: exact where it applies.
    sampler
        Of the ``nuts`` engine: ``nutpie``, ``pymc``, or ``auto``: nutpie where it is installed.
    errors
        ``ar1``, ``iid``, or ``auto``: ``ar1`` for the Gaussian family, ``iid`` for the others.
    comparison
        Who informs the period effects: every untreated observation (``not_yet_treated``), or never-treated
        units alone (``never_treated``). Either way an effect is measured from the cohort's own
        average over its untreated periods.
    anticipation
        Periods before the start in which effects are allowed; reported as cells, not pooled with the others.
    covariates
        Columns of the panel that enter linearly, with a ridge prior.
    pooling
        ``partial`` as above, or ``none``: each effect stands alone with prior sd `overall_scale`, which is least
        squares but for that prior; shows what pooling does to the answer.
    leads
        Also estimate the cells before treatment, from untreated observations only and without pooling:
        they inform the reader about trends before treatment and leave the effects as they are.
    draws, tune, chains, target_accept, cores
        Draws kept a chain, warm-up draws a chain, chains, and target acceptance of the sampler; threads used.
        The exact engine keeps draws x chains draws and ignores the others.
    overall_scale, event_time_scale, cohort_scale, cell_scale
        Prior sd of mu, and scales of the half-normal priors of the sds of m, c and d (the first also the prior
        sd of the slope, a period): in residual sds for Gaussian and Student-t, on the log scale for counts. None:
        10, 1, 1, 1 and 2.5, 0.5, 0.5, 0.5.
    covariate_scale
        Prior sd of the coefficient of a covariate scaled to sd 1 within units and periods, in the same unit.
    prior_only
        Ignore the outcome and draw from the prior: shows what the priors imply.
    level
        Of the credible intervals.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=60, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.BayesianDid().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "bayesian_did"
    needs: ClassVar[Needs] = Needs(
        answers="Effects by cohort and event time that borrow strength from each other, with probabilities."
    )

    family: Family = "gaussian"
    engine: Literal["auto", "exact", "nuts"] = "auto"
    sampler: Literal["auto", "nutpie", "pymc"] = "auto"
    errors: Literal["auto", "iid", "ar1"] = "auto"
    comparison: Comparison = "not_yet_treated"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    pooling: Literal["partial", "none"] = "partial"
    leads: bool = True
    draws: Annotated[int, Field(ge=100)] = 1_500
    tune: Annotated[int, Field(ge=100)] = 1_500
    chains: Annotated[int, Field(ge=2)] = 4
    target_accept: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.99
    cores: Annotated[int, Field(ge=1)] = 2
    overall_scale: Positive | None = None
    event_time_scale: Positive | None = None
    cohort_scale: Positive | None = None
    cell_scale: Positive | None = None
    covariate_scale: Positive = 10.0
    prior_only: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Draw the posterior of the effects.

        Raises
        ------
        ConfigError
            When settings contradict each other or name a covariate that the panel lacks.
        DesignRefused
            When no effect is identified, or sampling weights differ between rows.
        EstimationFailed
            When nothing is left to vary once unit and period effects are taken out.
        """
        self._refuse_contradictions()
        sample = self._sample(panel)
        leads = lead_cells(sample.layout) if self.leads else None
        try:
            fitted = self._fit(panel, sample, leads, rng)
        except FloatingPointError as error:
            raise EstimationFailed(
                f"Nothing can be estimated: {error}.", next_step="Check that the outcome column is the one meant."
            ) from None
        return self._estimate(panel, sample, leads, fitted, seed=int(rng.integers(2**63 - 1)))

    def _sample(self, panel: Panel) -> Sample:
        """Choose rows and refuse designs without an answer."""
        self._refuse_weights(panel)
        covariates = np.empty((*panel.outcome.shape, len(self.covariates)))
        for k, name in enumerate(self.covariates):
            covariates[:, :, k] = panel.covariate(name)
        sample = prepare(panel.outcome, covariates, panel.time, panel.first_treated, self.anticipation)
        layout = sample.layout
        if not (layout.effects.event_time >= 0).any():
            raise DesignRefused(
                "Effects cannot be estimated: no unit becomes treated within the window while another unit, "
                "observed before and after, is still untreated.",
                next_step="Check the cohort column, or add never-treated units or earlier periods.",
            )
        if self.comparison == "never_treated" and not (layout.group == len(layout.cohorts)).any():
            raise DesignRefused(
                "comparison is never_treated, and this panel has no never-treated unit.",
                next_step="Set comparison: not_yet_treated.",
            )
        return sample

    def _refuse_weights(self, panel: Panel) -> None:
        if panel.weight is None:
            return
        known = panel.weight[panel.observed]
        if known.size and np.ptp(known) > 1e-12 * np.abs(known).max():
            raise DesignRefused(
                "bayesian_did takes no sampling weights: a weighted likelihood is not the probability of any data, "
                "and its intervals would be too narrow or too wide by an unknown factor.",
                next_step="Build the panel without weight, or use estimator=callaway_santanna, which weights properly.",
            )

    @property
    def _exact(self) -> bool:
        return self.engine != "nuts" and self.family == "gaussian"

    @property
    def _autoregressive(self) -> bool:
        return self.family == "gaussian" and self.errors != "iid"

    def _refuse_contradictions(self) -> None:
        if self.engine == "exact" and self.family != "gaussian":
            raise ConfigError(
                f"engine is exact, and the family {self.family} has no exact engine.",
                allowed="engine: auto or nuts for this family",
                next_step="Set engine: nuts, or family: gaussian.",
            )
        if self.errors == "ar1" and self.family != "gaussian":
            raise ConfigError(
                f"errors is ar1, which the family {self.family} does not have.",
                allowed="errors: auto or iid for this family",
                next_step="Set errors: auto.",
            )

    def _fit(self, panel: Panel, sample: Sample, leads: CellTable | None, rng: np.random.Generator) -> _Fit:
        """Effects first, leads after them, so that leads do not move the draws of the effects."""
        if self._exact or self.prior_only:
            effects = self._exact_effects(sample, rng)
        else:
            effects = self._nuts(panel, sample, None, rng)
        if leads is None or not len(leads):
            return effects
        if self.family == "gaussian" or self.prior_only:
            before = self._exact_leads(sample, leads, rng)
        else:
            before = self._nuts(panel, sample, leads, rng)
        return _Fit(effects.draws, before.draws, _worst(effects.sampler, before.sampler), effects.parameters)

    def _exact_effects(self, sample: Sample, rng: np.random.Generator) -> _Fit:
        drawn = effect_draws(
            sample,
            self._priors(),
            size=self.draws * self.chains,
            rng=rng,
            autoregressive=self._autoregressive,
            never_treated_only=self.comparison == "never_treated",
            prior_only=self.prior_only,
        )
        names = self._priors().structure(sample.layout.effects).group_names
        unit = self._unit_of_prior(drawn)
        parameters = {f"sd_{name}": drawn.ratios[:, i] * unit for i, name in enumerate(names)}
        if self.family not in LOG_LINK:
            parameters["sigma"] = drawn.sigma
        if self._autoregressive:
            parameters["rho"] = drawn.rho
        return self._independent(drawn, unit, {name: value[None, :] for name, value in parameters.items()})

    def _exact_leads(self, sample: Sample, leads: CellTable, rng: np.random.Generator) -> _Fit:
        drawn = lead_draws(
            sample,
            leads,
            self._priors(),
            size=self.draws * self.chains,
            rng=rng,
            autoregressive=self._autoregressive,
            prior_only=self.prior_only,
        )
        return self._independent(drawn, self._unit_of_prior(drawn), {})

    def _unit_of_prior(self, drawn: ExactDraws) -> FloatArray:
        """(S,) sigma, or 1 for counts, whose priors are on the log scale."""
        return np.ones_like(drawn.sigma) if self.family in LOG_LINK else drawn.sigma

    def _independent(self, drawn: ExactDraws, unit: FloatArray, parameters: dict[str, FloatArray]) -> _Fit:
        draws = drawn.effects * (unit / drawn.sigma)[:, None]
        figures = SamplerFigures(
            engine="prior" if self.prior_only else "exact",
            n_chains=1,
            n_draws=len(draws),
            divergences=0,
            rhat_max=split_rhat(draws),
            ess_bulk_min=drawn.effective_size,
            ess_tail_min=drawn.effective_size,
        )
        return _Fit(draws, None, figures, parameters)

    def _nuts(self, panel: Panel, sample: Sample, leads: CellTable | None, rng: np.random.Generator) -> _Fit:
        """Sample the PyMC model of the effects, or of the leads when they are given."""
        settings = SamplerSettings(
            self.sampler, self.draws, self.tune, self.chains, self.target_accept, self.cores,
            seed=int(rng.integers(2**31 - 1)),
        )  # fmt: skip
        offset = self._offset(panel, sample)
        if leads is None:
            chains = sample_effects(
                sample,
                self._priors(),
                settings,
                family=self.family,
                counts=panel.outcome,
                offset=offset,
                autoregressive=self._autoregressive,
                never_treated_only=self.comparison == "never_treated",
            )
        else:
            chains = sample_leads(
                sample, leads, self._priors(), settings, family=self.family, counts=panel.outcome, offset=offset
            )  # fmt: skip
        parameters = {name: value for name, value in chains.draws.items() if name != "effects"}
        effects = chains.draws["effects"]
        figures = SamplerFigures(
            engine=chains.engine,
            n_chains=self.chains,
            n_draws=self.draws,
            divergences=chains.divergences,
            rhat_max=chains.rhat_max,
            ess_bulk_min=chains.ess_bulk_min,
            ess_tail_min=chains.ess_tail_min,
            energy_bfmi_min=chains.energy_bfmi_min,
        )
        return _Fit(effects.reshape(-1, effects.shape[-1]), None, figures, parameters)

    def _offset(self, panel: Panel, sample: Sample) -> FloatArray:
        """(N, T) log exposure; refuses counts and exposures that are none."""
        zero = np.zeros_like(panel.outcome)
        if self.family not in LOG_LINK:
            return zero
        used = sample.layout.used
        known = np.where(used, panel.outcome, 0.0)
        _refuse_rows(
            panel, (known < 0.0) | (known != np.round(known)), f"The {self.family} family needs counts (0, 1, 2, ...)",
            "Use the column of counts and name the denominator as exposure, or set family: gaussian.",
        )  # fmt: skip
        if panel.exposure is None:
            return zero
        exposure = np.where(used, panel.exposure, 1.0)
        _refuse_rows(
            panel, ~(exposure > 0.0) | ~np.isfinite(exposure), "Exposure must be a positive number",
            "Fill or drop these rows.",
        )  # fmt: skip
        return np.asarray(np.log(exposure))

    def _priors(self) -> Priors:
        defaults = Priors(2.5, 0.5, 0.5, 0.5) if self.family in LOG_LINK else Priors()
        return Priors(
            overall=self.overall_scale or defaults.overall,
            event_time=self.event_time_scale or defaults.event_time,
            cohort=self.cohort_scale or defaults.cohort,
            cell=self.cell_scale or defaults.cell,
            covariate=self.covariate_scale,
            pooled=self.pooling == "partial",
        )

    def _estimate(self, panel: Panel, sample: Sample, leads: CellTable | None, fit: _Fit, *, seed: int) -> Estimate:
        layout = sample.layout
        tables = [layout.effects] if fit.leads is None or leads is None else [leads, layout.effects]
        draws = fit.draws if fit.leads is None else np.hstack([fit.leads, fit.draws])
        observed = [cell_means(panel.outcome, layout.codes(table), len(table)) for table in tables]
        units = np.bincount(layout.group[layout.group >= 0], minlength=layout.n_groups)
        size = int(units.sum())
        cells = Cells(
            cohort=np.concatenate([table.cohort for table in tables]),
            period=np.concatenate([table.period for table in tables]),
            event_time=np.concatenate([table.event_time for table in tables]),
            estimate=draws.mean(axis=0),
            observed=np.concatenate(observed),
            n_treated=np.concatenate([table.n_units for table in tables]),
            is_reference=np.zeros(draws.shape[1], dtype=np.bool_),
            share_cohorts=layout.cohorts,
            shares=units[:-1] / size,
        )
        facts = {name: float(value.mean()) for name, value in fit.parameters.items()}
        if self.family in LOG_LINK:
            facts["log_link"] = 1.0
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Posterior(draws, fit.sampler, fit.parameters),
            calendar=panel.calendar,
            n_units=size,
            n_treated_units=int(units[:-1].sum()),
            n_observations=int(layout.used.sum()),
            seed=seed,
            level=self.level,
            remarks=self._remarks(panel, sample, leads),
            facts=facts,
            leads_from="own_mean",
        )

    def _remarks(self, panel: Panel, sample: Sample, leads: CellTable | None) -> tuple[Remark, ...]:
        layout = sample.layout
        told = [
            remarks.no_clean_period(layout.no_clean_period),
            remarks.no_comparison([panel.calendar.text(int(t)) for t in layout.dropped_periods]),
            remarks.missing_covariates(sample.incomplete),
            remarks.constant_covariates(
                [name for name, kept in zip(self.covariates, sample.kept, strict=True) if not kept]
            ),
            remarks.errors_within_units(self._autoregressive),
            remarks.clusters_above_units(panel.cluster, panel.n_units),
            remarks.leads_apart(0 if leads is None else len(leads)),
            remarks.LOG_LINK if self.family in LOG_LINK else None,
            remarks.PRIOR_ONLY if self.prior_only else None,
        ]
        return tuple(remark for remark in told if remark is not None)


def _worst(first: SamplerFigures, second: SamplerFigures) -> SamplerFigures:
    """Figures of two runs as one: the gates judge the worse of each."""
    return replace(
        first,
        divergences=first.divergences + second.divergences,
        rhat_max=max(first.rhat_max, second.rhat_max),
        ess_bulk_min=min(first.ess_bulk_min, second.ess_bulk_min),
        ess_tail_min=min(first.ess_tail_min, second.ess_tail_min),
    )


def _refuse_rows(panel: Panel, wrong: BoolArray, what: str, next_step: str) -> None:
    if not wrong.any():
        return
    unit, period = np.argwhere(wrong)[0]
    raise DataError(
        f"{what}; {int(wrong.sum())} rows are not, the first being unit '{panel.units[unit]}' in period "
        f"{panel.calendar.text(int(panel.time[period]))}: outcome {panel.outcome[unit, period]:g}"
        + ("." if panel.exposure is None else f", exposure {panel.exposure[unit, period]:g}."),
        next_step=next_step,
    )

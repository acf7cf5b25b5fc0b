"""Bayesian difference-in-differences: hierarchical effects by cohort and event time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.did_inputs import DidInputs, prepared, read_inputs, subgroup_codes
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, nothing_estimated
from evalkit.numerics import did_cells, did_engines
from evalkit.numerics import did_remarks as remarks
from evalkit.numerics.did_engines import Drawn, Figures, Responses
from evalkit.numerics.did_layout import CellTable
from evalkit.numerics.did_predictive import MOST_OBSERVATIONS, thinned
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.exact_did import Priors, lead_cells, untreated_rows
from evalkit.numerics.hierarchical_did import Structure, zero_sum_structure
from evalkit.numerics.nuts_did import sample_effects, sample_leads
from evalkit.numerics.pymc_did import LOG_LINK, ON_LINK
from evalkit.numerics.sampler import SamplerSettings
from evalkit.uncertainty import Posterior, Predictive, SamplerFigures
from evalkit.vocabulary import Comparison, FloatArray, IntArray, Remark

Family = Literal["gaussian", "student_t", "poisson", "negative_binomial", "binomial"]
Positive = Annotated[float, Field(gt=0)]


MOST_NUMBERS = 3_000_000
"""Draws times cells kept: more draws than that of thousands of cells of single units would only fill memory."""
FEWEST_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class _Fit:
    """Draws of the effects and, where asked for, of the leads; with the structure of the effects' prior."""

    effects: Drawn
    leads: Drawn | None
    structure: Structure

    @property
    def figures(self) -> Figures:
        return self.effects.figures if self.leads is None else self.effects.figures.worst(self.leads.figures)


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
        panel's exposure as offset; effects are then log rate ratios), ``binomial`` (successes out of the panel's
        exposure, logit link; effects are then differences in percentage points, averaged over the treated).
    engine
        ``exact`` (Gaussian only: independent draws, no convergence to wait for), ``importance`` (counts and shares:
        Laplace proposals made exact by weights), ``nuts`` (a PyMC model) or ``auto``: the first of them that applies,
        and ``nuts`` where the weights are too uneven.
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
    sites
        Also give each treated unit a deviation of its own, delta_i ~ N(0, (r_s sigma)^2) with r_s learned: a
        city's own effect is shrunk towards the portfolio's. Effects are then of units and periods, and facts
        tell the effect to expect in a place that is not among them.
    standard_error
        Column with the standard error of each outcome, where outcomes are survey estimates: their errors come on top
        of the model's own. Gaussian only; the unit of all priors is then the residual sd of the unpooled fit.
    subgroup
        Column that is constant within units (at most 12 values): subgroups of treated units deviate as cohorts do, and
        facts tell each one's effect and their difference.
    pooling
        ``partial`` as above, or ``none``: each effect stands alone with prior sd `overall_scale`, which is least
        squares but for that prior; shows what pooling does to the answer.
    leads
        Also estimate the cells before treatment, from untreated observations only and without pooling:
        they inform the reader about trends before treatment and leave the effects as they are.
    draws, tune, chains, target_accept, cores
        Draws kept a chain, warm-up draws a chain, chains, and target acceptance of the sampler; threads used.
        The exact engine keeps draws x chains draws and ignores the others.
    overall_scale, event_time_scale, cohort_scale, cell_scale, site_scale, subgroup_scale
        Prior sd of mu, and scales of the half-normal priors of the sds of m, c, d and of single units' and
        subgroups' deviations (the second also the prior sd of the slope, a period): in residual sds for Gaussian and
        Student-t, on the log scale for counts. None: 10 and then 1, or 2.5 and then 0.5.
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
        answers="Effects by cohort, place and event time that borrow strength from each other, with probabilities.",
        repeated_cross_sections=True,
    )

    family: Family = "gaussian"
    engine: Literal["auto", "exact", "importance", "nuts"] = "auto"
    sampler: Literal["auto", "nutpie", "pymc"] = "auto"
    errors: Literal["auto", "iid", "ar1"] = "auto"
    comparison: Comparison = "not_yet_treated"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    sites: bool = False
    standard_error: str | None = None
    subgroup: str | None = None
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
    site_scale: Positive | None = None
    subgroup_scale: Positive | None = None
    covariate_scale: Positive = 10.0
    prior_only: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Draw the posterior of the effects.

        Raises
        ------
        ConfigError
            When settings contradict each other or name a column that the panel lacks.
        DataError
            When counts, exposures, standard errors or subgroups are not what they should be.
        DesignRefused
            When no effect is identified, or sampling weights differ between rows.
        EstimationFailed
            When nothing is left to vary once unit and period effects are taken out.
        """
        self._refuse_contradictions(panel)
        family: Any = self.family if self.family in ON_LINK and not self.prior_only else None
        data = read_inputs(panel, self._covariates, self.standard_error, family)
        sample = prepared(data, panel.time, self.anticipation, never_treated=self.comparison == "never_treated")
        subgroup = None if self.subgroup is None else subgroup_codes(panel, self.subgroup)
        leads = lead_cells(sample.layout) if self.leads else None
        split = sample if subgroup is None else replace(sample, layout=did_cells.split(sample.layout, subgroup[0]))
        of_group = (
            None if subgroup is None else did_cells.subgroup_of(split.layout, subgroup[0], split.layout.n_groups - 1)
        )
        structure = self._priors().structure(
            split.layout.effects, None if of_group is None else of_group[split.layout.effects.group]
        )
        size = self._size(sample, leads)
        try:
            effects = self._effects(panel, data, split, structure, size, rng)
            before = None if leads is None or not len(leads) else self._leads(panel, data, sample, leads, size, rng)
        except FloatingPointError as error:
            raise nothing_estimated(error) from None
        fit = _Fit(effects, before, structure)
        facts = {name: float(value.mean()) for name, value in effects.parameters.items()}
        named = None if subgroup is None or of_group is None else (subgroup[1], of_group)
        facts |= self._facts(fit, split, named, rng)
        return self._estimate(panel, data, (sample, split), leads, fit, facts, seed=int(rng.integers(2**63 - 1)))

    @property
    def _covariates(self) -> tuple[str, ...]:
        """Columns that enter linearly: not those with a role of their own."""
        return tuple(name for name in self.covariates if name not in (self.standard_error, self.subgroup))

    @property
    def _autoregressive(self) -> bool:
        return self.family == "gaussian" and self.errors != "iid"

    def _refuse_contradictions(self, panel: Panel) -> None:
        family, other = self.family, self.family != "gaussian"
        noisy = self.standard_error is not None or panel.cross_sections is not None
        wrong = [
            (self.engine == "exact" and other, Reason("engine is exact; {family} has no exact engine.", family=family),
             "engine: auto or nuts for this family", "Set engine: nuts, or family: gaussian."),
            (self.engine == "importance" and self.family not in ON_LINK,
             Reason("engine is importance, which the family {family} does not have.", family=family),
             "engine: auto, or a family of counts or shares", "Set engine: auto."),
            (family == "binomial" and self.prior_only, Reason("prior_only of shares would need levels of their own."),
             "prior_only: false with family: binomial", "Set prior_only: false."),
            (self.errors == "ar1" and other,
             Reason("errors is ar1, which the family {family} does not have.", family=family),
             "errors: auto or iid for this family", "Set errors: auto."),
            (self.standard_error is not None and other, Reason("standard_error is for Gaussian outcomes."),
             "family: gaussian", "Set family: gaussian, or leave standard_error out."),
            (panel.cross_sections is not None and other,
             Reason("The family {family} follows units, and these are repeated cross-sections.", family=family),
             "family: gaussian", "Set family: gaussian, or sum rows by group."),
            (panel.cross_sections is not None and bool(self.standard_error or self.subgroup),
             Reason("standard_error and subgroup are for units followed over time."), "neither of them with data.group",
             "Leave them out."),
            (noisy and self.engine == "nuts", Reason("Noise of known variance has the exact engine alone."),
             "engine: auto or exact", "Set engine: auto."),
            (noisy and self.prior_only, Reason("prior_only needs outcomes without noise of known variance."),
             "prior_only: false", "Set prior_only: false."),
        ]  # fmt: skip
        for found, reason, allowed, next_step in wrong:
            if found:
                raise ConfigError(reason, allowed=allowed, next_step=next_step)

    def _size(self, sample: Sample, leads: CellTable | None) -> int:
        """Draws kept: fewer where cells of single units are many."""
        size = self.draws * self.chains
        if not self.sites:
            return size
        cells = int(sample.layout.effects.n_units.sum()) + (0 if leads is None else int(leads.n_units.sum()))
        return int(np.clip(MOST_NUMBERS // max(cells, 1), min(FEWEST_DRAWS, size), size))

    def _effects(
        self, panel: Panel, data: DidInputs, sample: Sample, structure: Structure, size: int, rng: np.random.Generator
    ) -> Drawn:
        comparison: dict[str, Any] = {"never_treated_only": self.comparison == "never_treated", "outcome": data.outcome}
        if self.prior_only:
            log_link = self.family in LOG_LINK
            drawn = did_engines.exact(
                sample, self._priors(), structure, size=size, rng=rng, autoregressive=self._autoregressive,
                prior_only=True, log_link=log_link, **comparison,
            )  # fmt: skip
            if not self.sites:
                return drawn
            unit = np.ones(size) if log_link else drawn.parameters["sigma"][0]
            units = np.flatnonzero(did_cells.acting_units(sample.layout, sample.layout.effects))
            return did_engines.prior_sites(drawn, units, self._priors().site, unit, rng)
        if data.responses is not None and self.engine != "nuts":
            table, leads = sample.layout.effects, sample.layout.leads
            nuisance = leads if self.comparison == "never_treated" else None
            weighted = self._weighted(sample, data.responses, structure, table, nuisance, size, rng)
            if weighted is not None:
                return weighted
        if self.engine == "nuts" or self.family != "gaussian":
            return self._nuts(data, sample, structure, None, rng)
        noise = data.noise_of(sample)
        if self.sites or noise is not None:
            return did_engines.site_effects(
                sample, self._priors(), structure, size=size, rng=rng, autoregressive=self._autoregressive,
                sites=self.sites, noise=noise, **comparison,
            )  # fmt: skip
        return did_engines.exact(
            sample, self._priors(), structure, size=size, rng=rng, autoregressive=self._autoregressive, **comparison
        )  # fmt: skip

    def _leads(
        self, panel: Panel, data: DidInputs, sample: Sample, leads: CellTable, size: int, rng: np.random.Generator
    ) -> Drawn:
        """From a fit of their own, after the effects, so that leads do not move the draws of the effects."""
        noise = data.noise_of(sample)
        if noise is not None:
            return did_engines.noisy_leads(
                sample, leads, self._priors(), size=size, rng=rng, autoregressive=self._autoregressive, noise=noise
            )
        if self.family == "gaussian" or self.prior_only:
            return did_engines.exact_leads(
                sample, leads, self._priors(), size=size, rng=rng, autoregressive=self._autoregressive,
                prior_only=self.prior_only, log_link=self.family in LOG_LINK,
            )  # fmt: skip
        if data.responses is not None and self.engine != "nuts":
            rows = untreated_rows(sample)
            structure = zero_sum_structure(leads, self._priors().overall)
            drawn = self._weighted(rows, data.responses, structure, leads, None, size, rng)
            if drawn is not None:
                return drawn
        return self._nuts(data, sample, None, leads, rng)

    def _weighted(
        self,
        sample: Sample,
        responses: Responses,
        structure: Structure,
        table: CellTable,
        nuisance: CellTable | None,
        size: int,
        rng: np.random.Generator,
    ) -> Drawn | None:
        """Counts and shares by importance; None where `auto` finds the weights too uneven and goes on to sample."""
        drawn = did_engines.weighted_effects(
            sample, self._priors(), structure, table, nuisance, responses, size=size, rng=rng,
            sites=self.sites and table is sample.layout.effects,
        )  # fmt: skip
        worth = min(drawn.figures.ess_bulk_min, size)
        return drawn if self.engine == "importance" or worth >= did_engines.ENOUGH else None

    def _nuts(
        self,
        data: DidInputs,
        sample: Sample,
        structure: Structure | None,
        leads: CellTable | None,
        rng: np.random.Generator,
    ) -> Drawn:
        """Sample the PyMC model of the effects, or of the leads when they are given."""
        settings = SamplerSettings(
            self.sampler, self.draws, self.tune, self.chains, self.target_accept, self.cores,
            seed=int(rng.integers(2**31 - 1)),
        )  # fmt: skip
        common: dict[str, Any] = {
            "sample": sample,
            "priors": self._priors(),
            "settings": settings,
            "family": self.family,
        }
        if data.responses is not None:
            seen = data.responses
            common |= {"counts": seen.outcome, "offset": seen.offset, "trials": seen.trials}
        if leads is not None:
            return did_engines.of_chains(sample_leads(cells=leads, **common), sample, False)
        chains = sample_effects(
            **common,
            autoregressive=self._autoregressive,
            never_treated_only=self.comparison == "never_treated",
            structure=structure,
            sites=self.sites,
        )
        return did_engines.of_chains(chains, sample, self.sites)

    def _priors(self) -> Priors:
        on_log = self.family in ON_LINK
        part = 0.5 if on_log else 1.0
        return Priors(
            overall=self.overall_scale or (2.5 if on_log else 10.0),
            event_time=self.event_time_scale or part,
            cohort=self.cohort_scale or part,
            cell=self.cell_scale or part,
            covariate=self.covariate_scale,
            pooled=self.pooling == "partial",
            site=self.site_scale or part,
            subgroup=self.subgroup_scale or part,
        )

    def _facts(
        self, fit: _Fit, split: Sample, subgroup: tuple[FloatArray, IntArray] | None, rng: np.random.Generator
    ) -> dict[str, float]:
        """Effects in a new place and by subgroup, and on the scale of the link."""
        facts = {"log_link": 1.0} if self.family in LOG_LINK else {}
        drawn, table = fit.effects, split.layout.effects
        if self.sites and self.pooling == "partial" and drawn.gamma is not None:
            draws = did_cells.new_place(table, fit.structure, drawn.gamma, drawn.sd(), rng)
            name = "new_place_log_odds" if self.family == "binomial" else "new_place"
            facts |= did_cells.summary(name, draws, self.level)
        if self.family == "binomial":
            facts |= did_cells.odds_ratio(split.layout, table, did_engines.on_link(drawn, split.layout), self.level)
        if subgroup is not None:
            draws = did_engines.rows_of(drawn, split.layout)
            facts |= did_cells.subgroup_facts(str(self.subgroup), split.layout, table, draws, *subgroup, self.level)
        return facts

    def _estimate(
        self,
        panel: Panel,
        data: DidInputs,
        samples: tuple[Sample, Sample],
        leads: CellTable | None,
        fit: _Fit,
        facts: dict[str, float],
        *,
        seed: int,
    ) -> Estimate:
        (sample, split), layout = samples, samples[0].layout
        report = did_cells.by_unit if self.sites else did_cells.by_cohort
        seen = data.reported
        parts = [report(split.layout, split.layout.effects, did_engines.rows_of(fit.effects, split.layout), seen)]
        if fit.leads is not None and leads is not None:
            before = fit.leads.effects if fit.leads.response is None else fit.leads.response
            parts.insert(0, report(layout, leads, before, seen))
        draws = np.hstack([part.draws for part in parts])
        treated = np.flatnonzero((layout.group >= 0) & (layout.group < len(layout.cohorts)))
        people = data.people
        by_unit = people.sum(axis=1) if people is not None else (layout.group >= 0).astype(np.float64)
        of_cohort = np.bincount(layout.group[treated], weights=by_unit[treated], minlength=len(layout.cohorts))
        in_all = float(by_unit[layout.group >= 0].sum())
        n_treated = np.concatenate([part.n_treated for part in parts])
        if people is not None:
            n_treated = np.concatenate([part.people(people, data.first_treated, panel.time) for part in parts])
        unit = np.concatenate([part.unit for part in parts if part.unit is not None]) if self.sites else None
        cells = Cells(
            cohort=np.concatenate([part.cohort for part in parts]),
            period=np.concatenate([part.period for part in parts]),
            event_time=np.concatenate([part.event_time for part in parts]),
            estimate=draws.mean(axis=0),
            observed=np.concatenate([part.observed for part in parts]),
            n_treated=n_treated,
            is_reference=np.zeros(draws.shape[1], dtype=np.bool_),
            share_cohorts=layout.cohorts,
            shares=of_cohort / in_all,
            unit=None if unit is None else np.searchsorted(treated, unit).astype(np.int64),
            fraction=None if unit is None else by_unit[unit] / of_cohort[layout.group[unit]],
        )
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Posterior(
                draws,
                SamplerFigures(**asdict(fit.figures)),
                fit.effects.parameters,
                self._predictive(panel, data, split, fit.effects, seed),
            ),
            calendar=panel.calendar,
            n_units=int(in_all),
            n_treated_units=int(of_cohort.sum()),
            n_observations=data.n_rows if people is not None else int(layout.used.sum()),
            seed=seed,
            level=self.level,
            remarks=self._remarks(panel, sample, leads),
            facts=facts,
            leads_from="own_mean",
            unit_names=tuple(str(name) for name in data.names[treated]) if self.sites else (),
        )

    def _predictive(self, panel: Panel, data: DidInputs, sample: Sample, drawn: Drawn, seed: int) -> Predictive | None:
        """What the checks of a posterior read; None where there are more rows than they could show."""
        unit, column = np.nonzero(sample.layout.used)
        if drawn.replay is None or drawn.log_prior is None or len(unit) > MOST_OBSERVATIONS:
            return None
        chosen = thinned(len(drawn.effects), len(unit))
        terms = drawn.replay(chosen, np.random.default_rng(seed))
        return Predictive(
            observed=data.reported[unit, column],
            replicated=terms.replicated,
            period=panel.time[column],
            before=panel.time[column] < data.first_treated[unit] - self.anticipation,
            log_likelihood=terms.log_likelihood,
            log_prior=drawn.log_prior[chosen],
            draws_of=chosen,
            series=unit.astype(np.int64),
        )

    def _remarks(self, panel: Panel, sample: Sample, leads: CellTable | None) -> tuple[Remark, ...]:
        layout = sample.layout
        sections = panel.cross_sections
        told = [
            remarks.no_clean_period(layout.no_clean_period),
            remarks.no_comparison([panel.calendar.text(int(t)) for t in layout.dropped_periods]),
            remarks.missing_covariates(sample.incomplete),
            remarks.constant_covariates(
                [name for name, kept in zip(self._covariates, sample.kept, strict=True) if not kept]
            ),
            remarks.errors_within_units(self._autoregressive, "group" if sections is not None else "unit"),
            remarks.clusters_above_units(panel.cluster, panel.n_units) if sections is None else None,
            remarks.leads_apart(0 if leads is None else len(leads)),
            remarks.LOG_LINK if self.family in LOG_LINK else None,
            remarks.SHARES if self.family == "binomial" else None,
            remarks.PRIOR_ONLY if self.prior_only else None,
            remarks.SITES if self.sites else None,
            remarks.known_errors(self.standard_error) if self.standard_error is not None else None,
            remarks.PERSONS if sections is not None else None,
        ]
        return tuple(remark for remark in told if remark is not None)

"""Bayesian difference-in-differences: hierarchical effects by cohort and event time."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, EstimationFailed
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics import did_cells, did_engines
from evalkit.numerics import did_remarks as remarks
from evalkit.numerics.did_cells import Reporting
from evalkit.numerics.did_engines import Drawn, Figures
from evalkit.numerics.did_layout import CellTable
from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.exact_did import Priors, lead_cells
from evalkit.numerics.hierarchical_did import Structure
from evalkit.numerics.nuts_did import sample_effects, sample_leads
from evalkit.numerics.person_cells import person_cells
from evalkit.numerics.pymc_did import LOG_LINK
from evalkit.numerics.sampler import Chains, SamplerSettings
from evalkit.numerics.site_did import Noise
from evalkit.uncertainty import Posterior, SamplerFigures
from evalkit.vocabulary import BoolArray, Comparison, FloatArray, IntArray, Remark

Family = Literal["gaussian", "student_t", "poisson", "negative_binomial"]
Positive = Annotated[float, Field(gt=0)]


MOST_NUMBERS = 8_000_000
"""Draws times cells kept: more draws than that of thousands of cells of single units would only fill memory."""
FEWEST_DRAWS = 1_000
MOST_SUBGROUPS = 12


@dataclass(frozen=True, slots=True)
class _Data:
    """What the model reads of a panel; repeated cross-sections as groups.

    `noise` (N, T) are relative variances, None without; `within` and `degrees` the spread of persons.
    """

    outcome: FloatArray
    covariates: FloatArray
    first_treated: IntArray
    names: pd.Index[Any]
    n_rows: int
    noise: FloatArray | None = None
    within: FloatArray | None = None
    degrees: int = 0


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
    engine: Literal["auto", "exact", "nuts"] = "auto"
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
        data = self._read(panel)
        sample = self._sample(panel, data)
        subgroup = self._subgroup(panel)
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
            raise EstimationFailed(
                f"Nothing can be estimated: {error}.", next_step="Check that the outcome column is the one meant."
            ) from None
        fit = _Fit(effects, before, structure)
        facts = {name: float(value.mean()) for name, value in effects.parameters.items()}
        named = None if subgroup is None or of_group is None else (subgroup[1], of_group)
        facts |= self._facts(fit, split, named, rng)
        return self._estimate(panel, data, (sample, split), leads, fit, facts, seed=int(rng.integers(2**63 - 1)))

    def _read(self, panel: Panel) -> _Data:
        """Outcome, covariates and noise; persons are summed by group and period."""
        self._refuse_weights(panel)
        names = self._covariates
        covariates = np.empty((*panel.outcome.shape, len(names)))
        for k, name in enumerate(names):
            covariates[:, :, k] = panel.covariate(name)
        sections = panel.cross_sections
        if sections is None:
            noise = None if self.standard_error is None else self._squared_errors(panel)
            return _Data(panel.outcome, covariates, panel.first_treated, panel.units, int(panel.observed.sum()), noise)
        values = np.concatenate([panel.outcome, covariates[:, 0]], axis=1)
        found = person_cells(
            values, sections.group, sections.position, panel.first_treated, len(sections.labels), panel.n_periods
        )  # fmt: skip
        if found.degrees < 1:
            raise DesignRefused(
                "Each group has one row a period: these are no repeated cross-sections, but a panel of groups.",
                next_step="Name the group as data.unit instead of data.group.",
            )
        with np.errstate(divide="ignore"):
            noise = 1.0 / found.count
        persons = int(found.count.sum())
        return _Data(
            found.mean[:, :, 0], found.mean[:, :, 1:], found.first_treated, sections.labels, persons, noise,
            found.within, found.degrees,
        )  # fmt: skip

    @property
    def _covariates(self) -> tuple[str, ...]:
        """Columns that enter linearly: not those with a role of their own."""
        return tuple(name for name in self.covariates if name not in (self.standard_error, self.subgroup))

    def _squared_errors(self, panel: Panel) -> FloatArray:
        errors = panel.covariate(str(self.standard_error))
        _refuse_rows(
            panel, panel.observed & ~((errors >= 0.0) & np.isfinite(errors)),
            f"'{self.standard_error}' must be a standard error, 0 or more", "Fill or drop these rows.",
        )  # fmt: skip
        return np.asarray(np.where(panel.observed, errors, 0.0) ** 2)

    def _subgroup(self, panel: Panel) -> tuple[IntArray, FloatArray] | None:
        """(N,) code of each unit and (B,) values of the subgroup column."""
        if self.subgroup is None:
            return None
        values = np.where(panel.observed, panel.covariate(self.subgroup), np.nan)
        first = np.array([row[~np.isnan(row)][0] if (~np.isnan(row)).any() else 0.0 for row in values])
        varies = panel.observed & (values != first[:, None])
        _refuse_rows(
            panel, varies, f"The subgroup column '{self.subgroup}' must not vary within a unit",
            "Use a column that says what each unit is.",
        )  # fmt: skip
        treated = ~panel.never_treated
        levels = np.unique(first[treated])
        if not 2 <= len(levels) <= MOST_SUBGROUPS:
            raise DesignRefused(
                f"The subgroup column '{self.subgroup}' has {len(levels)} values among treated units.",
                allowed=f"2 to {MOST_SUBGROUPS}",
                next_step="Use a column with few values, or leave subgroup out.",
            )
        return np.searchsorted(levels, first).clip(0, len(levels) - 1).astype(np.int64), levels

    def _sample(self, panel: Panel, data: _Data) -> Sample:
        """Choose rows and refuse designs without an answer."""
        sample = prepare(data.outcome, data.covariates, panel.time, data.first_treated, self.anticipation)
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
    def _autoregressive(self) -> bool:
        return self.family == "gaussian" and self.errors != "iid"

    def _refuse_contradictions(self, panel: Panel) -> None:
        other = self.family != "gaussian"
        noisy = self.standard_error is not None or panel.cross_sections is not None
        wrong = [
            (self.engine == "exact" and other, f"engine is exact, and the family {self.family} has no exact engine.",
             "engine: auto or nuts for this family", "Set engine: nuts, or family: gaussian."),
            (self.errors == "ar1" and other, f"errors is ar1, which the family {self.family} does not have.",
             "errors: auto or iid for this family", "Set errors: auto."),
            (self.standard_error is not None and other, "standard_error is for Gaussian outcomes.",
             "family: gaussian", "Set family: gaussian, or leave standard_error out."),
            (panel.cross_sections is not None and other, f"The family {self.family} follows units over time, and these "
             "data are repeated cross-sections.", "family: gaussian", "Set family: gaussian, or sum rows by group."),
            (panel.cross_sections is not None and bool(self.standard_error or self.subgroup),
             "standard_error and subgroup are for units followed over time.", "neither of them with data.group",
             "Leave them out."),
            (noisy and self.engine == "nuts", "Noise of known variance has the exact engine alone.",
             "engine: auto or exact", "Set engine: auto."),
            (noisy and self.prior_only, "prior_only needs outcomes without noise of known variance.",
             "prior_only: false", "Set prior_only: false."),
        ]  # fmt: skip
        for found, what, allowed, next_step in wrong:
            if found:
                raise ConfigError(what, allowed=allowed, next_step=next_step)

    def _size(self, sample: Sample, leads: CellTable | None) -> int:
        """Draws kept: fewer where cells of single units are many."""
        size = self.draws * self.chains
        if not self.sites:
            return size
        cells = int(sample.layout.effects.n_units.sum()) + (0 if leads is None else int(leads.n_units.sum()))
        return int(np.clip(MOST_NUMBERS // max(cells, 1), min(FEWEST_DRAWS, size), size))

    def _effects(
        self, panel: Panel, data: _Data, sample: Sample, structure: Structure, size: int, rng: np.random.Generator
    ) -> Drawn:
        comparison = {"never_treated_only": self.comparison == "never_treated"}
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
        if self.engine == "nuts" or self.family != "gaussian":
            return self._nuts(panel, sample, structure, None, rng)
        noise = self._noise(data, sample)
        if self.sites or noise is not None:
            return did_engines.site_effects(
                sample, self._priors(), structure, size=size, rng=rng, autoregressive=self._autoregressive,
                sites=self.sites, noise=noise, **comparison,
            )  # fmt: skip
        return did_engines.exact(
            sample, self._priors(), structure, size=size, rng=rng, autoregressive=self._autoregressive, **comparison
        )  # fmt: skip

    def _leads(
        self, panel: Panel, data: _Data, sample: Sample, leads: CellTable, size: int, rng: np.random.Generator
    ) -> Drawn:
        """From a fit of their own, after the effects, so that leads do not move the draws of the effects."""
        noise = self._noise(data, sample)
        if noise is not None:
            return did_engines.noisy_leads(
                sample, leads, self._priors(), size=size, rng=rng, autoregressive=self._autoregressive, noise=noise
            )
        if self.family == "gaussian" or self.prior_only:
            return did_engines.exact_leads(
                sample, leads, self._priors(), size=size, rng=rng, autoregressive=self._autoregressive,
                prior_only=self.prior_only, log_link=self.family in LOG_LINK,
            )  # fmt: skip
        return self._nuts(panel, sample, None, leads, rng)

    def _noise(self, data: _Data, sample: Sample) -> Noise | None:
        """Noise of the outcomes, in the units of the sample's series."""
        if data.noise is None:
            return None
        if data.within is None:
            return Noise(data.noise)
        kept = np.concatenate([[True], sample.kept])
        by = 1.0 / np.concatenate([[1.0], sample.spread])
        within = data.within[np.ix_(kept, kept)] * by[:, None] * by[None, :]
        return Noise(np.where(np.isfinite(data.noise), data.noise, 0.0), within, data.degrees)

    def _nuts(
        self,
        panel: Panel,
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
                structure=structure,
                sites=self.sites,
            )
        else:
            chains = sample_leads(
                sample, leads, self._priors(), settings, family=self.family, counts=panel.outcome, offset=offset
            )  # fmt: skip
        return _of_chains(chains, sample, self.sites and leads is None)

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
        on_log = self.family in LOG_LINK
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
        """Effects in a new place and by subgroup, and what a reader of log effects needs."""
        facts = {"log_link": 1.0} if self.family in LOG_LINK else {}
        drawn, table = fit.effects, split.layout.effects
        if self.sites and self.pooling == "partial" and drawn.gamma is not None:
            facts |= _summary(
                "new_place", did_cells.new_place(table, fit.structure, drawn.gamma, drawn.sd(), rng), self.level
            )
        if subgroup is not None:
            levels, of_group = subgroup
            by = did_cells.subgroup_effects(split.layout, table, _rows(drawn, split), of_group, len(levels))
            for b, level in enumerate(levels):
                facts |= _summary(f"{self.subgroup}_{level:g}", by[:, b], self.level)
                if b:
                    facts |= _summary(f"{self.subgroup}_{level:g}_less_{levels[0]:g}", by[:, b] - by[:, 0], self.level)
        return facts

    def _estimate(
        self,
        panel: Panel,
        data: _Data,
        samples: tuple[Sample, Sample],
        leads: CellTable | None,
        fit: _Fit,
        facts: dict[str, float],
        *,
        seed: int,
    ) -> Estimate:
        sample, split = samples
        layout = sample.layout
        report = did_cells.by_unit if self.sites else did_cells.by_cohort
        parts = [report(split.layout, split.layout.effects, _rows(fit.effects, split), data.outcome)]
        if fit.leads is not None and leads is not None:
            parts.insert(0, report(layout, leads, fit.leads.effects, data.outcome))
        draws = np.hstack([part.draws for part in parts])
        treated = np.flatnonzero((layout.group >= 0) & (layout.group < len(layout.cohorts)))
        people = self._people(data)
        size = people if people is not None else layout.used
        by_unit = size.sum(axis=1) if people is not None else (layout.group >= 0).astype(np.float64)
        of_cohort = np.bincount(layout.group[treated], weights=by_unit[treated], minlength=len(layout.cohorts))
        in_all = float(by_unit[layout.group >= 0].sum())
        n_treated = np.concatenate([part.n_treated for part in parts])
        if people is not None:
            n_treated = np.concatenate([_people_behind(part, data, people, panel.time) for part in parts])
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
            uncertainty=Posterior(draws, SamplerFigures(**asdict(fit.figures)), fit.effects.parameters),
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

    def _people(self, data: _Data) -> FloatArray | None:
        """(G, T) persons by group and period in repeated cross-sections; None elsewhere."""
        return None if data.within is None or data.noise is None else np.asarray(1.0 / data.noise)

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
            remarks.PRIOR_ONLY if self.prior_only else None,
            remarks.SITES if self.sites else None,
            remarks.known_errors(self.standard_error) if self.standard_error is not None else None,
            remarks.PERSONS if sections is not None else None,
        ]
        return tuple(remark for remark in told if remark is not None)


def _rows(drawn: Drawn, sample: Sample) -> FloatArray:
    """(S, n) effects of the treated rows, or (S, K) of the cells where rows of a cell share theirs."""
    if drawn.response is not None:
        return drawn.response
    if drawn.site is None or drawn.sites is None:
        return drawn.effects
    layout = sample.layout
    return did_cells.with_deviations(layout, layout.effects, drawn.effects, drawn.sites, drawn.site)


def _summary(name: str, draws: FloatArray, level: float) -> dict[str, float]:
    """Mean, sd, interval and probability of an effect above 0, as facts."""
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    values = {
        "effect": draws.mean(),
        "sd": draws.std(ddof=1),
        "low": low,
        "high": high,
        "p_above_0": (draws > 0.0).mean(),
    }
    return {f"{name}_{what}": float(value) for what, value in values.items()}


def _people_behind(part: Reporting, data: _Data, people: FloatArray, time: IntArray) -> IntArray:
    """(K,) persons behind each cell."""
    column = np.searchsorted(time, part.period)
    if part.unit is not None:
        return people[part.unit, column].astype(np.int64)
    of = data.first_treated[:, None] == part.cohort[None, :]
    return np.asarray((people[:, column] * of).sum(axis=0), dtype=np.int64)


def _of_chains(chains: Chains, sample: Sample, sites: bool) -> Drawn:
    effects = chains.draws["effects"]
    own = {"effects", "gamma", "site"}
    parameters = {name: value for name, value in chains.draws.items() if name not in own}
    figures = Figures(
        chains.engine, effects.shape[0], effects.shape[1], chains.divergences, chains.rhat_max, chains.ess_bulk_min,
        chains.ess_tail_min, chains.energy_bfmi_min,
    )  # fmt: skip
    flat = {name: chains.draws[name].reshape(-1, chains.draws[name].shape[-1]) for name in own & set(chains.draws)}
    layout = sample.layout
    units = np.flatnonzero(did_cells.acting_units(layout, layout.effects)) if sites else None
    return Drawn(flat["effects"], figures, parameters, flat.get("gamma"), units, flat.get("site"))


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

"""Bayesian synthetic control: donors weighted under a sparse prior that is shown, not hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from evalkit import aggregate as aggregation_weights
from evalkit.data.donor_pool import donor_pools
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.inference.at_level import at_level
from evalkit.inference.donor_posterior import Fit, Priors, pool_effects, predictive_of, sample_targets
from evalkit.inference.donor_shown import Shown
from evalkit.inference.donor_targets import Target, cells_of, refuse, targets_of
from evalkit.numerics import donor_remarks as remarks
from evalkit.numerics.chain_figures import chain_figures
from evalkit.numerics.donor_model import ErrorModel
from evalkit.numerics.simplex_posterior import Effort
from evalkit.uncertainty import Posterior, SamplerFigures
from evalkit.vocabulary import Comparison, FloatArray, Remark

Positive = Annotated[float, Field(gt=0)]
TOTAL: Final = 3.0
"""Total concentration of the default prior: about four donors carry the weight, however many there are."""
FEWEST: Final = 4
"""Periods to fit."""
PULLS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Concentrations under which the effect is shown."""
MOST_UNITS: Final = 12
"""Treated units that get weights of their own under `by: auto`."""
PULL_WALKERS: Final = (25, 80)
PULL_NUMBERS: Final = 64_000
"""Walkers times donors over all priors and series: enough to draw a mean and an interval, not to report them."""


class BayesianSyntheticControl(PanelEstimator):
    """y_t = [a] + sum_j w_j x_jt + u_t before the start, w ~ Dirichlet(alpha, ..., alpha), and the gap after it.

    The donors' weights are at least 0 and sum to 1. With as many donors as periods the data leave much open, and the
    prior decides: the flat prior (alpha 1) spreads the weight over all donors, whatever the fit. The default is
    sparse, and the effect under other concentrations is part of the answer (exhibit ``prior_pull``, facts).
    `docs/methods/bayesian_synthetic_control.md` gives priors, defaults and reasons.

    Parameters
    ----------
    concentration
        alpha of the Dirichlet prior, the same for all donors. None: 3 / J, at most 1, for J donors, so that about four
        donors carry the weight a priori.
    intercept
        Let the weighted donors lie above or below the treated unit by a constant, which has a flat prior.
    errors
        ``iid`` or ``ar1``: errors that follow one another, which forecasts then continue.
    sigma_scale
        Scale of the half-Cauchy prior of the errors' sd, in units of how much the treated unit's gap to the donors'
        plain mean changes from period to period.
    covariates
        Columns whose means before the start are to be matched too, each a row like one more period: a difference of
        one sd across units counts like one sd of the outcome.
    covariate_weight
        How many periods each covariate counts for.
    by
        ``unit``: weights for each treated unit. ``cohort``: weights for the mean of the units that start together.
        ``auto``: by unit for up to 12 treated units.
    pooling
        ``partial``: mean effects of several units are shrunk towards their common mean. ``none``: each stands alone.
    pooling_scale
        Scale of the half-Cauchy prior of how much units' effects differ, in sds of their errors.
    comparison, anticipation, follow_up
        Who may be a donor; periods before the start that are not fitted; last event time of interest.
    prior_pull
        Refit under concentrations 0.05, 0.1, 0.2, 0.5 and 1 and show the effect under each.
    chains, walkers, most_snapshots
        Independent populations, walkers in each, and the most snapshots taken of them (`numerics/simplex_posterior`).
    prior_only
        Ignore the outcome before the start: shows what the priors imply.
    level
        Of the credible intervals.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=12, n_periods=24, effect=5.0, noise=0.5, seed=1)
    >>> estimate = ek.BayesianSyntheticControl(prior_pull=False).fit(panel, rng=np.random.default_rng(0))
    >>> abs(float(estimate.aggregate("overall").estimate.iloc[0]) - 5.0) < 0.5
    True
    """

    name: ClassVar[str] = "bayesian_synthetic_control"
    needs: ClassVar[Needs] = Needs(
        answers="The gap to a weighted average of comparison places, with probabilities, and how far a prior decides.",
        never_treated=True,
        pre_periods=FEWEST,
        laws_without=frozenset(
            {
                # Weights match levels: a constant of one unit is a difference that they must bridge. It holds with
                # `intercept: true` (tests/unit/estimators/test_bayesian_synthetic_control.py).
                "unit constants change nothing",
                # Rounding of the outcome to 1e-7 turns some draws; the estimate moves within its Monte Carlo error.
                "adding 1e9 to the outcome changes nothing",
            }
        ),
    )

    concentration: Annotated[float, Field(ge=0.02, le=100.0)] | None = None
    intercept: bool = False
    errors: Literal["iid", "ar1"] = "iid"
    sigma_scale: Positive = 1.0
    covariates: tuple[str, ...] = ()
    covariate_weight: Positive = 1.0
    by: Literal["auto", "unit", "cohort"] = "auto"
    pooling: Literal["partial", "none"] = "partial"
    pooling_scale: Positive = 1.0
    comparison: Comparison = "never_treated"
    anticipation: Annotated[int, Field(ge=0)] = 0
    follow_up: Annotated[int, Field(ge=0)] | None = None
    prior_pull: bool = True
    chains: Annotated[int, Field(ge=4)] = 4
    walkers: Annotated[int, Field(ge=50)] = 150
    most_snapshots: Annotated[int, Field(ge=4)] = 64
    prior_only: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Draw the posterior of weights and effects.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            Without donors or periods to fit, where the outcome never changes, or where a donor is the treated unit.
        """
        pools, told = donor_pools(
            panel,
            name=self.name,
            anticipation=self.anticipation,
            comparison=self.comparison,
            follow_up=self.follow_up,
            fewest_fit_periods=FEWEST,
            also_known=[panel.covariate(name) for name in self.covariates],
        )
        merged = self.by == "cohort" or (self.by == "auto" and len(pools) > MOST_UNITS)
        near, level = without_level(panel)
        targets = targets_of(near, pools, self.covariates, self.covariate_weight, merged=merged)
        refuse(panel, targets, self.name, intercept=self.intercept)
        seed = int(rng.integers(2**53))
        draw = np.random.default_rng(seed)
        priors = self._priors([self._concentration(target) for target in targets])
        effort = Effort(self.chains, self.walkers, self.most_snapshots)
        fit = sample_targets(targets, priors, effort, draw, prior_only=self.prior_only)
        draws = np.hstack(fit.effects)
        cells = cells_of(targets, [each.mean(axis=0) for each in fit.effects], by_unit=not merged)
        on_cells = aggregation_weights.weights(cells, "overall").on_cells[:, 0]
        shown = Shown(
            panel,
            targets,
            fit,
            concentration=float(np.mean(priors.concentration)),
            overall=draws @ on_cells,
            pulls=self._pulls(targets, on_cells, draw),
            on_cells=on_cells,
            level=self.level,
            intercept=self.intercept,
        )
        rows = np.unique(np.concatenate([np.append(each.donors, each.unit) for each in pools]))
        parameters = self._parameters(targets, fit, priors)
        estimate = Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Posterior(
                draws, self._figures(fit, shown.overall), parameters, predictive_of(targets, fit, priors, draw)
            ),
            calendar=panel.calendar,
            n_units=len(rows),
            n_treated_units=sum(target.size for target in targets),
            n_observations=int(panel.observed[rows].sum()),
            seed=seed,
            level=self.level,
            remarks=(*told, *self._remarks(targets, merged, len(pools), shown)),
            facts=shown.facts(),
            leads_from="fit",
            exhibits=shown.exhibits(),
            unit_names=() if merged else tuple(str(panel.units[target.pool.unit]) for target in targets),
        )
        return at_level(estimate, level)

    def _concentration(self, target: Target) -> float:
        return min(1.0, TOTAL / len(target.pool.donors)) if self.concentration is None else self.concentration

    def _priors(self, concentration: list[float]) -> Priors:
        errors = ErrorModel.of(autoregressive=self.errors == "ar1", intercept=self.intercept)
        scale = self.pooling_scale if self.pooling == "partial" else None
        return Priors(tuple(concentration), errors, self.sigma_scale, scale)

    def _pulls(self, targets: list[Target], on_cells: FloatArray, rng: np.random.Generator) -> dict[float, FloatArray]:
        """Draws of the overall effect under each concentration."""
        if not self.prior_pull or self.prior_only:
            return {}
        count = len(targets)
        priors = replace(self._priors([alpha for alpha in PULLS for _ in targets]), pooling_scale=None)
        donors = sum(len(target.pool.donors) for target in targets)
        walkers = int(np.clip(PULL_NUMBERS // (4 * len(PULLS) * donors), *PULL_WALKERS))
        # All in one run, which costs little more than one of them.
        fit = sample_targets(targets * len(PULLS), priors, Effort(4, walkers, 4), rng, judged=False)
        found = {}
        for place, alpha in enumerate(PULLS):
            part = slice(place * count, (place + 1) * count)
            scale = self.pooling_scale if self.pooling == "partial" else None
            effects = pool_effects(targets, fit.draws[part], fit.gaps[part], scale, rng)[0]
            found[alpha] = np.hstack(effects) @ on_cells
        return found

    def _figures(self, fit: Fit, overall: FloatArray) -> SamplerFigures:
        """The gates judge the worst of weights, errors, gaps and the overall effect."""
        effect = chain_figures(overall.reshape(fit.chains, -1, 1))
        others = fit.figures or effect
        return SamplerFigures(
            engine="prior" if self.prior_only else "tempered populations",
            n_chains=fit.chains,
            n_draws=len(overall) // fit.chains,
            divergences=0,
            rhat_max=max(others.rhat_max, effect.rhat_max),
            ess_bulk_min=min(others.ess_bulk_min, effect.ess_bulk_min),
            ess_tail_min=min(others.ess_tail_min, effect.ess_tail_min),
        )

    def _parameters(self, targets: list[Target], fit: Fit, priors: Priors) -> dict[str, FloatArray]:
        """Weights (donors by name), sd and correlation of the errors of each series, (chain, draw, ...)."""
        found: dict[str, FloatArray] = {}
        for place, (target, each, gap) in enumerate(zip(targets, fit.draws, fit.gaps, strict=True)):
            suffix = "" if len(fit.draws) == 1 else f"_{place + 1}"
            weights = each.weights[:, np.argsort(target.pool.donors)]
            found[f"weights{suffix}"] = weights.reshape(fit.chains, -1, weights.shape[1])
            found[f"sigma{suffix}"] = each.sigma.reshape(fit.chains, -1)
            if self.errors == "ar1":
                found[f"rho{suffix}"] = priors.errors.rhos[each.rho].reshape(fit.chains, -1)
            if self.intercept:
                found[f"intercept{suffix}"] = gap.intercept.reshape(fit.chains, -1)
        if fit.spread is not None:
            found["effects_sd"] = fit.spread.reshape(fit.chains, -1)
        return found

    def _remarks(self, targets: list[Target], merged: bool, fitted: int, shown: Shown) -> tuple[Remark, ...]:
        donors = max(len(target.pool.donors) for target in targets)
        periods = min(int(target.series.fit.sum()) for target in targets)
        told = [
            remarks.PREDICTIVE_AR1 if self.errors == "ar1" else remarks.PREDICTIVE,
            remarks.prior_decides(donors, periods),
            remarks.pull(shown.span()),
            remarks.autocorrelated(shown.autocorrelation()) if self.errors == "iid" else None,
            remarks.merged(len(targets), fitted, sum(target.size for target in targets)) if merged else None,
            remarks.pooled(len(targets)) if shown.fit.spread is not None else None,
            remarks.PRIOR_ONLY if self.prior_only else None,
        ]
        return tuple(remark for remark in told if remark is not None)

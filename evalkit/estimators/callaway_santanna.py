"""Callaway and Sant'Anna (2021): effects by cohort and period from clean comparisons only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, quote_names
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics import sample_remarks as remarks
from evalkit.numerics.cohort_effects import CohortEffects, Rules, estimate_cells
from evalkit.numerics.cohort_sample import CohortSample, has_missing, sort_by_cohort
from evalkit.numerics.doubly_robust import Method
from evalkit.numerics.group_time import BasePeriod, PlannedCell
from evalkit.numerics.influence import Influence
from evalkit.uncertainty import Bootstrap, Multiplier, Sampling
from evalkit.vocabulary import NEVER, BoolArray, Comparison, IntArray, Remark


class CallawaySantAnna(PanelEstimator):
    """ATT(g, t) for each cohort g and period t, each from a two-period, two-group comparison.

    ATT(g, t) = E[Y_t - Y_b | G = g] - E[Y_t - Y_b | comparison], the comparison made alike in
    covariates by weighting, by regression or by both (Callaway and Sant'Anna 2021, eqs. 2.2 to
    2.10, Theorem 1). Already-treated units are never a comparison.

    Parameters
    ----------
    comparison
        ``never_treated``: units not treated within the window. ``not_yet_treated`` (the default,
        as in a study's design): units untreated in both periods of the cell, the never-treated included.
    method
        ``dr`` doubly robust, ``ipw`` inverse-probability weighting, ``reg`` outcome regression.
        All three are one and the same without covariates.
    base_period
        ``varying``: before treatment each period is compared with the one before (R `did`'s
        default). ``universal``: with the last period before treatment, whose own cell is 0.
    anticipation
        Periods before the start in which effects are allowed: the base period is g - anticipation - 1.
    covariates
        Columns of the panel to adjust for, taken in the base period of each cell.
    unbalanced
        ``within_pairs``: a cell uses the units observed in both of its periods, weighted by
        their weight in the base period. ``drop_incomplete``: only units observed in every period.
    inference
        ``analytical`` errors from the influence functions, or ``bootstrap``: multiplier draws,
        standard errors from their interquartile range as in R `did`.
    multiplier, n_draws
        Law and number of the draws. ``gaussian`` draws have exactly the estimated covariance and cost
        the same at any sample size; ``webb`` or ``rademacher`` suit few clusters.
    cohort_shares
        What averages over cohorts weigh by: ``weighted`` shares, the sum of sampling weights (R
        `did`), or shares ``by_count``, each unit once whatever its weight. The same without weights.
    min_cohort_size
        Cohorts with fewer units get no effects; they still serve as not-yet-treated units.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights: a unit of weight 2 counts as two such units in every mean and,
    unless shares go by count, in its cohort's share. Errors treat it as one observation. Standard
    errors have no small-sample correction and a normal reference, as in R `did`; with clusters,
    influence functions are summed within them.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.CallawaySantAnna(comparison="never_treated").fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "callaway_santanna"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did for each cohort in each period, and on average, without using treated comparisons."
    )

    comparison: Comparison = "not_yet_treated"
    method: Method = "dr"
    base_period: BasePeriod = "varying"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    unbalanced: Literal["within_pairs", "drop_incomplete"] = "within_pairs"
    inference: Literal["analytical", "bootstrap"] = "analytical"
    multiplier: Multiplier = "gaussian"
    n_draws: Annotated[int, Field(ge=99)] = 999
    cohort_shares: Literal["weighted", "by_count"] = "weighted"
    min_cohort_size: Annotated[int, Field(ge=1)] = 1
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Estimate all cells and the joint covariance of cells and cohort shares.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When no cohort starts within the window, the comparison group is empty, there is
            one cluster, or no cell after treatment can be estimated.
        """
        sample = sort_by_cohort(
            panel.outcome,
            panel.first_treated,
            kept=self._kept(panel),
            covariates=[panel.covariate(name) for name in self.covariates],
            weight=panel.weight,
            cluster=panel.cluster,
        )
        self._refuse_without_comparison(panel, sample)
        rules = Rules(self.comparison, self.method, self.base_period, self.anticipation, self.min_cohort_size)
        effects = estimate_cells(sample, panel.time, rules)
        _refuse_without_effects(effects)
        influence = self._influence(sample, effects)
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=_cells(panel, effects, influence),
            uncertainty=Sampling(
                covariance=influence.covariance(),
                n_clusters=sample.n_clusters,
                influence_of=influence.matrix,
                bootstrap=Bootstrap(self.multiplier, self.n_draws) if self.inference == "bootstrap" else None,
            ),
            calendar=panel.calendar,
            n_units=len(sample),
            n_treated_units=sum(sample.size_of(int(cohort)) for cohort in influence.share_cohorts),
            n_observations=sample.n_observations,
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(
                *self._on_units(panel),
                *self._on_sample(panel, sample, effects),
                *self._on_cells(panel, sample, effects),
            ),
            leads_from="previous" if self.base_period == "varying" else "reference",
            facts={"cells": float(len(effects.cells)), "cells_left_out": float(len(effects.left_out))},
        )

    def _too_early(self, panel: Panel) -> BoolArray:
        """(N,) units that start within the window, but too early to have a base period."""
        early: BoolArray = panel.first_treated <= panel.time[0] + self.anticipation
        return early & ~panel.always_treated

    def _kept(self, panel: Panel) -> BoolArray:
        """(N,) units that can play a part."""
        kept = ~panel.always_treated & ~self._too_early(panel)
        return kept & _complete(panel) if self.unbalanced == "drop_incomplete" else kept

    def _last(self, panel: Panel) -> int:
        """Ordinal after which a start cannot touch the window, anticipation included."""
        return int(panel.time[-1]) + self.anticipation

    def _refuse_without_comparison(self, panel: Panel, sample: CohortSample) -> None:
        if not sample.cohorts_until(int(panel.time[-1])):
            raise DesignRefused(
                "No unit starts treatment within the window with an untreated period before it: there is no effect "
                "to estimate.",
                next_step="Check the cohort column, add earlier periods, or lower the anticipation.",
            )
        if self.comparison == "never_treated" and len(sample) == sample.rows_after(self._last(panel)).start:
            raise DesignRefused(
                "The comparison 'never_treated' was asked for, and the panel has no never-treated units.",
                next_step="Set comparison=not_yet_treated, or add units that are never treated.",
            )
        if sample.n_clusters < 2:
            raise DesignRefused(
                "All units lie in one cluster: standard errors need at least two.",
                next_step="Choose a finer data.cluster.",
            )

    def _influence(self, sample: CohortSample, effects: CohortEffects) -> Influence:
        """Influence functions of the cells and of the shares P(G = g) of the cohorts that have cells."""
        weight = sample.share_weight() if self.cohort_shares == "weighted" else np.ones(len(sample))
        cohorts = np.unique(effects.cohort)
        shares = np.array([weight[sample.rows_of(cohort)].sum() for cohort in cohorts]) / len(sample)
        return Influence(sample, effects.groups, len(effects.cells), cohorts, shares, weight)

    def _on_units(self, panel: Panel) -> Iterable[Remark]:
        """Units left out or used in part."""
        always, early = panel.always_treated, self._too_early(panel)
        if always.any():
            yield Remark(
                "always_treated_excluded",
                f"{always.sum()} units treated from the first period on were left out: they show no change at the "
                "start, and are never a comparison.",
                treated=int(always.sum()),
            )
        if early.any():
            yield Remark(
                "no_base_period",
                f"{early.sum()} units were left out: no period precedes their start by more than the "
                f"{self.anticipation} periods of anticipation.",
                treated=int(early.sum()),
            )
        eligible = ~always & ~early
        incomplete = eligible & ~_complete(panel)
        if incomplete.any():
            rule = {
                "drop_incomplete": "were dropped (rule: drop_incomplete)",
                "within_pairs": "serve in the cells whose two periods they were observed in (rule: within_pairs)",
            }[self.unbalanced]
            yield Remark(
                f"unbalanced_{self.unbalanced}",
                f"{incomplete.sum()} of {eligible.sum()} units are not observed in every period; they {rule}.",
                treated=int((incomplete & ~panel.never_treated).sum()),
                comparison=int((incomplete & panel.never_treated).sum()),
            )
        for name in self.covariates:
            values = panel.covariates[name]
            if not has_missing(values):
                continue
            missing = self._kept(panel) & (np.isnan(values) & panel.observed).any(axis=1)
            if missing.any():
                yield Remark(
                    "covariate_missing",
                    f"The covariate '{name}' is missing for {missing.sum()} units in some period; they are left out of "
                    "the cells with that base period.",
                    treated=int((missing & ~panel.never_treated).sum()),
                    comparison=int((missing & panel.never_treated).sum()),
                )

    def _on_sample(self, panel: Panel, sample: CohortSample, effects: CohortEffects) -> Iterable[Remark]:
        """What the sample's make-up means for the reading."""
        late = (sample.first_treated > panel.time[-1]) & (sample.first_treated != NEVER)
        if late.any():
            yield Remark(
                "treated_after_the_window",
                f"{late.sum()} units start after the last period; within the window they count as untreated.",
                comparison=int(late.sum()),
            )
        anticipating = int((late & (sample.first_treated <= self._last(panel))).sum())
        if anticipating:
            yield Remark(
                "anticipating_units_not_compared",
                f"{anticipating} units start within {self.anticipation} periods after the window; they are no "
                "comparison where they may already anticipate it.",
                comparison=anticipating,
            )
        sizes = {int(g): sample.size_of(int(g)) for g in np.unique(effects.cohort)}
        yield from remarks.small_cohorts({panel.calendar.text(g): size for g, size in sizes.items()})
        if panel.weight is not None:
            shares = "the first period observed" if self.cohort_shares == "weighted" else "no period: units are counted"
            yield Remark(
                "sampling_weights",
                "Weights are sampling weights, taken in the base period of each cell and, for cohort shares, in "
                f"{shares}; a unit of weight 2 counts as two in every mean.",
            )
        last = int(panel.time[-1])
        yield from remarks.few_clusters(sample.n_clusters, sample.clusters_until(last), sample.rows_after(last).start)

    def _on_cells(self, panel: Panel, sample: CohortSample, effects: CohortEffects) -> Iterable[Remark]:
        """Cohorts and cells without an estimate, and covariates dropped."""
        label = panel.calendar.label

        def named(cells: Iterable[PlannedCell]) -> str:
            return quote_names(f"cohort {label(c.cohort)} in {label(int(panel.time[c.period]))}" for c in cells)

        if effects.below_minimum:
            yield Remark(
                "cohorts_below_minimum_size",
                f"Cohorts with fewer than {self.min_cohort_size} units got no effects: "
                f"{quote_names(label(g) for g in effects.below_minimum)}.",
                treated=sum(effects.below_minimum.values()),
            )
        if effects.without_comparison:
            yield Remark(
                "cohorts_without_comparison",
                "Cohorts without any comparison unit once they are treated got no effects: "
                f"{quote_names(label(g) for g in effects.without_comparison)}.",
                treated=sum(sample.size_of(cohort) for cohort in effects.without_comparison),
            )
        for reason in dict.fromkeys(effects.left_out.values()):
            cells = [cell for cell, why in effects.left_out.items() if why == reason]
            yield Remark(
                f"cells_left_out_{reason}",
                f"{len(cells)} cells were left out ({named(cells)}): {remarks.LEFT_OUT[reason]}.",
                treated=sum(sample.size_of(cohort) for cohort in {cell.cohort for cell in cells}),
            )
        estimated = ~effects.is_reference
        for place, name in enumerate(self.covariates, start=1):
            without = np.flatnonzero(effects.dropped[:, place])
            if without.size:
                where = (
                    "every cell"
                    if without.size == estimated.sum()
                    else f"{without.size} cells ({named(effects.cells[k] for k in without)})"
                )
                yield Remark(
                    "covariate_dropped",
                    f"The covariate '{name}' is constant, or a combination of those before it, in {where}, and was "
                    "dropped there.",
                )


def _complete(panel: Panel) -> BoolArray:
    """(N,) units observed in every period."""
    if not has_missing(panel.outcome):
        return np.ones(panel.n_units, dtype=np.bool_)
    return np.asarray(panel.observed.all(axis=1))


def _refuse_without_effects(effects: CohortEffects) -> None:
    if any(cell.is_treated for cell in effects.cells):
        return
    reasons = sorted({remarks.LEFT_OUT[why] for why in effects.left_out.values()})
    if effects.below_minimum:
        reasons.append("cohorts are smaller than min_cohort_size")
    if effects.without_comparison:
        reasons.append("nobody is untreated any more when a cohort starts")
    raise DesignRefused(
        f"No effect after the start of treatment can be estimated: {'; '.join(reasons)}.",
        next_step="Widen the comparison (comparison=not_yet_treated), drop covariates, or add untreated units.",
    )


def _cells(panel: Panel, effects: CohortEffects, influence: Influence) -> Cells:
    period: IntArray = panel.time[effects.period]
    return Cells(
        cohort=effects.cohort,
        period=period,
        event_time=period - effects.cohort,
        estimate=effects.effect,
        observed=effects.observed,
        n_treated=effects.n_treated,
        is_reference=effects.is_reference,
        share_cohorts=influence.share_cohorts,
        shares=influence.shares,
    )

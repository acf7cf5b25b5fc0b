"""Triple differences (Ortiz-Villavicencio and Sant'Anna 2025): who is eligible, where and when the programme starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason, quote_names
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import phrase, say
from evalkit.language.nouns import quoted
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.doubly_robust import Method
from evalkit.numerics.group_time import BasePeriod, PlannedCell, plan_cohort
from evalkit.numerics.influence import Influence
from evalkit.numerics.triple_difference import (
    Combination,
    Subgroups,
    TripleEffects,
    code_subgroups,
    combine,
    estimate_triples,
)
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER, BoolArray, Comparison, FloatArray, IntArray, Remark


@dataclass(frozen=True, slots=True)
class _Fit:
    """Units by subgroup, their cells, and the (J, K) map of two-period comparisons to cells."""

    sample: CohortSample
    subgroups: Subgroups
    effects: TripleEffects
    influence: Influence
    to_cells: FloatArray
    singular: list[PlannedCell]
    unusable: list[int]


class TripleDifference(PanelEstimator):
    """ATT(g, t) for eligible units of the places that start in g, from three two-period comparisons each.

    ATT(g, t) = E[Y_t - Y_b | g, 1] - E[Y_t - Y_b | g, 0] - (E[Y_t - Y_b | c, 1] - E[Y_t - Y_b | c, 0]), every mean
    adjusted to the covariates of the treated (g, 1): Ortiz-Villavicencio and Sant'Anna (2025), eqs. 4.6 to 4.8 for
    regression, weighting and doubly robust estimation. Trends of eligible and ineligible units may differ, and
    trends of places may differ, so long as the first difference is the same in the places compared.

    Several comparison cohorts are never pooled, as they differ in how many of their units are eligible; each
    gives an estimate, and these are averaged with the weights of least variance (eqs. 4.11 and 4.12).

    Parameters
    ----------
    eligible
        Name of the panel's 0/1 column (listed under ``data.attributes``) that says who could be treated; constant
        within unit. The cohort column tells when the unit's place starts, for ineligible units too.
    comparison
        ``never_treated``: places that do not start within the data. ``not_yet_treated`` (the default): places untreated
        in both periods of the cell, the never-treated included.
    method
        ``dr`` doubly robust, ``ipw`` inverse-probability weighting, ``reg`` outcome regression.
    base_period
        ``varying`` or ``universal``, as in Callaway and Sant'Anna.
    combination
        Of several comparison cohorts: ``gmm`` (least variance) or ``by_size``.
    fewest_clusters
        Clusters of eligible and of ineligible units that every comparison cohort must have for ``gmm``; cells with
        one that has fewer are averaged by size. The errors of one cluster sum to 0, so that a cohort of few clusters
        seems precise and would take all the weight. 1 weighs always, as the paper does.
    anticipation
        Periods before the start in which effects are allowed.
    covariates
        Columns to adjust for, taken in the base period; the column of `eligible` is left out of them.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights in the base period. A cell uses the units observed in both of its periods. Errors come
    from influence functions, summed within clusters, without small-sample correction and with a normal reference;
    weights of comparison cohorts are taken as given, which is right in large samples.

    Examples
    --------
    >>> import evalkit as ek
    >>> frame = ek.testing.staggered_frame(n_units=160, n_periods=6, effect=2.0, noise=0.1, ineligible=0.5, seed=1)
    >>> columns = {"unit": "unit", "period": "period", "outcome": "y", "cohort": "cohort"}
    >>> panel = ek.Panel.from_frame(frame, **columns, covariates=["eligible"])
    >>> estimate = ek.TripleDifference().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "triple_difference"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did for eligible units, where places and the eligible each may have their own trends.",
        eligibility=True,
    )

    eligible: str = "eligible"
    comparison: Comparison = "not_yet_treated"
    method: Method = "dr"
    base_period: BasePeriod = "varying"
    combination: Combination = "gmm"
    fewest_clusters: Annotated[int, Field(ge=1)] = 5
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Estimate all cells and the joint covariance of cells and cohort shares.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When nobody is known to be eligible or not, a subgroup is empty, there is one cluster, or no effect
            after the start can be estimated.
        """
        fit = self._fit(panel)
        effects, sample = fit.effects, fit.sample
        n_parts, n_shares = len(effects.part_effect), len(fit.influence.shares)
        change = np.zeros((n_parts + n_shares, len(effects.cells) + n_shares))
        change[:n_parts, : len(effects.cells)] = fit.to_cells
        change[n_parts:, len(effects.cells) :] = np.eye(n_shares)
        period: IntArray = panel.time[[cell.period for cell in effects.cells]]
        cohort = np.array([cell.cohort for cell in effects.cells], dtype=np.int64)
        cohorts = np.unique(cohort)
        treated = [fit.subgroups.rows(sample, int(g), True) for g in cohorts]
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=Cells(
                cohort=cohort,
                period=period,
                event_time=period - cohort,
                estimate=effects.part_effect @ fit.to_cells,
                observed=effects.observed,
                n_treated=effects.n_treated,
                is_reference=np.array([cell.is_reference for cell in effects.cells]),
                share_cohorts=cohorts,
                shares=fit.influence.shares,
            ),
            uncertainty=Sampling(
                covariance=change.T @ fit.influence.covariance() @ change,
                n_clusters=sample.n_clusters,
                influence_of=lambda: fit.influence.matrix() @ change,
            ),
            calendar=panel.calendar,
            n_units=len(sample),
            n_treated_units=sum(rows.stop - rows.start for rows in treated),
            n_observations=sample.n_observations,
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(*self._on_units(panel, fit), *self._on_cells(panel, fit), *self._on_sample(panel, fit, treated)),
            leads_from="previous" if self.base_period == "varying" else "reference",
            facts={"cells": float(len(effects.cells)), "cells_left_out": float(len(effects.left_out))},
        )

    def _fit(self, panel: Panel) -> _Fit:
        """Sort units by subgroup, estimate all comparisons and put them together."""
        eligible = self._eligible(panel)
        kept = ~panel.always_treated & ~self._too_early(panel)
        last = int(panel.time[-1]) + self.anticipation
        subgroups, codes = code_subgroups(panel.first_treated[kept], eligible[kept], last)
        every = np.zeros(panel.n_units, dtype=np.int64)
        every[kept] = codes
        sample = sort_by_cohort(
            panel.outcome,
            every,
            kept=kept,
            covariates=[panel.covariate(name) for name in self.covariates if name != self.eligible],
            weight=panel.weight,
            cluster=panel.cluster,
        )
        refuse_one_cluster(sample.n_clusters)
        treated = [int(g) for g in subgroups.cohorts if g <= panel.time[-1]]
        self._refuse_empty(panel, sample, subgroups, treated)
        plans = {
            g: plan_cohort(
                panel.time, g, comparison=self.comparison, base_period=self.base_period, anticipation=self.anticipation
            )
            for g in treated
        }
        effects = estimate_triples(sample, subgroups, plans, self.method)
        if not any(cell.is_treated for cell in effects.cells):
            reasons = sorted((remarks_on.LEFT_OUT.reason(each) for each in set(effects.left_out.values())), key=str)
            raise DesignRefused(
                Reason("Nothing after the start of treatment can be estimated: {reasons}.", reasons=reasons),
                next_step="Widen the comparison (comparison=not_yet_treated), drop covariates, or add places.",
            )
        influence = _influence(sample, subgroups, effects)
        sizes = {int(c): _size(sample, subgroups, int(c)) for c in subgroups.cohorts}
        scarce = [c for c in sizes if _clusters(sample, subgroups, c) < self.fewest_clusters]
        to_cells, singular = combine(effects, influence, sizes, self.combination, scarce)
        unusable = [int(c) for c in subgroups.cohorts if c > panel.time[0] and subgroups.lacking(sample, int(c))]
        return _Fit(sample, subgroups, effects, influence, to_cells, singular, unusable)

    def _eligible(self, panel: Panel) -> BoolArray:
        """(N,) who could be treated."""
        if self.eligible not in panel.covariates:
            raise DesignRefused(
                Reason(
                    "A triple difference needs a column of zeros and ones that says who could be treated, and the "
                    "panel has no column '{column}'.",
                    column=self.eligible,
                ),
                allowed=", ".join(panel.covariates) or "none: the panel was built without covariates",
                next_step="List the column under data.attributes and name it: estimator.eligible=COLUMN.",
            )
        values = panel.covariates[self.eligible]
        low, high = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
        known = ~np.isnan(low)
        if not (np.isin(low[known], (0.0, 1.0)) & np.isin(high[known], (0.0, 1.0))).all():
            wrong = panel.units[np.flatnonzero(known & ~(np.isin(low, (0.0, 1.0)) & np.isin(high, (0.0, 1.0))))[0]]
            raise DesignRefused(
                Reason(
                    "The column '{column}' must hold zeros and ones alone, and does not for the unit '{wrong}'.",
                    column=self.eligible,
                    wrong=wrong,
                ),
                next_step="Recode who is eligible as 1, all others as 0.",
            )
        if (low[known] != high[known]).any():
            wrong = panel.units[np.flatnonzero(known & (low != high))[0]]
            raise DesignRefused(
                Reason(
                    "The column '{column}' changes over time for the unit '{wrong}'; eligibility must be fixed.",
                    column=self.eligible,
                    wrong=wrong,
                ),
                next_step="Use eligibility before the start.",
            )
        return np.asarray(low == 1.0)

    def _too_early(self, panel: Panel) -> BoolArray:
        """(N,) units whose place starts within the data, but too early to have a base period."""
        early: BoolArray = panel.first_treated <= panel.time[0] + self.anticipation
        return early & ~panel.always_treated

    def _refuse_empty(self, panel: Panel, sample: CohortSample, subgroups: Subgroups, treated: list[int]) -> None:
        """Refuse a design with an empty subgroup that its effects rest on."""
        if not treated:
            raise DesignRefused(
                Reason(
                    "No place starts treatment within the data with an untreated period before it: there is nothing "
                    "to estimate."
                ),
                next_step="Check the cohort column, add earlier periods, or lower the anticipation.",
            )
        needed = [*treated, NEVER] if self.comparison == "never_treated" else treated
        for cohort in needed:
            for eligible in subgroups.lacking(sample, cohort) if cohort in subgroups.cohorts else [True]:
                who = (
                    Reason("the never-treated places")
                    if cohort == NEVER
                    else Reason("cohort {cohort}", cohort=panel.calendar.label(cohort))
                )
                raise DesignRefused(
                    Reason(
                        "The subgroup of {who} with {column}={eligible} is empty: a triple difference needs eligible "
                        "and ineligible units there."
                        if eligible or cohort == NEVER
                        else "The subgroup of {who} with {column}={eligible} is empty: a triple difference needs "
                        "eligible and ineligible units there. The cohort must be stated for ineligible units too: when "
                        "their place starts.",
                        who=who,
                        column=self.eligible,
                        eligible=int(eligible),
                    ),
                    next_step="Leave the cohort out, add units, or set comparison=not_yet_treated."
                    if cohort == NEVER
                    else "Leave the cohort out, or add units.",
                )

    def _on_units(self, panel: Panel, fit: _Fit) -> Iterable[Remark]:
        """Units left out or used in part, and comparison cohorts without one subgroup."""
        yield from remarks_on.excluded_units(panel.always_treated, self._too_early(panel), self.anticipation)
        if fit.sample.observed is not None:
            gaps = int((~fit.sample.observed.all(axis=1)).sum())
            yield Remark(
                "unbalanced_within_pairs",
                say(
                    "{gaps} of {count} units are not observed in every period; they serve in the cells whose two "
                    "periods they were observed in (rule: within_pairs).",
                    gaps=gaps,
                    count=len(fit.sample),
                ),
            )
        if fit.unusable and self.comparison == "not_yet_treated":
            names = quote_names("never-treated" if c == NEVER else panel.calendar.label(c) for c in fit.unusable)
            yield Remark(
                "comparison_cohorts_left_out",
                say("Places without both eligible and ineligible units are no comparison: {names}.", names=names),
            )
        late = panel.never_treated & (panel.first_treated != NEVER)
        if late.any():
            yield Remark(
                "treated_after_the_window",
                say(
                    "{late} units start after the last period; within the data they count as untreated.",
                    late=int(late.sum()),
                ),
                comparison=int(late.sum()),
            )

    def _on_cells(self, panel: Panel, fit: _Fit) -> Iterable[Remark]:
        """Cells without an estimate, how comparison cohorts were averaged, and covariates dropped."""
        label = panel.calendar.label

        def named(cells: Iterable[PlannedCell]) -> list[str]:
            return [
                say("cohort {cohort} in {period}", cohort=label(c.cohort), period=label(int(panel.time[c.period])))
                for c in cells
            ]

        for reason in dict.fromkeys(fit.effects.left_out.values()):
            cells = [cell for cell, why in fit.effects.left_out.items() if why == reason]
            yield from remarks_on.cells_left_out(named(cells), remarks_on.LEFT_OUT[reason])
        several = sum(len(cohorts) > 1 for cohorts, _ in fit.effects.triples)
        if several:
            how = phrase("with the weights of least variance" if self.combination == "gmm" else "by their size")
            yield Remark(
                "comparison_cohorts_averaged",
                say(
                    "{several} cells have several comparison cohorts; each gave an estimate, averaged {how}.",
                    several=several,
                    how=how,
                ),
            )
        if fit.singular:
            yield Remark(
                "averaged_by_size",
                say(
                    "In {count} cells ({named}) the errors of the estimates against several cohorts cannot be "
                    "weighed, for want of clusters (at least {fewest_clusters} of eligible and of ineligible "
                    "units each); they were averaged by size.",
                    count=len(fit.singular),
                    named=quoted(named(fit.singular)),
                    fewest_clusters=self.fewest_clusters,
                ),
            )
        regressors = [name for name in self.covariates if name != self.eligible]
        dropped = np.flatnonzero(fit.effects.dropped[1:])
        yield from remarks_on.covariates_absorbed([regressors[place] for place in dropped])

    def _on_sample(self, panel: Panel, fit: _Fit, treated: list[slice]) -> Iterable[Remark]:
        """Small subgroups, weights and few clusters."""
        sizes: dict[object, int] = {}
        for cohort in fit.subgroups.cohorts.tolist():
            who = "never-treated" if cohort == NEVER else panel.calendar.text(cohort)
            for eligible in (True, False):
                count = fit.sample.size_of(fit.subgroups.code(cohort, eligible))
                if count:
                    sizes[f"{who}, {self.eligible}={int(eligible)}"] = count
        yield from remarks_on.small_cohorts(sizes)
        if panel.weight is not None:
            yield Remark(
                "sampling_weights",
                phrase(
                    "Weights are sampling weights, taken in the base period of each cell and, for cohort shares, in "
                    "the first period observed; a unit of weight 2 counts as two in every mean."
                ),
            )
        rows = np.concatenate([np.arange(own.start, own.stop) for own in treated])
        codes = rows if fit.sample.cluster is None else np.unique(fit.sample.cluster[rows])
        yield from remarks_on.few_clusters(fit.sample.n_clusters, len(codes), len(rows))


def _influence(sample: CohortSample, subgroups: Subgroups, effects: TripleEffects) -> Influence:
    """Influence functions of the comparisons and of the shares P(S = g, Q = 1) of cohorts with cells."""
    weight = sample.share_weight()
    cohorts = sorted({cell.cohort for cell in effects.cells})
    codes = np.array([subgroups.code(g, True) for g in cohorts], dtype=np.int64)
    shares = np.array([weight[sample.rows_of(int(code))].sum() for code in codes]) / len(sample)
    return Influence(sample, effects.groups, len(effects.part_effect), codes, shares, weight)


def _size(sample: CohortSample, subgroups: Subgroups, cohort: int) -> float:
    """Summed weight of a cohort."""
    weight = sample.share_weight()
    return float(sum(weight[subgroups.rows(sample, cohort, eligible)].sum() for eligible in (True, False)))


def _clusters(sample: CohortSample, subgroups: Subgroups, cohort: int) -> int:
    """Clusters with weight in the smaller of a cohort's subgroups."""
    counts = []
    weight = sample.share_weight()
    for eligible in (True, False):
        rows = subgroups.rows(sample, cohort, eligible)
        codes = np.arange(rows.start, rows.stop) if sample.cluster is None else sample.cluster[rows]
        counts.append(len(np.unique(codes[weight[rows] > 0.0])))
    return min(counts)

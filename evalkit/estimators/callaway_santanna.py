"""Callaway and Sant'Anna (2021): effects by cohort and period from clean comparisons only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.cross_sections import CrossSections
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason, named
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import phrase, say
from evalkit.language.nouns import quoted
from evalkit.numerics import sample_remarks as remarks
from evalkit.numerics.blocks import has_missing
from evalkit.numerics.cohort_effects import CohortEffects, Rules, estimate_cells
from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.cross_section_att import Form
from evalkit.numerics.cross_section_effects import (
    NotEstimable,
    SectionInfluence,
    Sections,
    estimate_sections,
    sort_persons,
)
from evalkit.numerics.cross_section_regression import read_persons
from evalkit.numerics.cross_section_remarks import on_errors
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
        the same at any sample size; ``webb`` or ``rademacher`` suit few clusters. Beyond 4,096 clusters sums of
        ``rademacher`` draws are made in single precision, an error of 1e-6 of a standard error.
    cross_sections
        Doubly robust form in repeated cross-sections, where a cell compares four samples of different people:
        ``locally_efficient`` models the treated as well (Sant'Anna and Zhao 2020, eq. 3.10; R `did`'s choice),
        ``traditional`` the comparison group alone (eq. 3.9). The same without covariates.
    cohort_shares
        What averages over cohorts weigh by: ``weighted`` shares, the sum of sampling weights (R
        `did`), or shares ``by_count``, each unit once whatever its weight. The same without weights.
    min_cohort_size
        Cohorts with fewer units (persons, in repeated cross-sections) get no effects; they still serve as
        not-yet-treated units.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights: a unit of weight 2 counts as two such units in every mean and,
    unless shares go by count, in its cohort's share. Errors treat it as one observation. Standard
    errors have no small-sample correction and a normal reference, as in R `did`; with clusters,
    influence functions are summed within them.

    Repeated cross-sections take covariates of each person as observed and need a group to be made up of the same kind
    of people in every period (Sant'Anna and Zhao 2020, assumption 1(b)). Regressors that one sample of a cell cannot
    tell apart are refused, with the group, the period and the covariates named.

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
        answers="What treatment did for each cohort in each period, and on average, without using treated comparisons.",
        repeated_cross_sections=True,
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
    cross_sections: Form = "locally_efficient"
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
        if panel.cross_sections is not None:
            return self._fit_cross_sections(panel, panel.cross_sections, rng)
        sample = sort_by_cohort(
            panel.outcome,
            panel.first_treated,
            kept=self._kept(panel),
            covariates=[panel.covariate(name) for name in self.covariates],
            weight=panel.weight,
            cluster=panel.cluster,
        )
        in_window = sample.cohorts_until(int(panel.time[-1]))
        never = len(sample) - sample.rows_after(self._last(panel)).start
        self._refuse_without_comparison(len(in_window), never, sample.n_clusters)
        effects = estimate_cells(sample, panel.time, self._rules())
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
                influence_blocks=influence.blocks,
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

    def _rules(self) -> Rules:
        return Rules(self.comparison, self.method, self.base_period, self.anticipation, self.min_cohort_size)

    def _refuse_without_comparison(self, n_cohorts: int, n_never: int, n_clusters: int) -> None:
        if not n_cohorts:
            raise DesignRefused(
                Reason(
                    "No unit starts treatment within the window with an untreated period before it: there is nothing "
                    "to estimate."
                ),
                next_step="Check the cohort column, add earlier periods, or lower the anticipation.",
            )
        if self.comparison == "never_treated" and not n_never:
            raise DesignRefused(
                Reason("The comparison 'never_treated' was asked for, and the panel has no never-treated units."),
                next_step="Set comparison=not_yet_treated, or add units that are never treated.",
            )
        refuse_one_cluster(n_clusters)

    def _fit_cross_sections(self, panel: Panel, sections: CrossSections, rng: np.random.Generator) -> Estimate:
        """Estimate all cells from repeated cross-sections: persons of a cohort stand for its units."""
        if self.unbalanced == "drop_incomplete":
            raise DesignRefused(
                Reason("unbalanced=drop_incomplete keeps units seen in every period; here each person is seen once."),
                next_step="Leave estimator.unbalanced at within_pairs.",
            )
        left_out = panel.always_treated | self._too_early(panel)
        persons, centre = read_persons(
            np.where(left_out[:, None], np.nan, panel.outcome),
            [panel.covariate(name) for name in self.covariates],
            panel.weight,
            panel.cluster,
            sections.group,
            sections.position,
            (len(sections.labels), panel.n_periods),
        )
        sample = sort_persons(persons, starts_by_group(panel, sections))
        in_window = [start for start in sample.sizes if start <= panel.time[-1]]
        never = sum(size for start, size in sample.sizes.items() if start > self._last(panel))
        self._refuse_without_comparison(len(in_window), never, sample.n_clusters)
        found = estimate_sections(sample, panel.time, self._rules(), self.cross_sections)
        if isinstance(found, NotEstimable):
            raise self._not_estimable(panel, sections, found)
        effects, fits = found
        _refuse_without_effects(effects)
        weight = sample.weight / sample.weight.mean() if self.cohort_shares == "weighted" else np.ones(len(sample))
        cohorts = np.unique(effects.cohort)
        shares = np.array([weight[sample.first_treated == cohort].sum() for cohort in cohorts]) / len(sample)
        influence = SectionInfluence(sample, fits, effects.is_reference, cohorts, shares, weight)
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=_cells(panel, effects, influence, centre),
            uncertainty=Sampling(
                covariance=influence.covariance(),
                n_clusters=sample.n_clusters,
                influence_of=influence.matrix,
                bootstrap=Bootstrap(self.multiplier, self.n_draws) if self.inference == "bootstrap" else None,
            ),
            calendar=panel.calendar,
            n_units=len(sample),
            n_treated_units=sum(sample.size_of(int(cohort)) for cohort in cohorts),
            n_observations=len(sample),
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(
                *remarks.excluded_units(panel.always_treated, self._too_early(panel), self.anticipation),
                *on_errors(None if sample.cluster is None else sample.n_clusters),
                *self._on_cells(panel, sample, effects),
            ),
            leads_from="previous" if self.base_period == "varying" else "reference",
            facts={"cells": float(len(effects.cells)), "cells_left_out": float(len(effects.left_out))},
        )

    def _not_estimable(self, panel: Panel, sections: CrossSections, found: NotEstimable) -> DesignRefused:
        """Name group, period and covariates of the sample that cannot carry the regressors."""
        cell, refused, names = found.cell, found.refused, panel.names
        periods = [panel.calendar.text(int(panel.time[position])) for position in (cell.base, cell.period)]
        starts = starts_by_group(panel, sections)
        own = sections.labels[starts == cell.cohort]
        where = Reason("{column} = {first} and {second}", column=names.period, first=periods[0], second=periods[1])
        if refused.place is not None:
            treated, later = refused.place
            others = sections.labels[(starts > cell.untreated_after) & (starts != cell.cohort)]
            where = Reason(
                "{group} = {name} and {period} = {when}",
                group=names.group, name=named(own if treated else others), period=names.period, when=periods[later],
            )  # fmt: skip
        what = Reason("there are no more rows than regressors")
        if refused.reason == "collinear":
            dropped = [name for name, gone in zip(self.covariates, refused.dropped[1:], strict=True) if gone]
            what = Reason(
                "the covariates {dropped} do not vary, or are a combination of those before them: some of their values "
                "occur in no row",
                dropped=named(dropped),
            )
        return DesignRefused(
            Reason("In {where} {what}. Nothing is filled in for them.", where=where, what=what),
            next_step="Drop these covariates, coarsen them, or widen the groups, periods or subgroup.",
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
        yield from remarks.excluded_units(always, early, self.anticipation)
        eligible = ~always & ~early
        incomplete = eligible & ~_complete(panel)
        if incomplete.any():
            rule = {
                "drop_incomplete": phrase("were dropped (rule: drop_incomplete)"),
                "within_pairs": phrase(
                    "serve in the cells whose two periods they were observed in (rule: within_pairs)"
                ),
            }[self.unbalanced]
            yield Remark(
                f"unbalanced_{self.unbalanced}",
                say(
                    "{incomplete} of {eligible} units are not observed in every period; they {rule}.",
                    incomplete=incomplete.sum(),
                    eligible=eligible.sum(),
                    rule=rule,
                ),
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
                    say(
                        "The covariate '{name}' is missing for {missing} units in some period; they are left out of "
                        "the cells with that base period.",
                        name=name,
                        missing=missing.sum(),
                    ),
                    treated=int((missing & ~panel.never_treated).sum()),
                    comparison=int((missing & panel.never_treated).sum()),
                )

    def _on_sample(self, panel: Panel, sample: CohortSample, effects: CohortEffects) -> Iterable[Remark]:
        """What the sample's make-up means for the reading."""
        late = (sample.first_treated > panel.time[-1]) & (sample.first_treated != NEVER)
        if late.any():
            yield Remark(
                "treated_after_the_window",
                say(
                    "{late} units start after the last period; within the window they count as untreated.",
                    late=late.sum(),
                ),
                comparison=int(late.sum()),
            )
        anticipating = int((late & (sample.first_treated <= self._last(panel))).sum())
        if anticipating:
            yield Remark(
                "anticipating_units_not_compared",
                say(
                    "{anticipating} units start within {anticipation} periods after the window; they are no "
                    "comparison where they may already anticipate it.",
                    anticipating=anticipating,
                    anticipation=self.anticipation,
                ),
                comparison=anticipating,
            )
        sizes = {int(g): sample.size_of(int(g)) for g in np.unique(effects.cohort)}
        yield from remarks.small_cohorts({panel.calendar.text(g): size for g, size in sizes.items()})
        if panel.weight is not None:
            shares = phrase(
                "the first period observed" if self.cohort_shares == "weighted" else "no period: units are counted"
            )
            yield Remark(
                "sampling_weights",
                say(
                    "Weights are sampling weights, taken in the base period of each cell and, for cohort shares, "
                    "in {shares}; a unit of weight 2 counts as two in every mean.",
                    shares=shares,
                ),
            )
        last = int(panel.time[-1])
        yield from remarks.few_clusters(sample.n_clusters, sample.clusters_until(last), sample.rows_after(last).start)

    def _on_cells(self, panel: Panel, sample: CohortSample | Sections, effects: CohortEffects) -> Iterable[Remark]:
        """Cohorts and cells without an estimate, and covariates dropped."""
        label = panel.calendar.label

        def named(cells: Iterable[PlannedCell]) -> str:
            return quoted(
                say("cohort {cohort} in {period}", cohort=label(c.cohort), period=label(int(panel.time[c.period])))
                for c in cells
            )

        if effects.below_minimum:
            yield Remark(
                "cohorts_below_minimum_size",
                say(
                    "Cohorts with fewer than {min_cohort_size} units got no effects: {below_minimum}.",
                    min_cohort_size=self.min_cohort_size,
                    below_minimum=quoted(label(g) for g in effects.below_minimum),
                ),
                treated=sum(effects.below_minimum.values()),
            )
        if effects.without_comparison:
            yield Remark(
                "cohorts_without_comparison",
                say(
                    "Cohorts without any comparison unit once they are treated got no effects: {without_comparison}.",
                    without_comparison=quoted(label(g) for g in effects.without_comparison),
                ),
                treated=sum(sample.size_of(cohort) for cohort in effects.without_comparison),
            )
        for reason in dict.fromkeys(effects.left_out.values()):
            cells = [cell for cell, why in effects.left_out.items() if why == reason]
            yield Remark(
                f"cells_left_out_{reason}",
                say(
                    "{count} cells were left out ({named}): {left_out}.",
                    count=len(cells),
                    named=named(cells),
                    left_out=remarks.LEFT_OUT[reason],
                ),
                treated=sum(sample.size_of(cohort) for cohort in {cell.cohort for cell in cells}),
            )
        estimated = ~effects.is_reference
        for place, name in enumerate(self.covariates, start=1):
            without = np.flatnonzero(effects.dropped[:, place])
            if without.size:
                where = (
                    phrase("every cell")
                    if without.size == estimated.sum()
                    else say(
                        "{count} cells ({named})", count=without.size, named=named(effects.cells[k] for k in without)
                    )
                )
                yield Remark(
                    "covariate_dropped",
                    say(
                        "The covariate '{name}' is constant, or a combination of those before it, in {where}, and was"
                        " dropped there.",
                        name=name,
                        where=where,
                    ),
                )


def _complete(panel: Panel) -> BoolArray:
    """(N,) units observed in every period."""
    if not has_missing(panel.outcome):
        return np.ones(panel.n_units, dtype=np.bool_)
    return np.asarray(panel.observed.all(axis=1))


def _refuse_without_effects(effects: CohortEffects) -> None:
    if any(cell.is_treated for cell in effects.cells):
        return
    reasons = sorted((remarks.LEFT_OUT.reason(each) for each in set(effects.left_out.values())), key=str)
    if effects.below_minimum:
        reasons.append(Reason("cohorts are smaller than min_cohort_size"))
    if effects.without_comparison:
        reasons.append(Reason("nobody is untreated any more when a cohort starts"))
    raise DesignRefused(
        Reason("Effects after the start of treatment cannot be estimated: {reasons}.", reasons=reasons),
        next_step="Widen the comparison (comparison=not_yet_treated), drop covariates, or add untreated units.",
    )


def starts_by_group(panel: Panel, sections: CrossSections) -> IntArray:
    """(G,) first treated period of each group."""
    starts = np.full(len(sections.labels), NEVER)
    starts[sections.group] = panel.first_treated
    return starts


def _cells(panel: Panel, effects: CohortEffects, influence: Influence | SectionInfluence, centre: float = 0.0) -> Cells:
    period: IntArray = panel.time[effects.period]
    return Cells(
        cohort=effects.cohort,
        period=period,
        event_time=period - effects.cohort,
        estimate=effects.effect,
        observed=effects.observed + centre,
        n_treated=effects.n_treated,
        is_reference=effects.is_reference,
        share_cohorts=influence.share_cohorts,
        shares=influence.shares,
    )

"""Stacked difference-in-differences (Wing, Freedman and Hollingsworth 2024), and local projections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason, named
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import Phrases, phrase, say, why
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics import stacking
from evalkit.numerics.cohort_effects import CohortEffects, estimate_planned
from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.doubly_robust import Method
from evalkit.numerics.influence import Influence
from evalkit.numerics.stacking import PooledEffects, StackPlan
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER, POOLED, BoolArray, Comparison, FloatArray, IntArray, Remark

_REASONS = {
    "window_starts_before_the_data": "the data start after the first period needed",
    "window_ends_after_the_data": "the data end before the last period needed",
    "window_has_a_gap": "a period of the window is not in the data",
    "no_comparison": "nobody stays untreated long enough",
}
REASONS = Phrases(_REASONS)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Units, plan, cells and influence functions of one estimate; `pooled` where cohorts weigh by variance."""

    sample: CohortSample
    plan: StackPlan
    effects: CohortEffects
    influence: Influence
    pooled: PooledEffects | None


class StackedDid(PanelEstimator):
    """delta_e = sum_a (N_a / N) [(Y_a,e - Y_a,ref) - (Y_c(a),e - Y_c(a),ref)] over stacks a, one a cohort.

    Each cohort is compared, over one event window, with units that stay untreated through that window. Cohorts whose
    window does not lie within the data are trimmed, so that every event time averages over the same cohorts: the
    trimmed aggregate ATT (Wing, Freedman and Hollingsworth 2024, sections 3 and 4). Their corrective weights Q on
    comparison rows make the stacked regression return exactly this average; here each stack's effects are
    cells and the average is taken over them, so that the stack is never written out.

    ``local_projections`` (Dube, Girardi, Jorda and Taylor 2025) compares each horizon with units untreated through
    that horizon, and trims no cohort.

    Standard errors are clustered by unit, or by the panel's clusters, over all stacks: a unit in several stacks
    counts once. They carry the factor C/(C-1) and a t(C-1) reference.

    Parameters
    ----------
    method
        ``stacked`` or ``local_projections``.
    event_window
        (-kappa_pre, kappa_post): first and last event time.
    comparison
        ``not_yet_treated``: units untreated through the window (through the horizon in local projections).
        ``never_treated``: units not treated within the data.
    weighting
        ``equal``: every treated unit counts alike, as the weights Q make it. ``variance``: one effect a horizon by
        least squares with effects of stack and period, which weighs cohorts by N_D N_C / (N_D + N_C).
    base
        ``last_period`` before the start less anticipation; ``mean_before``, for local projections alone: the mean of
        all periods before it (their pre-mean-differenced form).
    anticipation
        Periods before the start in which effects are allowed; the reference is event time -1 - anticipation.
    covariates
        Columns to adjust for within each stack, taken in its reference period.
    adjustment
        ``dr`` doubly robust, ``ipw`` or ``reg`` (outcome regression), as in Callaway and Sant'Anna.
    shares_known
        False (the default) counts the sampling error of the weights of cohorts in averages over them; True takes
        them as known, as stacked regressions do.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights, taken in the reference period of each stack. In a stack, units that miss a period of
    the window are left out, so that its composition stays the same; in local projections a cell uses the units
    observed in its periods.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.StackedDid(event_window=(-2, 1)).fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "stacked_did"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did over one event window, for the cohorts that are seen throughout it."
    )

    method: Literal["stacked", "local_projections"] = "stacked"
    event_window: tuple[int, int] = (-2, 1)
    comparison: Comparison = "not_yet_treated"
    weighting: Literal["equal", "variance"] = "equal"
    base: Literal["last_period", "mean_before"] = "last_period"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    adjustment: Method = "dr"
    shares_known: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if not self.event_window[0] <= -1 - self.anticipation or self.event_window[1] < 0:
            raise ValueError(
                f"event_window must reach from the reference, event time {-1 - self.anticipation}, or earlier to 0 or "
                f"later, and is {list(self.event_window)}"
            )
        if self.base == "mean_before" and self.method == "stacked":
            raise ValueError("base=mean_before is for method=local_projections; a stack is measured from one period")
        if self.weighting == "variance" and self.covariates:
            raise ValueError(
                "weighting=variance takes no covariates: with them least squares no longer averages effects of "
                "cohorts with weights that are known; use weighting=equal"
            )
        return self

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Estimate the cells of every stack and the joint covariance of cells and weights.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When no cohort is left after trimming, no effect after the start can be estimated, or there is one cluster.
        """
        fit = self._fit(panel)
        cells, change = _cells(panel, fit, self.shares_known)
        n_clusters = fit.sample.n_clusters
        root = np.sqrt(n_clusters / (n_clusters - 1))
        loading = root * change
        treated = np.concatenate([np.arange(len(fit.sample))[fit.sample.rows_of(g)] for g in fit.plan.cells])
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Sampling(
                covariance=loading.T @ fit.influence.covariance() @ loading,
                n_clusters=n_clusters,
                influence_of=lambda: fit.influence.matrix() @ loading,
                degrees_of_freedom=float(n_clusters - 1),
                correction=f"CR1 by {panel.names.cluster or 'unit'} over all stacks: C/(C-1); t(C-1)",
            ),
            calendar=panel.calendar,
            n_units=len(fit.sample),
            n_treated_units=len(treated),
            n_observations=stacking.rows_in_use(fit.sample, fit.plan),
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(
                *self._on_units(panel, fit),
                *self._on_cells(panel, fit),
                *self._on_weights(panel, fit, treated),
            ),
            leads_from="own_mean" if self.base == "mean_before" else "reference",
            facts={"stacks": float(len(fit.plan.cells)), "cells": float(len(fit.effects.cells))},
        )

    def _fit(self, panel: Panel) -> _Fit:
        """Plan the stacks, estimate their cells, and find the weights of cohorts."""
        plan_with = stacking.plan_stacks if self.method == "stacked" else stacking.plan_projections
        rules = stacking.Stacking(self.event_window, self.comparison, self.anticipation, self.base == "mean_before")
        plan = plan_with(panel.time, panel.first_treated, rules)
        if not plan.cells:
            raise self._refusal(panel, plan)
        kept = plan.takes_part(panel.first_treated) & ~panel.always_treated
        sample = self._sample(panel, kept)
        used = stacking.units_in_use(sample, plan)
        if not used.all():
            kept[np.flatnonzero(kept)[sample.position[~used]]] = False
            sample = self._sample(panel, kept)
        if not any(sample.size_of(cohort) for cohort in plan.cells):
            raise DesignRefused(
                Reason(
                    "The treated units are not observed throughout the event window {window}.", window=self._window()
                ),
                next_step="Shorten event_window (study.design.event_window), or set method=local_projections.",
            )
        refuse_one_cluster(sample.n_clusters)
        effects = estimate_planned(sample, plan.cells, self.adjustment)
        if not any(cell.is_treated for cell in effects.cells):
            reasons = sorted((remarks_on.LEFT_OUT.reason(each) for each in set(effects.left_out.values())), key=str)
            raise DesignRefused(
                Reason(
                    "Nothing after the start of treatment can be estimated: {reasons}.",
                    reasons=reasons or Reason("nobody to compare with"),
                ),
                next_step="Shorten event_window, drop covariates, or add untreated units.",
            )
        groups, pooled = effects.groups, None
        if self.weighting == "variance":
            groups, weights = stacking.variance_weights(sample, groups)
            pooled = stacking.pool_by_variance(effects, panel.time[effects.period] - effects.cohort, weights)
        cohorts = np.unique(effects.cohort)
        weight = _share_weight(sample, effects, cohorts)
        shares = np.array([weight[sample.rows_of(int(g))].sum() for g in cohorts]) / len(sample)
        influence = Influence(sample, groups, len(effects.cells), cohorts, shares, weight)
        return _Fit(sample, plan, effects, influence, pooled)

    def _sample(self, panel: Panel, kept: BoolArray) -> CohortSample:
        return sort_by_cohort(
            panel.outcome,
            panel.first_treated,
            kept=kept,
            covariates=[panel.covariate(name) for name in self.covariates],
            weight=panel.weight,
            cluster=panel.cluster,
        )

    def _refusal(self, panel: Panel, plan: StackPlan) -> DesignRefused:
        """Why no cohort has a stack."""
        if not plan.trimmed:
            return DesignRefused(
                Reason("No unit starts treatment within the data: there is nothing to estimate."),
                next_step="Check the cohort column.",
            )
        return DesignRefused(
            Reason(
                "No cohort can be estimated over the event window {window}: {trimmed}.",
                window=self._window(),
                trimmed=_trimmed(panel, plan),
            ),
            next_step="Shorten event_window (study.design.event_window), or add periods or untreated units.",
        )

    def _window(self) -> Reason:
        return Reason("from {first} to {last}", first=self.event_window[0], last=self.event_window[1])

    def _on_units(self, panel: Panel, fit: _Fit) -> Iterable[Remark]:
        """Cohorts and units left out."""
        yield from remarks_on.excluded_units(
            panel.always_treated, np.zeros(panel.n_units, dtype=np.bool_), self.anticipation
        )
        if fit.plan.trimmed:
            units = int(np.isin(panel.first_treated, list(fit.plan.trimmed)).sum())
            purpose = (
                say("so that every event time {window} averages over the same cohorts", window=why(self._window()))
                if self.method == "stacked"
                else phrase("for want of a period before the start or of comparison units")
            )
            yield Remark(
                "cohorts_trimmed",
                say(
                    "Cohorts were trimmed ({units} units), {why}: {trimmed}. They serve as comparison where they "
                    "are untreated.",
                    units=units,
                    why=purpose,
                    trimmed="; ".join(map(why, _trimmed(panel, fit.plan))),
                ),
                treated=units,
            )
        wanted = fit.plan.takes_part(panel.first_treated) & ~panel.always_treated
        missing = int(wanted.sum()) - len(fit.sample)
        if missing:
            yield Remark(
                "units_without_a_full_window",
                say(
                    "{missing} of {wanted} units are not observed in all periods of any comparison that they "
                    "could serve in, and were left out.",
                    missing=missing,
                    wanted=int(wanted.sum()),
                ),
            )
        if fit.sample.observed is not None:
            rule = phrase(
                "serve in the stacks in which they are observed throughout the window"
                if self.method == "stacked"
                else "serve in the cells whose periods they are observed in"
            )
            gaps = int((~fit.sample.observed.all(axis=1)).sum())
            yield Remark(
                "unbalanced_units",
                say(
                    "{gaps} of {count} units used are not observed in every period; they {rule}.",
                    gaps=gaps,
                    count=len(fit.sample),
                    rule=rule,
                ),
            )
        late = panel.never_treated & (panel.first_treated != NEVER) & wanted
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
        """Cells without an estimate, and covariates dropped."""
        label = panel.calendar.label
        for reason in dict.fromkeys(fit.effects.left_out.values()):
            names = [
                say(
                    "cohort {cohort} in {period}", cohort=label(cell.cohort), period=label(int(panel.time[cell.period]))
                )
                for cell, why in fit.effects.left_out.items()
                if why == reason
            ]
            yield from remarks_on.cells_left_out(names, remarks_on.LEFT_OUT[reason])
        for cohort in fit.effects.without_comparison:
            yield Remark(
                "cohorts_without_comparison",
                say(
                    "Cohort {label} got no effects: no comparison unit is observed once it is treated.",
                    label=label(cohort),
                ),
                treated=fit.sample.size_of(cohort),
            )
        dropped = np.flatnonzero(fit.effects.dropped[:, 1:].any(axis=0))
        yield from remarks_on.covariates_absorbed([self.covariates[place] for place in dropped])

    def _on_weights(self, panel: Panel, fit: _Fit, treated: IntArray) -> Iterable[Remark]:
        """How cohorts weigh, small cohorts and few clusters."""
        if self.weighting == "variance":
            yield Remark(
                "variance_weighted",
                phrase(
                    "The event study and the overall effect weigh cohorts by the variance of treatment within their "
                    "comparison, as least squares does: a cohort of half the units there weighs most for its size. The "
                    "overall effect is the plain mean of event times 0 and later."
                ),
            )
        if self.method == "local_projections" and _cohorts_differ(panel, fit.effects):
            yield Remark(
                "horizons_differ_in_cohorts",
                phrase(
                    "Event times average over the cohorts observed at them, which are not the same ones throughout; "
                    "method=stacked keeps them the same."
                ),
            )
        sizes: dict[object, int] = {panel.calendar.text(g): fit.sample.size_of(g) for g in fit.plan.cells}
        yield from remarks_on.small_cohorts(sizes)
        if panel.weight is not None:
            yield Remark(
                "sampling_weights",
                phrase(
                    "Weights are sampling weights, taken in the reference period of each stack; a unit of weight 2 "
                    "counts as two in every mean and in its cohort's weight."
                ),
            )
        codes = treated if fit.sample.cluster is None else np.unique(fit.sample.cluster[treated])
        yield from remarks_on.few_clusters(fit.sample.n_clusters, len(codes), len(treated))


def _cohorts_differ(panel: Panel, effects: CohortEffects) -> bool:
    """Whether some event time from 0 on lacks a cohort that another has."""
    since = panel.time[effects.period] - effects.cohort
    return len({frozenset(effects.cohort[since == e].tolist()) for e in np.unique(since[since >= 0])}) > 1


def _trimmed(panel: Panel, plan: StackPlan) -> list[Reason]:
    """Trimmed cohorts by reason, in words."""
    by_reason = {
        reason: named(panel.calendar.text(g) for g, found in plan.trimmed.items() if found == reason)
        for reason in dict.fromkeys(plan.trimmed.values())
    }
    return [
        Reason("{cohorts} ({reason})", cohorts=cohorts, reason=REASONS.reason(each))
        for each, cohorts in by_reason.items()
    ]


def _share_weight(sample: CohortSample, effects: CohortEffects, cohorts: IntArray) -> FloatArray:
    """(N,) weight of treated units in their cohort's share; mean 1 over those with weight, 0 elsewhere."""
    weight = np.zeros(len(sample))
    for cohort in cohorts.tolist():
        cell = next(cell for cell in effects.cells if cell.cohort == cohort and not cell.is_reference)
        own = sample.rows_of(cohort)
        weight[own] = sample.weights(cell.base, cell.base, own, cell.seen)
    return np.asarray(weight / weight[weight > 0.0].mean())


def _cells(panel: Panel, fit: _Fit, shares_known: bool) -> tuple[Cells, FloatArray]:
    """Cells, pooled ones after those of cohorts, and the (K + M + G, K + L + G) map of influence functions to them."""
    effects, influence = fit.effects, fit.influence
    period: IntArray = panel.time[effects.period]
    cells = Cells(
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
    n_cells, n_weights, n_shares = len(cells), influence.n_weights, len(cells.shares)
    change = np.eye(n_cells + n_weights + n_shares)
    change[n_cells:] *= not shares_known
    if fit.pooled is None:
        return cells, change
    overall, of_groups = fit.pooled.overall()
    on_cells = np.column_stack([fit.pooled.on_cells, overall])
    on_groups = np.column_stack([fit.pooled.on_groups, of_groups])
    to_pooled = change[:, : n_cells + n_weights] @ np.vstack([on_cells, on_groups])
    change = np.hstack([change[:, :n_cells], to_pooled, change[:, n_cells + n_weights :]])
    return _with_pooled(cells, np.append(fit.pooled.event_time, POOLED), on_cells), change


def _with_pooled(cells: Cells, event_time: IntArray, on_cells: FloatArray) -> Cells:
    """Add L pooled cells, (K, L) weighted means of the others."""
    unknown = np.full(len(event_time), POOLED, dtype=np.int64)
    n_treated = [
        sum(int(cells.n_treated[used & (cells.cohort == g)].max(initial=0)) for g in cells.share_cohorts)
        for used in (on_cells > 0.0).T
    ]
    reference = np.array([bool(cells.is_reference[used].all()) for used in (on_cells > 0.0).T])
    return Cells(
        cohort=np.append(cells.cohort, unknown),
        period=np.append(cells.period, unknown),
        event_time=np.append(cells.event_time, event_time),
        estimate=np.append(cells.estimate, cells.estimate @ on_cells),
        observed=np.append(cells.observed, np.nan_to_num(cells.observed) @ on_cells),
        n_treated=np.append(cells.n_treated, np.array(n_treated, dtype=np.int64)),
        is_reference=np.append(cells.is_reference, reference),
        share_cohorts=cells.share_cohorts,
        shares=cells.shares,
    )

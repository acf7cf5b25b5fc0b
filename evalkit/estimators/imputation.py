"""Borusyak, Jaravel and Spiess (2024), Gardner (2022): effects as observed less imputed untreated outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import phrase, say
from evalkit.numerics import did_remarks
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.did_layout import UNTREATED, Layout, lay_out
from evalkit.numerics.imputation import Imputed, Variance, impute
from evalkit.numerics.leads import Leads, fit_leads
from evalkit.numerics.linear_inputs import LinearInputs, linear_inputs, stack_covariates
from evalkit.numerics.unit_scores import Scores, cohort_shares, join, with_shares
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER, FloatArray, IntArray, Remark


@dataclass(frozen=True, slots=True)
class _Fit:
    """Both regressions and the cells that are reported: effects first, leads after them."""

    layout: Layout
    weights: FloatArray
    imputed: Imputed
    leads: Leads | None
    effects: IntArray

    @property
    def lead_cells(self) -> IntArray:
        """Positions among `layout.leads` of the leads that are estimated."""
        return np.empty(0, dtype=np.int64) if self.leads is None else self.leads.cells


class Imputation(PanelEstimator):
    """tau_it = y_it - alpha_i - lambda_t - x_it' gamma, the right-hand side fitted to untreated rows alone.

    Averages of tau_it by cohort and period. Where effects are free, and errors have equal variance and no
    correlation, no linear unbiased estimator is more precise (Borusyak, Jaravel and Spiess 2024, Theorems 1
    and 2): it uses all untreated periods, not one base period.

    Standard errors are the paper's conservative ones (section 4.3), with residual effects taken from
    averages by cohort and period; clustered by unit, or by the panel's clusters, without small-sample
    correction and with a normal reference.

    Effects before treatment come from a separate regression on untreated rows (their section 4.4), with
    one effect a cohort and untreated period, each measured from its cohort's own mean as the imputed
    effects are. Under equal, uncorrelated errors they are uncorrelated with the effects (their Proposition 9), so
    that testing them does not distort the effects' intervals.

    Gardner's two-stage difference-in-differences (2022) has the same effects: untreated rows fit the first stage, and
    the second regresses what it leaves on treatment. ``variance=gardner`` gives its clustered errors, those of
    the method of moments for both stages; overall and by event time they are the errors of a second stage with one
    coefficient, or one an event time.

    Parameters
    ----------
    variance
        ``borusyak_jaravel_spiess`` (the default) or ``gardner``.
    effects_by
        ``unit`` (the default): each unit has its own level. ``cluster``: units of one cluster share a level, which asks
        that untreated trends be parallel between clusters' means of whoever is still untreated.
    anticipation
        Periods before the start in which effects are allowed: these rows are imputed too.
    covariates
        Columns of the panel that enter linearly; slopes come from untreated rows.
    leads
        Also estimate effects before treatment. They need never-treated units, or a cohort that starts later.
    shares_known
        True takes cohort shares in averages as known: the effects of Borusyak, Jaravel and Spiess are those of the
        treated rows at hand. False counts the shares' sampling error, as Gardner and Callaway and Sant'Anna do. Unset
        (the default), it follows the variance.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights, in the fit, in every cell and in cohort shares. Units without an
    untreated period and periods without an untreated unit cannot be imputed; they are left out and reported.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.Imputation().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "imputation"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did for each cohort in each period, measured from all untreated periods and units."
    )

    variance: Variance = "borusyak_jaravel_spiess"
    effects_by: Literal["unit", "cluster"] = "unit"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    leads: bool = True
    shares_known: bool | None = None
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Fit untreated rows, impute, and average.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel, or effects by cluster are asked for and no cluster is named.
        DesignRefused
            When no treated row can be imputed, or there is one cluster.
        """
        panel, level = without_level(panel)
        stacked = stack_covariates([panel.covariate(name) for name in self.covariates], panel.outcome)
        inputs = linear_inputs(panel.outcome, stacked, panel.weight)
        fit = self._fit(panel, inputs)
        used = np.flatnonzero(fit.layout.group >= 0)
        cells, order = _cells(panel, inputs, fit)
        blocks = [block.columns(fit.effects) for block in fit.imputed.blocks]
        if fit.leads is not None:
            blocks = list(join(blocks, fit.leads.blocks))
        blocks = [block.columns(order) for block in blocks]
        cohorts = np.unique(cells.cohort)
        shares = cohort_shares(panel.first_treated, inputs.share_weight(panel.weight), used, cohorts)
        known = self.variance != "gardner" if self.shares_known is None else self.shares_known
        scores = Scores(with_shares(blocks, panel.first_treated, shares, known), panel.cluster)
        n_clusters = len(scores.codes())
        refuse_one_cluster(n_clusters)
        treated = np.flatnonzero((fit.layout.group >= 0) & (fit.layout.group < len(fit.layout.cohorts)))
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=replace(cells, observed=cells.observed + level, share_cohorts=cohorts, shares=shares.value),
            uncertainty=Sampling(
                covariance=scores.covariance(),
                n_clusters=n_clusters,
                influence_of=scores.matrix,
                correction="none (conservative)" if self.variance == "borusyak_jaravel_spiess" else "none (two stages)",
            ),
            calendar=panel.calendar,
            n_units=len(used),
            n_treated_units=len(treated),
            n_observations=int(fit.layout.used.sum()) - fit.imputed.not_imputed,
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(
                *self._on_units(panel, inputs, fit),
                *self._on_fit(panel, inputs, fit),
                *self._on_clusters(panel, fit, n_clusters, treated),
            ),
            leads_from="own_mean",
            facts={"cells": float(len(cells)), "untreated_rows": float(_untreated_rows(fit.layout))},
        )

    def _fit(self, panel: Panel, inputs: LinearInputs) -> _Fit:
        """Lay out the rows and run both regressions."""
        weights = inputs.full_weights()
        usable = (weights > 0.0) & ~inputs.seen_once[:, None]
        layout = lay_out(usable, panel.time, panel.first_treated, anticipation=self.anticipation)
        if len(layout.cohorts) == 0 or not (layout.effects.event_time >= 0).any():
            raise DesignRefused(
                Reason(
                    "No treated row can be imputed: it needs a unit with an untreated period, observed in a period "
                    "in which somebody is untreated."
                ),
                next_step="Add never-treated units, units that start later, or earlier periods.",
            )
        by_cluster = self.effects_by == "cluster"
        if by_cluster and panel.cluster is None:
            raise ConfigError(
                Reason("The setting effects_by=cluster of imputation needs clusters, and the panel has none."),
                next_step="Name data.cluster, or set effects_by=unit.",
            )
        imputed = impute(
            inputs.outcome, inputs.covariates, weights, layout, panel.cluster,
            variance=self.variance, level=panel.cluster if by_cluster else None,
        )  # fmt: skip
        effects = np.flatnonzero(~np.isnan(imputed.effect))
        if not (layout.effects.event_time[effects] >= 0).any():
            raise DesignRefused(
                Reason(
                    "No treated row can be imputed: no untreated rows link its period with its unit's untreated "
                    "periods."
                ),
                next_step="Add periods or units that are observed without long gaps.",
            )
        wanted = self.leads and not by_cluster
        leads = fit_leads(inputs.outcome, inputs.covariates, weights, layout) if wanted else None
        return _Fit(layout, weights, imputed, leads, effects)

    def _on_units(self, panel: Panel, inputs: LinearInputs, fit: _Fit) -> Iterable[Remark]:
        """Units and periods left out."""
        always = panel.always_treated
        early = fit.layout.no_clean_period & ~always
        yield from remarks_on.excluded_units(always, early, self.anticipation)
        yield from remarks_on.seen_once(inputs.seen_once & ~always, panel.never_treated)
        late = panel.never_treated & (panel.first_treated != NEVER) & (fit.layout.group >= 0)
        if late.any():
            rows = int(((fit.weights > 0.0) & ~fit.layout.used & ~inputs.seen_once[:, None])[late].sum())
            reacting = say("; {rows} rows in which they may react already were left out", rows=rows) if rows else ""
            yield Remark(
                "treated_after_the_window",
                say(
                    "{late} units start after the last period; within the window they count as untreated{reacting}.",
                    late=int(late.sum()),
                    reacting=reacting,
                ),
                comparison=int(late.sum()),
            )
        periods = did_remarks.no_comparison(panel.calendar.label(int(t)) for t in fit.layout.dropped_periods)
        if periods is not None:
            yield periods

    def _on_fit(self, panel: Panel, inputs: LinearInputs, fit: _Fit) -> Iterable[Remark]:
        """Rows, covariates, cells and leads without a part in the estimate."""
        gaps = (fit.layout.group >= 0) & ~(inputs.full_weights() > 0.0).all(axis=1)
        if gaps.any():
            yield Remark(
                "unbalanced_rows_used",
                say(
                    "{gaps} units are not observed in every period; their observed rows are used.", gaps=int(gaps.sum())
                ),
                treated=int((gaps & ~panel.never_treated).sum()),
                comparison=int((gaps & panel.never_treated).sum()),
            )
        yield from remarks_on.missing_covariates(inputs.incomplete)
        kept = fit.imputed.slopes.kept
        yield from remarks_on.covariates_absorbed([n for n, own in zip(self.covariates, kept, strict=True) if not own])
        if fit.imputed.not_imputed:
            yield Remark(
                "rows_not_imputed",
                say(
                    "{not_imputed} treated rows were left out: no untreated rows link their period with the "
                    "unit's own untreated periods.",
                    not_imputed=fit.imputed.not_imputed,
                ),
            )
        table = fit.layout.effects
        missing = np.setdiff1d(np.arange(len(table)), fit.effects)
        yield from remarks_on.cells_left_out(
            [
                say(
                    "cohort {cohort} in {period}",
                    cohort=panel.calendar.label(int(table.cohort[k])),
                    period=panel.calendar.label(int(table.period[k])),
                )
                for k in missing
            ],
            phrase("none of their rows can be imputed"),
        )
        if fit.leads is not None and len(fit.lead_cells):
            yield Remark(
                "leads_from_untreated_rows",
                say(
                    "The {count} cells before treatment come from a separate regression on untreated rows. Each "
                    "is measured from its cohort's average over its untreated periods, so no period is the "
                    "reference.",
                    count=len(fit.lead_cells),
                ),
            )
        if self.effects_by == "cluster":
            yield Remark(
                "levels_by_cluster",
                phrase(
                    "Units of one cluster share a level effect; effects before treatment are not estimated in this "
                    "form."
                ),
            )
        without = np.setdiff1d(fit.layout.cohorts, fit.layout.leads.cohort[fit.lead_cells])
        if self.leads and self.effects_by == "unit" and without.size:
            yield Remark(
                "cohorts_without_leads",
                say(
                    "Nothing can be said about trends before treatment, for want of a second untreated period or "
                    "of comparison units, for: {without}.",
                    without=", ".join(str(panel.calendar.label(int(g))) for g in without),
                ),
            )

    def _on_clusters(self, panel: Panel, fit: _Fit, n_clusters: int, treated: IntArray) -> Iterable[Remark]:
        """Small cohorts, weights and few clusters."""
        layout = fit.layout
        sizes = {panel.calendar.label(int(g)): int((layout.group == k).sum()) for k, g in enumerate(layout.cohorts)}
        yield from remarks_on.small_cohorts(sizes)
        if panel.weight is not None:
            yield Remark(
                "sampling_weights",
                phrase(
                    "Weights are sampling weights, in the fit, in each cell and, from the first period observed, in "
                    "the cohort shares; a unit of weight 2 counts as two in every mean."
                ),
            )
        yield from remarks_on.few_clusters(n_clusters, len(np.unique(panel.cluster_codes[treated])), len(treated))


def _untreated_rows(layout: Layout) -> int:
    return int((layout.used & (layout.codes(layout.effects) == UNTREATED)).sum())


def _cells(panel: Panel, inputs: LinearInputs, fit: _Fit) -> tuple[Cells, IntArray]:
    """Cells in the order of cohort and period (shares not yet filled in), and that order of effects, then leads."""
    effects, leads = fit.layout.effects, fit.layout.leads
    cohort = np.concatenate([effects.cohort[fit.effects], leads.cohort[fit.lead_cells]])
    period = np.concatenate([effects.period[fit.effects], leads.period[fit.lead_cells]])
    column = np.concatenate([effects.column[fit.effects], leads.column[fit.lead_cells]])
    group = np.concatenate([effects.group[fit.effects], leads.group[fit.lead_cells]])
    estimate = np.concatenate([fit.imputed.effect[fit.effects], np.empty(0) if fit.leads is None else fit.leads.effect])
    n_treated = np.concatenate([fit.imputed.n_units[fit.effects], leads.n_units[fit.lead_cells]])
    order = np.lexsort((period, cohort))
    observed = _means(inputs.outcome, fit.weights, fit.layout)[group, column]
    cells = Cells(
        cohort=cohort[order],
        period=period[order],
        event_time=(period - cohort)[order],
        estimate=estimate[order],
        observed=observed[order],
        n_treated=n_treated[order],
        is_reference=np.zeros(len(order), dtype=np.bool_),
        share_cohorts=np.empty(0, dtype=np.int64),
        shares=np.empty(0),
    )
    return cells, order


def _means(outcome: FloatArray, weights: FloatArray, layout: Layout) -> FloatArray:
    """(G, T) weighted mean outcome of each cohort's rows in each period; 0 where there are none."""
    means = np.zeros((len(layout.cohorts), outcome.shape[1]))
    for group in range(len(layout.cohorts)):
        units = layout.group == group
        used = np.where(layout.used[units], weights[units], 0.0)
        total = used.sum(axis=0)
        means[group] = np.einsum("it,it->t", used, np.nan_to_num(outcome[units])) / np.where(total > 0.0, total, 1.0)
    return means

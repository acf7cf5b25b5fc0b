"""Sun and Abraham (2021): the interaction-weighted estimator, one saturated two-way regression."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import phrase, say
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.linear_inputs import LinearInputs, linear_inputs, stack_covariates
from evalkit.numerics.saturated import Contrast, Saturated, fit_saturated
from evalkit.numerics.staggered_groups import StaggeredGroups, group_units
from evalkit.numerics.unit_scores import ScoreBlock, Scores, cohort_shares, with_shares
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER, FloatArray, Remark


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cohort in one period, and what it is measured by."""

    cohort: int
    position: int
    event_time: int
    contrast: Contrast

    @property
    def is_reference(self) -> bool:
        return not self.contrast.periods.any()


class SunAbraham(PanelEstimator):
    """y_it = alpha_i + lambda_t + sum_g sum_{e != ref} delta_ge 1{G_i = g} 1{t - g = e} + x_it' gamma + e_it.

    Cohort-specific effects by event time from one regression in which every cohort has its own dummies, so
    that no already-treated unit serves as a comparison; then weighted by cohort shares (Sun and Abraham 2021,
    section 4). The reference of each cohort is its last period before g - anticipation. The comparison
    group has no dummies.

    Standard errors are clustered by unit, or by the panel's clusters, with the correction
    C/(C-1) (N-1)/(N-K), K counting cells, covariates and period effects but not unit effects, which are nested
    in clusters, and a t(C-1) reference, as in R `fixest`'s ``sunab``.

    Parameters
    ----------
    comparison
        ``never_treated``: units not treated within the window. ``last_treated``: the cohort that starts
        last; periods from its start (less anticipation) on are left out. ``auto`` (the default): the former
        where there are such units, else the latter.
    anticipation
        Periods before the start in which effects are allowed.
    covariates
        Columns of the panel that enter linearly, with one slope each.
    shares_known
        False (the default) counts the sampling error of the estimated cohort shares in all averages
        over cohorts, as the paper does; True takes the shares as known, as ``sunab`` does.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights, in the regression and in the cohort shares. Without covariates on a balanced panel the
    cells equal those of Callaway and Sant'Anna with the same comparison and a universal base period.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.SunAbraham().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "sun_abraham"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did by time since its start, against never-treated units (or those that start last)."
    )

    comparison: Literal["auto", "never_treated", "last_treated"] = "auto"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    shares_known: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Run the regression and collect its cells.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When there is no comparison group, no cohort to compare with it, one cluster, or no effect after
            the start can be estimated.
        """
        panel, level = without_level(panel)
        stacked = stack_covariates([panel.covariate(name) for name in self.covariates], panel.outcome)
        inputs = linear_inputs(panel.outcome, stacked, panel.weight)
        inputs, groups = self._groups(panel, inputs)
        fitted = fit_saturated(
            inputs.outcome,
            inputs.covariates,
            inputs.weights,
            comparison=groups.comparison,
            cohorts=groups.members,
        )
        cells, left_out = self._plan(panel, inputs, groups, fitted)
        if not any(cell.event_time >= 0 for cell in cells):
            raise DesignRefused(
                Reason("Effects after the start of treatment cannot be estimated."),
                next_step="Add periods, or units that are never treated or start later.",
            )
        contrasts = [cell.contrast for cell in cells]
        n_parameters = (
            sum(not cell.is_reference for cell in cells)
            + int(fitted.slopes.kept.sum())
            + int((inputs.full_weights()[groups.units] > 0.0).any(axis=0).sum())
        )
        scores = Scores(fitted.score_blocks(contrasts), panel.cluster)
        n_clusters = len(scores.codes())
        refuse_one_cluster(n_clusters)
        n_rows = _rows(inputs, groups)
        correction = n_clusters / (n_clusters - 1) * (n_rows - 1) / max(n_rows - n_parameters, 1)
        cohorts = np.unique([cell.cohort for cell in cells]).astype(np.int64)
        shares = cohort_shares(panel.first_treated, inputs.share_weight(panel.weight), groups.units, cohorts)
        corrected = [ScoreBlock(b.units, b.scores, b.loading * np.sqrt(correction)) for b in scores.blocks]
        scores = replace(scores, blocks=with_shares(corrected, panel.first_treated, shares, self.shares_known))
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=_cells(panel, inputs, groups, cells, fitted.effects(contrasts), shares.value, level),
            uncertainty=Sampling(
                covariance=scores.covariance(),
                n_clusters=n_clusters,
                influence_of=scores.matrix,
                degrees_of_freedom=float(n_clusters - 1),
                correction=f"CR1 by {panel.names.cluster or 'unit'}: C/(C-1) (N-1)/(N-K), K without the nested unit "
                "effects; t(C-1)",
            ),
            calendar=panel.calendar,
            n_units=len(groups.units),
            n_treated_units=sum(len(groups.members[k]) for k in np.searchsorted(groups.cohorts, cohorts)),
            n_observations=n_rows,
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(
                *self._on_units(panel, inputs, groups),
                *self._on_fit(panel, inputs, groups, fitted, left_out),
                *self._on_clusters(panel, groups, n_clusters),
            ),
            leads_from="reference",
            facts={"cells": float(len(cells)), "cells_left_out": float(len(left_out))},
        )

    def _groups(self, panel: Panel, inputs: LinearInputs) -> tuple[LinearInputs, StaggeredGroups]:
        """Groups, and the inputs of the periods in which they can be compared."""
        kind = None if self.comparison == "auto" else self.comparison

        def grouped(found: LinearInputs) -> StaggeredGroups | None:
            return group_units(
                panel.time, panel.first_treated, ~found.seen_once, anticipation=self.anticipation, kind=kind
            )

        groups = grouped(inputs)
        if groups is not None and groups.n_periods < panel.n_periods:
            # units seen once in the shorter window drop out, which leaves the last cohort the last
            inputs = inputs.restricted(groups.n_periods)
            again = grouped(inputs)
            groups = again if again is not None and again.n_periods == groups.n_periods else None
        if groups is None:
            raise DesignRefused(
                Reason(
                    "There are no units to compare with: the comparison group is empty, or no cohort starts within "
                    "the window with an untreated period before it."
                ),
                allowed="never-treated units, or a cohort that starts later than another",
                next_step="Add units that are never treated or start later, earlier periods, or set comparison=auto.",
            )
        return inputs, groups

    def _plan(
        self, panel: Panel, inputs: LinearInputs, groups: StaggeredGroups, fitted: Saturated
    ) -> tuple[list[_Cell], list[str]]:
        """Cells in the order of cohort and period, and the names of those that cannot be estimated."""
        time = panel.time[: groups.n_periods]
        cells: list[_Cell] = []
        left_out: list[str] = []
        for group, cohort in enumerate(groups.cohorts):
            seen = _weights_of(inputs, groups.members[group]).any(axis=0)
            before = np.flatnonzero(seen & (time < cohort - self.anticipation))
            for position in np.flatnonzero(seen):
                periods = np.zeros(len(time))
                periods[position] += 1.0
                if before.size:
                    periods[before[-1]] -= 1.0
                contrast = Contrast(group, periods)
                if before.size and fitted.is_estimable(contrast):
                    cells.append(_Cell(int(cohort), int(position), int(time[position] - cohort), contrast))
                else:
                    label = panel.calendar.label
                    left_out.append(
                        say("cohort {cohort} in {period}", cohort=label(int(cohort)), period=label(int(time[position])))
                    )
        return cells, left_out

    def _on_units(self, panel: Panel, inputs: LinearInputs, groups: StaggeredGroups) -> Iterable[Remark]:
        """Units left out, and who is compared."""
        always = panel.always_treated
        early = (panel.first_treated <= panel.time[0] + self.anticipation) & ~always
        yield from remarks_on.excluded_units(always, early, self.anticipation)
        yield from remarks_on.seen_once(inputs.seen_once & ~always & ~early, panel.never_treated)
        if groups.kind == "last_treated":
            label = panel.calendar.label(int(panel.first_treated[groups.comparison[0]]))
            yield Remark(
                "last_treated_comparison",
                say(
                    "Every cohort is compared with the last one ({label}, {count} units), in the {n_periods} "
                    "periods before it may react.",
                    label=label,
                    count=len(groups.comparison),
                    n_periods=groups.n_periods,
                ),
                comparison=len(groups.comparison),
            )
            return
        late = panel.never_treated & (panel.first_treated != NEVER) & ~inputs.seen_once
        reacting = late & (panel.first_treated <= panel.time[-1] + self.anticipation)
        if (late & ~reacting).any():
            count = int((late & ~reacting).sum())
            yield Remark(
                "treated_after_the_window",
                say(
                    "{count} units start after the last period; within the window they count as untreated.", count=count
                ),
                comparison=count,
            )
        if reacting.any():
            yield Remark(
                "anticipating_units_not_compared",
                say(
                    "{reacting} units start within {anticipation} periods after the window and may react within "
                    "it; they were left out.",
                    reacting=int(reacting.sum()),
                    anticipation=self.anticipation,
                ),
                comparison=int(reacting.sum()),
            )

    def _on_fit(
        self,
        panel: Panel,
        inputs: LinearInputs,
        groups: StaggeredGroups,
        fitted: Saturated,
        left_out: Sequence[str],
    ) -> Iterable[Remark]:
        """Rows, covariates and cells without a part in the estimate."""
        if inputs.weights is not None and (inputs.weights[groups.units] == 0.0).any():
            gaps = (inputs.weights == 0.0).any(axis=1)
            yield Remark(
                "unbalanced_rows_used",
                say(
                    "{gaps} of {count} units are not observed in every period; their observed rows are used.",
                    gaps=int(gaps[groups.units].sum()),
                    count=len(groups.units),
                ),
                treated=sum(int(gaps[units].sum()) for units in groups.members),
                comparison=int(gaps[groups.comparison].sum()),
            )
        yield from remarks_on.missing_covariates(inputs.incomplete)
        kept = fitted.slopes.kept
        yield from remarks_on.covariates_absorbed([n for n, own in zip(self.covariates, kept, strict=True) if not own])
        yield from remarks_on.cells_left_out(
            left_out,
            phrase("no unit links the period with the cohort's reference, in the cohort or in the comparison group"),
        )

    def _on_clusters(self, panel: Panel, groups: StaggeredGroups, n_clusters: int) -> Iterable[Remark]:
        """Small cohorts, weights and few clusters."""
        sizes = {panel.calendar.label(int(g)): len(u) for g, u in zip(groups.cohorts, groups.members, strict=True)}
        yield from remarks_on.small_cohorts(sizes)
        if panel.weight is not None:
            yield Remark(
                "sampling_weights",
                phrase(
                    "Weights are sampling weights, in the regression and, from the first period observed, in the "
                    "cohort shares; a unit of weight 2 counts as two in every mean."
                ),
            )
        treated = np.concatenate(groups.members)
        yield from remarks_on.few_clusters(n_clusters, len(np.unique(panel.cluster_codes[treated])), len(treated))


def _weights_of(inputs: LinearInputs, units: np.typing.NDArray[np.int64]) -> FloatArray:
    """(n, T) weights of some units."""
    if inputs.weights is None:
        return np.ones((len(units), inputs.outcome.shape[1]))
    return inputs.weights[units]


def _rows(inputs: LinearInputs, groups: StaggeredGroups) -> int:
    """Rows of the regression."""
    if inputs.weights is None:
        return len(groups.units) * groups.n_periods
    return int((inputs.weights[groups.units] > 0.0).sum())


def _cells(
    panel: Panel,
    inputs: LinearInputs,
    groups: StaggeredGroups,
    cells: Sequence[_Cell],
    effects: FloatArray,
    shares: FloatArray,
    level: float,
) -> Cells:
    """Effects with the means and numbers of treated units behind them."""
    observed, n_treated = np.empty(len(cells)), np.zeros(len(cells), dtype=np.int64)
    for group, units in enumerate(groups.members):
        weights, outcome = _weights_of(inputs, units), np.nan_to_num(inputs.outcome[units])
        total = weights.sum(axis=0)
        means = np.einsum("it,it->t", weights, outcome) / np.where(total > 0.0, total, 1.0)
        for place, cell in enumerate(cells):
            if cell.contrast.group == group:
                observed[place] = means[cell.position]
                n_treated[place] = np.count_nonzero(weights[:, cell.position])
    cohort = np.array([cell.cohort for cell in cells], dtype=np.int64)
    return Cells(
        cohort=cohort,
        period=panel.time[[cell.position for cell in cells]],
        event_time=np.array([cell.event_time for cell in cells], dtype=np.int64),
        estimate=effects,
        observed=observed + level,
        n_treated=n_treated,
        is_reference=np.array([cell.is_reference for cell in cells], dtype=np.bool_),
        share_cohorts=np.unique(cohort),
        shares=shares,
    )

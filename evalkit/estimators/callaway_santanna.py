"""Callaway and Sant'Anna (2021): effects by cohort and period from clean comparisons only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, closest, quote_names
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics.cohort_sample import CohortSample, sort_by_cohort
from evalkit.numerics.doubly_robust import OVERLAP_LIMIT, Contrasts, Failure, Method, fit_contrasts
from evalkit.numerics.group_time import BasePeriod, PlannedCell, plan_cohort
from evalkit.numerics.influence import CellGroup, Influence, comparison_arm, read_arm
from evalkit.uncertainty import Bootstrap, Multiplier, Sampling
from evalkit.vocabulary import NEVER, Comparison, FloatArray, IntArray, Remark

SMALL_COHORT = 5
"""Cohorts with fewer units are flagged: their errors rest on the comparison group alone, or nearly so."""
FEW_CLUSTERS = 30
"""Below this many clusters normal critical values reject too often."""

LeftOut = Failure | Literal["no_comparison_units"]
REASONS: dict[LeftOut, str] = {
    "no_comparison_units": "no unit is left to compare with",
    "no_treated_units": "no treated unit is observed in both periods",
    "too_few_comparison_units": "fewer comparison units than the comparison needs to show any spread",
    "covariates_without_support": "a covariate varies among treated units but not among comparison units",
    "no_overlap": f"the propensity score reaches {OVERLAP_LIMIT}: treated units have no like among comparison units",
}


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
        Law and number of the draws.
    min_cohort_size
        Cohorts with fewer units get no effects; they still serve as not-yet-treated units.
    level
        Of intervals and bands.

    Notes
    -----
    Weights are sampling weights: a unit of weight 2 counts as two such units in every mean and
    share. Errors treat it as one observation. Standard errors have no small-sample correction
    and a normal reference, as in R `did`; with clusters, influence functions are summed within them.

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
    multiplier: Multiplier = "rademacher"
    n_draws: Annotated[int, Field(ge=99)] = 999
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
        covariates = [_covariate(panel, name) for name in self.covariates]
        units, remarks = self._select(panel)
        sample = sort_by_cohort(
            panel.outcome,
            panel.first_treated,
            units=units,
            covariates=covariates,
            weight=panel.weight,
            cluster=panel.cluster,
        )
        self._refuse_without_comparison(panel, sample)
        fitted = self._fit_cells(panel, sample)
        _refuse_without_effects(fitted)
        influence, cells = _assemble(panel, sample, fitted)
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Sampling(
                covariance=influence.covariance(),
                n_clusters=_n_clusters(sample),
                influence_of=influence.matrix,
                bootstrap=Bootstrap(self.multiplier, self.n_draws) if self.inference == "bootstrap" else None,
            ),
            calendar=panel.calendar,
            n_units=len(sample),
            n_treated_units=int(np.isin(sample.first_treated, cells.share_cohorts).sum()),
            n_observations=sample.n_observations,
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(*remarks, *self._remarks_on_sample(panel, sample, cells), *self._remarks_on_cells(panel, fitted)),
            facts={"cells": float(len(cells)), "cells_left_out": float(len(fitted.left_out))},
        )

    def _select(self, panel: Panel) -> tuple[IntArray, list[Remark]]:
        """Rows of the units that can play a part, and what was left out."""
        remarks: list[Remark] = []
        keep = ~panel.always_treated
        if not keep.all():
            remarks.append(
                Remark(
                    "always_treated_excluded",
                    f"{(~keep).sum()} units treated from the first period on were left out: they show no change at the "
                    "start, and are never a comparison.",
                    treated=int((~keep).sum()),
                )
            )
        too_early = keep & (panel.first_treated <= panel.time[0] + self.anticipation)
        if too_early.any():
            remarks.append(
                Remark(
                    "no_base_period",
                    f"{too_early.sum()} units were left out: no period precedes their start by more than the "
                    f"{self.anticipation} periods of anticipation.",
                    treated=int(too_early.sum()),
                )
            )
            keep &= ~too_early
        incomplete = keep & ~panel.observed.all(axis=1)
        if incomplete.any():
            treated = int((incomplete & ~panel.never_treated).sum())
            dropped = self.unbalanced == "drop_incomplete"
            rule = (
                "were dropped (rule: drop_incomplete)."
                if dropped
                else "serve in the cells whose two periods they were observed in (rule: within_pairs)."
            )
            remarks.append(
                Remark(
                    "unbalanced_dropped_incomplete" if dropped else "unbalanced_within_pairs",
                    f"{incomplete.sum()} of {keep.sum()} units are not observed in every period; they {rule}",
                    treated=treated,
                    comparison=int(incomplete.sum()) - treated,
                )
            )
            if dropped:
                keep &= ~incomplete
        return np.flatnonzero(keep), remarks

    def _refuse_without_comparison(self, panel: Panel, sample: CohortSample) -> None:
        cohorts = _cohorts(panel, sample)
        if cohorts.size == 0:
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
        if _n_clusters(sample) < 2:
            raise DesignRefused(
                "All units lie in one cluster: standard errors need at least two.",
                next_step="Choose a finer data.cluster.",
            )

    def _last(self, panel: Panel) -> int:
        """Ordinal after which a start cannot touch the window, anticipation included."""
        return int(panel.time[-1]) + self.anticipation

    def _fit_cells(self, panel: Panel, sample: CohortSample) -> _Fitted:
        fitted = _Fitted()
        for cohort in _cohorts(panel, sample):
            rows = sample.rows_of(cohort)
            if rows.stop - rows.start < self.min_cohort_size:
                fitted.below_minimum[int(cohort)] = rows.stop - rows.start
                continue
            plan = plan_cohort(
                panel.time,
                int(cohort),
                comparison=self.comparison,
                base_period=self.base_period,
                anticipation=self.anticipation,
            )
            compared = {cell: _has_comparison(sample, cell) for cell in plan}
            if not any(cell.is_treated for cell, there in compared.items() if there):
                fitted.without_comparison.append(int(cohort))
                continue
            fitted.references += [cell for cell in plan if cell.period == cell.base]
            fitted.left_out.update({cell: "no_comparison_units" for cell, there in compared.items() if not there})
            self._fit_cohort(sample, rows, [cell for cell in plan if compared[cell]], fitted)
        return fitted

    def _fit_cohort(self, sample: CohortSample, own: slice, plan: Sequence[PlannedCell], fitted: _Fitted) -> None:
        """Fit together the cells that share comparison units, regressors and weights."""
        together: defaultdict[tuple[int, ...], list[PlannedCell]] = defaultdict(list)
        for cell in plan:
            if cell.period != cell.base:
                together[_shared(sample, cell)].append(cell)
        start: FloatArray | None = None
        for cells in together.values():
            first = cells[0]
            against = sample.rows_after(first.untreated_after)
            contrast = np.zeros((sample.outcome.shape[1], len(cells)))
            contrast[[cell.period for cell in cells], range(len(cells))] = 1.0
            contrast[[cell.base for cell in cells], range(len(cells))] = -1.0
            found = fit_contrasts(
                read_arm(sample, own, first.period, first.base),
                comparison_arm(sample, against, first.period, first.base, own),
                contrast,
                self.method,
                start,
            )
            if isinstance(found, str):
                fitted.left_out.update(dict.fromkeys(cells, found))
                continue
            start = found.gamma
            fitted.groups.append((cells, own, against, found))

    def _remarks_on_sample(self, panel: Panel, sample: CohortSample, cells: Cells) -> list[Remark]:
        remarks = []
        late = (sample.first_treated > panel.time[-1]) & (sample.first_treated != NEVER)
        if late.any():
            remarks.append(
                Remark(
                    "treated_after_the_window",
                    f"{late.sum()} units start after the last period; within the window they count as untreated.",
                    comparison=int(late.sum()),
                )
            )
        anticipating = late & (sample.first_treated <= self._last(panel))
        if anticipating.any():
            remarks.append(
                Remark(
                    "anticipating_units_not_compared",
                    f"{anticipating.sum()} units start within {self.anticipation} periods after the window; they are "
                    "no comparison where they may already anticipate it.",
                    comparison=int(anticipating.sum()),
                )
            )
        sizes = {int(g): _length(sample.rows_of(g)) for g in cells.share_cohorts}
        small = {g: size for g, size in sizes.items() if size < SMALL_COHORT}
        if small:
            named = ", ".join(f"{panel.calendar.label(g)} ({size})" for g, size in small.items())
            remarks.append(
                Remark(
                    "small_cohorts",
                    f"Cohorts with fewer than {SMALL_COHORT} units: {named}. Their own errors are too small, as few "
                    "units or one alone show little or no spread.",
                    treated=sum(small.values()),
                )
            )
        if panel.weight is not None:
            remarks.append(
                Remark(
                    "sampling_weights",
                    "Weights are sampling weights, taken in the base period of each cell and, for cohort shares, in "
                    "the first period observed; a unit of weight 2 counts as two in every mean.",
                )
            )
        clusters = _n_clusters(sample)
        if clusters < FEW_CLUSTERS:
            remarks.append(
                Remark(
                    "few_clusters",
                    f"Only {clusters} clusters stand behind the standard errors; below {FEW_CLUSTERS} they tend to be "
                    "too small.",
                )
            )
        return remarks

    def _remarks_on_cells(self, panel: Panel, fitted: _Fitted) -> list[Remark]:
        remarks = []
        label = panel.calendar.label
        if fitted.below_minimum:
            remarks.append(
                Remark(
                    "cohorts_below_minimum_size",
                    f"Cohorts with fewer than {self.min_cohort_size} units got no effects: "
                    f"{quote_names(label(g) for g in fitted.below_minimum)}.",
                    treated=sum(fitted.below_minimum.values()),
                )
            )
        if fitted.without_comparison:
            remarks.append(
                Remark(
                    "cohorts_without_comparison",
                    "Cohorts without any comparison unit once they are treated got no effects: "
                    f"{quote_names(label(g) for g in fitted.without_comparison)}.",
                )
            )
        for reason in dict.fromkeys(fitted.left_out.values()):
            cells = [cell for cell, why in fitted.left_out.items() if why == reason]
            named = quote_names(f"cohort {label(c.cohort)} in {label(int(panel.time[c.period]))}" for c in cells)
            remarks.append(
                Remark(f"cells_left_out_{reason}", f"{len(cells)} cells were left out ({named}): {REASONS[reason]}.")
            )
        for place, name in enumerate(self.covariates, start=1):
            without = [cell for cells, _, _, found in fitted.groups if not found.kept[place] for cell in cells]
            if without:
                everywhere = len(without) == sum(len(cells) for cells, *_ in fitted.groups)
                named = quote_names(f"cohort {label(c.cohort)} in {label(int(panel.time[c.period]))}" for c in without)
                remarks.append(
                    Remark(
                        "covariate_dropped",
                        f"The covariate '{name}' is constant, or a combination of those before it, "
                        f"{'in every cell' if everywhere else f'in {len(without)} cells ({named})'}, and was "
                        "dropped there.",
                    )
                )
        return remarks


@dataclass(slots=True)
class _Fitted:
    """Cells as they come out of the fits, cohort after cohort."""

    groups: list[tuple[list[PlannedCell], slice, slice, Contrasts]] = field(default_factory=list)
    references: list[PlannedCell] = field(default_factory=list)
    left_out: dict[PlannedCell, LeftOut] = field(default_factory=dict)
    below_minimum: dict[int, int] = field(default_factory=dict)
    without_comparison: list[int] = field(default_factory=list)


def _covariate(panel: Panel, name: str) -> FloatArray:
    if name not in panel.covariates:
        near = closest(name, panel.covariates)
        raise ConfigError(
            f"The covariate '{name}' is not in the panel.",
            allowed=", ".join(panel.covariates) or "none: the panel was built without covariates",
            next_step=f"Did you mean '{near}'?" if near else "List it under data.covariates.",
        )
    return panel.covariates[name]


def _cohorts(panel: Panel, sample: CohortSample) -> IntArray:
    """Ordinals of the cohorts that start within the window."""
    return np.unique(sample.first_treated[sample.first_treated <= panel.time[-1]])


def _length(rows: slice) -> int:
    return int(rows.stop - rows.start)


def _n_clusters(sample: CohortSample) -> int:
    return len(sample) if sample.cluster is None else int(sample.cluster.max()) + 1


def _has_comparison(sample: CohortSample, cell: PlannedCell) -> bool:
    """Whether any unit other than the cohort's own is untreated in the cell; the reference needs none."""
    rows, own = sample.rows_after(cell.untreated_after), sample.rows_of(cell.cohort)
    own_inside = _length(own) if own.start >= rows.start else 0
    return cell.period == cell.base or _length(rows) > own_inside


def _shared(sample: CohortSample, cell: PlannedCell) -> tuple[int, ...]:
    """Key of the cells of one cohort whose comparison units, regressors and weights are the same."""
    start = sample.rows_after(cell.untreated_after).start
    if sample.observed is not None:
        return start, cell.base, cell.period
    return (start, cell.base) if sample.base_matters else (start,)


def _refuse_without_effects(fitted: _Fitted) -> None:
    if any(cell.is_treated for cells, *_ in fitted.groups for cell in cells):
        return
    reasons = sorted({REASONS[why] for why in fitted.left_out.values()})
    if fitted.below_minimum:
        reasons.append("cohorts are smaller than min_cohort_size")
    if fitted.without_comparison:
        reasons.append("all units are treated by the time any cohort is")
    raise DesignRefused(
        f"No effect after the start of treatment can be estimated: {'; '.join(reasons)}.",
        next_step="Widen the comparison (comparison=not_yet_treated), drop covariates, or add untreated units.",
    )


def _assemble(panel: Panel, sample: CohortSample, fitted: _Fitted) -> tuple[Influence, Cells]:
    """Put the cells in the order of cohort and period."""
    planned = [cell for cells, *_ in fitted.groups for cell in cells] + fitted.references
    cohort = np.array([cell.cohort for cell in planned], dtype=np.int64)
    period = np.array([cell.period for cell in planned], dtype=np.int64)
    order = np.lexsort((period, cohort))
    place = np.empty(len(planned), dtype=np.int64)
    place[order] = np.arange(len(planned))
    estimate, observed = np.zeros(len(planned)), np.empty(len(planned))
    n_treated = np.empty(len(planned), dtype=np.int64)
    for position, cell in enumerate(planned):
        observed[place[position]], n_treated[place[position]] = _treated_mean(sample, cell)
    groups, done = [], 0
    for cells, own, against, found in fitted.groups:
        columns = place[done : done + len(cells)]
        estimate[columns] = found.effect
        groups.append(CellGroup(cells[0].cohort, own, against, cells[0].period, cells[0].base, columns, found))
        done += len(cells)
    share_cohorts = np.unique(cohort)
    share_weight = sample.share_weight()
    shares = np.array([share_weight[sample.rows_of(g)].sum() for g in share_cohorts]) / len(sample)
    cells_found = Cells(
        cohort=cohort[order],
        period=panel.time[period[order]],
        event_time=panel.time[period[order]] - cohort[order],
        estimate=estimate,
        observed=observed,
        n_treated=n_treated,
        is_reference=np.arange(len(planned))[order] >= done,
        share_cohorts=share_cohorts,
        shares=shares,
    )
    return Influence(sample, tuple(groups), len(planned), share_cohorts, shares, share_weight), cells_found


def _treated_mean(sample: CohortSample, cell: PlannedCell) -> tuple[float, int]:
    """Weighted mean outcome of a cell's treated units in its period, and their number."""
    own = sample.rows_of(cell.cohort)
    weight = sample.weights(cell.period, cell.base, own)
    total = float(weight.sum())
    if not total > 0.0:
        return float("nan"), 0
    mean = weight @ (sample.outcome[own, cell.period] + sample.mean_outcome[own]) / total
    return float(mean), int(np.count_nonzero(weight))

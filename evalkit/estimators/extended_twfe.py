"""Wooldridge (2021, 2023): extended two-way fixed effects, linear, Poisson and logit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.counts import ExposureUse, Sizes, refuse_logs, refuse_outside, sizes
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, EstimationFailed, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import say
from evalkit.numerics import cohort_remarks as tell
from evalkit.numerics.canonical import FAMILIES, FamilyName
from evalkit.numerics.cohort_glm import CohortFit, CohortRows, MomentSums, fit_against, fit_jointly, with_maximum
from evalkit.numerics.cohort_glm import group_positions as positions
from evalkit.numerics.did_layout import CellTable, Layout, lay_out
from evalkit.numerics.linear_inputs import LinearInputs, linear_inputs, stack_covariates
from evalkit.numerics.response_effects import CellEffects, Scale, cell_effects, effect_blocks
from evalkit.numerics.unit_scores import ScoreBlock, Scores, cohort_shares, join, with_shares
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import BoolArray, Comparison, FloatArray, IntArray, Remark

FITS = {"poisson": Reason("counts or rates"), "logit": Reason("shares or yes-or-no outcomes")}


@dataclass(frozen=True, slots=True)
class _Data:
    """Rows, weights, layout and their sums."""

    inputs: LinearInputs
    sizes: Sizes
    layout: Layout
    weights: FloatArray
    sums: MomentSums
    by_cell: FloatArray
    comparison: int
    centre: float


@dataclass(frozen=True, slots=True)
class _Part:
    """One fit and the cells measured by it."""

    fit: CohortFit
    effects: CellEffects
    blocks: tuple[ScoreBlock, ...]
    table: CellTable
    kept: IntArray
    unbounded: BoolArray
    n_rows: int
    n_parameters: int

    @property
    def cells(self) -> tuple[IntArray, IntArray]:
        """Positions of groups and periods."""
        return self.table.group[self.kept], self.table.column[self.kept]


class ExtendedTwfe(PanelEstimator):
    """G^-1(E[y_it(0) | g, x]) = f_t + a_g + x_it'(b + b_g + b_t); ATT(g, t) = E[y_it - y_it(0) | g, t].

    The pooled regression with cohort and period dummies, covariates with slopes by cohort and by period, and a dummy
    for every treated cohort and period with covariates of its own, centred at its treated rows (Wooldridge 2021,
    sections 5 and 6; 2023, staggered interventions). Trends are parallel in the index: in levels for ``linear``, in
    ratios for ``poisson``, in odds for ``logit``. Effects are differences of means on the outcome's own scale.

    The regression is solved from sums by cohort and period, not from its N T x K matrix. Standard errors are
    clustered by unit, or by the panel's clusters: C/(C-1) (N-1)/(N-K), K counting every coefficient, and t(C-1).

    Parameters
    ----------
    family
        ``linear``; ``poisson`` (counts and rates; only the mean need be right); ``logit`` (shares, yes or no).
    scale
        ``natural``: differences in the unit of the outcome. ``ratio`` (Poisson and logit): logs of the ratio of the
        mean outcome to the mean without treatment; exp of it is the rate ratio (for shares the risk ratio).
    comparison
        ``not_yet_treated``: all untreated rows. ``never_treated``: never-treated units, and of each cohort
        its last period before it may react: with a dummy for every other period before, too.
    anticipation
        Periods before the start in which effects are allowed.
    covariates
        Columns of the panel, as they are in each row. Slopes differ by cohort and by period.
    exposure
        Of the Poisson family: ``offset`` of a count, ``weight`` of a rate, ``ignore``, or ``auto``: the weight of a
        rate where the outcome has fractions, else an offset.
    leads
        Also estimate effects before treatment.
    shares_known
        False (the default) counts the error of cohort shares and of covariate means: units are drawn from a
        population. True takes both as they are in the sample, as R `etwfe` does.
    level
        Of intervals and bands.

    Notes
    -----
    Linear and without covariates, on a balanced panel, effects are those of imputation. On an unbalanced one units
    enter by their cohort's mean here, by their own there: if who is observed changes with the outcome's level, use
    imputation.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.ExtendedTwfe().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "extended_twfe"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did by cohort and period from one regression, also for counts, rates and shares."
    )

    family: FamilyName = "linear"
    scale: Scale = "natural"
    comparison: Comparison = "not_yet_treated"
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    exposure: ExposureUse = "auto"
    leads: bool = True
    shares_known: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Fit untreated rows and compare treated ones with what they predict.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel, or settings contradict each other.
        DataError
            When the outcome is none that the family can have.
        DesignRefused
            When no effect can be estimated, or there is one cluster.
        EstimationFailed
            When the likelihood has no maximum.
        """
        if self.family == "linear" and self.scale == "ratio":
            raise ConfigError(
                Reason("scale is ratio, and the linear family may predict means of 0 or less."),
                allowed="scale: natural with family: linear",
                next_step="Set family: poisson, or scale: natural.",
            )
        data = self._data(panel)
        effects = self._effects(panel, data)
        before = self._leads(data) if self.leads and self.comparison == "not_yet_treated" else None
        parts = [effects] if before is None else [effects, before]
        cells, order = _cells(panel, data, parts, self._references(data, effects))
        return self._estimate(panel, data, parts, cells, order, seed=int(rng.integers(2**53)))

    def _data(self, panel: Panel) -> _Data:
        """Rows that the regression can take, as sums by cohort and period need them."""
        family = FAMILIES[self.family]
        stacked = stack_covariates([panel.covariate(name) for name in self.covariates], panel.outcome)
        complete = panel.observed & ~np.isnan(stacked).any(axis=0)
        if family.has_lower:
            refuse_logs(panel, self.family, FITS[self.family])
            refuse_outside(
                panel, complete, Reason("The {family} family", family=self.family), FITS[self.family], family.upper
            )
        found = sizes(panel, complete, self.exposure) if self.family == "poisson" else Sizes(None, panel.weight)
        inputs = linear_inputs(panel.outcome, stacked, found.weight)
        layout = lay_out(inputs.full_weights() > 0.0, panel.time, panel.first_treated, anticipation=self.anticipation)
        if len(layout.cohorts) == 0 or not (layout.effects.event_time >= 0).any():
            raise DesignRefused(
                Reason(
                    "Effects cannot be estimated: no unit becomes treated within the window while another unit is "
                    "still untreated."
                ),
                next_step="Add never-treated units, units that start later, or earlier periods.",
            )
        weights = np.where(layout.used, inputs.full_weights(), 0.0)
        groups = positions(layout.group, layout.n_groups)
        outcome = np.where(layout.used, inputs.outcome, 0.0)
        centre = float(np.average(outcome, weights=weights)) if family.is_linear else 0.0
        if centre:
            outcome = np.where(layout.used, outcome - centre, 0.0)
        rows = CohortRows(
            response=outcome * weights,
            size=weights if found.offset is None else weights * np.where(layout.used, found.offset, 0.0),
            covariates=np.where(layout.used, inputs.covariates, 0.0),
            groups=groups,
        )
        comparison = layout.n_groups - 1 if groups[-1].size else layout.n_groups - 2
        return _Data(inputs, found, layout, weights, MomentSums(rows, family), rows.totals(weights), comparison, centre)

    def _effects(self, panel: Panel, data: _Data) -> _Part:
        """Cells under treatment; against never-treated units also those before it."""
        layout = data.layout
        if self.comparison == "not_yet_treated":
            cells = data.by_cell > 0.0
            cells[layout.effects.group, layout.effects.column] = False
            part = self._part(data, cells, layout.effects, None)
        else:
            if data.comparison != layout.n_groups - 1:
                raise DesignRefused(
                    Reason("comparison is never_treated, and this panel has no never-treated unit."),
                    next_step="Set comparison: not_yet_treated.",
                )
            reference = _reference_columns(data, panel, self.anticipation)
            cells = np.zeros(data.by_cell.shape, dtype=bool)
            cells[-1] = data.by_cell[-1] > 0.0
            cells[np.arange(len(reference)), reference] = True
            table = layout.effects if not self.leads else _both(layout)
            at_reference = table.column == reference[table.group]
            part = self._part(data, cells, _rows_of(table, ~at_reference), data.comparison)
        if part is None or not (part.table.event_time[part.kept] >= 0).any():
            raise DesignRefused(
                Reason(
                    "Effects after the start of treatment cannot be estimated: untreated rows do not link its "
                    "periods with the treated units' own, or hold no event."
                ),
                next_step="Add untreated units or periods, or choose an estimator for rare outcomes.",
            )
        return part

    def _leads(self, data: _Data) -> _Part | None:
        """Untreated cells against the units that stay untreated (or the last cohort), from untreated rows alone.

        None where their fit has no maximum: effects do not rest on it.
        """
        cells = data.by_cell > 0.0
        cells[data.layout.effects.group, data.layout.effects.column] = False
        shown = self._lead_cells(data)
        if not shown.any():
            return None
        try:
            return self._part(data, cells, _rows_of(data.layout.leads, shown), data.comparison)
        except EstimationFailed:
            return None

    def _lead_cells(self, data: _Data) -> BoolArray:
        """(M,) untreated cells of the layout that can be measured from others of their cohort."""
        leads = data.layout.leads
        count = np.bincount(leads.group, minlength=data.layout.n_groups)
        return np.asarray((leads.group != data.comparison) & (count[leads.group] > 1))

    def _part(self, data: _Data, cells: BoolArray, table: CellTable, comparison: int | None) -> _Part | None:
        """Fit some cells, measure others; None where nothing is left to measure."""
        sums = data.sums
        bounded = with_maximum(sums, cells, comparison)
        if not bounded.any() or (comparison is not None and not bounded[comparison].any()):
            return None
        fit = fit_jointly(sums, bounded) if comparison is None else fit_against(sums, bounded, comparison)
        if fit is None:
            raise EstimationFailed(
                Reason(
                    "The {family} likelihood has no maximum: covariates, cohorts and periods separate rows with "
                    "events from rows without.",
                    family=self.family,
                ),
                next_step="Use fewer covariates or longer periods, or set family: linear.",
            )
        found = cell_effects(sums, data.by_cell, fit, table.group, table.column, self.scale)
        informing = bounded if comparison is None else bounded[comparison : comparison + 1]
        seen: BoolArray = np.asarray(informing.any(axis=0))
        own: BoolArray = np.asarray(bounded.any(axis=1))
        good = found.identified & own[table.group] & seen[table.column]
        if self.scale == "ratio":
            self._refuse_empty(good & ~np.isfinite(found.estimate) & (table.event_time >= 0))
            good &= np.isfinite(found.estimate)
        kept = np.flatnonzero(good)
        if kept.size == 0:
            return None
        found = found.select(good)
        blocks = effect_blocks(
            sums, data.weights, fit, found, scale=self.scale, means_known=self.shares_known
        )  # fmt: skip
        touched = fit.cells.copy()
        touched[found.group, found.column] = True
        return _Part(
            fit, found, blocks, table, kept, cells & ~bounded, _count_rows(data, touched),
            fit.n_parameters + len(kept) * sums.rows.n_slopes,
        )  # fmt: skip

    def _refuse_empty(self, without_events: BoolArray) -> None:
        if without_events.any():
            raise DesignRefused(
                Reason(
                    "scale is ratio, and {count} treated cells of cohort and period hold no event: the log of their "
                    "ratio is minus infinity.",
                    count=int(without_events.sum()),
                ),
                next_step="Set scale: natural, or use estimator=poisson_fixed_effects, which pools cells.",
            )

    def _references(self, data: _Data, effects: _Part) -> list[tuple[int, int]]:
        """Cells that are 0 by construction: each cohort's last period before it may react, against never-treated."""
        if self.comparison == "not_yet_treated" or not self.leads:
            return []
        groups = np.unique(effects.table.group[effects.kept])
        return [(int(g), int(np.flatnonzero(effects.fit.cells[g])[-1])) for g in groups]

    def _estimate(
        self, panel: Panel, data: _Data, parts: list[_Part], cells: Cells, order: IntArray, *, seed: int
    ) -> Estimate:
        layout = data.layout
        n_clusters = len(np.unique(panel.cluster_codes[layout.group >= 0]))
        refuse_one_cluster(n_clusters)
        blocks = _corrected(parts[0], n_clusters)
        for part in parts[1:]:
            blocks = join(blocks, _corrected(part, n_clusters))
        references = int(cells.is_reference.sum())
        blocks = tuple(_widened(block, references).columns(order) for block in blocks)
        used = np.flatnonzero(layout.group >= 0)
        cohorts = np.unique(cells.cohort)
        shares = cohort_shares(panel.first_treated, data.inputs.share_weight(data.sizes.weight), used, cohorts)
        scores = Scores(with_shares(blocks, panel.first_treated, shares, self.shares_known), panel.cluster)
        treated = np.flatnonzero(np.isin(panel.first_treated, cohorts) & (layout.group >= 0))
        level = panel.names.cluster or "unit"
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=replace(cells, share_cohorts=cohorts, shares=shares.value),
            uncertainty=Sampling(
                covariance=scores.covariance(),
                n_clusters=n_clusters,
                influence_of=scores.matrix,
                degrees_of_freedom=float(n_clusters - 1),
                correction=f"CR1 by {level}: C/(C-1) (N-1)/(N-K), K all coefficients; t(C-1)",
            ),
            calendar=panel.calendar,
            n_units=len(used),
            n_treated_units=len(treated),
            n_observations=parts[0].n_rows,
            seed=seed,
            level=self.level,
            remarks=(*self._on_rows(panel, data, parts), *self._on_units(panel, data, n_clusters, treated)),
            leads_from="own_mean" if self.comparison == "not_yet_treated" else "reference",
            facts=self._facts(parts[0], cells, shares.value),
        )

    def _facts(self, effects: _Part, cells: Cells, shares: FloatArray) -> dict[str, float]:
        """Numbers of cells and, for counts and shares, the ratio of means (of odds) over all treated cells."""
        facts = {"cells": float(len(cells)), "coefficients": float(effects.n_parameters)}
        if self.family == "linear":
            return facts
        after = np.flatnonzero(effects.table.event_time[effects.kept] >= 0)
        share = shares[np.searchsorted(np.unique(cells.cohort), effects.table.cohort[effects.kept][after])]
        expected = effects.effects.expected[after]
        change = effects.effects.estimate[after]
        observed = expected * np.exp(change) if self.scale == "ratio" else expected + change
        mean, without = share @ observed / share.sum(), share @ expected / share.sum()
        if self.family == "logit":
            if without > 0.0 and mean < 1.0:  # else the odds are infinite, and say nothing that the difference does not
                facts["odds_ratio"] = float(mean / (1.0 - mean) * (1.0 - without) / without)
        else:
            facts["rate_ratio"] = float(mean / without)
        if self.scale == "ratio":
            facts["log_link"] = 1.0
        return facts

    def _on_units(self, panel: Panel, data: _Data, n_clusters: int, treated: IntArray) -> Iterable[Remark]:
        """Who is left out, small cohorts, weights and few clusters."""
        yield from tell.left_out(panel.always_treated, data.layout, self.anticipation)
        yield from tell.unbalanced(data.weights, data.layout, self.family)
        sizes_of = {panel.calendar.label(int(g)): len(u) for g, u in zip(
            data.layout.cohorts, data.sums.rows.groups, strict=False)}  # fmt: skip
        yield from tell.about_clusters(
            sizes_of, panel.weight is not None, n_clusters, panel.cluster_codes[treated], len(treated)
        )

    def _on_rows(self, panel: Panel, data: _Data, parts: list[_Part]) -> Iterable[Remark]:
        """Periods, rows, covariates and cells without a part in the estimate, and how to read what is there."""
        label = panel.calendar.label
        layout, time = data.layout, panel.time
        yield from tell.no_comparison([label(int(t)) for t in layout.dropped_periods])
        yield from tell.missing_covariates(data.inputs.incomplete)
        yield from data.sizes.remarks
        yield from tell.without_events(
            parts[0].unbounded, [label(int(g)) for g in layout.cohorts], [label(int(t)) for t in time], self.family
        )
        for part in parts:
            missing = np.setdiff1d(np.arange(len(part.table)), part.kept)
            names = [
                say(
                    "cohort {cohort} in {period}",
                    cohort=label(int(part.table.cohort[k])),
                    period=label(int(part.table.period[k])),
                )
                for k in missing
            ]
            yield from tell.cells_left_out(names)
        yield from tell.scale(self.family, self.scale)
        if len(parts) > 1:
            yield tell.leads_from_own_mean(len(parts[1].kept))
        elif self.leads and self.comparison == "not_yet_treated" and self._lead_cells(data).any():
            yield tell.NO_LEADS


def _reference_columns(data: _Data, panel: Panel, anticipation: int) -> IntArray:
    """(G,) position of each cohort's last period before it may react in which it is observed."""
    before = panel.time < data.layout.cohorts[:, None] - anticipation
    seen = before & (data.by_cell[: len(data.layout.cohorts)] > 0.0)
    return np.asarray(seen.shape[1] - 1 - seen[:, ::-1].argmax(axis=1))


def _rows_of(table: CellTable, keep: BoolArray) -> CellTable:
    return CellTable(
        table.cohort[keep], table.period[keep], table.event_time[keep], table.group[keep], table.column[keep],
        table.n_units[keep],
    )  # fmt: skip


def _both(layout: Layout) -> CellTable:
    """Cells before and after the start."""
    first, second = layout.leads, layout.effects
    joined = [np.concatenate(pair) for pair in (
        (first.cohort, second.cohort), (first.period, second.period), (first.event_time, second.event_time),
        (first.group, second.group), (first.column, second.column), (first.n_units, second.n_units),
    )]  # fmt: skip
    return CellTable(*joined)


def _count_rows(data: _Data, cells: BoolArray) -> int:
    return int(((data.weights > 0.0) & cells[data.layout.group]).sum())


def _corrected(part: _Part, n_clusters: int) -> tuple[ScoreBlock, ...]:
    """Blocks whose cross product carries the correction for clusters and coefficients."""
    factor = n_clusters / (n_clusters - 1) * (part.n_rows - 1) / max(part.n_rows - part.n_parameters, 1)
    return tuple(ScoreBlock(b.units, b.scores, b.loading * np.sqrt(factor)) for b in part.blocks)


def _widened(block: ScoreBlock, columns: int) -> ScoreBlock:
    """The block with effects that are 0 by construction after the others."""
    zero = np.zeros((len(block.loading), columns))
    return ScoreBlock(block.units, block.scores, np.hstack([block.loading, zero]))


def _cells(panel: Panel, data: _Data, parts: list[_Part], references: list[tuple[int, int]]) -> tuple[Cells, IntArray]:
    """Cells in the order of cohort and period (shares not filled in), and that order of effects, leads, references."""
    at = np.array(references, dtype=np.int64).reshape(-1, 2)
    group = np.concatenate([*(part.cells[0] for part in parts), at[:, 0]])
    column = np.concatenate([*(part.cells[1] for part in parts), at[:, 1]])
    estimate = np.concatenate([*(part.effects.estimate for part in parts), np.zeros(len(at))])
    cohort, period = data.layout.cohorts[group], panel.time[column]
    order = np.lexsort((period, cohort))
    observed = data.centre + data.sums.response[group, column] / data.by_cell[group, column]
    seen = np.stack([np.count_nonzero(data.layout.used[units], axis=0) for units in data.sums.rows.groups])
    cells = Cells(
        cohort=cohort[order],
        period=period[order],
        event_time=(period - cohort)[order],
        estimate=estimate[order],
        observed=observed[order],
        n_treated=seen[group, column].astype(np.int64)[order],
        is_reference=(np.arange(len(group)) >= len(group) - len(at))[order],
        share_cohorts=np.empty(0, dtype=np.int64),
        shares=np.empty(0),
    )
    return cells, order

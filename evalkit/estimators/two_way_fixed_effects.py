"""Two-way fixed effects: one static coefficient and an event study."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.cross_sections import CrossSections
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics.bacon import forbidden_share
from evalkit.numerics.cross_section_regression import read_persons
from evalkit.numerics.cross_section_remarks import two_way_remarks
from evalkit.numerics.cross_section_two_way import fit_two_way
from evalkit.numerics.panel_ols import panel_ols_coefficient
from evalkit.numerics.two_way_system import Fitted, System, set_up, unit_scores
from evalkit.numerics.unit_types import UnitTypes, sort_into_types
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import NEVER, POOLED, BoolArray, FloatArray, IntArray, Remark

LINEARMODELS_ROWS = 5_000
"""Panels up to this many rows are solved by linearmodels under ``engine="auto"``."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """What both regressions share.

    Attributes
    ----------
    series
        Outcome and covariates, (N, T) each.
    types
        Units by first treated period and observed periods; always-treated units have a start of their own.
    relative
        (D, T) period minus first treated period; ``POOLED`` for units not treated within the window.
    seen_once
        (N,) units with fewer than two usable periods, left out.
    """

    series: tuple[FloatArray, ...]
    types: UnitTypes
    relative: IntArray
    seen_once: BoolArray


class TwoWayFixedEffects(PanelEstimator):
    """y_it = alpha_i + lambda_t + beta D_it + x_it' gamma + e_it, and its event-study form.

    The static coefficient is the answer to "overall"; the event study replaces D_it with one
    dummy an event time, the period ``-1 - anticipation`` as reference. Under staggered roll-out
    with effects that differ the static coefficient mixes in comparisons with already-treated
    units (Goodman-Bacon 2021); their share of the weight is reported.

    Standard errors are clustered by unit, or by the panel's clusters, with the correction
    C/(C-1) (N-1)/(N-K), K counting regressors and period effects but not unit effects, which
    are nested in clusters (Cameron and Miller 2015, section II.B), and a t(C-1) reference.
    ``errors="unadjusted"`` gives the homoskedastic errors with all effects counted.

    In repeated cross-sections alpha belongs to groups, y_igt = alpha_g + lambda_t + beta D_gt + x_igt' gamma + e_igt,
    and each person is an observation. Without clusters persons are independent: the errors are then HC1,
    N/(N-K), with a t(N-K) reference, K counting all effects.

    Parameters
    ----------
    anticipation
        Periods before the start in which effects are allowed; left out of the static
        regression's comparison, shown in the event study.
    covariates
        Columns of the panel that enter linearly.
    errors
        ``clustered`` or ``unadjusted``.
    engine
        What finds the coefficients. ``linearmodels``: its PanelOLS on every row. ``compiled``: cross products of
        cohort-by-period tables, whose time and memory are linear in the panel whatever the number of event times.
        ``auto``: linearmodels up to 5,000 rows, then compiled. They agree to 1e-10 (docs/decisions/050).

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.TwoWayFixedEffects().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "two_way_fixed_effects"
    needs: ClassVar[Needs] = Needs(
        answers="One pooled effect; trustworthy when all start at once or the effect is the same for all.",
        cohort_cells=False,
        repeated_cross_sections=True,
    )

    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    errors: Literal["clustered", "unadjusted"] = "clustered"
    engine: Literal["auto", "linearmodels", "compiled"] = "auto"

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Run both regressions.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When treatment does not vary once unit and period effects are taken out, or there is one cluster.
        """
        if panel.cross_sections is not None:
            return self._fit_cross_sections(panel, panel.cross_sections, rng)
        sample = self._sample(panel)
        types, relative = sample.types, sample.relative
        anticipated = (relative >= -self.anticipation) & (relative < 0)
        engine = self._engine(types)
        static = self._regress(sample, (relative >= 0)[None], ~anticipated, engine)
        if not static.system.keep[0]:
            raise DesignRefused(
                "Treatment does not vary within units and periods: once unit and period effects are taken out, "
                "nothing is left of it.",
                next_step="Add units that start at another time or never, and periods before the start.",
            )
        times, second_reference = self._event_times(panel, sample)
        dynamic = self._regress(sample, relative == times[:, None, None], _within_window(panel, types), engine)
        times = times[dynamic.system.keep[: len(times)]]
        uncertainty = self._uncertainty(panel, static, dynamic, len(times))
        reference = -1 - self.anticipation
        labels = np.concatenate([[POOLED], times, [reference]]).astype(np.int64)
        effects = np.concatenate([static.coefficient[:1], _shared(dynamic), [0.0]])
        share = _forbidden_share(panel, types)
        return Estimate(
            estimator=self.name,
            settings={**self.settings(), "engine": engine},
            cells=_cells(types, relative, labels, effects, reference),
            uncertainty=uncertainty,
            calendar=panel.calendar,
            n_units=len(types.order),
            n_treated_units=int(types.count[((relative >= 0) & (types.weight > 0.0)).any(axis=1)].sum()),
            n_observations=int(types.count @ (types.weight > 0.0).sum(axis=1)),
            seed=int(rng.integers(2**63 - 1)),
            remarks=_remarks(panel, sample, anticipated, share, self._absorbed(static), second_reference),
            facts={"forbidden_share": share},
        )

    def _fit_cross_sections(self, panel: Panel, sections: CrossSections, rng: np.random.Generator) -> Estimate:
        """Run both regressions on persons, with effects of groups and periods."""
        shape = (len(sections.labels), panel.n_periods)
        columns = [panel.covariate(name) for name in self.covariates]
        persons, centre = read_persons(
            panel.outcome, columns, panel.weight, panel.cluster, sections.group, sections.position, shape
        )
        starts = np.full(shape[0], NEVER)
        starts[sections.group] = panel.first_treated
        robust = self.errors != "unadjusted"
        fit = fit_two_way(persons, starts, panel.time, anticipation=self.anticipation, robust=robust)
        return Estimate(
            estimator=self.name,
            settings={**self.settings(), "engine": "compiled"},
            cells=_pooled_cells(
                fit.labels, fit.effect, fit.observed + centre, fit.n_treated, fit.labels == -1 - self.anticipation
            ),
            uncertainty=Sampling(
                covariance=fit.covariance,
                n_clusters=persons.n_clusters,
                influence_of=fit.influence_of,
                degrees_of_freedom=fit.degrees_of_freedom,
                correction=_person_errors(panel, robust),
            ),
            calendar=panel.calendar,
            n_units=len(persons),
            n_treated_units=int(persons.total()[starts <= panel.time[-1]].sum()),
            n_observations=len(persons),
            seed=int(rng.integers(2**63 - 1)),
            remarks=two_way_remarks(fit, persons, self.covariates),
            facts={"forbidden_share": fit.forbidden_share},
        )

    def _sample(self, panel: Panel) -> _Sample:
        covariates = [_standardized(panel.covariate(name)) for name in self.covariates]
        usable = panel.observed
        for values in covariates:
            usable &= ~np.isnan(values)
        if panel.weight is not None:
            usable &= panel.weight > 0.0
        once = usable.sum(axis=1) < 2
        usable[once] = False
        first, last = panel.time[0], panel.time[-1]
        start = np.where(panel.first_treated > last, NEVER, np.maximum(panel.first_treated, first))
        series = (panel.outcome, *covariates)
        types = sort_into_types(series, start, usable, panel.weight)
        untreated = types.start == NEVER
        relative = panel.time[None, :] - np.where(untreated, 0, types.start)[:, None]
        return _Sample(series, types, np.where(untreated[:, None], POOLED, relative).astype(np.int64), once)

    def _engine(self, types: UnitTypes) -> Literal["linearmodels", "compiled"]:
        if self.engine != "auto":
            return self.engine
        return "linearmodels" if types.deviation[0].size <= LINEARMODELS_ROWS else "compiled"

    def _event_times(self, panel: Panel, sample: _Sample) -> tuple[IntArray, int | None]:
        """Event times with a dummy, and the second reference where one is needed.

        Always-treated units have no reference period and are left out.
        """
        types, relative = sample.types, sample.relative
        inside = (types.weight > 0.0) & (relative != POOLED) & _within_window(panel, types)
        times = np.unique(relative[inside])
        reference = -1 - self.anticipation
        if reference not in times:
            raise DesignRefused(
                f"No treated unit is observed at event time {reference}, the reference of the event study.",
                next_step="Lower the anticipation, or add periods before the start.",
            )
        times = times[times != reference]
        if (types.start == NEVER).any():
            return times, None
        # without never-treated units event time, unit and period are collinear: one more reference
        second = int(times.min())
        if second >= reference:
            raise DesignRefused(
                "All units become treated and have one untreated period only: the event study is not identified.",
                next_step="Add never-treated units or earlier periods.",
            )
        return times[times != second], second

    def _regress(self, sample: _Sample, dummies: BoolArray, included: BoolArray, engine: str) -> Fitted:
        """Fit on the cells included; psi is left without a small-sample correction."""
        regressors = dummies.astype(np.float64)
        system = set_up(sample.types, regressors, included, squares=self.errors == "unadjusted")
        if engine == "linearmodels":
            coefficient = panel_ols_coefficient(system, sample.series, regressors)
        else:
            coefficient = system.coefficient()
        return Fitted(system, coefficient, system.bread)

    def _uncertainty(self, panel: Panel, static: Fitted, dynamic: Fitted, n_times: int) -> Sampling:
        """Joint uncertainty of the static coefficient, the event times and the reference, which is 0."""
        n_clusters = _n_clusters(panel, dynamic.system.types.order)
        if self.errors == "unadjusted":
            covariance = np.zeros((2 + n_times, 2 + n_times))
            covariance[:1, :1] = _unadjusted(static)
            covariance[1:-1, 1:-1] = _unadjusted(dynamic)
            degrees = max(_residual_degrees(static.system), 1)
            return Sampling(covariance, n_clusters, None, float(degrees), "homoskedastic, all effects counted")
        scores = unit_scores([_corrected(panel, static, pad=0), _corrected(panel, dynamic, pad=1)], panel.cluster)
        level = "unit" if panel.names.cluster is None else panel.names.cluster
        words = f"CR1 by {level}: C/(C-1) (N-1)/(N-K), K without the nested unit effects; t(C-1)"
        return Sampling(scores.covariance(), n_clusters, scores.matrix, float(n_clusters - 1), words)

    def _absorbed(self, static: Fitted) -> list[str]:
        """Covariates without variation of their own."""
        return [name for name, kept in zip(self.covariates, static.system.keep[1:], strict=True) if not kept]


def _shared(fit: Fitted) -> FloatArray:
    """Coefficients of the dummies that were kept."""
    n_shared = len(fit.system.regressors)
    return fit.coefficient[:n_shared][fit.system.keep[:n_shared]]


def _within_window(panel: Panel, types: UnitTypes) -> BoolArray:
    """(D, 1) types that are not treated from the first period on."""
    return np.asarray(types.start[:, None] > panel.time[0])


def _n_clusters(panel: Panel, units: IntArray) -> int:
    return len(units) if panel.cluster is None else int(np.unique(panel.cluster[units]).size)


def _corrected(panel: Panel, fit: Fitted, *, pad: int) -> Fitted:
    """Influence of the dummies kept, times the root of the CR1 correction, with `pad` columns of 0 for references."""
    system, n_shared = fit.system, len(fit.system.regressors)
    n_clusters, n = _n_clusters(panel, system.units), system.n_cells
    if n_clusters < 2:
        raise DesignRefused(
            "All units lie in one cluster: clustered standard errors need at least two.",
            next_step="Choose a finer data.cluster.",
        )
    parameters = int(system.keep.sum()) + system.n_periods
    correction = n_clusters / (n_clusters - 1) * (n - 1) / max(n - parameters, 1)
    columns = system.bread[:, :n_shared][:, system.keep[:n_shared]] * np.sqrt(correction)
    return replace(fit, influence=np.hstack([columns, np.zeros((len(columns), pad))]))


def _unadjusted(fit: Fitted) -> FloatArray:
    """Homoskedastic covariance of the dummies kept; all effects are counted."""
    system, n_shared = fit.system, len(fit.system.regressors)
    chosen = np.flatnonzero(system.keep[:n_shared])
    effects = system.n_units + system.n_periods - 1
    degrees = max(system.n_cells - effects - int(system.keep.sum()), 1)
    return system.bread[np.ix_(chosen, chosen)] * (system.squared_residuals(fit.coefficient) / degrees)


def _residual_degrees(system: System) -> int:
    return system.n_cells - (system.n_units + system.n_periods - 1) - len(system.keep)


def _standardized(values: FloatArray) -> FloatArray:
    """Centre and scale, so that a covariate in other units changes nothing."""
    spread = float(np.nanstd(values))
    return (values - np.nanmean(values)) / (spread if spread > 0.0 else 1.0)


def _cells(types: UnitTypes, relative: IntArray, labels: IntArray, effects: FloatArray, reference: int) -> Cells:
    """Pooled cells: the static effect (label ``POOLED``), then event times, then the reference."""
    observed = np.full(len(labels), np.nan)
    n_treated = np.zeros(len(labels), dtype=np.int64)
    weight, level = types.size[:, None] * types.weight, types.mean[0] + types.centre[:, None]
    for position, label in enumerate(labels):
        members = (weight > 0.0) & ((relative >= 0) if label == POOLED else (relative == label))
        if members.any():
            observed[position] = np.average(level[members], weights=weight[members])
            n_treated[position] = int(types.count[members.any(axis=1)].sum())
    return _pooled_cells(labels, effects, observed, n_treated, labels == reference)


def _pooled_cells(
    labels: IntArray, effects: FloatArray, observed: FloatArray, n_treated: IntArray, is_reference: BoolArray
) -> Cells:
    everywhere = np.full(len(labels), POOLED)
    return Cells(
        cohort=everywhere,
        period=everywhere,
        event_time=labels,
        estimate=effects,
        observed=observed,
        n_treated=n_treated,
        is_reference=is_reference,
        share_cohorts=np.empty(0, dtype=np.int64),
        shares=np.empty(0),
    )


def _person_errors(panel: Panel, robust: bool) -> str:
    if not robust:
        return "homoskedastic, all effects counted"
    if panel.names.cluster is None:
        return "HC1, persons independent: N/(N-K); t(N-K)"
    return f"CR1 by {panel.names.cluster}: C/(C-1) (N-1)/(N-K), K without groups that lie within clusters; t(C-1)"


def _forbidden_share(panel: Panel, types: UnitTypes) -> float:
    size = types.size * types.weight.sum(axis=1)
    groups, member = np.unique(types.start, return_inverse=True)
    treated_share = (panel.time[None, :] >= groups[:, None]).mean(axis=1)
    return forbidden_share(np.bincount(member, weights=size) / size.sum(), treated_share)


def _remarks(
    panel: Panel,
    sample: _Sample,
    anticipated: BoolArray,
    share: float,
    absorbed: list[str],
    second_reference: int | None,
) -> tuple[Remark, ...]:
    found: list[Remark] = []
    if share > 0.0:
        found.append(
            Remark(
                "forbidden_comparisons",
                f"{100 * share:.0f} % of the weight of the two-way fixed-effects coefficient comes from comparing "
                "units with units that were already treated; where effects differ or grow, that biases it.",
            )
        )
    once = sample.seen_once
    if once.any():
        treated = int((once & ~panel.never_treated).sum())
        found.append(
            Remark(
                "units_seen_once",
                f"{int(once.sum())} units with fewer than two usable periods carry no information and were left out.",
                treated,
                int(once.sum()) - treated,
            )
        )
    left_out = int(sample.types.count @ (anticipated & (sample.types.weight > 0.0)).sum(axis=1))
    if left_out:
        found.append(
            Remark(
                "anticipation_rows", f"{left_out} rows in the anticipation periods are left out of the overall effect."
            )
        )
    if absorbed:
        found.append(
            Remark(
                "covariates_absorbed",
                "Covariates without variation of their own (absorbed or collinear) were left out: "
                f"{', '.join(absorbed)}.",
            )
        )
    if second_reference is not None:
        found.append(
            Remark(
                "second_reference",
                f"Without never-treated units, event time {second_reference} is a second reference of the event study.",
            )
        )
    if panel.always_treated.any():
        found.append(
            Remark(
                "always_treated_in_static",
                f"{int(panel.always_treated.sum())} units treated in every period stay in the static regression as "
                "comparisons and are left out of the event study.",
                int(panel.always_treated.sum()),
            )
        )
    return tuple(found)

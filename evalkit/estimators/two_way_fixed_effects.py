"""Two-way fixed effects: one static coefficient and an event study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import sparse

from evalkit.aggregate import Cells
from evalkit.data.cross_sections import CrossSections
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, Reason, quote_names
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, one_untreated_period, refuse_one_cluster, without_reference
from evalkit.inference.panel_errors import (
    Regression,
    adjust,
    clustered,
    conley,
    count_clusters,
    leverage_adjusted,
    two_way,
    unadjusted,
)  # fmt: skip
from evalkit.inference.spatial import Kernel, nearness
from evalkit.language import say
from evalkit.numerics import sample_remarks
from evalkit.numerics.bacon import forbidden_share
from evalkit.numerics.cross_section_regression import read_persons
from evalkit.numerics.cross_section_remarks import two_way_remarks
from evalkit.numerics.cross_section_two_way import fit_two_way
from evalkit.numerics.panel_ols import panel_ols_coefficient
from evalkit.numerics.two_way_system import set_up
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

    Standard errors (docs/methods/two_way_fixed_effects.md says when each is right):

    - ``clustered`` by unit, or by the panel's clusters: C/(C-1) (N-1)/(N-K), K counting regressors and period effects
      but not unit effects, which are nested in clusters (Cameron and Miller 2015, section II.B); t(C-1).
    - ``cr2`` and ``cr3``: clustered, corrected for leverage (Bell and McCaffrey 2002), with degrees of freedom
      of their own for each effect (Imbens and Kolesar 2016; Pustejovsky and Tipton 2018).
    - ``two_way``: clustered by unit or cluster and by period (Cameron, Gelbach and Miller 2011).
    - ``conley``: correlated within a distance and, within a unit, over time (Conley 1999).
    - ``unadjusted``: homoskedastic, all effects counted.

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
        ``clustered``, ``cr2``, ``cr3``, ``two_way``, ``conley`` or ``unadjusted``.
    latitude, longitude
        Of ``conley``: columns of the panel, in degrees, constant within units.
    distance_km, kernel
        Of ``conley``: the distance from which errors are taken to be uncorrelated, and whether they count in full up
        to it (``uniform``) or less with distance (``bartlett``).
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
    errors: Literal["clustered", "cr2", "cr3", "two_way", "conley", "unadjusted"] = "clustered"
    latitude: str | None = None
    longitude: str | None = None
    distance_km: Annotated[float, Field(gt=0)] | None = None
    kernel: Kernel = "bartlett"
    engine: Literal["auto", "linearmodels", "compiled"] = "auto"

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Run both regressions.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel, or ``conley`` lacks a setting.
        DesignRefused
            When treatment does not vary once unit and period effects are taken out, there is one cluster, or the errors
            asked for are not defined in this design.
        """
        self._refuse_half_set_distances()
        if panel.cross_sections is not None:
            return self._fit_cross_sections(panel, panel.cross_sections, rng)
        sample = self._sample(panel)
        types, relative = sample.types, sample.relative
        anticipated = (relative >= -self.anticipation) & (relative < 0)
        engine = self._engine(types)
        static = self._regress(sample, (relative >= 0)[None], ~anticipated, engine)
        if not static.system.keep[0]:
            raise DesignRefused(
                Reason(
                    "Treatment does not vary within units and periods: once unit and period effects are taken out, "
                    "nothing is left of it."
                ),
                next_step="Add units that start at another time or never, and periods before the start.",
            )
        times, second_reference = self._event_times(panel, sample)
        dynamic = self._regress(sample, relative == times[:, None, None], _within_window(panel, types), engine)
        uncertainty, dynamic, on_errors = self._uncertainty(panel, sample, static, dynamic)
        times = times[dynamic.columns]
        reference = -1 - self.anticipation
        labels = np.concatenate([[POOLED], times, [reference]]).astype(np.int64)
        effects = np.concatenate([static.coefficient[:1], dynamic.coefficient[dynamic.columns], [0.0]])
        share = _forbidden_share(panel, types)
        # always-treated units are comparisons: the level that an effect is held against is that of those that start
        starting = np.where(_within_window(panel, types), relative, POOLED)
        return Estimate(
            estimator=self.name,
            settings={**self.settings(), "engine": engine},
            cells=_cells(types, starting, labels, effects, reference),
            uncertainty=uncertainty,
            calendar=panel.calendar,
            n_units=len(types.order),
            n_treated_units=int(types.count[((relative >= 0) & (types.weight > 0.0)).any(axis=1)].sum()),
            n_observations=int(types.count @ (types.weight > 0.0).sum(axis=1)),
            seed=int(rng.integers(2**63 - 1)),
            remarks=(
                *_remarks(panel, sample, anticipated, share, self._absorbed(static), second_reference),
                *on_errors,
            ),
            facts={"forbidden_share": share},
        )

    def _fit_cross_sections(self, panel: Panel, sections: CrossSections, rng: np.random.Generator) -> Estimate:
        """Run both regressions on persons, with effects of groups and periods."""
        if self.errors not in ("clustered", "unadjusted"):
            raise DesignRefused(
                Reason(
                    "errors={errors} needs places or persons that are seen again; repeated cross-sections have none.",
                    errors=self.errors,
                ),
                next_step="Choose errors=clustered or errors=unadjusted.",
            )
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
        covariates = [_standardized(panel.covariate(name)) for name in self._adjusted_for]
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
            raise without_reference(reference)
        times = times[times != reference]
        if (types.start == NEVER).any():
            return times, None
        # without never-treated units event time, unit and period are collinear: one more reference
        second = int(times.min())
        if second >= reference:
            raise one_untreated_period()
        return times[times != second], second

    def _regress(self, sample: _Sample, dummies: BoolArray, included: BoolArray, engine: str) -> Regression:
        """Fit on the cells included."""
        regressors = dummies.astype(np.float64)
        system = set_up(sample.types, regressors, included, squares=self.errors == "unadjusted")
        if engine == "linearmodels":
            coefficient = panel_ols_coefficient(system, sample.series, regressors)
        else:
            coefficient = system.coefficient()
        return Regression(system, coefficient, np.flatnonzero(system.keep[: len(dummies)]))

    def _uncertainty(
        self, panel: Panel, sample: _Sample, static: Regression, dynamic: Regression
    ) -> tuple[Sampling, Regression, tuple[Remark, ...]]:
        """Joint uncertainty of the static coefficient, the event times and the reference, which is 0.

        The event study comes back without the event times whose error is not defined.
        """
        both, cluster, level = (static, dynamic), panel.cluster, panel.names.cluster or panel.names.unit or "unit"
        if self.errors not in ("unadjusted", "conley"):
            refuse_one_cluster(min(count_clusters(each.system, cluster) for each in both))
        if self.errors in {"cr2", "cr3"}:
            parts = [adjust(regression, cluster, self.errors) for regression in both]
            if parts[0].rests_on_one_cluster().any():
                raise DesignRefused(
                    Reason(
                        "The effect rests on one '{level}' alone: leave it out and no treated one is left, so that "
                        "{errors} errors are not defined. No clustered error is trustworthy here.",
                        level=level,
                        errors=self.errors.upper(),
                    ),
                    next_step="List the check randomization_inference, or use synthetic control; errors=clustered "
                    "gives a number that is far too small.",
                )
            alone = parts[1].rests_on_one_cluster()
            parts[1] = parts[1].reporting(~alone)
            sampling = leverage_adjusted(parts, cluster, self.errors, level)
            return sampling, parts[1].regression, _on_one_cluster(int(alone.sum()), level)
        if self.errors == "two_way":
            sampling, remarks = two_way(both, cluster, level)
            return sampling, dynamic, remarks
        if self.errors == "conley":
            sampling, remarks = conley(both, self._near(panel, sample.types), self._distance_in_words())
            return sampling, dynamic, remarks
        errors = unadjusted(both, cluster) if self.errors == "unadjusted" else clustered(both, cluster, level)
        return errors, dynamic, ()

    def _absorbed(self, static: Regression) -> list[str]:
        """Covariates without variation of their own."""
        return [name for name, kept in zip(self._adjusted_for, static.system.keep[1:], strict=True) if not kept]

    @property
    def _adjusted_for(self) -> tuple[str, ...]:
        """Covariates; coordinates are none."""
        return tuple(name for name in self.covariates if name not in (self.latitude, self.longitude))

    def _refuse_half_set_distances(self) -> None:
        given = {"latitude": self.latitude, "longitude": self.longitude, "distance_km": self.distance_km}
        missing = [name for name, value in given.items() if value is None]
        if self.errors == "conley" and missing:
            raise ConfigError(
                Reason(
                    "errors=conley needs to know where units are and how far errors reach; not set: {missing}.",
                    missing=", ".join(missing),
                ),
                allowed="latitude and longitude: columns of data.covariates, in degrees; distance_km: a number",
                next_step="Set them, or choose other errors.",
            )

    def _near(self, panel: Panel, types: UnitTypes) -> sparse.csr_array:
        """Nearness of the units in the order of the types."""
        latitude = _coordinate(panel, str(self.latitude), types.order, 90.0)
        longitude = _coordinate(panel, str(self.longitude), types.order, 180.0)
        return nearness(latitude, longitude, float(self.distance_km or 0.0), self.kernel)

    def _distance_in_words(self) -> str:
        return f"{self.kernel} kernel up to {self.distance_km:g} km"


def _coordinate(panel: Panel, name: str, units: IntArray, limit: float) -> FloatArray:
    """(n,) degrees of some units.

    Raises
    ------
    DesignRefused
        When a unit moves, or degrees lie outside the globe.
    """
    values = panel.covariate(name)[units]
    low, high = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
    wrong = (low != high) | (np.abs(low) > limit)
    if wrong.any():
        label = quote_names([panel.units[units[np.argmax(wrong)]]])
        raise DesignRefused(
            Reason(
                "Conley errors need one '{name}' a unit, in degrees up to {limit:g}; the unit {label} has values "
                "from {low:g} to {high:g}.",
                name=name,
                limit=limit,
                label=label,
                low=low[wrong][0],
                high=high[wrong][0],
            ),
            next_step="Give each unit the coordinates of its centre, or choose other errors.",
        )
    return np.asarray(low, dtype=np.float64)


def _on_one_cluster(count: int, level: str) -> tuple[Remark, ...]:
    if not count:
        return ()
    return (
        Remark(
            "event_times_on_one_cluster",
            say(
                "{count} event times were left out: each rests on one '{level}' alone, so that its error is "
                "not defined.",
                count=count,
                level=level,
            ),
        ),
    )


def _within_window(panel: Panel, types: UnitTypes) -> BoolArray:
    """(D, 1) types that are not treated from the first period on."""
    return np.asarray(types.start[:, None] > panel.time[0])


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
                say(
                    "{share:.0f} % of the weight of the two-way fixed-effects coefficient comes from comparing "
                    "units with units that were already treated; where effects differ or grow, that biases it.",
                    share=100 * share,
                ),
            )
        )
    found += sample_remarks.seen_once(sample.seen_once, panel.never_treated)
    left_out = int(sample.types.count @ (anticipated & (sample.types.weight > 0.0)).sum(axis=1))
    if left_out:
        found.append(
            Remark(
                "anticipation_rows",
                say("{rows} rows in the anticipation periods are left out of the overall effect.", rows=left_out),
            )
        )
    found += sample_remarks.covariates_absorbed(absorbed)
    if second_reference is not None:
        found.append(
            Remark(
                "second_reference",
                say(
                    "Without never-treated units, event time {second_reference} is a second reference of the "
                    "event study.",
                    second_reference=second_reference,
                ),
            )
        )
    if panel.always_treated.any():
        found.append(
            Remark(
                "always_treated_in_static",
                say(
                    "{always_treated} units treated in every period stay in the static regression as comparisons "
                    "and are left out of the event study.",
                    always_treated=int(panel.always_treated.sum()),
                ),
                int(panel.always_treated.sum()),
            )
        )
    return tuple(found)

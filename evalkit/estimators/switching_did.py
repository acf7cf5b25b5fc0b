"""De Chaisemartin and D'Haultfoeuille (2024): effects of treatment that switches on and off, or comes in doses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, refuse_one_cluster
from evalkit.language import phrase, say
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.linear_inputs import linear_inputs, stack_covariates
from evalkit.numerics.switching import Rules, Switching, estimate_pairs
from evalkit.numerics.switching_paths import Paths, adoption_paths, dose_paths
from evalkit.numerics.switching_sample import SwitchingSample, switching_sample
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import POOLED, BoolArray, Comparison, FloatArray, IntArray, Remark

SIGN = {"all": 0, "in": 1, "out": -1}
MOST_WITHOUT_COMPARISON = 0.5
"""Above this share of switchers without a comparison, the dose in period one is as good as continuous."""


class SwitchingDid(PanelEstimator):
    """DID_l: what units look like l periods after their dose first changed, had it not.

    A unit's outcome change since the period before its dose first changed (F_g), less that of units with the same
    period-one dose D_{g,1} that have not changed theirs yet (de Chaisemartin and D'Haultfoeuille 2024, eq. 3):

        DID_{g,l} = Y_{g,F_g-1+l} - Y_{g,F_g-1} - mean over g' with D_{g',1} = D_{g,1}, F_{g'} > F_g - 1 + l of the same

    averaged with S_g = 1 for doses that first rise and -1 for those that first fall (eq. 5). Nothing is assumed
    about how effects depend on doses, past ones included. Event time e is l - 1.

    The overall effect is the average total effect per unit of dose (section 3.3, Lemma 4): all DID_{g,l} over all
    dose changes S_g (D_{g,F_g-1+l} - D_{g,1}). For a programme that is switched on once it is Callaway
    and Sant'Anna's overall effect with not-yet-treated comparisons.

    Parameters
    ----------
    comparison
        ``not_yet_treated`` (the default, and the paper's): units that have not changed their dose yet.
        ``never_treated``: units that do not change it within the window.
    effects
        Number L of effects: periods since F_g, its own counted. All that the data allow when not given.
    placebos
        Most periods before F_g - 1 to look back; all that the data allow when not given. Placebo l compares the same
        units as effect l does, at F_g - 1 - l (web appendix, section 1.1).
    covariates
        Columns of the panel. Outcomes enter less theta_d' X (web appendix, section 1.2), theta_d the slopes of changes
        from one period to the next on those of covariates, with period effects, among units of period-one dose
        d that have not changed it yet.
    anticipation
        Periods before F_g in which effects are allowed.
    normalized
        Divide effect l by the cumulative dose change since F_g (section 3.2, eq. 15): a weighted average of effects of
        one unit of current and past doses. The overall effect stays as it is.
    switchers
        ``all``; ``in`` for units whose dose first rises; ``out`` for those whose first falls.
    same_switchers
        Only units with all of the `effects`, so that event times are averages over the same units.
    level
        Of intervals and bands.

    Notes
    -----
    Standard errors are asymptotic and conditional on the design (web appendix, section 3.7.3), as the authors' programs
    compute them: deviations of switchers from the mean of their cohort (D_{g,1}, F_g and the dose in F_g), of
    comparison units from their mean, each times sqrt(n / (n - 1)); a cohort of one from the mean of all units it is
    compared with. With clusters, n counts clusters, and contributions are summed within them. Normal reference.

    Weights are sampling weights, taken at the period of the effect. A unit serves where it is observed in
    both periods (a placebo needs its mirrored effect's period, too).

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=80, n_periods=6, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.SwitchingDid().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "switching_did"
    needs: ClassVar[Needs] = Needs(
        answers="What a change of dose did by time since it, when treatment switches on and off or comes in amounts.",
        absorbing=False,
    )

    comparison: Comparison = "not_yet_treated"
    effects: Annotated[int, Field(ge=1)] | None = None
    placebos: Annotated[int, Field(ge=0)] | None = None
    covariates: tuple[str, ...] = ()
    anticipation: Annotated[int, Field(ge=0)] = 0
    normalized: bool = False
    switchers: Literal["all", "in", "out"] = "all"
    same_switchers: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    @field_validator("same_switchers")
    @classmethod
    def _says_how_many(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("effects") is None:
            raise ValueError("it keeps units with all of the 'effects': say how many, e.g. effects=3")
        return value

    @field_validator("normalized")
    @classmethod
    def _has_doses(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("anticipation"):
            raise ValueError("it divides by doses received, and there are none while a dose is anticipated")
        return value

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Compare every pair of periods, and average.

        Raises
        ------
        DesignRefused
            When no unit changes its dose within the window, none has a comparison,
            period-one doses are as good as continuous, or there is one cluster.
        """
        paths = (
            adoption_paths(panel.first_treated, panel.time)
            if panel.dose is None
            else dose_paths(panel.dose, panel.time)
        )
        stacked = stack_covariates([panel.covariate(name) for name in self.covariates], panel.outcome)
        known = np.asarray(~np.isnan(stacked).any(axis=0)) if self.covariates else None
        sample = switching_sample(
            panel.outcome, panel.weight, paths, panel.time, panel.cluster, self.anticipation, known
        )  # fmt: skip
        rules = Rules(
            self.effects, self.placebos, SIGN[self.switchers], self.same_switchers, self.comparison == "never_treated"
        )
        found = estimate_pairs(sample, panel.time, rules, self._sorted(panel, stacked, sample))
        self._refuse(panel, paths, found)
        columns = _columns(panel, found, self.normalized)
        totals = found.covariance()
        k, shares = columns.weights.shape[1], columns.cells.shares
        covariance = np.zeros((k + len(shares), k + len(shares)))
        covariance[:k, :k] = columns.weights.T @ totals @ columns.weights

        def influence() -> FloatArray:
            psi = found.influence(columns.weights)
            return np.hstack([psi, np.zeros((len(psi), len(shares)))])

        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=columns.cells,
            uncertainty=Sampling(
                covariance=covariance,
                n_clusters=sample.n_clusters,
                influence_of=influence,
                correction="n/(n-1) within cohorts and comparison groups",
            ),
            calendar=panel.calendar,
            n_units=len(sample),
            n_treated_units=sum(_switchers(found).values()),
            n_observations=int(sample.outcome.size if sample.usable is None else sample.usable.sum()),
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=(*self._on_units(panel, paths, found), *_on_cells(panel, found), *_on_clusters(panel, found)),
            facts={"cells": float(len(found.fits)), **_facts(found)},
        )

    def _sorted(self, panel: Panel, stacked: FloatArray, sample: SwitchingSample) -> FloatArray | None:
        """(p, T, n) covariates of the sample, centred at sd 1; 0 where not usable. None where there are none."""
        if not self.covariates:
            return None
        scaled = linear_inputs(panel.outcome, stacked, panel.weight).covariates[:, sample.position]
        found = np.ascontiguousarray(np.nan_to_num(scaled).transpose(0, 2, 1))
        return found if sample.usable is None else found * sample.usable

    def _refuse(self, panel: Panel, paths: Paths, found: Switching) -> None:
        """Refuse designs without anything to compare, and doses that have no like in period one."""
        changed = int((paths.sign != 0.0).sum())
        if not changed:
            raise DesignRefused(
                Reason("No unit changes its dose within the window: there is nothing to estimate."),
                next_step="Check the treatment column, or add later periods.",
            )
        if not len(found.sample):
            raise DesignRefused(
                Reason(
                    "None of the {changed} units that change their dose is observed in a period before it may react.",
                    changed=changed,
                ),
                next_step="Add earlier periods, or lower the anticipation.",
            )
        served = sum(_switchers(found).values())
        without = int(found.allowed.sum()) - served
        if not served or (without > MOST_WITHOUT_COMPARISON * found.allowed.sum() and len(paths.levels) > 2):
            raise DesignRefused(
                Reason(
                    "{without} of the {changed} units that change their dose have no comparison: a unit with the same "
                    "dose in period one that changes later or never."
                    if panel.dose is None
                    else "{without} of the {changed} units that change their dose have no comparison: a unit with the "
                    "same dose in period one that changes later or never. Doses in period one take {levels} values.",
                    without=max(without, changed - served),
                    changed=changed,
                    levels=len(paths.levels),
                ),
                allowed="discrete doses in period one, or a period one in which all doses are 0",
                next_step="Group the doses of period one into a few values, add untreated units or later cohorts, or "
                "start the data before anybody is treated.",
            )
        refuse_one_cluster(found.sample.n_clusters)

    def _on_units(self, panel: Panel, paths: Paths, found: Switching) -> Iterable[Remark]:
        """What is estimated, and units left out or used in part."""
        if panel.dose is not None:
            up = int((found.sample.sign[found.allowed] > 0.0).sum())
            yield Remark(
                "effect_per_unit_of_dose",
                say(
                    "The overall effect is for one unit of '{dose}'; effects by period are for the doses that units "
                    "had, as they were, per unit of cumulative dose. The dose first rises in {up} units and first "
                    "falls in {down}, whose effects count with the sign turned."
                    if self.normalized
                    else "The overall effect is for one unit of '{dose}'; effects by period are for the doses that "
                    "units had, as they were. The dose first rises in {up} units and first falls in {down}, whose "
                    "effects count with the sign turned.",
                    dose=panel.names.dose,
                    up=up,
                    down=int(found.allowed.sum()) - up,
                ),
                treated=int(found.allowed.sum()),
            )
        else:
            early = (panel.first_treated <= panel.time[0] + self.anticipation) & ~panel.always_treated
            yield from remarks_on.excluded_units(panel.always_treated, early, self.anticipation)
        for name, cells, when in (
            (
                "both_above_and_below",
                paths.apart,
                phrase("from when their dose has been both above and below their first one"),
            ),
            ("dose_change_unseen", paths.unclear, phrase("after a gap in which their dose may have changed unseen")),
        ):
            gone = None if cells is None else cells & panel.observed
            if gone is not None and gone.any():
                units = int(gone.any(axis=1).sum())
                yield Remark(
                    name,
                    say(
                        "{gone} outcomes of {units} units were left out, {when}.",
                        gone=int(gone.sum()),
                        units=units,
                        when=when,
                    ),
                    treated=units,
                )
        gaps: BoolArray = np.asarray(~panel.observed[found.sample.position].all(axis=1))
        if gaps.any():
            yield Remark(
                "unbalanced_within_pairs",
                say(
                    "{gaps} of {count} units are not observed in every period; they serve in the comparisons "
                    "whose periods they were observed in.",
                    gaps=int(gaps.sum()),
                    count=len(gaps),
                ),
            )
        slopes = found.slopes
        if slopes is not None:
            yield from remarks_on.covariates_absorbed(
                [name for name, gone in zip(self.covariates, slopes.absorbed, strict=True) if gone]
            )
            without = int((slopes.rank < (~slopes.absorbed).sum()).sum())
            if without:
                yield Remark(
                    "covariates_without_slope",
                    say(
                        "Among units of {without} of {count} first doses some covariates do not vary before a change:"
                        " their outcomes are not adjusted for them.",
                        without=without,
                        count=len(slopes.rank),
                    ),
                )
        if panel.weight is not None:
            yield Remark(
                "sampling_weights",
                phrase(
                    "Weights are sampling weights, taken in the period of each effect; a unit of weight 2 counts as "
                    "two in every mean."
                ),
            )


@dataclass(frozen=True, slots=True)
class _Columns:
    """Everything that is reported, as weighted sums of the pairs' totals: weights (P, K)."""

    cells: Cells
    weights: FloatArray


def _columns(panel: Panel, found: Switching, normalized: bool) -> _Columns:
    """Cells by cohort and period, the event study, and the overall effect.

    The last two are pooled over units, not averaged over cohorts: units of one cohort with different first doses
    differ in how long they have a comparison, so that cohort shares would not weigh them as the paper does.
    """
    fits = found.fits
    cohort = np.array([fit.pair.cohort for fit in fits], dtype=np.int64)
    period = panel.time[[fit.pair.period for fit in fits]]
    base = panel.time[[fit.pair.base for fit in fits]]
    mass = np.array([fit.mass for fit in fits])
    size = np.array([fit.cumulative if normalized else fit.mass for fit in fits])
    dose = np.array([fit.dose for fit in fits])
    is_effect = period >= cohort
    cohorts, first = np.unique(cohort, return_index=True)
    events = np.unique(np.concatenate([period - cohort, base - cohort]))
    of_event = (period - cohort)[:, None] == events
    sizes = np.concatenate([np.ones(len(cohorts)), of_event.T @ size])
    weights = np.zeros((len(fits), len(fits) + len(cohorts) + len(events) + 1))
    weights[:, : len(fits)] = np.diag(1.0 / size)
    weights[:, len(fits) + len(cohorts) : -1] = of_event / np.where(of_event.any(axis=0), sizes[len(cohorts) :], 1.0)
    weights[:, -1] = is_effect / dose[is_effect].sum()
    units = np.array([fit.units for fit in fits], dtype=np.int64)
    level = np.array([fit.level for fit in fits])
    pooled = np.full(len(events) + 1, POOLED, dtype=np.int64)
    unknown = np.full(len(cohorts), np.nan)
    with np.errstate(invalid="ignore"):
        by_event = (of_event.T @ level) / np.where(of_event.any(axis=0), of_event.T @ mass, np.nan)
    overall = np.nan if panel.dose is not None else float(level[is_effect].sum() / mass[is_effect].sum())
    served = _switchers(found)
    sizes_of = [served.get(int(g), 0) for g in cohorts]  # a cohort may have cells before its change alone
    cells = Cells(
        cohort=np.concatenate([cohort, cohorts, pooled]),
        period=np.concatenate([period, base[first], pooled]),
        event_time=np.concatenate([period - cohort, base[first] - cohorts, events, [POOLED]]),
        estimate=found.totals @ weights,
        observed=np.concatenate([level / mass, unknown, by_event, [overall]]),
        n_treated=np.concatenate(
            [units, sizes_of, of_event.T @ units, [sum(served.values())]],
            dtype=np.int64,
        ),
        is_reference=np.asarray(~weights.any(axis=0)),
        share_cohorts=cohorts,
        shares=_shares(found.sample, found.allowed, cohorts),
    )
    return _Columns(cells, weights)


def _shares(sample: SwitchingSample, allowed: BoolArray, cohorts: IntArray) -> FloatArray:
    """(G,) shares of cohorts, by the weight of their units in the period before they may react."""
    weight = np.ones(len(sample))
    if sample.weight is not None:
        seen = sample.weight > 0.0 if sample.usable is None else sample.usable
        weight = sample.weight[seen.argmax(axis=0), np.arange(len(sample))]
    return np.array([weight[allowed & (sample.first == cohort)].sum() / weight.sum() for cohort in cohorts])


def _switchers(found: Switching) -> dict[int, int]:
    """Units that change and have a comparison, by cohort: as many as in the cohort's largest effect."""
    served: dict[int, int] = {}
    for fit in found.fits:
        if not fit.pair.is_placebo and fit.pair.exposure >= 1:
            served[fit.pair.cohort] = max(served.get(fit.pair.cohort, 0), fit.units)
    return served


def _facts(found: Switching) -> dict[str, float]:
    """Doses behind the overall effect."""
    effects = [fit for fit in found.fits if not fit.pair.is_placebo and fit.pair.exposure >= 1]
    return {
        "mean_dose_change": sum(fit.dose for fit in effects) / sum(fit.mass for fit in effects),
        "cells_left_out": float(len(found.left_out)),
    }


def _on_cells(panel: Panel, found: Switching) -> Iterable[Remark]:
    """Units and cohorts without a comparison, or of few units."""
    served = _switchers(found)
    without = int(found.allowed.sum()) - sum(served.values())
    if without:
        yield Remark(
            "switchers_without_comparison",
            say(
                "{without} units that change their dose were left out: no unit with the same first dose is "
                "observed that has not changed yet.",
                without=without,
            ),
            treated=without,
        )
    yield from remarks_on.small_cohorts({panel.calendar.text(cohort): size for cohort, size in served.items()})


def _on_clusters(panel: Panel, found: Switching) -> Iterable[Remark]:
    """Clusters behind the errors."""
    treated = int(found.allowed.sum())
    codes = found.sample.cluster
    reached = treated if codes is None else np.count_nonzero(np.bincount(codes[found.allowed]))
    yield from remarks_on.few_clusters(found.sample.n_clusters, int(reached), treated)

"""Poisson with unit and period effects: one rate ratio and an event study, for counts and rates with zeros."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.counts import ExposureUse, Sizes, refuse_logs, refuse_outside, sizes
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, EstimationFailed, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator, one_untreated_period, without_reference
from evalkit.language import phrase, say
from evalkit.numerics import count_remarks as tell
from evalkit.numerics.conditional_poisson import CountFit, CountRows, count_scores, fit_counts
from evalkit.numerics.linear_inputs import LinearInputs, linear_inputs, stack_covariates
from evalkit.numerics.separation import drop_empty, separated
from evalkit.numerics.unit_scores import ScoreBlock, Scores, join
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import POOLED, BoolArray, FloatArray, IntArray, Remark

MODEL, FITS = "Poisson", Reason("counts or rates")


@dataclass(frozen=True, slots=True)
class _Regression:
    """One regression.

    Attributes
    ----------
    times
        (k,) event times of its treatment terms; ``POOLED`` for the static one.
    coefficient, covariance
        (k,) log rate ratios, (k, k) by dispersion alone.
    blocks
        Scores and loadings of the k coefficients, corrected for clusters and coefficients.
    used
        (N, T) rows.
    empty_units, empty_periods, separated, alone
        (N,), (T,), (N, T) and (N,) what was left out.
    dispersion
        Pearson's chi square over degrees of freedom.
    degrees
        Rows less all effects and coefficients.
    absorbed
        Covariates that the effects take in.
    """

    times: IntArray
    coefficient: FloatArray
    covariance: FloatArray
    blocks: tuple[ScoreBlock, ...]
    used: BoolArray
    empty_units: BoolArray
    empty_periods: BoolArray
    separated: BoolArray
    alone: BoolArray
    dispersion: float
    degrees: int
    absorbed: tuple[str, ...]


class PoissonFixedEffects(PanelEstimator):
    """E[y_it] = m_it exp(alpha_i + lambda_t + beta D_it + x_it' gamma), and its event-study form.

    Poisson quasi-likelihood: only the mean need be right. Unit effects are taken out exactly by conditioning on units'
    totals (Hausman, Hall and Griliches 1984; Wooldridge 1999). The static coefficient is the log of one rate ratio and
    the answer to "overall"; the event study has one dummy an event time, the period ``-1 - anticipation`` as reference.
    With staggered starts and ratios that differ, one ratio compares with already-treated units, as linear two-way fixed
    effects do: see `extended_twfe` with ``family=poisson``.

    Units and periods without an event, and rows that some term fits perfectly, say nothing about the ratios; they are
    found (Correia, Guimaraes and Zylkin 2021), left out and counted by arm.

    Parameters
    ----------
    anticipation
        Periods before the start in which effects are allowed; left out of the static regression, shown in the event
        study.
    covariates
        Columns of the panel that enter linearly in the log of the mean.
    exposure
        ``offset`` of a count, ``weight`` of a rate, ``ignore``, or ``auto``: the weight of a rate where the outcome
        has fractions, else an offset.
    errors
        ``clustered`` by unit or by the panel's clusters: C/(C-1) (N-1)/(N-K), K without unit effects, and t(C-1).
        ``quasi``: the Poisson ones times the square root of the dispersion, right where rows are independent.
    level
        Of intervals and bands.

    Examples
    --------
    >>> import evalkit as ek
    >>> frame = ek.testing.staggered_frame(n_units=120, n_periods=6, effect=0.5, noise=0.2, seed=1)
    >>> frame["y"] = np.random.default_rng(0).poisson(np.exp(2.0 + frame["y"]))
    >>> panel = ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
    >>> estimate = ek.PoissonFixedEffects().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    0.5
    """

    name: ClassVar[str] = "poisson_fixed_effects"
    needs: ClassVar[Needs] = Needs(
        answers="One rate ratio of counts or rates, zeros included; trustworthy when all start at once or it is the "
        "same for all.",
        cohort_cells=False,
        counts=True,
    )

    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    exposure: ExposureUse = "auto"
    errors: Literal["clustered", "quasi"] = "clustered"
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Run both regressions.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel, or an exposure is asked for that is not there.
        DataError
            When the outcome is negative or in logs, or an exposure is not positive.
        DesignRefused
            When no ratio can be estimated, or there is one cluster.
        EstimationFailed
            When the likelihood has no maximum.
        """
        refuse_logs(panel, MODEL, FITS)
        stacked = stack_covariates([panel.covariate(name) for name in self.covariates], panel.outcome)
        complete = panel.observed & ~np.isnan(stacked).any(axis=0)
        refuse_outside(panel, complete, MODEL, FITS)
        found = sizes(panel, complete, self.exposure)
        inputs = linear_inputs(panel.outcome, stacked, found.weight)
        relative = _event_time(panel)
        usable = inputs.full_weights() > 0.0
        anticipated = (relative >= -self.anticipation) & (relative < 0)
        static = self._regress(panel, inputs, found, usable & ~anticipated, np.array([POOLED]))
        self._refuse_static(static)
        dynamic, second = self._event_study(panel, inputs, found, usable, relative)
        return self._estimate(panel, inputs, found, static, dynamic, second, rng)

    def _refuse_static(self, static: _Regression) -> None:
        if len(static.times):
            return
        if static.separated.any():
            raise DesignRefused(
                Reason(
                    "The rate ratio is 0 or infinite, without an interval: treated rows, or treated units' rows "
                    "before the start, hold no event."
                ),
                next_step="Report the counts themselves, or choose longer periods or an outcome with more events.",
            )
        raise DesignRefused(
            Reason(
                "Treatment does not vary within units and periods that have events: once unit and period effects are "
                "taken out, nothing is left of it."
            ),
            next_step="Add units that start at another time or never, and periods before the start.",
        )

    def _event_study(
        self, panel: Panel, inputs: LinearInputs, found: Sizes, usable: BoolArray, relative: IntArray
    ) -> tuple[_Regression, int | None]:
        """Regress on event times; always-treated units, which have no reference period, are left out."""
        usable = usable & ~panel.always_treated[:, None]
        times = np.unique(relative[usable & (relative != POOLED)])
        reference = -1 - self.anticipation
        if reference not in times:
            raise without_reference(reference)
        times, second = times[times != reference], None
        if not (panel.never_treated & usable.any(axis=1)).any():
            # without never-treated units event time, unit and period are collinear: one more reference
            second = int(times.min())
            if second >= reference:
                raise one_untreated_period()
            times = times[times != second]
        return self._regress(panel, inputs, found, usable, times), second

    def _regress(
        self, panel: Panel, inputs: LinearInputs, found: Sizes, usable: BoolArray, times: IntArray
    ) -> _Regression:
        """Fit period effects, covariates and the dummies of some event times to usable rows."""
        starts, member = np.unique(_starts(panel), return_inverse=True)
        groups = tuple(np.flatnonzero(member == k) for k in range(len(starts)))
        dummies = _dummies(panel.time, starts, times)
        counts = np.where(usable, np.nan_to_num(panel.outcome), 0.0)
        gone = np.zeros_like(usable)
        while True:
            empty = drop_empty(counts, usable & ~gone)
            rows = _rows(inputs, found, empty.used, groups, dummies, counts)
            fit = fit_counts(rows)
            if fit is not None:
                break
            on_rows = np.concatenate([np.moveaxis(dummies, 2, 0)[:, member], rows.covariates])
            more = separated(counts, empty.used, np.where(empty.used, on_rows, 0.0))
            if not more.any():
                raise EstimationFailed(
                    Reason("The Poisson likelihood has no maximum, and no rows were found that explain it."),
                    next_step="Use fewer covariates, or longer periods with more events.",
                )
            gone |= more
        return self._solved(panel, rows, fit, times, empty.used, (empty.units, empty.periods, gone, empty.seen_once))

    def _solved(
        self,
        panel: Panel,
        rows: CountRows,
        fit: CountFit,
        times: IntArray,
        used: BoolArray,
        out: tuple[BoolArray, BoolArray, BoolArray, BoolArray],
    ) -> _Regression:
        """Collect the treatment terms that are identified, with their errors."""
        first = rows.design.shape[2] - len(times)
        wanted = np.arange(first, first + len(times))
        shown = wanted[fit.kept[wanted]]
        blocks, pearson = count_scores(rows, fit)
        n, units, periods = int(used.sum()), int(used.any(axis=1).sum()), int(used.any(axis=0).sum())
        terms = int(fit.kept[first:].sum())
        degrees = max(n - units - periods + 1 - terms, 1)
        clusters = len(np.unique(panel.cluster_codes[used.any(axis=1)]))
        factor = clusters / max(clusters - 1, 1) * (n - 1) / max(n - terms - periods, 1)
        own = [block for block in blocks if used[block.units].any()]
        names = [name for name, kept in zip(self.covariates, fit.kept[first + len(times) :], strict=True) if not kept]
        return _Regression(
            times=times[shown - first],
            coefficient=fit.coefficient[shown],
            covariance=pearson / degrees * fit.inverse[np.ix_(shown, shown)],
            blocks=tuple(ScoreBlock(b.units, b.scores, b.loading[:, shown] * np.sqrt(factor)) for b in own),
            used=used,
            empty_units=out[0],
            empty_periods=out[1],
            separated=out[2],
            alone=out[3],
            dispersion=pearson / degrees,
            degrees=degrees,
            absorbed=tuple(names),
        )

    def _estimate(
        self,
        panel: Panel,
        inputs: LinearInputs,
        found: Sizes,
        static: _Regression,
        dynamic: _Regression,
        second: int | None,
        rng: np.random.Generator,
    ) -> Estimate:
        reference = -1 - self.anticipation
        labels = np.concatenate([[POOLED], dynamic.times, [reference]]).astype(np.int64)
        used = static.used | dynamic.used
        seen = used.any(axis=1)
        n_clusters = len(np.unique(panel.cluster_codes[seen]))
        if n_clusters < 2 and self.errors == "clustered":
            raise DesignRefused(
                Reason("All units lie in one cluster: standard errors need at least two."),
                next_step="Choose a finer data.cluster, or errors: quasi.",
            )
        treated = np.flatnonzero((panel.treated & used).any(axis=1))
        remarks = (
            *tell.left_out(
                static.empty_units | dynamic.empty_units, panel.never_treated, phrase("no event in any period")
            ),
            *tell.seen_once(static.alone, panel.never_treated),
            *tell.empty_periods([panel.calendar.label(int(t)) for t in panel.time[static.empty_periods]]),
            *tell.separated(static.separated | dynamic.separated, panel.never_treated),
            *tell.missing_covariates(inputs.incomplete),
            *tell.absorbed(sorted({*static.absorbed, *dynamic.absorbed})),
            *found.remarks,
            *self._on_design(panel, static, dynamic, second),
            tell.LOG_RATIOS,
            *tell.few_clusters(n_clusters, len(np.unique(panel.cluster_codes[treated])), len(treated)),
        )
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=_cells(panel, inputs, used, labels, np.concatenate([static.coefficient, dynamic.coefficient, [0.0]])),
            uncertainty=self._uncertainty(panel, static, dynamic, n_clusters),
            calendar=panel.calendar,
            n_units=int(seen.sum()),
            n_treated_units=len(treated),
            n_observations=int(used.sum()),
            seed=int(rng.integers(2**53)),
            level=self.level,
            remarks=remarks,
            facts={
                "log_link": 1.0,
                "rate_ratio": float(np.exp(static.coefficient[0])),
                "dispersion": static.dispersion,
            },
        )

    def _uncertainty(self, panel: Panel, static: _Regression, dynamic: _Regression, n_clusters: int) -> Sampling:
        """Joint errors of the static coefficient, the event times and the reference (0)."""
        size = 2 + len(dynamic.times)
        if self.errors == "quasi":
            covariance = np.zeros((size, size))
            covariance[0, 0] = static.covariance[0, 0]
            covariance[1:-1, 1:-1] = dynamic.covariance
            return Sampling(
                covariance,
                n_clusters,
                degrees_of_freedom=float(static.degrees),
                correction="Poisson errors times the root of the dispersion, all effects counted",
            )
        scores = Scores(_joined(static.blocks, dynamic.blocks), panel.cluster)
        level = panel.names.cluster or "unit"
        return Sampling(
            covariance=scores.covariance(),
            n_clusters=n_clusters,
            influence_of=scores.matrix,
            degrees_of_freedom=float(n_clusters - 1),
            correction=f"CR1 by {level}: C/(C-1) (N-1)/(N-K), K without the nested unit effects; t(C-1)",
        )

    def _on_design(
        self, panel: Panel, static: _Regression, dynamic: _Regression, second: int | None
    ) -> Iterable[Remark]:
        """Several starts, rows of anticipation, references and always-treated units."""
        seen = panel.first_treated[static.used.any(axis=1) & ~panel.never_treated]
        if len(np.unique(seen)) > 1:
            yield Remark(
                "forbidden_comparisons",
                phrase(
                    "Units start at different times: one rate ratio for all also compares with units that were already "
                    "treated; where ratios differ or grow, that biases it. extended_twfe with family=poisson does not."
                ),
            )
        waiting = dynamic.used & ~static.used & ~panel.treated
        if self.anticipation and waiting.any():
            yield Remark(
                "anticipation_rows",
                say(
                    "{waiting} rows in the anticipation periods are left out of the overall effect.",
                    waiting=int(waiting.sum()),
                ),
            )
        if second is not None:
            yield Remark(
                "second_reference",
                say(
                    "Without never-treated units, event time {second} is a second reference of the event study.",
                    second=second,
                ),
            )
        always = panel.always_treated & static.used.any(axis=1)
        if always.any():
            yield Remark(
                "always_treated_in_static",
                say(
                    "{always} units treated in every period stay in the static regression as comparisons and are "
                    "left out of the event study.",
                    always=int(always.sum()),
                ),
                int(always.sum()),
            )


def _starts(panel: Panel) -> IntArray:
    """(N,) first treated period, within the window or one past either end of it."""
    return np.clip(panel.first_treated, panel.time[0], panel.time[-1] + 1)


def _event_time(panel: Panel) -> IntArray:
    """(N, T) period minus first treated period; ``POOLED`` for units not treated within the window."""
    start = np.where(panel.never_treated, 0, panel.first_treated)
    return np.where(panel.never_treated[:, None], POOLED, panel.time[None, :] - start[:, None]).astype(np.int64)


def _dummies(time: IntArray, starts: IntArray, times: IntArray) -> FloatArray:
    """(H, T, k) treated at all (``POOLED``), or at each event time, for units that start at each of H periods."""
    relative = time[None, :] - starts[:, None]
    inside = (starts <= time[-1])[:, None]
    on = [inside & ((relative >= 0) if e == POOLED else (relative == e)) for e in times]
    return np.stack(on, axis=2).astype(np.float64) if on else np.zeros((*relative.shape, 0))


def _rows(
    inputs: LinearInputs,
    found: Sizes,
    used: BoolArray,
    groups: tuple[IntArray, ...],
    dummies: FloatArray,
    counts: FloatArray,
) -> CountRows:
    """Arrays of the regression: period dummies (the first period's left out), then the treatment terms."""
    weights = np.where(used, inputs.full_weights(), 0.0)
    present = np.flatnonzero(used.any(axis=0))[1:]
    periods = np.zeros((len(groups), used.shape[1], len(present)))
    periods[:, present, np.arange(len(present))] = 1.0
    return CountRows(
        events=weights * counts,
        size=weights if found.offset is None else np.where(used, weights * found.offset, 0.0),
        covariates=np.where(used, inputs.covariates, 0.0),
        groups=groups,
        design=np.concatenate([periods, dummies], axis=2),
    )


def _joined(first: Sequence[ScoreBlock], second: Sequence[ScoreBlock]) -> tuple[ScoreBlock, ...]:
    """Both regressions' coefficients side by side, and the reference's zero."""
    known = {int(block.units[0]) for block in first}
    width = first[0].loading.shape[1]
    only = [block for block in second if int(block.units[0]) not in known]
    blocks = list(join(first, [block for block in second if int(block.units[0]) in known]))
    blocks += [ScoreBlock(b.units, b.scores, np.hstack([np.zeros((len(b.loading), width)), b.loading])) for b in only]
    return tuple(ScoreBlock(b.units, b.scores, np.hstack([b.loading, np.zeros((len(b.loading), 1))])) for b in blocks)


def _cells(panel: Panel, inputs: LinearInputs, used: BoolArray, labels: IntArray, effects: FloatArray) -> Cells:
    """Pooled cells: the static effect (label ``POOLED``), then event times, then the reference.

    Units that start within the data stand behind them. Their rows that say nothing about the ratio, those of units
    without an event above all, belong to the observed level nevertheless: levels and totals are those of all treated.
    """
    weights = np.nan_to_num(inputs.full_weights()) * panel.observed
    starts, member = np.unique(_starts(panel), return_inverse=True)
    groups = [np.flatnonzero(member == k) for k in range(len(starts))]
    treated = panel.time >= starts[:, None]
    values = weights * np.where(weights > 0.0, panel.outcome, 0.0)
    total, size = (np.stack([array[units].sum(axis=0) for units in groups]) for array in (values, weights))
    seen = np.stack([np.count_nonzero(used[units], axis=0) for units in groups])
    ever = np.array(
        [np.count_nonzero(used[units][:, on].any(axis=1)) for units, on in zip(groups, treated, strict=True)]
    )
    inside = ((starts > panel.time[0]) & (starts <= panel.time[-1]))[:, None]
    observed, n_treated = np.full(len(labels), np.nan), np.zeros(len(labels), dtype=np.int64)
    for position, label in enumerate(labels):
        cells = inside & (treated if label == POOLED else panel.time - starts[:, None] == label)
        if size[cells].sum() > 0.0:
            observed[position] = total[cells].sum() / size[cells].sum()
            n_treated[position] = ever[inside[:, 0]].sum() if label == POOLED else seen[cells].sum()
    everywhere = np.full(len(labels), POOLED)
    return Cells(
        cohort=everywhere,
        period=everywhere,
        event_time=labels,
        estimate=effects,
        observed=observed,
        n_treated=n_treated,
        is_reference=np.arange(len(labels)) == len(labels) - 1,
        share_cohorts=np.empty(0, dtype=np.int64),
        shares=np.empty(0),
    )

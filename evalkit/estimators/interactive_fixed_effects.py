"""Xu (2017), Athey et al. (2021): untreated outcomes from common factors, or from a completed matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, EstimationFailed, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.inference.replicate_errors import Kind, Replicates, from_jackknife, from_placebos, kind_of, with_own
from evalkit.language import phrase, say
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.interactive_effects import FactorSample, Model, Source, Untreated, cell_effects, fit_untreated
from evalkit.numerics.interactive_errors import choose_mu, choose_rank, jackknife, placebos
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import BoolArray, FloatArray, IntArray, Remark

OFFERED: Final[tuple[Kind, ...]] = ("jackknife", "placebo")
SPARE: Final = 2
"""Comparison units that must be left beyond the number of factors."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """Units and periods used, and who was left out.

    Attributes
    ----------
    arrays
        The units used, all periods.
    starts
        (G,) ordinals of the cohorts.
    used
        (n,) positions in the panel.
    early, sparse
        (N,) True for treated units with too few periods before their start, and comparison units seen too seldom.
    uncompared
        (T,) True in periods in which nobody untreated is observed.
    level
        Of all outcomes: those in `arrays` are less this.
    """

    arrays: FactorSample
    starts: IntArray
    used: IntArray
    early: BoolArray
    sparse: BoolArray
    uncompared: BoolArray
    level: float


class InteractiveFixedEffects(PanelEstimator):
    """Y_it(0) = alpha_i + xi_t + lambda_i' f_t + x_it' beta + e_it; effects are observed less fitted (Xu 2017, eq. 1).

    Common factors f_t move all units, each by loadings lambda_i of its own: trends need not be parallel as long as
    treated units follow the same factors. In generalized synthetic control factors come from comparison units and
    each treated unit's loadings from its own periods before the start (Xu 2017, section 3; Gobillon and Magnac 2016).
    Without factors this is imputation from never-treated periods.

    ``matrix_completion`` fits a matrix L_it of small nuclear norm to all untreated cells, unit and period effects not
    penalized (Athey, Bayati, Doudchenko, Imbens and Khosravi 2021, eq. 4.3).

    Cells before the start are what the fit leaves over there.

    Parameters
    ----------
    method
        ``factors`` or ``matrix_completion``.
    factors_from
        ``comparison``: never-treated units alone. ``untreated``: all untreated cells, the treated units' own periods
        before the start included.
    n_factors
        Unset (the default), by cross-validation.
    max_factors
        Most that cross-validation tries; also at most the fewest periods before a start, less 2.
    penalty
        Lambda of matrix completion in the paper's scale, on mean squared errors; unset, by cross-validation.
    errors
        ``jackknife``: leave out one cluster at a time and fit again, with the number of factors or the penalty as it
        is; t with treated clusters less 1 degrees of freedom. ``placebo``: the starts given to comparison units.
        ``auto``: the jackknife with 10 treated clusters or more and two in every cohort, else placebos.
    n_draws
        Placebo assignments; all of them where there are no more than that.
    anticipation
        Periods before the start in which effects are allowed: they are not fitted to.
    min_before
        Periods before the start that a treated unit must be observed in; others are left out.
    covariates
        Columns that enter linearly; slopes come from the cells that the model is fitted to.
    level
        Of intervals and bands.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=60, n_periods=9, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.InteractiveFixedEffects().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "interactive_fixed_effects"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did where places share ups and downs, each to its own degree.",
        pre_periods=3,
    )

    method: Literal["factors", "matrix_completion"] = "factors"
    factors_from: Source = "comparison"
    n_factors: Annotated[int, Field(ge=0)] | None = None
    max_factors: Annotated[int, Field(ge=0)] = 5
    penalty: Annotated[float, Field(ge=0.0)] | None = None
    errors: Literal["auto", "jackknife", "placebo"] = "auto"
    n_draws: Annotated[int, Field(ge=50)] = 200
    anticipation: Annotated[int, Field(ge=0)] = 0
    min_before: Annotated[int, Field(ge=2)] = 3
    covariates: tuple[str, ...] = ()
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Choose the model's size, fit it, and replicate.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When units or periods are too few for the model or for its errors, or there are sampling weights.
        EstimationFailed
            When more factors are asked for than the data bear.
        """
        self._refuse_weights(panel)
        sample = self._sample(panel)
        model = self._model(sample)
        untreated = fit_untreated(sample.arrays, model)
        if not untreated.settled:
            raise EstimationFailed(
                Reason("The fit with {rank} factors did not settle: the data do not bear so many.", rank=model.rank),
                next_step="Lower n_factors or max_factors, or use method: matrix_completion.",
            )
        replicates = self._replicates(sample.arrays, model, untreated, rng)
        estimate = self._estimate(panel, sample, model, untreated, replicates, seed=int(rng.integers(2**53)))
        if self.method == "matrix_completion":  # the penalty's bias is in no error: see docs/decisions/066
            return replace(estimate, uncalibrated=True)
        return with_own(estimate, replicates)

    def _sample(self, panel: Panel) -> _Sample:
        """Rows and cells that the model reads."""
        covariates = np.stack([panel.covariate(n) for n in self.covariates]) if self.covariates else None
        panel, level = without_level(panel)
        outcome = panel.outcome
        if covariates is not None:
            outcome = np.where(np.isnan(covariates).any(axis=0), np.nan, outcome)
        untreated = panel.time < panel.first_treated[:, None] - self.anticipation
        known = untreated & ~np.isnan(outcome)
        inside = ~panel.never_treated & ~panel.always_treated
        early = inside & (known.sum(axis=1) < self.min_before)
        sparse = panel.never_treated & (known.sum(axis=1) < 2)
        used = np.flatnonzero((inside & ~early) | (panel.never_treated & ~sparse))
        source = known & panel.never_treated[:, None] if self._from_comparison else known
        uncompared: BoolArray = np.logical_not(source[used].any(axis=0))
        outcome, known = np.where(uncompared, np.nan, outcome), known & ~uncompared
        first = panel.first_treated[used]
        starts = np.unique(first[inside[used]])
        self._refuse_small(panel, outcome[used], first, starts, uncompared)
        arrays = FactorSample(
            outcome=outcome[used],
            covariates=np.empty((0, len(used), panel.n_periods)) if covariates is None else covariates[:, used],
            known=known[used],
            comparison=np.flatnonzero(panel.never_treated[used]),
            cohorts=tuple(np.flatnonzero(inside[used] & (first == start)) for start in starts),
            before=np.stack([panel.time < start - self.anticipation for start in starts]),
            cluster=np.unique(panel.cluster_codes[used], return_inverse=True)[1].astype(np.int64),
        )
        return _Sample(arrays, starts, used, early, sparse, uncompared, level)

    @property
    def _from_comparison(self) -> bool:
        return self.method == "factors" and self.factors_from == "comparison"

    def _refuse_small(
        self, panel: Panel, outcome: FloatArray, first: IntArray, starts: IntArray, uncompared: BoolArray
    ) -> None:
        comparison = int((first > panel.time[-1]).sum())
        if self._from_comparison and comparison < SPARE:
            raise DesignRefused(
                Reason(
                    "{name} takes factors from never-treated units, and found {comparison}.",
                    name=self.name,
                    comparison=comparison,
                ),
                next_step="Set factors_from: untreated or method: matrix_completion, which use units not treated yet.",
            )
        treated = (panel.time >= first[:, None]) & ~np.isnan(outcome)
        if len(starts) == 0 or not treated.any():
            raise DesignRefused(
                Reason(
                    "There is nothing to estimate from: no treated unit is observed in {periods} periods before its "
                    "start and in a period after it in which somebody untreated is observed.",
                    periods=self.min_before,
                ),
                next_step="Add never-treated units or earlier periods, or lower min_before.",
            )

    def _model(self, sample: _Sample) -> Model:
        """Number of factors, or penalty."""
        arrays = sample.arrays
        if self.method == "matrix_completion":
            mu = choose_mu(arrays) if self.penalty is None else self.penalty * arrays.known.sum() / 2.0
            return Model(mu=float(mu))
        fewest = int(arrays.known[arrays.treated].sum(axis=1).min())
        room = min(fewest - 2, len(arrays.comparison) - SPARE if self._from_comparison else len(arrays.outcome) - SPARE)
        if self.n_factors is not None:
            if self.n_factors > room:
                raise DesignRefused(
                    Reason(
                        "n_factors is {asked}, and this design has room for {room}: a treated unit has {fewest} "
                        "periods before its start, and there are {comparison} comparison units.",
                        asked=self.n_factors,
                        room=max(room, 0),
                        fewest=fewest,
                        comparison=len(arrays.comparison),
                    ),
                    next_step="Lower n_factors, raise min_before, or use method: matrix_completion.",
                )
            return Model(self.n_factors, source=self.factors_from)
        rank, _ = choose_rank(arrays, max(min(self.max_factors, room), 0), self.factors_from)
        return Model(rank, source=self.factors_from)

    def _replicates(
        self, arrays: FactorSample, model: Model, untreated: Untreated, rng: np.random.Generator
    ) -> Replicates:
        n_treated = len(np.unique(arrays.cluster[arrays.treated]))
        kind = kind_of(self.errors, n_treated, OFFERED, lambda kind: _undefined(kind, arrays, model), self.name)
        if kind == "jackknife":
            shares = [len(rows) / len(arrays.outcome) for rows in arrays.cohorts]
            whole = np.concatenate([cell_effects(arrays, untreated).ravel(), shares])
            return from_jackknife(jackknife(arrays, model, untreated), whole, n_treated)
        return from_placebos(placebos(arrays, model, untreated, self.n_draws, rng), len(arrays.comparison))

    def _estimate(
        self, panel: Panel, sample: _Sample, model: Model, untreated: Untreated, replicates: Replicates, *, seed: int
    ) -> Estimate:
        arrays = sample.arrays
        effects = cell_effects(arrays, untreated)
        n_cohorts, n_periods = effects.shape
        seen = np.stack([arrays.observed[rows].sum(axis=0) for rows in arrays.cohorts])
        total = np.stack([np.nan_to_num(arrays.outcome[rows]).sum(axis=0) for rows in arrays.cohorts])
        estimated = (seen > 0).ravel() & ~np.isnan(effects.ravel())
        with_error = ~np.isnan(replicates.influence[:, : effects.size]).any(axis=0)
        kept = np.flatnonzero(estimated & with_error)
        without_error = int((estimated & ~with_error).sum())
        columns = np.concatenate([kept, effects.size + np.arange(n_cohorts)])
        influence = replicates.influence[:, columns]
        cohort, period = np.repeat(sample.starts, n_periods)[kept], np.tile(panel.time, n_cohorts)[kept]
        cells = Cells(
            cohort=cohort,
            period=period,
            event_time=period - cohort,
            estimate=effects.ravel()[kept],
            observed=(total / np.maximum(seen, 1)).ravel()[kept] + sample.level,
            n_treated=seen.ravel()[kept].astype(np.int64),
            is_reference=np.zeros(len(kept), dtype=np.bool_),
            share_cohorts=sample.starts,
            shares=np.array([len(rows) for rows in arrays.cohorts]) / len(sample.used),
        )
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Sampling(
                covariance=influence.T @ influence,
                n_clusters=int(arrays.cluster.max()) + 1,
                influence_of=lambda: influence,
                degrees_of_freedom=replicates.degrees,
                correction=f"{replicates.kind}, {replicates.count} replicates",
            ),
            calendar=panel.calendar,
            n_units=len(sample.used),
            n_treated_units=len(arrays.treated),
            n_observations=int(arrays.observed.sum()),
            seed=seed,
            level=self.level,
            remarks=tuple(self._remarks(panel, sample, model, untreated, replicates, without_error)),
            facts=_facts(arrays, model),
            leads_from="fit",
        )

    def _remarks(
        self,
        panel: Panel,
        sample: _Sample,
        model: Model,
        untreated: Untreated,
        replicates: Replicates,
        without_error: int,
    ) -> Iterable[Remark]:
        arrays = sample.arrays
        yield from remarks_on.excluded_units(panel.always_treated, np.zeros(panel.n_units, dtype=np.bool_), 0)
        if sample.early.any():
            yield Remark(
                "too_few_periods_before",
                say(
                    "{early} units were left out: they are observed in fewer than {min_before} periods before "
                    "their start.",
                    early=int(sample.early.sum()),
                    min_before=self.min_before,
                ),
                treated=int(sample.early.sum()),
            )
        yield from remarks_on.seen_once(sample.sparse, panel.never_treated)
        if sample.uncompared.any():
            yield Remark(
                "periods_not_compared",
                say(
                    "{uncompared} periods were left out: nobody to compare with is observed in them.",
                    uncompared=int(sample.uncompared.sum()),
                ),
            )
        if without_error:
            yield Remark(
                "cells_without_error",
                say(
                    "{count} effects of a cohort in a period were left out: one treated cluster alone is observed "
                    "there, which gives no standard error.",
                    count=without_error,
                ),
            )
        if self.method == "matrix_completion":
            yield Remark(
                "model", phrase("Untreated outcomes are a matrix of small nuclear norm beside unit and period effects.")
            )
        else:
            chosen = phrase("as set" if self.n_factors is not None else "chosen by cross-validation")
            yield Remark(
                "model",
                say("Untreated outcomes follow {rank} common factors ({chosen}).", rank=model.rank, chosen=chosen),
            )
        yield replicates.remark()
        sizes = {panel.calendar.label(int(g)): len(rows) for g, rows in zip(sample.starts, arrays.cohorts, strict=True)}
        if replicates.kind != "placebo":
            yield from remarks_on.small_cohorts(sizes)
        absorbed = [n for n, slope in zip(self.covariates, untreated.slopes, strict=True) if slope == 0.0]
        yield from remarks_on.covariates_absorbed(absorbed)

    def _refuse_weights(self, panel: Panel) -> None:
        if panel.weight is None:
            return
        known = panel.weight[panel.observed]
        if known.size and np.ptp(known) > 1e-12 * np.abs(known).max():
            raise DesignRefused(
                Reason("{name} takes no sampling weights.", name=self.name),
                next_step="Build the panel without weight, or use estimator=imputation, which weights properly.",
            )


def _undefined(kind: Kind, arrays: FactorSample, model: Model) -> Reason | None:
    """Why a kind of errors has no standard error here; None where it has one."""
    if kind == "jackknife":
        clusters = [len(np.unique(arrays.cluster[rows])) for rows in arrays.cohorts]
        return Reason("a cohort is one cluster") if min(clusters) < 2 else None
    if int(arrays.cluster.max()) + 1 < len(arrays.outcome):
        return Reason("units are grouped in clusters, and placebos are drawn by unit")
    least = len(arrays.treated) + (model.rank or 0) + SPARE
    if len(arrays.comparison) < least:
        return Reason(
            "{comparison} comparison units are too few, {least} are needed",
            comparison=len(arrays.comparison),
            least=least,
        )
    return None


def _facts(arrays: FactorSample, model: Model) -> dict[str, float]:
    if model.rank is None:
        return {"penalty": 2.0 * model.mu / float(arrays.known.sum())}
    return {"n_factors": float(model.rank)}

"""Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021): comparison units and periods weighted to look alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.inference.replicate_errors import (
    Kind,
    Replicates,
    from_bootstrap,
    from_jackknife,
    from_placebos,
    kind_of,
    with_own,
)
from evalkit.language import mark, phrase, say
from evalkit.language.nouns import quoted
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.synthetic_did import Window
from evalkit.numerics.synthetic_did_errors import Roster, RosterFit, bootstrap, fit_roster, jackknife, placebos
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import BoolArray, IntArray, Remark

Errors = Literal["auto", "jackknife", "bootstrap", "placebo"]
FEWEST_BEFORE: Final = 2
"""Periods before the start: with one there is nothing to fit weights to."""
SHORT_HISTORY: Final = 20
"""Periods before the start below which weights cannot be counted on to follow the treated."""
SHORT: Final = mark(
    "The shortest time before a start is {shortest} periods. Below about {least} the weights cannot follow the treated "
    "all the way: part of the bias of parallel trends may stay, and no interval counts it."
)
OFFERED: Final[tuple[Kind, ...]] = ("jackknife", "placebo", "bootstrap")


@dataclass(frozen=True, slots=True)
class _Sample:
    """Units used, by role, and who was left out.

    Attributes
    ----------
    used
        (n,) positions in the panel.
    starts
        (G,) ordinals of the cohorts.
    roster
        The same units as arrays.
    holed, early
        (N,) True for units with a gap, and for units with too few periods before their start.
    level
        Of all outcomes: the roster's are less this.
    """

    used: IntArray
    starts: IntArray
    roster: Roster
    holed: BoolArray
    early: BoolArray
    level: float


class SyntheticDid(PanelEstimator):
    """(tau, mu, alpha, beta) = argmin sum_it (Y_it - mu - alpha_i - beta_t - W_it tau)^2 omega_i lambda_t (eq. 1).

    Unit weights omega make a weighted mean of never-treated units run parallel to the treated before the start (eq. 4,
    with ridge zeta, eq. 5); time weights lambda make a weighted mean of periods before the start foretell the
    comparison units' mean after it (eq. 6). Both have an intercept, so that levels need not match: only changes do.
    Difference-in-differences is the case of equal weights; synthetic control that of no intercept and no time weights.

    In a staggered roll-out each cohort is fitted by itself against the never-treated units, and cohorts are averaged by
    their treated unit-periods (the paper's appendix; Clarke, Pailanir, Athey and Imbens 2023). The effect of a single
    period is its gap between treated and synthetic, less the time-weighted gap before the start; before
    the start these are the residuals of the fit (Ciccia 2024).

    Parameters
    ----------
    errors
        ``jackknife`` (Algorithm 3): leave out one cluster at a time, weights fixed; undefined where a cohort is one
        cluster. Its reference is t with treated clusters less 1 degrees of freedom; the paper's is normal.
        ``placebo`` (Algorithm 4): the starts given to comparison units; needs more comparison than treated units, and
        the same noise in both. ``bootstrap`` (Algorithm 2): clusters drawn again, weights refitted. ``auto``: the
        jackknife with 10 treated clusters or more, else placebos, else whichever is defined.
    n_draws
        Placebo assignments or bootstrap samples. All assignments are used where there are no more than that.
    anticipation
        Periods before the start in which effects are allowed: weights are fitted to the periods before these.
    covariates
        Columns of the panel whose linear part is taken out first, with slopes from never-treated units within units and
        periods: the projected form of Kranz (2022).
    level
        Of intervals and bands.

    Notes
    -----
    Weights solve their quadratic programmes exactly. R `synthdid` stops Frank-Wolfe early and drops small weights,
    which moves Proposition 99 from -15.605 to -15.604.

    Units with a gap in their series are left out and counted; sampling weights are refused.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=60, n_periods=8, effect=2.0, noise=0.1, seed=1)
    >>> estimate = ek.SyntheticDid().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    2.0
    """

    name: ClassVar[str] = "synthetic_did"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did, measured from comparison units and periods weighted to move like the treated.",
        never_treated=True,
        pre_periods=FEWEST_BEFORE,
        # zeta is in units of sigma, the spread of first differences around their one overall mean (eq. 5): a shock to
        # all units in one period raises it.
        laws_without=frozenset({"period constants change nothing"}),
    )

    errors: Errors = "auto"
    n_draws: Annotated[int, Field(ge=50)] = 200
    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Fit every cohort, then replicate.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When there are fewer than two never-treated units without a gap, no cohort with two periods before its
            start, sampling weights, or no standard error that is defined.
        """
        _refuse_weights(panel)
        sample = self._sample(panel)
        fit = fit_roster(sample.roster)
        replicates = self._replicates(sample, fit, rng)
        estimate = self._estimate(panel, sample, fit, replicates, seed=int(rng.integers(2**53)))
        return with_own(estimate, replicates)

    def _sample(self, panel: Panel) -> _Sample:
        """Units without a gap: the never-treated, and cohorts with enough periods before their start."""
        covariates = np.stack([panel.covariate(name) for name in self.covariates]) if self.covariates else None
        panel, level = without_level(panel)
        holed = np.isnan(panel.outcome).any(axis=1)
        if covariates is not None:
            holed |= np.isnan(covariates).any(axis=(0, 2))
        before = (panel.time < panel.first_treated[:, None] - self.anticipation).sum(axis=1)
        inside = ~panel.never_treated & ~panel.always_treated
        early = inside & (before < FEWEST_BEFORE)
        comparison, treated = panel.never_treated & ~holed, inside & ~early & ~holed
        if comparison.sum() < 2 or not treated.any():
            raise DesignRefused(
                Reason(
                    "{name} needs two never-treated units and a treated unit with {least} periods before its start, "
                    "all without a gap; found {comparison} and {treated}.",
                    name=self.name,
                    least=FEWEST_BEFORE,
                    comparison=int(comparison.sum()),
                    treated=int(treated.sum()),
                ),
                next_step="Use estimator=interactive_fixed_effects, which takes gaps, or estimator=imputation, which "
                "also compares with units not treated yet.",
            )
        used = np.flatnonzero(comparison | treated)
        first = panel.first_treated[used]
        starts = np.unique(panel.first_treated[treated])
        windows = tuple(
            Window(int((panel.time < start - self.anticipation).sum()), int((panel.time < start).sum()))
            for start in starts
        )
        roster = Roster(
            outcome=panel.outcome[used],
            covariates=np.empty((0, len(used), panel.n_periods)) if covariates is None else covariates[:, used],
            comparison=np.flatnonzero(comparison[used]),
            cohorts=tuple(np.flatnonzero(treated[used] & (first == start)) for start in starts),
            windows=windows,
            cluster=np.unique(panel.cluster_codes[used], return_inverse=True)[1].astype(np.int64),
        )
        return _Sample(used, starts, roster, holed & ~panel.always_treated, early, level)

    def _replicates(self, sample: _Sample, fit: RosterFit, rng: np.random.Generator) -> Replicates:
        """Standard errors by the first method of the rule that is defined, or by the one asked for."""
        roster = sample.roster
        n_treated = len(np.unique(roster.cluster[np.concatenate(roster.cohorts)]))
        left_out = jackknife(roster, fit)
        kind = kind_of(
            self.errors, n_treated, OFFERED, lambda kind: _undefined(kind, roster, left_out is not None), self.name
        )
        if kind == "jackknife" and left_out is not None:
            shares = [len(rows) / len(roster.outcome) for rows in roster.cohorts]
            return from_jackknife(left_out, np.concatenate([fit.cells.ravel(), shares]), n_treated)
        if kind == "placebo":
            return from_placebos(placebos(roster, fit, self.n_draws, rng), len(roster.comparison))
        return from_bootstrap(bootstrap(roster, fit, self.n_draws, rng))

    def _estimate(
        self, panel: Panel, sample: _Sample, fit: RosterFit, replicates: Replicates, *, seed: int
    ) -> Estimate:
        roster = sample.roster
        n_cohorts, n_periods = fit.cells.shape
        sizes = np.array([len(rows) for rows in roster.cohorts], dtype=np.int64)
        cohort, period = np.repeat(sample.starts, n_periods), np.tile(panel.time, n_cohorts)
        influence = replicates.influence
        cells = Cells(
            cohort=cohort,
            period=period,
            event_time=period - cohort,
            estimate=fit.cells.ravel(),
            observed=np.concatenate([roster.outcome[rows].mean(axis=0) for rows in roster.cohorts]) + sample.level,
            n_treated=np.repeat(sizes, n_periods),
            is_reference=np.zeros(fit.cells.size, dtype=np.bool_),
            share_cohorts=sample.starts,
            shares=sizes / len(sample.used),
        )
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Sampling(
                covariance=influence.T @ influence,
                n_clusters=int(roster.cluster.max()) + 1,
                influence_of=lambda: influence,
                degrees_of_freedom=replicates.degrees,
                correction=f"{replicates.kind}, {replicates.count} replicates",
            ),
            calendar=panel.calendar,
            n_units=len(sample.used),
            n_treated_units=roster.n_treated,
            n_observations=roster.outcome.size,
            seed=seed,
            level=self.level,
            remarks=tuple(self._remarks(panel, sample, fit, replicates)),
            facts=_facts(fit, sizes),
            leads_from="fit",
        )

    def _remarks(self, panel: Panel, sample: _Sample, fit: RosterFit, replicates: Replicates) -> Iterable[Remark]:
        roster = sample.roster
        yield from remarks_on.excluded_units(panel.always_treated, np.zeros(panel.n_units, dtype=np.bool_), 0)
        if sample.early.any():
            yield Remark(
                "too_few_periods_before",
                say(
                    "{early} units were left out: weights need {fewest} periods before the start and before the "
                    "{anticipation} periods of anticipation."
                    if self.anticipation
                    else "{early} units were left out: weights need {fewest} periods before the start.",
                    early=int(sample.early.sum()),
                    fewest=FEWEST_BEFORE,
                    anticipation=self.anticipation,
                ),
                treated=int(sample.early.sum()),
            )
        if sample.holed.any():
            treated = int((sample.holed & ~panel.never_treated).sum())
            yield Remark(
                "units_with_gaps",
                say(
                    "{holed} units with a period missing were left out ({units}): weights compare whole series.",
                    holed=int(sample.holed.sum()),
                    units=quoted(panel.units[sample.holed]),
                ),
                treated,
                int(sample.holed.sum()) - treated,
            )
        yield replicates.remark()
        shortest = min(window.pre for window in roster.windows)
        if shortest < SHORT_HISTORY:
            yield Remark("short_history", phrase(SHORT).format(shortest=shortest, least=SHORT_HISTORY))
        sizes = {panel.calendar.label(int(g)): len(rows) for g, rows in zip(sample.starts, roster.cohorts, strict=True)}
        if replicates.kind != "placebo":
            yield from remarks_on.small_cohorts(sizes)
        n_clusters = int(roster.cluster.max()) + 1
        if n_clusters < len(sample.used):
            yield Remark(
                "clusters_above_units",
                say("Errors allow for {n_clusters} clusters of units that move together.", n_clusters=n_clusters),
            )
        absorbed = [n for n, slope in zip(self.covariates, fit.slopes, strict=True) if slope == 0.0]
        yield from remarks_on.covariates_absorbed(absorbed)


def _undefined(kind: Kind, roster: Roster, jackknife_is_defined: bool) -> Reason | None:
    """Why a kind of errors has no standard error here; None where it has one."""
    clusters = [len(np.unique(roster.cluster[rows])) for rows in roster.cohorts]
    grouped = int(roster.cluster.max()) + 1 < len(roster.outcome)
    if kind == "placebo":
        if grouped:
            return Reason("units are grouped in clusters, and placebos are drawn by unit")
        spare = len(roster.comparison) - roster.n_treated
        if spare < 1 or (spare == 1 and roster.n_treated > 1):
            return Reason(
                "{comparison} comparison units are too few for {treated} treated ones",
                comparison=len(roster.comparison),
                treated=roster.n_treated,
            )
        return None
    if min(clusters) < 2:
        return Reason("a cohort is one cluster")
    if kind == "jackknife" and not jackknife_is_defined:
        return Reason("one cluster holds all the weight of the comparison units")
    return None


def _facts(fit: RosterFit, sizes: IntArray) -> dict[str, float]:
    """What the weights are like: as if so many units and periods were compared with, over cohorts by size."""
    share = sizes / sizes.sum()
    units = np.array([1.0 / float(w.unit @ w.unit) for w in fit.weights])
    periods = np.array([1.0 / float(w.time @ w.time) for w in fit.weights])
    return {
        "effective_comparison_units": float(share @ units),
        "effective_periods_before": float(share @ periods),
        "zeta": float(share @ np.array([w.zeta for w in fit.weights])),
    }


def _refuse_weights(panel: Panel) -> None:
    if panel.weight is None:
        return
    known = panel.weight[panel.observed]
    if known.size and np.ptp(known) > 1e-12 * np.abs(known).max():
        raise DesignRefused(
            Reason("synthetic_did takes no sampling weights: it finds its own weights for comparison units."),
            next_step="Build the panel without weight, or use estimator=callaway_santanna, which weights properly.",
        )

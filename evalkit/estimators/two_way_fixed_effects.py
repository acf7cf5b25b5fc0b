"""Two-way fixed effects on linearmodels: one static coefficient and an event study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from evalkit.aggregate import Cells
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.numerics.bacon import forbidden_share
from evalkit.numerics.demean import two_way_demean
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import POOLED, BoolArray, FloatArray, IntArray, Remark

ABSORBED = 1e-9
"""Share of a regressor's spread that must survive demeaning for it to be estimable."""


@dataclass(frozen=True, slots=True)
class _Regression:
    """Coefficients of one regression with their influence functions, psi' psi = covariance."""

    coefficient: FloatArray
    covariance: FloatArray
    influence: FloatArray | None
    dropped: tuple[str, ...]


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

    Parameters
    ----------
    anticipation
        Periods before the start in which effects are allowed; left out of the static
        regression's comparison, shown in the event study.
    covariates
        Columns of the panel that enter linearly.
    errors
        ``clustered`` or ``unadjusted``.

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
    )

    anticipation: Annotated[int, Field(ge=0)] = 0
    covariates: tuple[str, ...] = ()
    errors: Literal["clustered", "unadjusted"] = "clustered"

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Run both regressions.

        Raises
        ------
        ConfigError
            When a covariate is not in the panel.
        DesignRefused
            When treatment does not vary once unit and period effects are taken out, or there is one cluster.
        """
        covariates = {name: _standardized(panel.covariate(name)) for name in self.covariates}
        weights = _weights(panel, covariates)
        single = (weights > 0.0).sum(axis=1) < 2
        weights[single] = 0.0
        relative = _event_time(panel)
        anticipated = (relative >= -self.anticipation) & (relative < 0)
        static = self._regress(
            panel, {"treated": (relative >= 0).astype(np.float64)}, covariates, np.where(anticipated, 0.0, weights)
        )
        if "treated" in static.dropped:
            raise DesignRefused(
                "Treatment does not vary within units and periods: once unit and period effects are taken out, "
                "nothing is left of it.",
                next_step="Add units that start at another time or never, and periods before the start.",
            )
        times, dynamic, pooled_start = self._event_study(panel, relative, covariates, weights)
        reference = -1 - self.anticipation
        covariance, influence = _join(static, dynamic, len(times))
        share = _forbidden_share(panel, weights)
        effects = np.concatenate([static.coefficient[:1], dynamic.coefficient[: len(times)], [0.0]])
        labels = np.concatenate([[POOLED], times, [reference]]).astype(np.int64)
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=_cells(panel, weights, relative, labels, effects, reference),
            uncertainty=Sampling(
                covariance=covariance,
                n_clusters=int(np.unique(panel.cluster_codes[(weights > 0.0).any(axis=1)]).size),
                influence_of=None if influence is None else lambda: influence,
                degrees_of_freedom=float(self._degrees_of_freedom(panel, weights)),
                correction=self._correction_in_words(panel),
            ),
            calendar=panel.calendar,
            n_units=int((weights > 0.0).any(axis=1).sum()),
            n_treated_units=int(((relative >= 0) & (weights > 0.0)).any(axis=1).sum()),
            n_observations=int((weights > 0.0).sum()),
            seed=int(rng.integers(2**63 - 1)),
            remarks=_remarks(panel, weights, single, anticipated, share, static.dropped, pooled_start),
            facts={"forbidden_share": share},
        )

    def _event_study(
        self, panel: Panel, relative: IntArray, covariates: dict[str, FloatArray], weights: FloatArray
    ) -> tuple[IntArray, _Regression, int | None]:
        """Regress on event-time dummies; always-treated units, which have no reference period, left out."""
        weights = np.where(panel.always_treated[:, None], 0.0, weights)
        inside = (weights > 0.0) & (relative != POOLED)
        times = np.unique(relative[inside])
        reference = -1 - self.anticipation
        if reference not in times:
            raise DesignRefused(
                f"No treated unit is observed at event time {reference}, the reference of the event study.",
                next_step="Lower the anticipation, or add periods before the start.",
            )
        times = times[times != reference]
        dropped_start = None
        if not (panel.never_treated & (weights > 0.0).any(axis=1)).any():
            # without never-treated units event time, unit and period are collinear: one more reference
            dropped_start = int(times.min())
            if dropped_start >= reference:
                raise DesignRefused(
                    "All units become treated and have one untreated period only: the event study is not identified.",
                    next_step="Add never-treated units or earlier periods.",
                )
            times = times[times != dropped_start]
        dummies = {f"event time {e}": (relative == e).astype(np.float64) for e in times}
        fitted = self._regress(panel, dummies, covariates, weights)
        estimable = np.array([f"event time {e}" not in fitted.dropped for e in times])
        return times[estimable], fitted, dropped_start

    def _regress(
        self, panel: Panel, regressors: dict[str, FloatArray], covariates: dict[str, FloatArray], weights: FloatArray
    ) -> _Regression:
        """Take unit and period effects out exactly, then fit by linearmodels' PanelOLS (Frisch-Waugh-Lovell).

        Its own absorption of two effects is iterative when the panel is unbalanced, and twice as slow.
        """
        from linearmodels.panel import PanelOLS

        every = {**regressors, **covariates}
        stacked = np.stack(list(every.values()))
        demeaned = two_way_demean(stacked, weights)
        keep = _independent(stacked, demeaned, weights)
        dropped = tuple(name for name, kept in zip(every, keep, strict=True) if not kept)
        if not keep.any():
            return _Regression(np.empty(0), np.empty((0, 0)), None, dropped)
        demeaned = demeaned[keep]
        rows = np.nonzero(weights > 0.0)
        centre = float(np.average(panel.outcome[rows], weights=weights[rows]))
        outcome = two_way_demean(np.where(weights > 0.0, panel.outcome - centre, 0.0), weights)
        index = pd.MultiIndex.from_arrays([rows[0], panel.time[rows[1]]], names=["unit", "period"])
        model = PanelOLS(
            pd.Series(outcome[rows], index=index, name="outcome"),
            pd.DataFrame({f"x{k}": column[rows] for k, column in enumerate(demeaned)}, index=index),
            weights=None if panel.weight is None else pd.Series(weights[rows], index=index, name="weight"),
        )
        coefficient = np.asarray(model.fit(cov_type="unadjusted").params, dtype=np.float64)
        residual = outcome - np.tensordot(coefficient, demeaned, axes=1)
        covariance, influence = self._covariance(panel, demeaned, residual, weights)
        return _Regression(coefficient, covariance, influence, dropped)

    def _covariance(
        self, panel: Panel, x: FloatArray, residual: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """Corrected covariance (k, k) and the (C, k) influence functions whose cross product it is.

        Homoskedastic errors are a formula, not a sum over clusters: no influence functions.
        """
        k, n = x.shape[0], int((weights > 0.0).sum())
        bread = np.linalg.inv(np.einsum("kit,lit,it->kl", x, x, weights))
        if self.errors == "unadjusted":
            effects = int((weights > 0.0).any(axis=1).sum()) + int((weights > 0.0).any(axis=0).sum()) - 1
            return bread * (float((weights * residual**2).sum()) / max(n - effects - k, 1)), None
        codes = panel.cluster_codes
        n_clusters = int(np.unique(codes[(weights > 0.0).any(axis=1)]).size)
        if n_clusters < 2:
            raise DesignRefused(
                "All units lie in one cluster: clustered standard errors need at least two.",
                next_step="Choose a finer data.cluster.",
            )
        sums = np.zeros((int(codes.max()) + 1, k))
        np.add.at(sums, codes, np.einsum("kit,it,it->ik", x, weights, residual))
        parameters = k + int((weights > 0.0).any(axis=0).sum())
        correction = n_clusters / (n_clusters - 1) * (n - 1) / max(n - parameters, 1)
        influence = sums @ bread * np.sqrt(correction)
        return influence.T @ influence, influence

    def _degrees_of_freedom(self, panel: Panel, weights: FloatArray) -> int:
        units = (weights > 0.0).any(axis=1)
        if self.errors == "clustered":
            return int(np.unique(panel.cluster_codes[units]).size) - 1
        effects = int(units.sum()) + int((weights > 0.0).any(axis=0).sum()) - 1
        return max(int((weights > 0.0).sum()) - effects - 1 - len(self.covariates), 1)

    def _correction_in_words(self, panel: Panel) -> str:
        if self.errors == "unadjusted":
            return "homoskedastic, all effects counted"
        level = "unit" if panel.names.cluster is None else panel.names.cluster
        return f"CR1 by {level}: C/(C-1) (N-1)/(N-K), K without the nested unit effects; t(C-1)"


def _weights(panel: Panel, covariates: dict[str, FloatArray]) -> FloatArray:
    """(N, T) weights, 0 where the outcome or a covariate is missing."""
    weights = np.ones(panel.outcome.shape) if panel.weight is None else np.nan_to_num(panel.weight)
    usable = panel.observed.copy()
    for values in covariates.values():
        usable &= ~np.isnan(values)
    return np.where(usable, weights, 0.0)


def _event_time(panel: Panel) -> IntArray:
    """(N, T) period minus first treated period; ``POOLED`` for units not treated within the window."""
    start = np.where(panel.never_treated, 0, panel.first_treated)
    return np.where(panel.never_treated[:, None], POOLED, panel.time[None, :] - start[:, None]).astype(np.int64)


def _standardized(values: FloatArray) -> FloatArray:
    """Centre and scale, so that a covariate in other units changes nothing."""
    spread = float(np.nanstd(values))
    return (values - np.nanmean(values)) / (spread if spread > 0.0 else 1.0)


def _independent(raw: FloatArray, demeaned: FloatArray, weights: FloatArray) -> BoolArray:
    """Which regressors survive the effects and the regressors before them (pivoted least squares)."""
    root = np.sqrt(weights)
    scale = np.sqrt(np.einsum("kit,it->k", raw**2, weights, optimize=True))
    flat = (demeaned * root).reshape(len(demeaned), -1).T
    keep = np.zeros(len(raw), dtype=np.bool_)
    basis = np.empty((flat.shape[0], 0))
    for column in range(len(raw)):
        rest = flat[:, column] - basis @ (basis.T @ flat[:, column])
        length = float(np.linalg.norm(rest))
        if scale[column] > 0.0 and length > ABSORBED * scale[column]:
            keep[column] = True
            basis = np.column_stack([basis, rest / length])
    return keep


def _join(static: _Regression, dynamic: _Regression, n_times: int) -> tuple[FloatArray, FloatArray | None]:
    """Joint covariance of the static coefficient, the event-time dummies and the reference (all zero)."""
    size = 2 + n_times
    if static.influence is not None and dynamic.influence is not None:
        zero = np.zeros((len(static.influence), 1))
        influence = np.hstack([static.influence[:, :1], dynamic.influence[:, :n_times], zero])
        return influence.T @ influence, influence
    covariance = np.zeros((size, size))
    covariance[0, 0] = static.covariance[0, 0]
    covariance[1:-1, 1:-1] = dynamic.covariance[:n_times, :n_times]
    return covariance, None


def _cells(
    panel: Panel, weights: FloatArray, relative: IntArray, labels: IntArray, effects: FloatArray, reference: int
) -> Cells:
    """Pooled cells: the static effect (label ``POOLED``), then event times, then the reference."""
    observed = np.full(len(labels), np.nan)
    n_treated = np.zeros(len(labels), dtype=np.int64)
    for position, label in enumerate(labels):
        members = (weights > 0.0) & ((relative >= 0) if label == POOLED else (relative == label))
        if members.any():
            observed[position] = np.average(panel.outcome[members], weights=weights[members])
            n_treated[position] = int(members.any(axis=1).sum())
    everywhere = np.full(len(labels), POOLED)
    return Cells(
        cohort=everywhere,
        period=everywhere,
        event_time=labels,
        estimate=effects,
        observed=observed,
        n_treated=n_treated,
        is_reference=labels == reference,
        share_cohorts=np.empty(0, dtype=np.int64),
        shares=np.empty(0),
    )


def _forbidden_share(panel: Panel, weights: FloatArray) -> float:
    used = (weights > 0.0).any(axis=1)
    start = np.clip(panel.first_treated[used], panel.time[0], panel.time[-1] + 1)
    size = weights[used].sum(axis=1)
    groups, member = np.unique(start, return_inverse=True)
    treated_share = (panel.time[None, :] >= groups[:, None]).mean(axis=1)
    return forbidden_share(np.bincount(member, weights=size) / size.sum(), treated_share)


def _remarks(
    panel: Panel,
    weights: FloatArray,
    single: BoolArray,
    anticipated: BoolArray,
    share: float,
    dropped: tuple[str, ...],
    pooled_start: int | None,
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
    if single.any():
        treated = int((single & ~panel.never_treated).sum())
        found.append(
            Remark(
                "units_seen_once",
                f"{int(single.sum())} units with fewer than two usable periods carry no information and were left out.",
                treated,
                int(single.sum()) - treated,
            )
        )
    left_out = int((anticipated & (weights > 0.0)).sum())
    if left_out:
        found.append(
            Remark(
                "anticipation_rows", f"{left_out} rows in the anticipation periods are left out of the overall effect."
            )
        )
    if dropped:
        found.append(
            Remark(
                "covariates_absorbed",
                "Covariates without variation of their own (absorbed or collinear) were left out: "
                f"{', '.join(dropped)}.",
            )
        )
    if pooled_start is not None:
        found.append(
            Remark(
                "second_reference",
                f"Without never-treated units, event time {pooled_start} is a second reference of the event study.",
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

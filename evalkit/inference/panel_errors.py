"""Standard errors of one or more two-way regressions on the same units, jointly.

Each function takes the regressions whose effects stand side by side in an estimate (the static coefficient, then the
event times) and returns their joint :class:`~evalkit.uncertainty.Sampling`, with a last effect, the reference, that
is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from evalkit.inference.leverage import Adjustment, Leverage, leverage
from evalkit.inference.psd import without_negative_eigenvalues
from evalkit.language import say
from evalkit.numerics.cluster_moments import gram_by_type, moments_by_cluster
from evalkit.numerics.two_way_system import (
    Fitted,
    System,
    cell_influence,
    demeaned_rows,
    unit_scores,
    with_influence,
)
from evalkit.numerics.unit_types import UnitTypes
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import BoolArray, FloatArray, IntArray, Remark

FEW_PERIODS = 10
"""Fewer periods than this are few clusters: errors clustered by period rest on the law of large numbers over them."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A fitted regression and the effects that are reported of it.

    Attributes
    ----------
    system, coefficient
        The normal equations and (K + p,) coefficients.
    columns
        (k,) places of the reported effects among the regressors.
    """

    system: System
    coefficient: FloatArray
    columns: IntArray

    @property
    def contrast(self) -> FloatArray:
        """(K + p + T, k) the reported effects as combinations of regressors and period effects."""
        size = len(self.coefficient) + self.system.weight.shape[1]
        return np.eye(size)[:, self.columns]

    def fitted(self) -> Fitted:
        """The map from residuals to influence functions, no correction applied."""
        return with_influence(self.system, self.coefficient, self.system.bread[:, self.columns])


def count_clusters(system: System, cluster: IntArray | None) -> int:
    """Clusters with a unit that enters a regression; units are their own clusters where `cluster` is None."""
    return _distinct(system.units, cluster)


def _distinct(units: IntArray, cluster: IntArray | None) -> int:
    return len(units) if cluster is None else int(np.unique(cluster[units]).size)


def clustered(regressions: Sequence[Regression], cluster: IntArray | None, level: str) -> Sampling:
    """CR1: C/(C-1) (N-1)/(N-K), K without the nested unit effects (Cameron and Miller 2015, section II.B); t(C-1)."""
    fits = []
    for regression in regressions:
        system = regression.system
        count = count_clusters(system, cluster)
        fits.append(_scaled(regression.fitted(), count / (count - 1) * _rows_correction(system, system.n_periods)))
    scores = unit_scores(_with_reference(fits), cluster)
    count = _widest(regressions, cluster)
    words = f"CR1 by {level}: C/(C-1) (N-1)/(N-K), K without the nested unit effects; t(C-1)"
    return Sampling(scores.covariance(), count, scores.matrix, float(count - 1), words)


def unadjusted(regressions: Sequence[Regression], cluster: IntArray | None) -> Sampling:
    """Homoskedastic errors, all effects counted; regressions are taken as uncorrelated with each other."""
    size = sum(len(r.columns) for r in regressions) + 1
    covariance, place = np.zeros((size, size)), 0
    degrees: list[float] = []
    for regression in regressions:
        system, chosen = regression.system, regression.columns
        left = system.n_cells - (system.n_units + system.n_periods - 1) - int(system.keep.sum())
        variance = system.squared_residuals(regression.coefficient) / max(left, 1)
        block = slice(place, place + len(chosen))
        covariance[block, block] = system.bread[np.ix_(chosen, chosen)] * variance
        place = block.stop
        degrees.append(float(max(left, 1)))
    words = "homoskedastic, all effects counted"
    return Sampling(covariance, _widest(regressions, cluster), None, degrees[0], words)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One regression's clusters, their leverages and their scores.

    Attributes
    ----------
    regression
        The regression.
    leverage
        Of its clusters, or of the types of units where every unit is a cluster and units of a type are alike.
    rows
        (D, T, q) regressors of the types; None where `scores` are kept instead.
    scores
        (C, q) of each cluster.
    """

    regression: Regression
    leverage: Leverage
    rows: FloatArray | None
    scores: FloatArray

    def rests_on_one_cluster(self) -> BoolArray:
        """(k,) reported effects that no longer exist once some single cluster is left out."""
        return self.leverage.undefined(self.regression.contrast)

    def reporting(self, kept: BoolArray) -> Adjusted:
        """The same with some of the effects."""
        return replace(self, regression=replace(self.regression, columns=self.regression.columns[kept]))

    def fitted(self) -> Fitted:
        """Influence as tables of the types."""
        if self.rows is None:  # pragma: no cover - asked where clusters are types
            raise ValueError("clusters are not types: use influence()")
        adjusted = self.leverage.adjusted(self.regression.contrast)
        on_cells = np.einsum("dtq,dqk->kdt", self.rows, adjusted)
        return Fitted(self.regression.system, self.regression.coefficient, on_cells, np.zeros((0, len(on_cells))))

    def influence(self) -> FloatArray:
        """(C, k) influence functions of the clusters."""
        return np.asarray(np.einsum("jq,jqk->jk", self.scores, self.leverage.adjusted(self.regression.contrast)))


def adjust(regression: Regression, cluster: IntArray | None, adjustment: Adjustment) -> Adjusted:
    """Find the leverages of a regression's clusters.

    Where units are their own clusters and carry neither covariates nor weights of their own, units of a type share
    one leverage and nothing grows with their number. Otherwise time and memory are linear in clusters x regressors^2.
    """
    system = regression.system
    if cluster is None and not len(system.covariates) and (system.types.scale == 1.0).all():
        rows, grams = gram_by_type(system)
        return Adjusted(
            regression, leverage(grams, system.types.count.astype(np.float64), adjustment), rows, np.empty((0, 0))
        )
    code, n = _codes(system.types, cluster)
    grams, scores = moments_by_cluster(regression.fitted(), code, n)
    return Adjusted(regression, leverage(grams, np.ones(n), adjustment), None, scores)


def leverage_adjusted(
    parts: Sequence[Adjusted], cluster: IntArray | None, adjustment: Adjustment, level: str
) -> Sampling:
    """CR2 or CR3 with Satterthwaite's degrees of freedom for every combination of effects of one regression."""
    count = _widest([part.regression for part in parts], cluster)
    words = {"cr2": "bias-reduced by leverage", "cr3": "(C-1)/C of the cluster jackknife"}[adjustment]
    words = f"{adjustment.upper()} by {level}: {words}; t with Satterthwaite degrees of freedom"
    factor = [_jackknife(part, cluster) if adjustment == "cr3" else 1.0 for part in parts]
    degrees = _Satterthwaite(parts)
    if all(part.rows is not None for part in parts):
        fits = [_scaled(part.fitted(), f) for part, f in zip(parts, factor, strict=True)]
        scores = unit_scores(_with_reference(fits), None)
        return Sampling(scores.covariance(), count, scores.matrix, None, words, degrees_of=degrees)
    columns = [part.influence() * np.sqrt(f) for part, f in zip(parts, factor, strict=True)]
    psi = np.hstack([*columns, np.zeros((len(columns[0]), 1))])
    return Sampling(psi.T @ psi, count, lambda: psi, None, words, degrees_of=degrees)


@dataclass(frozen=True, slots=True)
class _Satterthwaite:
    """Degrees of freedom of combinations of the reported effects; the fewest where a combination mixes regressions."""

    parts: Sequence[Adjusted]

    def __call__(self, gradient: FloatArray) -> FloatArray:
        """(L,) for a (k, L) gradient; infinite where the combination is 0 by construction."""
        found, place = np.full(gradient.shape[1], np.inf), 0
        for part in self.parts:
            own = gradient[place : place + len(part.regression.columns)]
            place += len(own)
            found = np.minimum(found, part.leverage.degrees_of_freedom(part.regression.contrast @ own))
        return found


def two_way(
    regressions: Sequence[Regression], cluster: IntArray | None, level: str
) -> tuple[Sampling, tuple[Remark, ...]]:
    """Clusters by unit (or above) and by period: V = V_unit + V_period - V_both (Cameron, Gelbach and Miller 2011).

    Each term carries G/(G-1) (N-1)/(N-K), G the smaller number of clusters; unit and period effects are nested, so K
    counts regressors and the constant. Reference t(G-1). Negative eigenvalues are set to 0 and reported.
    """
    types = regressions[0].system.types
    fits = [_scaled(r.fitted(), _rows_correction(r.system, 1)) for r in regressions]
    fits = _with_reference(fits)
    code, count = _codes(types, cluster)
    periods = min(r.system.n_periods for r in regressions)
    smaller = min(_widest(regressions, cluster), periods)
    total = unit_scores(fits, cluster).covariance()
    for psi in _by_period(fits):
        summed = psi.sum(axis=0)
        both = psi if cluster is None else np.asarray(_indicator(code, count) @ psi)
        total += np.outer(summed, summed) - both.T @ both
    covariance, repaired = _repair(total * (smaller / (smaller - 1)), regressions)
    words = f"two-way by {level} and period: G/(G-1) (N-1)/(N-K), G the fewer clusters; t(G-1)"
    sampling = Sampling(covariance, _widest(regressions, cluster), None, float(smaller - 1), words)
    return sampling, (*_few_periods(periods), *_repaired(repaired))


def conley(
    regressions: Sequence[Regression], near: sparse.csr_array, where: str
) -> tuple[Sampling, tuple[Remark, ...]]:
    """Errors correlated between near units in the same period, and over all periods within a unit.

    V = sum_t sum_ij K(d_ij) psi_it psi_jt' + sum_i sum_{s != t} psi_is psi_it' (Conley 1999; Hsiang 2010), times
    (N-1)/(N-K); normal reference. Negative eigenvalues are set to 0 and reported.

    Parameters
    ----------
    regressions
        The regressions.
    near
        (n, n) weights K(d_ij) of the units in the order of the types, 1 on the diagonal.
    where
        Cutoff and kernel in words.
    """
    fits = [_scaled(r.fitted(), _rows_correction(r.system, r.system.n_periods)) for r in regressions]
    fits = _with_reference(fits)
    total = unit_scores(fits, None).covariance()
    for psi in _by_period(fits):
        total += psi.T @ (near @ psi) - psi.T @ psi
    covariance, repaired = _repair(total, regressions)
    words = f"Conley: {where}, and over time within units; (N-1)/(N-K); normal"
    return Sampling(covariance, _widest(regressions, None), None, None, words), _repaired(repaired)


def _by_period(fits: Sequence[Fitted]) -> Iterator[FloatArray]:
    """For each period the (n, k) influence of its cells, in the order of the types."""
    parts = [(fit, *demeaned_rows(fit, slice(0, len(fit.system.types.order)))) for fit in fits]
    for period in range(fits[0].system.weight.shape[1]):
        yield np.hstack([cell_influence(fit, period, z, e) for fit, z, e in parts])


def _rows_correction(system: System, effects: int) -> float:
    """(N-1)/(N-K), K counting regressors and some of the effects."""
    n = system.n_cells
    return (n - 1) / max(n - int(system.keep.sum()) - effects, 1)


def _jackknife(part: Adjusted, cluster: IntArray | None) -> float:
    count = count_clusters(part.regression.system, cluster)
    return (count - 1) / count


def _scaled(fit: Fitted, correction: float) -> Fitted:
    """Influence times the root of a correction of the covariance."""
    root = float(np.sqrt(correction))
    return replace(fit, on_cells=fit.on_cells * root, on_covariates=fit.on_covariates * root)


def _with_reference(fits: Sequence[Fitted]) -> list[Fitted]:
    """Add an effect that is 0 to the last regression."""
    last = fits[-1]
    cells = np.concatenate([last.on_cells, np.zeros((1, *last.on_cells.shape[1:]))])
    covariates = np.hstack([last.on_covariates, np.zeros((len(last.on_covariates), 1))])
    return [*fits[:-1], replace(last, on_cells=cells, on_covariates=covariates)]


def _widest(regressions: Sequence[Regression], cluster: IntArray | None) -> int:
    """Clusters of the sample that the regressions share."""
    return _distinct(regressions[0].system.types.order, cluster)


def _codes(types: UnitTypes, cluster: IntArray | None) -> tuple[IntArray, int]:
    """(n,) cluster 0..C-1 of each unit in the order of the types, and C."""
    own = types.order if cluster is None else cluster[types.order]
    found, code = np.unique(own, return_inverse=True)
    return code.astype(np.int64), len(found)


def _indicator(code: IntArray, count: int) -> sparse.csr_array:
    """(C, n) 1 where a unit is in a cluster."""
    n = len(code)
    return sparse.csr_array((np.ones(n), (code, np.arange(n))), shape=(count, n))


def _few_periods(periods: int) -> tuple[Remark, ...]:
    if periods >= FEW_PERIODS:
        return ()
    return (
        Remark(
            "few_periods_as_clusters",
            say(
                "Errors are clustered by period too, and there are {periods} periods: too few to trust their "
                "clustering.",
                periods=periods,
            ),
        ),
    )


def _repair(covariance: FloatArray, regressions: Sequence[Regression]) -> tuple[FloatArray, int]:
    """A covariance without negative eigenvalues, and how many regressions had some.

    Each regression is repaired by itself, so that the event study's many effects do not move the error of the overall
    one; what two regressions share is then left out.
    """
    whole, changed = without_negative_eigenvalues(covariance)
    if not changed:
        return whole, 0
    apart, place, repaired = np.zeros_like(covariance), 0, 0
    for regression in regressions:
        block = slice(place, place + len(regression.columns))
        apart[block, block], changed = without_negative_eigenvalues(covariance[block, block])
        place, repaired = block.stop, repaired + changed
    return apart, repaired


def _repaired(count: int) -> tuple[Remark, ...]:
    if not count:
        return ()
    return (
        Remark(
            "covariance_repaired",
            say(
                "In {count} of 2 regressions (overall effect, event study) the estimated covariance had "
                "negative eigenvalues, which no covariance has; they were set to 0, which makes errors "
                "larger, never smaller.",
                count=count,
            ),
        ),
    )

"""Replicates of synthetic difference-in-differences: jackknife, bootstrap and placebos over all cohorts.

Algorithms 2 to 4 of Arkhangelsky et al. (2021), carried to several cohorts as in Clarke, Pailanir, Athey and Imbens
(2023).
Each function returns (R, G T + G) replicates of all cells, cohort by cohort, and of the cohorts' shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.placements import by_content, placements
from evalkit.numerics.synthetic_did import Weights, Window, effects, fit_weights, noise_level, zeta_of
from evalkit.vocabulary import FloatArray, IntArray

TRIES: Final = 50
"""Draws allowed for each bootstrap sample that holds every cohort."""
WHOLE: Final = 1.0 - 1e-9
"""Weight of a left-out cluster above which the rest has no weights to speak of."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is compared with whom.

    Attributes
    ----------
    outcome
        (n, T) without holes.
    covariates
        (p, n, T) taken out by :func:`projected`.
    comparison
        (N_co,) rows of comparison units.
    cohorts
        G arrays of the rows of treated units.
    windows
        G windows.
    cluster
        (n,) codes 0 .. C-1.
    """

    outcome: FloatArray
    covariates: FloatArray
    comparison: IntArray
    cohorts: tuple[IntArray, ...]
    windows: tuple[Window, ...]
    cluster: IntArray

    @property
    def n_treated(self) -> int:
        """Treated units in all."""
        return sum(len(rows) for rows in self.cohorts)


@dataclass(frozen=True, slots=True)
class RosterFit:
    """Weights and effects of every cohort.

    Attributes
    ----------
    weights
        G weights.
    cells
        (G, T) effects.
    adjusted
        (n, T) outcome less covariates times their slopes.
    slopes
        (p,).
    """

    weights: tuple[Weights, ...]
    cells: FloatArray
    adjusted: FloatArray
    slopes: FloatArray


def fit_roster(roster: Roster, zetas: Sequence[float] | None = None) -> RosterFit:
    """Fit each cohort against the same comparison units; `zetas` as found before, where given."""
    slopes = projected(roster.outcome[roster.comparison], roster.covariates[:, roster.comparison])
    adjusted = roster.outcome - np.tensordot(slopes, roster.covariates, axes=1)
    comparison = adjusted[roster.comparison]
    weights, cells = [], []
    for place, (rows, window) in enumerate(zip(roster.cohorts, roster.windows, strict=True)):
        treated = adjusted[rows].mean(axis=0)
        zeta = zeta_of(comparison, window, len(rows)) if zetas is None else zetas[place]
        weights.append(fit_weights(comparison, treated, window, zeta, noise_level(comparison, window.pre)))
        cells.append(effects(treated - weights[-1].unit @ comparison, weights[-1]))
    return RosterFit(tuple(weights), np.stack(cells), adjusted, slopes)


def projected(outcome: FloatArray, covariates: FloatArray) -> FloatArray:
    """(p,) slopes of comparison units' outcomes on covariates within units and periods (Kranz 2022).

    Examples
    --------
    >>> x = np.array([[[0.0, 1.0], [0.0, 3.0]]])
    >>> projected(2.0 * x[0] + np.array([[5.0], [7.0]]), x).round(9).tolist()
    [2.0]
    """
    if not len(covariates):
        return np.empty(0)
    flat = _within(covariates).reshape(len(covariates), -1)
    size = np.sqrt(np.einsum("pn,pn->p", flat, flat))
    scale = np.where(size > 0.0, size, 1.0)
    found = np.linalg.lstsq((flat / scale[:, None]).T, _within(outcome).ravel(), rcond=1e-10)[0]
    return np.asarray(found / scale)


def _within(values: FloatArray) -> FloatArray:
    """Two-way demeaned, over the last two axes."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(centred - centred.mean(axis=-2, keepdims=True))


def jackknife(roster: Roster, fit: RosterFit) -> FloatArray | None:
    """Leave out one cluster at a time, weights as they are, scaled to 1 again (Algorithm 3).

    Returns
    -------
    ndarray or None
        (C, G T + G) replicates; None where a cohort or all its comparison weight lies within one cluster.
    """
    n, n_clusters = len(roster.outcome), int(roster.cluster.max()) + 1
    of_comparison = roster.cluster[roster.comparison]
    comparison = fit.adjusted[roster.comparison]
    left = n - np.bincount(roster.cluster, minlength=n_clusters)
    parts, shares = [], []
    for rows, weights in zip(roster.cohorts, fit.weights, strict=True):
        out = np.bincount(of_comparison, weights.unit, n_clusters)
        of_treated = roster.cluster[rows]
        stay = len(rows) - np.bincount(of_treated, minlength=n_clusters)
        if (out > WHOLE).any() or (stay == 0).any():
            return None
        synthetic = _left_out(comparison * weights.unit[:, None], of_comparison, n_clusters) / (1.0 - out)[:, None]
        treated = _left_out(fit.adjusted[rows], of_treated, n_clusters) / stay[:, None]
        parts.append(effects(treated - synthetic, weights))
        shares.append(stay / left)
    return np.hstack([*parts, np.stack(shares, axis=1)])


def _left_out(values: FloatArray, cluster: IntArray, n_clusters: int) -> FloatArray:
    """(C, T) sums over all rows but those of each cluster."""
    own = np.zeros((n_clusters, values.shape[1]))
    np.add.at(own, cluster, values)
    return np.asarray(values.sum(axis=0) - own)


def placebos(roster: Roster, fit: RosterFit, draws: int, rng: np.random.Generator) -> FloatArray:
    """The cohorts' starts given to comparison units, the true treated left out (Algorithm 4).

    All assignments where there are no more than `draws` of them, else random ones. The ridge stays as it is.

    Returns
    -------
    ndarray
        (R, G T + G); shares are those of the data.
    """
    sizes = [len(rows) for rows in roster.cohorts]
    zetas = [weights.zeta for weights in fit.weights]
    order = by_content(roster.outcome[roster.comparison])
    shares = _shares(roster)
    found = []
    for plan in placements(len(order), sizes, draws, rng):
        rows = [roster.comparison[order[chosen]] for chosen in plan]
        others = np.setdiff1d(roster.comparison, np.concatenate(rows))
        moved = Roster(roster.outcome, roster.covariates, others, tuple(rows), roster.windows, roster.cluster)
        found.append(np.concatenate([fit_roster(moved, zetas).cells.ravel(), shares]))
    return np.stack(found)


def bootstrap(roster: Roster, fit: RosterFit, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw clusters with replacement and fit again, weights included (Algorithm 2).

    Samples that lack a cohort or comparison units are drawn again.

    Returns
    -------
    ndarray
        (R, G T + G), with R below `draws` where too few samples held every cohort.
    """
    members = _members(roster)
    zetas = [weights.zeta for weights in fit.weights]
    arm = np.full(len(roster.outcome), -1)
    for place, rows in enumerate(roster.cohorts):
        arm[rows] = place
    found: list[FloatArray] = []
    for _ in range(TRIES * draws):
        drawn = np.concatenate([members[c] for c in rng.integers(0, len(members), len(members))])
        cohorts = tuple(drawn[arm[drawn] == place] for place in range(len(roster.cohorts)))
        others = drawn[arm[drawn] == -1]
        if len(others) < 2 or not all(len(rows) for rows in cohorts):
            continue
        moved = Roster(roster.outcome, roster.covariates, others, cohorts, roster.windows, roster.cluster)
        shares = np.array([len(rows) for rows in cohorts]) / len(drawn)
        found.append(np.concatenate([fit_roster(moved, zetas).cells.ravel(), shares]))
        if len(found) == draws:
            break
    return np.stack(found) if found else np.empty((0, fit.cells.size + len(roster.cohorts)))


def _members(roster: Roster) -> list[IntArray]:
    """Rows of each cluster, in an order that depends on the data alone, not on names."""
    order = by_content(roster.outcome)
    groups: dict[int, list[int]] = {}
    for row in order:
        groups.setdefault(int(roster.cluster[row]), []).append(int(row))
    return [np.array(rows, dtype=np.int64) for rows in groups.values()]


def _shares(roster: Roster) -> FloatArray:
    return np.array([len(rows) for rows in roster.cohorts]) / len(roster.outcome)

"""Two-way fixed effects on repeated cross-sections: effects of groups and periods, errors of persons.

Group and period effects are constant within cells, so taking them out (Frisch-Waugh-Lovell) is a two-way demeaning
of the G x T cell means; deviations of persons from their cell's mean pass unchanged:

    M x = (x_i - mean of its cell) + M_cells (cell means).

Memory is that of the covariates; nothing of size persons by event times is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.demean import two_way_demean
from evalkit.numerics.least_squares import independent_columns, inverse_on
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

ABSORBED = 1e-16
"""Share of a regressor's sum of squares that the effects must leave: a spread of 1e-8 of it."""


@dataclass(frozen=True)
class Persons:
    """N persons with a usable row.

    Attributes
    ----------
    outcome, weight
        (N,) outcome; weights above 0.
    covariates
        (p, N) standardized.
    cell
        (N,) group * T + position of the period.
    shape
        G groups, T periods.
    cluster
        (N,) codes 0..C-1; None when persons are independent.
    """

    outcome: FloatArray
    weight: FloatArray
    covariates: FloatArray
    cell: IntArray
    shape: tuple[int, int]
    cluster: IntArray | None

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def series(self) -> tuple[FloatArray, ...]:
        """Covariates, then the outcome."""
        return (*self.covariates, self.outcome)

    def total(self, values: FloatArray | None = None) -> FloatArray:
        """(G, T) sums over the persons of a cell; their number without values."""
        return np.bincount(self.cell, values, minlength=self.shape[0] * self.shape[1]).reshape(self.shape).astype(float)

    @property
    def n_clusters(self) -> int:
        """Clusters that occur; persons where they are independent."""
        return len(self) if self.cluster is None else int(self.cluster.max()) + 1

    @cached_property
    def cell_weight(self) -> FloatArray:
        """(G, T) sums of weights."""
        return self.total(self.weight)

    @cached_property
    def means(self) -> FloatArray:
        """(p + 1, G, T) weighted means of covariates and outcome; 0 in empty cells."""
        weight = self.cell_weight
        sums = np.stack([self.total(values * self.weight) for values in self.series])
        return np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0.0)

    @cached_property
    def nested(self) -> bool:
        """Whether every group lies within one cluster."""
        if self.cluster is None:
            return False
        group = self.cell // self.shape[1]
        of_group = np.zeros(self.shape[0], dtype=np.int64)
        of_group[group] = self.cluster
        return bool((of_group[group] == self.cluster).all())

    def deviations(self, rows: slice) -> FloatArray:
        """(p + 1, n) covariates and outcome less the mean of the person's cell."""
        own = self.means.reshape(len(self.means), -1)[:, self.cell[rows]]
        return np.stack([values[rows] for values in self.series]) - own


@dataclass(frozen=True)
class Regression:
    """Coefficients of k dummies of cells; group and period effects and p covariates taken out.

    Attributes
    ----------
    persons
        All of them.
    included
        (G, T) cells in the regression.
    kept
        (k + p,) regressors with variation of their own.
    coefficient
        (k + p,) 0 for what was not kept.
    bread
        (k + p, k + p) inverse of the cross-product; 0 for what was not kept.
    between
        (k + p + 1, G, T) dummies and cell means of covariates and outcome, less group and period effects.
    """

    persons: Persons
    included: BoolArray
    kept: BoolArray
    coefficient: FloatArray
    bread: FloatArray
    between: FloatArray

    @property
    def n_dummies(self) -> int:
        """Number of dummies, k."""
        return len(self.kept) - len(self.persons.covariates)

    @cached_property
    def n_rows(self) -> int:
        """Persons in the regression."""
        return int(self.persons.total()[self.included].sum())

    @property
    def n_effects(self) -> int:
        """Group and period effects, of which one is the constant."""
        present = self.included & (self.persons.cell_weight > 0.0)
        return int(present.any(axis=1).sum() + present.any(axis=0).sum()) - 1

    @property
    def n_parameters(self) -> int:
        """Regressors and effects; groups that lie within clusters do not count (Cameron and Miller 2015, II.B)."""
        present = self.included & (self.persons.cell_weight > 0.0)
        effects = int(present.any(axis=0).sum()) if self.persons.nested else self.n_effects
        return int(self.kept.sum()) + effects

    def correction(self) -> float:
        """C/(C-1) (N-1)/(N-K); with each person a cluster that is HC1, N/(N-K)."""
        n = self.n_rows
        clusters = n if self.persons.cluster is None else self.persons.n_clusters
        return clusters / (clusters - 1) * (n - 1) / max(n - self.n_parameters, 1)

    def influence(self, rows: slice) -> FloatArray:
        """(n, k) influence functions of the dummies' coefficients, without correction; 0 for persons left out."""
        persons, k = self.persons, self.n_dummies
        cell, onto = persons.cell[rows], self.bread[:, :k]
        loading = np.tensordot(self.between[:-1], onto, axes=(0, 0)).reshape(-1, k)[cell]
        deviations = persons.deviations(rows)
        loading += deviations[:-1].T @ onto[k:]
        loading *= (self._weight(rows) * self._residuals(deviations, cell))[:, None]
        return loading

    def squared_residuals(self) -> float:
        """Weighted sum of squared residuals."""
        total = 0.0
        for rows in pieces(slice(0, len(self.persons))):
            residual = self._residuals(self.persons.deviations(rows), self.persons.cell[rows])
            total += float(self._weight(rows) @ residual**2)
        return total

    def _weight(self, rows: slice) -> FloatArray:
        return self.persons.weight[rows] * self.included.reshape(-1)[self.persons.cell[rows]]

    def _residuals(self, deviations: FloatArray, cell: IntArray) -> FloatArray:
        between = self.between[-1] - np.tensordot(self.coefficient, self.between[:-1], axes=1)
        slopes = self.coefficient[self.n_dummies :]
        residual: FloatArray = deviations[-1] - slopes @ deviations[:-1] + between.reshape(-1)[cell]
        return residual


def read_persons(
    outcome: FloatArray,
    covariates: Sequence[FloatArray],
    weight: FloatArray | None,
    cluster: IntArray | None,
    group: IntArray,
    position: IntArray,
    shape: tuple[int, int],
) -> tuple[Persons, float]:
    """Keep the rows with an outcome and a weight, centre and standardize.

    Parameters
    ----------
    outcome, covariates, weight
        (N, 1) columns of a panel of repeated cross-sections.
    cluster, group, position
        (N,) codes.
    shape
        G groups, T periods.

    Returns
    -------
    persons, centre
        The rows kept, and what was taken off their outcome.
    """
    keep = ~np.isnan(outcome[:, 0])
    if weight is not None:
        keep &= weight[:, 0] > 0.0
    values = outcome[keep, 0]
    weights = np.ones(len(values)) if weight is None else weight[keep, 0]
    centre = float(values[0] + (values - values[0]).mean())
    columns = np.empty((len(covariates), len(values)))
    for place, column in enumerate(covariates):
        chosen = column[keep, 0]
        spread = float(chosen.std())
        columns[place] = (chosen - chosen.mean()) / (spread if spread > 0.0 else 1.0)
    codes = None if cluster is None else np.unique(cluster[keep], return_inverse=True)[1].astype(np.int64)
    return Persons(values - centre, weights, columns, group[keep] * shape[1] + position[keep], shape, codes), centre


def regress(persons: Persons, dummies: FloatArray, included: BoolArray) -> Regression:
    """Least squares of the outcome on dummies of cells, covariates, and group and period effects.

    A regressor that the effects and the regressors before it explain is left out, never given a minimum-norm share.

    Parameters
    ----------
    persons
        Usable rows.
    dummies
        (k, G, T) values of the regressors that are constant within cells.
    included
        (G, T) cells whose persons take part.
    """
    k, weight = len(dummies), persons.cell_weight * included
    raw = np.concatenate([dummies, persons.means])
    between = two_way_demean(raw, weight)
    gram = np.einsum("agt,bgt,gt->ab", between, between, weight, optimize=True)
    total = np.einsum("agt,agt,gt->a", raw, raw, weight)
    within = np.zeros((len(raw) - k, len(raw) - k))
    for rows in pieces(slice(0, len(persons))):
        deviations = persons.deviations(rows)
        within += (deviations * (persons.weight[rows] * included.reshape(-1)[persons.cell[rows]])) @ deviations.T
    gram[k:, k:] += within
    total[k:] += np.diag(within)
    kept = np.diag(gram)[:-1] > ABSORBED * total[:-1]
    kept[kept] = independent_columns(gram[:-1, :-1][np.ix_(kept, kept)])
    bread = inverse_on(gram[:-1, :-1], kept) if kept.any() else np.zeros((len(kept), len(kept)))
    return Regression(persons, included, kept, bread @ gram[:-1, -1], bread, between)


def influence_blocks(fits: Sequence[Regression]) -> Iterator[FloatArray]:
    """Corrected influence functions of the dummies of all regressions, side by side: blocks of persons or clusters.

    Their cross products, added up, are the covariance of the coefficients.
    """
    persons = fits[0].persons
    roots = np.concatenate([np.full(fit.n_dummies, np.sqrt(fit.correction())) for fit in fits])
    sums = np.zeros((0 if persons.cluster is None else persons.n_clusters, len(roots)))
    for rows in pieces(slice(0, len(persons))):
        block = np.hstack([fit.influence(rows) for fit in fits]) * roots
        if persons.cluster is None:
            yield block
        else:
            np.add.at(sums, persons.cluster[rows], block)
    if persons.cluster is not None:
        yield sums


def homoskedastic(fit: Regression) -> FloatArray:
    """(k, k) covariance under equal variances; all effects are counted."""
    degrees = max(fit.n_rows - fit.n_effects - int(fit.kept.sum()), 1)
    k = fit.n_dummies
    return fit.bread[:k, :k] * (fit.squared_residuals() / degrees)

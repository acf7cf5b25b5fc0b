"""CR2 and CR3: cluster-robust errors that undo what leverage takes from residuals, with Satterthwaite's t.

Regressors U (unit effects taken out, period effects as columns), M = (U'WU)^-, cluster scores u_j = U_j'W_j e_j.
With R R' = M and g_j = R' U_j'W_j U_j R, whose eigenvalues are the cluster's leverages,

    psi_j = R f(g_j) R' u_j,    f = (I - g)^-1/2 for CR2, (I - g)^-1 for CR3, I for CR1,

and sum psi psi' is the covariance: CR2 is unbiased under equal, uncorrelated errors (Bell and McCaffrey 2002;
Pustejovsky and Tipton 2018, eqs. 5 to 9); for CR3 psi_j is the change when cluster j is left out (Hansen 2025;
MacKinnon, Nielsen and Webb 2023). The n_j x n_j adjustment matrices are never formed: they act on U_j alone, which is
of rank q.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray

Adjustment = Literal["cr2", "cr3"]
POWER: dict[Adjustment, float] = {"cr2": -0.5, "cr3": -1.0}
FULL = 1e-8
"""A leverage within this of 1: the cluster alone determines a direction of the coefficients."""
RANK = 1e-10
"""Eigenvalues of U'WU below this share of the largest are collinear directions (period dummies sum to 1)."""


@dataclass(frozen=True, slots=True)
class Leverage:
    """The clusters of one regression, in coordinates in which U'WU is the identity.

    Attributes
    ----------
    root
        (q, r) R.
    count
        (J,) clusters of each kind; kinds share their cross products.
    values, vectors
        (J, r) leverages and (J, r, r) their directions.
    power
        Of I - g.
    """

    root: FloatArray
    count: FloatArray
    values: FloatArray
    vectors: FloatArray
    power: float

    @property
    def lost(self) -> BoolArray:
        """(J, r) directions that rest on one cluster alone."""
        return np.asarray(self.values > 1.0 - FULL)

    def _factors(self) -> FloatArray:
        """(J, r) f of the leverages; 0 in directions of full leverage, where residuals are 0 (Moore-Penrose)."""
        return np.where(self.lost, 0.0, np.clip(1.0 - self.values, FULL, None) ** self.power)

    def adjusted(self, contrast: FloatArray) -> FloatArray:
        """(J, q, L) what multiplies a cluster's scores to give its influence on some contrasts.

        Parameters
        ----------
        contrast
            (q, L) linear combinations of the coefficients.
        """
        w = self.root.T @ contrast
        turned = self._factors()[:, :, None] * (self.vectors.transpose(0, 2, 1) @ w)
        return np.asarray(self.root @ (self.vectors @ turned))

    def undefined(self, contrast: FloatArray) -> BoolArray:
        """(L,) combinations that no longer exist once some single cluster is left out: their error is not defined."""
        w = self.root.T @ contrast
        part = self.vectors.transpose(0, 2, 1) @ w
        share = np.where(self.lost[:, :, None], part**2, 0.0).sum(axis=1)
        return np.asarray((share > FULL * (w**2).sum(axis=0)).any(axis=0))

    def degrees_of_freedom(self, contrast: FloatArray) -> FloatArray:
        """(L,) Satterthwaite's degrees of freedom of each combination's variance.

        Under equal, uncorrelated errors the variance is a quadratic form with matrix P = ((I - H) a_j)'((I - H) a_k)
        over clusters; df = tr(P)^2 / tr(P P) (Bell and McCaffrey 2002; Imbens and Kolesar 2016, eq. 12; Pustejovsky and
        Tipton 2018, eq. 11).
        """
        w = self.root.T @ contrast
        turned = self._factors()[:, :, None] * (self.vectors.transpose(0, 2, 1) @ w)
        own = np.einsum("jr,jrl,jrl->jl", self.values, turned, turned)
        y = self.vectors @ (self.values[:, :, None] * turned)
        overlap = np.einsum("jrl,jrl->jl", y, y)
        trace = self.count @ (own - overlap)
        crossed = np.einsum("j,jrl,jsl->lrs", self.count, y, y, optimize=True)
        squares = self.count @ (own**2 - 2.0 * own * overlap) + (crossed**2).sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where((w**2).sum(axis=0) > 0.0, trace**2 / squares, np.inf)


def leverage(grams: FloatArray, count: FloatArray, adjustment: Adjustment) -> Leverage:
    """Find the leverages of clusters.

    Parameters
    ----------
    grams
        (J, q, q) cross products U_j'W_jU_j of each kind of cluster.
    count
        (J,) clusters of each kind.
    adjustment
        ``cr2`` or ``cr3``.

    Examples
    --------
    Means of two groups with three and four clusters of one observation each: Welch's problem.

    >>> grams = np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]])
    >>> found = leverage(grams, np.array([3.0, 4.0]), "cr2")
    >>> found.degrees_of_freedom(np.array([[1.0], [0.0]])).round(12).tolist()
    [2.0]
    """
    total = np.einsum("j,jqs->qs", count, grams)
    scale = 1.0 / np.sqrt(np.where(np.diag(total) > 0.0, np.diag(total), 1.0))
    size, directions = np.linalg.eigh(total * np.outer(scale, scale))
    present = size > RANK * size[-1]
    root = scale[:, None] * directions[:, present] / np.sqrt(size[present])
    values, vectors = np.linalg.eigh(root.T @ grams @ root)
    return Leverage(root, np.asarray(count, dtype=np.float64), np.clip(values, 0.0, 1.0), vectors, POWER[adjustment])

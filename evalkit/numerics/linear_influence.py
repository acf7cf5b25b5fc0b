"""Influence functions that are linear in a few columns: their cross product is a map of the columns' cross product.

For units of one cohort the influence functions of K cells are often K combinations of few columns: their outcomes,
their regressors and, with a propensity score, the regressors times what the score misses. F'F of those q columns
then gives psi'psi = A'(F'F)A without psi, in one pass over the units. Outcomes are taken from the cohort's own
mean, so that a trend common to all costs no digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.blocks import BLOCK_ROWS, pieces
from evalkit.numerics.cohort_sample import CohortSample
from evalkit.numerics.doubly_robust import Contrasts
from evalkit.numerics.logit import scores
from evalkit.vocabulary import FloatArray


def is_linear(fit: Contrasts, is_treated: bool) -> bool:
    """Whether a fit's influence functions are combinations of columns for this arm.

    Those of a treated arm always are. Those of a comparison arm multiply outcomes and regressors, unless the
    constant is all there is.

    Parameters
    ----------
    fit
        The comparison.
    is_treated
        Whether the units are its treated arm.
    """
    return is_treated or (fit.gamma is None and len(fit.from_regression) == 1)


@dataclass(frozen=True, slots=True)
class LinearInfluence:
    """psi = F A over the units of one cohort, none of whose outcomes are missing.

    The columns F are w (y - m), T of them, then w x, then w (1 - p) x for each fit with a propensity score p,
    then the weight behind shares and 1; w is the unit's weight, m the
    mean outcome of the cohort's first units.

    Attributes
    ----------
    sample, rows
        The units.
    fits
        Fits that they take part in, and whether as treated units: the columns of psi, in this order.
    on_shares
        (2, G) further columns of psi from the weight behind shares and from 1.
    share_weight
        (N,) weight behind shares.
    """

    sample: CohortSample
    rows: slice
    fits: Sequence[tuple[Contrasts, bool]]
    on_shares: FloatArray
    share_weight: FloatArray

    def cross_product(self) -> FloatArray:
        """Cross product psi'psi over the units."""
        mean = self.sample.outcome[self.rows].mean(axis=0)
        maps = self._maps(mean)
        total = np.zeros((len(maps), len(maps)))
        columns = np.empty((len(maps), min(self.rows.stop - self.rows.start, BLOCK_ROWS))).T  # columns contiguous
        for rows in pieces(self.rows):
            block = columns[: rows.stop - rows.start]
            self._fill(block, rows, mean)
            total += block.T @ block
        found: FloatArray = maps.T @ total @ maps
        return found

    @property
    def _scored(self) -> list[FloatArray]:
        """Coefficients of the propensity scores, in the order of the fits."""
        return [fit.gamma for fit, _ in self.fits if fit.gamma is not None]

    def _fill(self, block: FloatArray, rows: slice, mean: FloatArray) -> None:
        """Write the columns F of some rows."""
        periods = len(mean)
        weight, X = self.sample.weights(0, 0, rows), self.sample.regressors(0, rows)
        p = X.shape[1]
        np.subtract(self.sample.outcome[rows], mean, out=block[:, :periods])
        block[:, periods : periods + p] = X
        for place, gamma in enumerate(self._scored, start=1):
            start = periods + place * p
            np.multiply(X, (1.0 - scores(X, gamma))[:, None], out=block[:, start : start + p])
        if weight.strides[0]:  # equal weights are one number for all
            block[:, :-2] *= weight[:, None]
        block[:, -2] = self.share_weight[rows]
        block[:, -1] = 1.0

    def _maps(self, mean: FloatArray) -> FloatArray:
        """(q, columns of psi) the combinations A."""
        periods, p = len(mean), 1 + len(self.sample.covariates)
        width = periods + p * (1 + len(self._scored)) + 2
        maps, scored = [], 0
        for fit, is_treated in self.fits:
            made = np.zeros((width, len(fit.effect)))
            made[:periods] = fit.contrast
            made[periods : periods + p] = -fit.beta
            made[periods] += mean @ fit.contrast
            if is_treated:
                made[periods] -= fit.treated_mean
                made /= fit.treated_total
            else:
                made *= fit.from_regression[0]
            if fit.gamma is not None:
                scored += 1
                made[periods + scored * p : periods + (scored + 1) * p] = -fit.from_score
            maps.append(made)
        shares = np.zeros((width, self.on_shares.shape[1]))
        shares[-2:] = self.on_shares
        return np.hstack([*maps, shares])

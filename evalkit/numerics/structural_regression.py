"""Regression inside a structural series: coefficients and noise variance are conjugate given everything else.

With Z' V^-1 Z from :mod:`evalkit.numerics.structural`, c = var(change) / sigma^2 and omega^2 = c sigma^2,

    omega^2 ~ InverseGamma(nu_0 / 2, nu_0 w^2 / 2)      beta_j | omega ~ N(0, omega^2 v_j)

so that sigma^2 and beta have a normal-inverse-gamma posterior and y a closed-form marginal likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray

PRIOR_DEGREES: Final = 1.0
"""nu_0: the prior of omega^2 weighs as much as one observation."""
AT_ONCE: Final = 4_000_000
"""Numbers in the matrices that are formed together: bounds memory."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series ready for the engines, in units of w, a first guess of omega.

    Attributes
    ----------
    outcome
        (T,) centred; 0 where not used.
    used
        (T,) 1 where the model is fitted, else 0.
    columns
        (T, k) regressors in all periods, centred over the used ones and scaled so that v_j means the same for all.
    fixed
        (k,) v_j of columns whose prior is wide and stays; NaN where it is learned and selection may drop it.
    """

    outcome: FloatArray
    used: FloatArray
    columns: FloatArray
    fixed: FloatArray

    @property
    def learned(self) -> BoolArray:
        """(k,) columns whose prior variance is learned."""
        return np.isnan(self.fixed)

    @property
    def fitted_periods(self) -> int:
        """Periods up to the last one used."""
        return int(np.flatnonzero(self.used)[-1]) + 1

    def joined(self, periods: int | None = None) -> FloatArray:
        """(T, k + 1) columns and outcome, 0 where not used."""
        joined = np.column_stack([self.columns, self.outcome]) * self.used[:, None]
        return np.ascontiguousarray(joined[:periods])


@dataclass(frozen=True, slots=True)
class Conjugate:
    """Posterior of (beta, sigma^2) for each of the leading indexes.

    Attributes
    ----------
    scale
        (..., k) prior sds of beta over sigma, 0 where a column is left out.
    factor
        (..., k, k) Cholesky factor of I + scale G scale.
    mean
        (..., k) of beta / scale.
    rate
        (...) of the inverse gamma of sigma^2.
    shape
        Of the inverse gamma.
    log_marginal
        (...) log density of the data, up to a constant of the data.
    """

    scale: FloatArray
    factor: FloatArray
    mean: FloatArray
    rate: FloatArray
    shape: float
    log_marginal: FloatArray

    def draw(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """One draw of sigma^2 (...) and beta (..., k) at each index."""
        variance = self.rate / rng.standard_gamma(self.shape, self.rate.shape)
        normal = rng.standard_normal(self.mean.shape) * np.sqrt(variance)[..., None]
        lower = np.swapaxes(self.factor, -1, -2)
        return variance, self.scale * (self.mean + np.linalg.solve(lower, normal[..., None])[..., 0])


def conjugate(moments: FloatArray, log_det: FloatArray, change: FloatArray, prior: FloatArray, rows: int) -> Conjugate:
    """Posterior given the moments.

    Parameters
    ----------
    moments
        (..., k + 1, k + 1) Z' V^-1 Z, the outcome last.
    log_det
        (...) log |V|.
    change
        (...) c.
    prior
        (..., k) v_j; 0 leaves a column out.
    rows
        Used observations less flat states.
    """
    scale = np.sqrt(change[..., None] * prior)
    width = prior.shape[-1]
    information = moments[..., :width, :width] * (scale[..., :, None] * scale[..., None, :])
    information[..., np.arange(width), np.arange(width)] += 1.0
    factor = np.linalg.cholesky(information)
    target = scale * moments[..., :width, width]
    half = np.linalg.solve(factor, target[..., None])
    residual = moments[..., width, width] - np.sum(half[..., 0] ** 2, axis=-1)
    mean = np.linalg.solve(np.swapaxes(factor, -1, -2), half)[..., 0]
    prior_rate = PRIOR_DEGREES / (2.0 * change)
    rate = prior_rate + np.clip(residual, 0.0, None) / 2.0
    shape = (PRIOR_DEGREES + rows) / 2.0
    determinant = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)
    log_marginal = PRIOR_DEGREES / 2.0 * np.log(prior_rate) - determinant - log_det / 2.0 - shape * np.log(rate)
    return Conjugate(scale, factor, mean, rate, shape, log_marginal)


def log_marginals(
    moments: FloatArray,
    log_det: FloatArray,
    change: FloatArray,
    fixed: FloatArray,
    scales: FloatArray,
    chosen: BoolArray,
    rows: int,
) -> FloatArray:
    """Log marginal likelihoods at M points, for J common prior variances of the learned columns and N selections.

    One eigendecomposition of a selection's moments serves all J variances.

    Parameters
    ----------
    moments, log_det, change, rows
        As in :func:`conjugate`, (M, ...).
    fixed
        (k,) v_j; NaN for the q learned columns.
    scales
        (J,) g.
    chosen
        (N, q).

    Returns
    -------
    ndarray
        (M, J, N).
    """
    each = max(AT_ONCE // max(len(scales) * chosen.size, 1), 1)
    parts = [
        _log_marginals(moments[i : i + each], log_det[i : i + each], change[i : i + each], fixed, scales, chosen, rows)
        for i in range(0, len(moments), each)
    ]
    return np.concatenate(parts)


def _log_marginals(
    moments: FloatArray,
    log_det: FloatArray,
    change: FloatArray,
    fixed: FloatArray,
    scales: FloatArray,
    chosen: BoolArray,
    rows: int,
) -> FloatArray:
    left, determinant = _without_fixed(moments, change, fixed)
    width = chosen.shape[1]
    ratio = change[:, None] * scales
    explained = np.zeros((len(moments), len(scales), len(chosen)))
    half = np.broadcast_to((determinant + log_det / 2.0)[:, None, None], explained.shape).copy()
    count = chosen.sum(axis=1)
    for size in range(1, width + 1):
        members = np.flatnonzero(count == size)
        if not members.size:
            continue
        index = np.nonzero(chosen[members])[1].reshape(-1, size)
        values, vectors = np.linalg.eigh(left[:, index[:, :, None], index[:, None, :]])
        target = np.einsum("mnij,mni->mnj", vectors, left[:, index, width]) ** 2
        scaled = 1.0 + ratio[:, :, None, None] * np.clip(values, 0.0, None)[:, None]
        half[:, :, members] += np.log(scaled).sum(axis=-1) / 2.0
        explained[:, :, members] = ratio[:, :, None] * (target[:, None] / scaled).sum(axis=-1)
    prior_rate = PRIOR_DEGREES / (2.0 * change)
    residual = np.clip(left[:, width, width][:, None, None] - explained, 0.0, None)
    rate = prior_rate[:, None, None] + residual / 2.0
    start = (PRIOR_DEGREES / 2.0 * np.log(prior_rate))[:, None, None]
    return np.asarray(start - half - (PRIOR_DEGREES + rows) / 2.0 * np.log(rate))


def _without_fixed(moments: FloatArray, change: FloatArray, fixed: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Moments of the learned columns and the outcome with the others integrated out; half their log determinant."""
    learned = np.append(np.isnan(fixed), True)
    out, kept = np.flatnonzero(~learned), np.flatnonzero(learned)
    left = moments[:, kept[:, None], kept]
    if not out.size:
        return left, np.zeros(len(moments))
    scale = np.sqrt(change[:, None] * fixed[out])
    information = moments[:, out[:, None], out] * (scale[:, :, None] * scale[:, None, :])
    information[:, np.arange(len(out)), np.arange(len(out))] += 1.0
    factor = np.linalg.cholesky(information)
    half = np.linalg.solve(factor, scale[:, :, None] * moments[:, out[:, None], kept])
    determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return left - np.swapaxes(half, 1, 2) @ half, determinant


def selections(width: int, expected: float) -> tuple[BoolArray, FloatArray]:
    """Every choice among `width` columns, (N, width), and its log prior (N,).

    Each column is in with probability min(1, expected / width), apart from the others.

    Examples
    --------
    >>> selections(2, 3.0)[0].tolist(), len(selections(4, 2.0)[0])
    ([[True, True]], 16)
    """
    probability = min(1.0, expected / max(width, 1))
    if probability == 1.0:
        return np.ones((1, width), dtype=np.bool_), np.zeros(1)
    codes = np.arange(2**width)
    included = (codes[:, None] >> np.arange(width)) % 2 == 1
    count = included.sum(axis=1)
    return included, np.asarray(count * np.log(probability) + (width - count) * np.log1p(-probability))

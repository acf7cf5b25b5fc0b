"""A structural series the slow way: dense covariances, flat states by projection, sums over a fine grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.vocabulary import FloatArray

if TYPE_CHECKING:  # what describes the series; nothing of how it is computed
    from evalkit.numerics.structural import Shape, Trend


def covariance(trend: Trend, shape: Shape, index: int, periods: int) -> tuple[FloatArray, FloatArray]:
    """(T, T) covariance of y over sigma^2 without flat states, and (T, f) the paths of these."""
    level, slope, damping, share, rho = (
        float(values[index]) for values in (shape.level, shape.slope, shape.damping, shape.share, shape.rho)
    )
    moves = np.tril(np.ones((periods, periods)))[:, 1:] * level
    found = moves @ moves.T
    flat = [np.ones(periods)]
    if trend.has_slope:
        turns = np.stack([_path(damping, start, periods) for start in range(periods)], axis=1)
        found += slope**2 * turns[:, 1:] @ turns[:, 1:].T
        if trend.kind == "local_linear":
            flat.append(turns[:, 0])
        else:
            found += slope**2 / (1.0 - damping**2) * np.outer(turns[:, 0], turns[:, 0])
    lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    found += share * rho**lag + (1.0 - share) * np.eye(periods)
    return found, np.stack(flat, axis=1)


def _path(damping: float, start: int, periods: int) -> FloatArray:
    """What a turn of the slope in period `start` adds to the level."""
    slope = np.zeros(periods)
    slope[start:] = damping ** np.arange(periods - start)
    return np.concatenate([[0.0], np.cumsum(slope[:-1])])


@dataclass(frozen=True, slots=True)
class Restricted:
    """log |V| of the restricted likelihood and its quadratic form."""

    log_det: float
    precision: FloatArray


def restricted(dense: FloatArray, flat: FloatArray) -> Restricted:
    """Flat states integrated out (Harville 1974)."""
    inverse = np.linalg.inv(dense)
    middle = flat.T @ inverse @ flat
    precision = inverse - inverse @ flat @ np.linalg.solve(middle, flat.T @ inverse)
    return Restricted(float(np.linalg.slogdet(dense)[1] + np.linalg.slogdet(middle)[1]), np.asarray(precision))


def mean_effect(
    outcome: FloatArray, column: FloatArray, fitted: int, *, level_scale: float, coefficient_scale: float
) -> tuple[float, float]:
    """Posterior mean and sd of the average gap after `fitted` periods: local level, one regressor, all by sums.

    `outcome` is in units of the first guess of omega and `column` scaled as in the model.
    """
    periods = len(outcome)
    after = np.arange(periods) >= fitted
    weight = after / after.sum()
    nodes = (np.arange(150) + 0.5) / 150.0
    ratios = level_scale * np.tan(0.5 * np.pi * nodes)
    scales = coefficient_scale * np.tan(0.5 * np.pi * (np.arange(40) + 0.5) / 40.0)
    mass, mean, second = [], [], []
    for ratio in ratios:
        change = ratio**2 + 2.0
        steps = np.tril(np.ones((periods, periods)))[:, 1:]
        base = ratio**2 * steps @ steps.T + np.eye(periods)
        for scale in scales:
            dense = base + change * scale**2 * np.outer(column, column)
            seen = dense[:fitted, :fitted]
            own = restricted(seen, np.ones((fitted, 1)))
            y = outcome[:fitted]
            shape = (1.0 + fitted - 1.0) / 2.0
            rate = 0.5 / change + 0.5 * float(y @ own.precision @ y)
            inverse = np.linalg.inv(seen)
            ones = np.ones(fitted)
            level = float(ones @ inverse @ y) / float(ones @ inverse @ ones)
            gain = dense[after][:, :fitted] @ inverse
            forecast = level + gain @ (y - level)
            left = 1.0 - gain @ ones
            spread = dense[after][:, after] - gain @ dense[:fitted][:, after]
            spread += np.outer(left, left) / float(ones @ inverse @ ones)
            average = np.full(int(after.sum()), 1.0 / after.sum())
            gap = float(weight @ outcome - average @ forecast)
            variance = float(average @ spread @ average) * rate / (shape - 1.0)
            mass.append(-0.5 * own.log_det - shape * np.log(rate) + 0.5 * np.log(0.5 / change))
            mean.append(gap)
            second.append(variance + gap**2)
    probability = np.exp(np.array(mass) - max(mass))
    probability /= probability.sum()
    center = float(probability @ np.array(mean))
    return center, float(np.sqrt(probability @ np.array(second) - center**2))

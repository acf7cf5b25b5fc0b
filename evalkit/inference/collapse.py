"""Collapse to one change for each cluster: a t test that needs neither many clusters nor errors without memory."""

from __future__ import annotations

import numpy as np
from scipy import stats

from evalkit.errors import Reason
from evalkit.inference.contrasts import SAME_SHAPE, Contrasts
from evalkit.inference.reported import Interval, NotComputable
from evalkit.vocabulary import FloatArray


def collapse(contrasts: Contrasts, *, alpha: float) -> Interval:
    """Interval from one number a cluster (Donald and Lang 2007; Bertrand, Duflo and Mullainathan 2004, section IV.C).

    With one start, every cluster enters the estimate through one number: z'y_c, e.g. the mean after less the
    mean before (two-way fixed effects) or less the last period before (Callaway-Sant'Anna). The estimate is

        theta = sum_c k_c z'y_c,    var(theta) = s^2 sum_c k_c^2,

    s^2 the pooled variance of z'y_c within arms. If clusters' errors are normal and alike, whatever their
    correlation over time, theta over its error is t with C - 2 degrees of freedom: exactly, with one treated
    cluster as with many. For two-way fixed effects on a balanced panel this is the regression of
    two-period means by ordinary least squares.

    With several starts each cluster enters through its own weights w_c, and

        var(theta) = sum_c w_c' Omega w_c,    Omega estimated by the never-treated clusters alone,

    with n0 - 1 degrees of freedom, n0 the number of never-treated clusters: exact where one number carries
    it, and cautious otherwise. This is the stacked form of the same idea: each cohort's change is compared with
    the variation that the same change shows among clusters that were never treated.

    The interval is that of the estimator's own number: `contrasts` verified that these numbers add up to it.

    Raises
    ------
    NotComputable
        When fewer than two clusters are left to measure the variation by, or they do not vary.
    """
    weights, used = contrasts.weights, np.abs(contrasts.weights).sum(axis=1) > 0.0
    shape = _common_shape(weights[used])
    if shape is not None:
        variance, degrees = _pooled(contrasts, shape)
    else:
        variance, degrees = _stacked(contrasts)
    if not variance > 0.0:
        raise NotComputable(Reason("the changes of the clusters do not vary"))
    error = float(np.sqrt(variance))
    width = float(stats.t(degrees).ppf(1.0 - alpha / 2.0)) * error
    return Interval(
        low=contrasts.value - width,
        high=contrasts.value + width,
        p_value=2.0 * float(stats.t(degrees).sf(abs(contrasts.value) / error)),
        degrees_of_freedom=float(degrees),
        details={"std_error": error, "one_number_a_cluster": float(shape is not None)},
    )


def _common_shape(weights: FloatArray) -> FloatArray | None:
    """Shape z (T,) of length 1, where all clusters' weights are multiples of it; None where they are not."""
    longest = weights[int(np.argmax(np.linalg.norm(weights, axis=1)))]
    z: FloatArray = longest / np.linalg.norm(longest)
    rest = weights - np.outer(weights @ z, z)
    alike = float(np.abs(rest).max()) <= SAME_SHAPE * float(np.abs(weights).max())
    return z if alike else None


def _pooled(contrasts: Contrasts, z: FloatArray) -> tuple[float, int]:
    """Variance of theta by the spread of z'y_c within clusters of one start, and its degrees of freedom."""
    multiples = contrasts.weights @ z
    used = multiples != 0.0
    change, arms = (contrasts.paths @ z)[used], np.unique(contrasts.starts[used], return_inverse=True)[1]
    count = np.bincount(arms)
    mean = np.bincount(arms, change) / count
    degrees = len(change) - len(count)
    if degrees < 1:
        raise NotComputable(Reason("no arm has two clusters, so nothing says how much the changes of clusters vary"))
    spread = float(((change - mean[arms]) ** 2).sum()) / degrees
    return spread * float((multiples**2).sum()), degrees


def _stacked(contrasts: Contrasts) -> tuple[float, int]:
    """Variance of theta with the covariance of paths as the never-treated clusters show it."""
    degrees = int(contrasts.never.sum()) - 1
    if degrees < 1:
        raise NotComputable(Reason("fewer than two clusters are never treated, so nothing says how much changes vary"))
    pretended = contrasts.residuals() @ contrasts.weights.T  # (n0, C): each in the place of each
    return float((pretended**2).sum()) / degrees, degrees

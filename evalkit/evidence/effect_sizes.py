"""Effect sizes in the notation of the What Works Clearinghouse (4.x / 5.0): numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from evalkit.errors import Reason
from evalkit.numerics.balance import pooled_sd, small_sample_factor


def hedges_g(
    difference: float, n_treated: float, n_comparison: float, sd_treated: float, sd_comparison: float
) -> float:
    """Hedges' g = omega b / S, with S pooled within arms.

    Examples
    --------
    >>> round(hedges_g(-12, 40, 60, 30, 28), 4)
    -0.4133
    """
    spread = pooled_sd(n_treated, n_comparison, sd_treated, sd_comparison)
    if not spread > 0.0:
        raise ValueError(Reason("the pooled standard deviation is 0: the outcome does not vary within arms"))
    return small_sample_factor(n_treated + n_comparison) * difference / spread


def cox_index(p_treated: float, p_comparison: float, n: float, *, divisor: float) -> float:
    """Cox index of two proportions: omega (logit p1 - logit p0) / 1.65 (the divisor stands in the standard).

    Examples
    --------
    >>> round(cox_index(0.30, 0.40, 200, divisor=1.65), 4)
    -0.2668
    """
    for share in (p_treated, p_comparison):
        if not 0.0 < share < 1.0:
            raise ValueError(
                Reason("the Cox index needs proportions strictly between 0 and 1, got {share:g}", share=share)
            )
    log_odds = np.log(p_treated / (1.0 - p_treated)) - np.log(p_comparison / (1.0 - p_comparison))
    return float(small_sample_factor(n) * log_odds / divisor)


def improvement_index(g: float) -> float:
    """Percentile points by which an average member of the comparison group would move: 100 Phi(g) - 50.

    Examples
    --------
    >>> round(improvement_index(0.25), 2)
    9.87
    """
    return float(100.0 * stats.norm.cdf(g) - 50.0)


def did_g_from_gaps(g_post: float, g_pre: float) -> float:
    """Difference-in-differences effect size from the gaps after and before: g_post - g_pre."""
    return g_post - g_pre


def did_g_from_att(att: float, sd_post: float, n: float) -> float:
    """Difference-in-differences effect size from an ATT: omega ATT / S_post."""
    if not sd_post > 0.0:
        raise ValueError("the standard deviation after the start is 0: the outcome does not vary")
    return small_sample_factor(n) * att / sd_post


def cluster_degrees_of_freedom(n: float, cluster_size: float, intraclass: float) -> float:
    """Effective degrees of freedom h under clusters of mean size n-bar (WWC 4.1, E.4).

    h = [(N-2) - 2(n-1)r]^2 / [(N-2)(1-r)^2 + n(N-2n)r^2 + 2(N-2n)r(1-r)]

    Examples
    --------
    >>> round(cluster_degrees_of_freedom(100, 5, 0.1), 2)
    94.4
    """
    r, size = intraclass, cluster_size
    top = ((n - 2.0) - 2.0 * (size - 1.0) * r) ** 2
    below = (n - 2.0) * (1.0 - r) ** 2 + size * (n - 2.0 * size) * r**2 + 2.0 * (n - 2.0 * size) * r * (1.0 - r)
    return top / below


def cluster_effect_factor(n: float, cluster_size: float, intraclass: float) -> float:
    """Factor gamma = sqrt(1 - 2 (n-1) r / (N-2)) that multiplies g when assignment was by cluster."""
    inside = 1.0 - 2.0 * (cluster_size - 1.0) * intraclass / (n - 2.0)
    if inside < 0.0:
        raise ValueError(f"clusters of {cluster_size:g} are too large for {n:g} observations")
    return float(np.sqrt(inside))


def design_effect(cluster_size: float, intraclass: float) -> float:
    """Variance inflation eta = 1 + (n-1) r."""
    return 1.0 + (cluster_size - 1.0) * intraclass


def cluster_adjusted_t(t: float, n: float, cluster_size: float, intraclass: float) -> float:
    """Correct a t statistic that ignored clusters; compare it with h degrees of freedom.

    t_adj = t sqrt{ [(N-2) - 2(n-1)r] / [(N-2)(1+(n-1)r)] }

    Examples
    --------
    >>> round(cluster_adjusted_t(2.5, 200, 10, 0.1), 3)
    1.805
    """
    top = (n - 2.0) - 2.0 * (cluster_size - 1.0) * intraclass
    return float(t * np.sqrt(top / ((n - 2.0) * design_effect(cluster_size, intraclass))))


def baseline_status(g: float, *, passes: float, fails: float) -> Literal["passes", "needs adjustment", "fails"]:
    """Read a baseline difference in standard deviations.

    Examples
    --------
    >>> baseline_status(-0.1, passes=0.05, fails=0.25)
    'needs adjustment'
    """
    if abs(g) <= passes:
        return "passes"
    return "needs adjustment" if abs(g) <= fails else "fails"


def attrition_limit(overall: float, boundary: Sequence[float]) -> float:
    """Largest differential attrition that a boundary allows, in percentage points.

    Parameters
    ----------
    overall
        Overall attrition in percent; between whole percents the boundary is interpolated.
    boundary
        Limits at 0, 1, 2, ... percent; beyond the last one nothing is allowed (-1 is returned, so
        that even a differential of 0 lies above it).

    Examples
    --------
    >>> attrition_limit(1.5, [5.7, 5.8, 5.9])
    5.85
    """
    if not 0.0 <= overall <= 100.0:
        raise ValueError(f"overall attrition is a percentage, got {overall:g}")
    if overall > len(boundary) - 1:
        return -1.0
    return float(np.interp(overall, np.arange(len(boundary)), boundary))


def attrition_status(
    overall: float, differential: float, *, cautious: Sequence[float], optimistic: Sequence[float]
) -> Literal["low", "low under optimistic assumptions", "high"]:
    """Read overall and differential attrition (percent, percentage points) against both boundaries.

    Examples
    --------
    >>> attrition_status(0.0, 7.0, cautious=[5.7], optimistic=[10.0])
    'low under optimistic assumptions'
    """
    size = abs(differential)
    if size <= attrition_limit(overall, cautious):
        return "low"
    return "low under optimistic assumptions" if size <= attrition_limit(overall, optimistic) else "high"

"""CR3 for any estimator: leave out one cluster at a time."""

from __future__ import annotations

import numpy as np
from scipy import stats

from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.errors import Reason
from evalkit.inference.refits import Statistic, assigned, starting
from evalkit.inference.reported import Interval, NotComputable

MOST_CLUSTERS = 1_000
"""Refits that the jackknife may cost."""


def cr3(panel: Panel, statistic: Statistic, *, alpha: float) -> Interval:
    """Cluster jackknife (Bell and McCaffrey 2002; Hansen 2025; MacKinnon, Nielsen and Webb 2023, equation 14).

        V = (C - 1) / C  sum_c (theta_(-c) - theta)^2.

    The reference is t with Satterthwaite's degrees of freedom for two arms, V^2 / (V1^2 / (n1 - 1) + V0^2 / (n0 - 1)),
    V1 and V0 the parts of V that come from clusters with and without a treated unit, n1 and n0 their numbers
    (Welch 1947; for a difference of two means those of Bell and McCaffrey); C - 1 where every cluster has treated
    units, whose comparison then lies within clusters. With two treated clusters that is
    little more than one degree of freedom, as it should be.

    Raises
    ------
    NotComputable
        With one treated or one comparison cluster: left out, nothing remains to estimate.
    """
    codes = assigned(panel)
    treated = np.unique(codes[starting(panel)])
    arms = [arm for arm in (treated, np.setdiff1d(codes[~panel.always_treated], treated)) if len(arm)]
    if min(len(arm) for arm in arms) < 2:
        raise NotComputable(Reason("an arm has one cluster: without it nothing remains to estimate"))
    count = sum(len(arm) for arm in arms)
    if count > MOST_CLUSTERS:
        raise NotComputable(Reason("{count} clusters are too many to leave out one at a time", count=count))
    value = statistic(panel)[0]
    parts: list[tuple[float, int]] = []
    for arm in arms:
        moved = np.array([statistic(keep_units(panel, codes != cluster))[0] - value for cluster in arm])
        if not np.isfinite(moved).all():
            raise NotComputable(Reason("without one of the clusters the estimate does not exist"))
        parts.append(((count - 1) / count * float((moved**2).sum()), len(arm)))
    variance = sum(part for part, _ in parts)
    if not variance > 0.0:
        raise NotComputable(Reason("no cluster moves the estimate"))
    degrees = variance**2 / sum(part**2 / (size - 1) for part, size in parts)
    error = float(np.sqrt(variance))
    width = float(stats.t(degrees).ppf(1.0 - alpha / 2.0)) * error
    return Interval(
        low=value - width,
        high=value + width,
        p_value=2.0 * float(stats.t(degrees).sf(abs(value) / error)),
        degrees_of_freedom=float(degrees),
        details={"std_error": error},
    )

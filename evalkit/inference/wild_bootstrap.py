"""The restricted wild cluster bootstrap of the static two-way coefficient: multipliers, parts of clusters, interval."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import Reason
from evalkit.inference.refits import anticipated, cluster_counts
from evalkit.inference.reported import Interval, NotComputable
from evalkit.numerics.static_two_way import StaticTwoWay, fit_static_two_way
from evalkit.numerics.wild_bootstrap import WildBootstrap, every_sign, wild_bootstrap
from evalkit.uncertainty import multipliers
from evalkit.vocabulary import FloatArray, IntArray

STREAM = zlib.crc32(b"check:wild_bootstrap")
"""Key of the multipliers: the check of this name and the reported interval use the same ones."""
FEW_CLUSTERS = 12
"""Below this many clusters two-point multipliers take too few values (Webb 2023; MacKinnon and Webb 2018)."""
FEW_TREATED = 3
"""Below this many treated clusters the restricted bootstrap hardly ever rejects (MacKinnon and Webb 2017)."""
BLOCK_CELLS = 2_000_000
"""Multipliers drawn at a time, to bound memory."""

Law = Literal["auto", "rademacher", "webb"]


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The bootstrap with the regression it repeats.

    Attributes
    ----------
    fit
        The sample's regression.
    draws
        The bootstrap distribution.
    webb
        Whether multipliers are Webb's six points instead of signs.
    parts
        Whether units have their own multipliers, instead of one a cluster.
    """

    fit: StaticTwoWay
    draws: WildBootstrap
    webb: bool
    parts: bool


def bootstrapped(
    panel: Panel, *, lead: int, n_draws: int, law: Law, seed: int, subcluster: bool = False
) -> Bootstrapped:
    """Bootstrap the t statistic of the static two-way coefficient under its null.

    Parameters
    ----------
    panel
        As analysed.
    lead
        Periods of anticipation, left out of the comparison.
    n_draws
        Random multiplier vectors where there are too many sign vectors to use all.
    law
        ``rademacher`` (all sign vectors where these are at most `n_draws`), ``webb``, or ``auto``: Webb below 12
        clusters (or parts of clusters).
    seed
        Of the draws.
    subcluster
        One multiplier for each unit instead of each cluster (MacKinnon and Webb 2018): with few treated clusters of
        many units the ordinary bootstrap hardly ever rejects, this one does. It needs units whose errors are little
        correlated within a cluster, or clusters alike.

    Raises
    ------
    NotComputable
        When the coefficient or its clustered error does not exist, or clusters have one unit each.
    """
    if panel.dose is not None or panel.cross_sections is not None:
        raise NotComputable(Reason("it exists for a treatment that starts once, in units followed over time"))
    fit = fit_static_two_way(
        panel.outcome,
        panel.treated,
        panel.cluster_codes,
        weights=panel.weight,
        left_out=anticipated(panel, panel.first_treated, lead),
    )
    if fit is None:
        raise NotComputable(Reason("the two-way coefficient of this panel cannot be estimated"))
    if fit.n_clusters < 3 or fit.std_error <= 0.0:
        raise NotComputable(
            Reason(
                "{clusters} clusters leave nothing to multiply: the t statistic does not exist", clusters=fit.n_clusters
            )
        )
    parts = _units(fit) if subcluster else None
    count = fit.n_clusters if parts is None else int(parts.max()) + 1
    if parts is not None and count == fit.n_clusters:
        raise NotComputable(Reason("each cluster is one unit, so it has no parts that could vary by themselves"))
    webb = law == "webb" or (law == "auto" and count < FEW_CLUSTERS)
    exact = not webb and 2**count <= n_draws
    blocks = every_sign(count) if exact else _drawn(count, webb, n_draws, seed)
    return Bootstrapped(fit, wild_bootstrap(fit, blocks, exact=exact, parts=parts), webb, subcluster)


def wild_interval(panel: Panel, *, lead: int, n_draws: int, law: Law, seed: int, alpha: float) -> Interval:
    """The bootstrap's interval; with one or two treated clusters by parts of clusters.

    Raises
    ------
    NotComputable
        As :func:`bootstrapped`, and where the interval has no bound.
    """
    few = cluster_counts(panel)[0] < FEW_TREATED
    made = bootstrapped(panel, lead=lead, n_draws=n_draws, law=law, seed=seed, subcluster=few)
    low, high = made.draws.interval(alpha)
    if not np.isfinite([low, high]).all():
        raise NotComputable(Reason("the bootstrap's interval has no bound: there are too few clusters"))
    return Interval(
        low=low,
        high=high,
        p_value=made.draws.p_value(),
        smallest_p=made.draws.smallest_p,
        details={"n_draws": float(made.draws.n_draws), "webb": float(made.webb), "subcluster": float(few)},
    )


def _units(fit: StaticTwoWay) -> IntArray:
    """(N,) units numbered among those used; -1 for the others."""
    used = fit.clusters >= 0
    codes = np.full(len(used), -1, dtype=np.int64)
    codes[used] = np.arange(int(used.sum()))
    return codes


def _drawn(count: int, webb: bool, n_draws: int, seed: int) -> Iterator[FloatArray]:
    rng = np.random.default_rng([seed, STREAM])
    size = max(BLOCK_CELLS // count, 1)
    for start in range(0, n_draws, size):
        rows = min(size, n_draws - start)
        yield multipliers("webb" if webb else "rademacher", (rows, count), rng)

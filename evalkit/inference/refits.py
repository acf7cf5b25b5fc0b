"""The overall effect and its error on a changed panel: other outcomes, other starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.vocabulary import NEVER, BoolArray, FloatArray, IntArray

Fit = Callable[[Panel], Estimate]
"""The estimator with its settings and seed, on any panel."""
Statistic = Callable[[Panel], tuple[float, float]]
"""A panel to an overall effect and its standard error; NaN where it cannot be estimated."""


def is_static_two_way(estimate: Estimate) -> bool:
    """Whether the overall effect is the static two-way coefficient with clustered errors and no covariates."""
    settings = estimate.settings
    plain = not settings.get("covariates") and settings.get("errors") == "clustered"
    return estimate.estimator == "two_way_fixed_effects" and plain


def refitted(fit: Fit) -> Statistic:
    """The estimator's own overall effect."""

    def statistic(panel: Panel) -> tuple[float, float]:
        try:
            overall = fit(panel).aggregation("overall")
        except EvalkitError:  # this panel has no estimate; the caller decides what that means
            return float("nan"), float("nan")
        return float(overall.estimate[0]), float(overall.std_error[0])

    return statistic


def two_way(lead: int) -> Statistic:
    """The static two-way coefficient, `lead` anticipated periods left out of the comparison."""

    def statistic(panel: Panel) -> tuple[float, float]:
        found = fit_static_two_way(
            panel.outcome,
            panel.treated,
            panel.cluster_codes,
            weights=panel.weight,
            left_out=anticipated(panel, panel.first_treated, lead),
        )
        return (float("nan"), float("nan")) if found is None else (found.coefficient, found.std_error)

    return statistic


def statistic_of(estimate: Estimate, fit: Fit) -> Statistic:
    """The estimate's own statistic, by its closed form where it is the static two-way coefficient."""
    return two_way(lead_of(estimate)) if is_static_two_way(estimate) else refitted(fit)


def lead_of(estimate: Estimate, otherwise: int = 0) -> int:
    """Periods before the start that the estimator leaves out of its comparison."""
    return int(estimate.settings.get("anticipation", otherwise))


def anticipated(panel: Panel, starts: IntArray, lead: int) -> BoolArray:
    """(N, T) cells within `lead` periods before a start inside the window."""
    inside = starts <= panel.time[-1]
    relative = panel.when - np.where(inside, starts, 0)[:, None]
    return np.asarray(inside[:, None] & (relative < 0) & (relative >= -lead) & (starts != NEVER)[:, None])


def compares_eligible(estimate: Estimate) -> bool:
    """Whether the estimate is a triple difference: not all that start are treated, and an effect on all cancels out."""
    return estimate.settings.get("eligible") is not None


def counted_as_treated(panel: Panel, estimate: Estimate) -> Panel:
    """The panel in which those who start are the treated of an estimate.

    In a triple difference the cohort of ineligible units tells when their place starts; they themselves never do. It is
    for counts, levels and totals: the estimator needs the panel as it is.
    """
    name = estimate.settings.get("eligible")
    if name is None or name not in panel.covariates:
        return panel
    eligible = np.fmax.reduce(panel.covariates[name], axis=1) == 1.0
    return dataclasses.replace(panel, first_treated=np.where(eligible, panel.first_treated, NEVER))


def starting(panel: Panel) -> BoolArray:
    """(N,) units that start within the window."""
    return ~panel.never_treated & ~panel.always_treated


def treated_cells(panel: Panel) -> FloatArray:
    """(N, T) 1 where a unit that starts within the window is under treatment: what a constant effect adds to."""
    return (panel.treated & starting(panel)[:, None]).astype(np.float64)


def shifted(panel: Panel, by: FloatArray) -> Panel:
    """The panel with `by` (N, T) added to its outcome."""
    return dataclasses.replace(panel, outcome=panel.outcome + by)


def spread_of(panel: Panel) -> float:
    """Standard deviation of the outcome within units: the scale of changes; 1 where nothing changes."""
    if panel.cross_sections is not None:
        return float(np.nanstd(panel.outcome)) or 1.0
    known = panel.observed
    count = known.sum(axis=1, keepdims=True)
    mean = np.where(known, panel.outcome, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    within = np.where(known, panel.outcome - mean, 0.0)
    spread = float(np.sqrt((within**2).sum() / max(int(known.sum()), 1)))
    return spread if spread > 0.0 else 1.0


def assigned(panel: Panel) -> IntArray:
    """(N,) codes of what treatment was given to: clusters; in cross-sections groups, where these are fewer.

    However many people a group has, it started once.
    """
    if panel.cross_sections is None:
        return panel.cluster_codes
    group = panel.cross_sections.group
    return panel.cluster if panel.cluster is not None and panel.cluster.max() < group.max() else group


def cluster_counts(panel: Panel) -> tuple[int, int]:
    """Clusters with a unit that starts within the window, and clusters in all, always-treated units left out."""
    codes = assigned(panel)
    return int(np.unique(codes[starting(panel)]).size), int(np.unique(codes[~panel.always_treated]).size)


def comparison_clusters(panel: Panel, *, later_cohorts: bool) -> int:
    """Clusters that the treated are compared with: without a treated unit or, with `later_cohorts`, starting later."""
    treated = starting(panel)
    if later_cohorts and panel.cohorts.size:
        treated = treated & (panel.first_treated == panel.cohorts[0])
    codes = assigned(panel)
    others = np.setdiff1d(codes[~panel.always_treated], codes[treated])
    return int(others.size)

"""What a reader must know about the units and clusters behind a regression estimate, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from evalkit.errors import quote_names
from evalkit.numerics.cohort_effects import LeftOut
from evalkit.numerics.doubly_robust import OVERLAP_LIMIT
from evalkit.vocabulary import BoolArray, Remark

SMALL_COHORT: Final = 5
"""Cohorts with fewer units show little or no spread of their own."""
FEW_CLUSTERS: Final = 30
"""Below this many clusters normal critical values reject too often."""
FEW_TREATED_CLUSTERS: Final = 10
"""Below this many treated clusters intervals are too short, however many comparison clusters there are."""
LEFT_OUT: Final[Mapping[LeftOut, str]] = {
    "no_comparison_units": "no unit is left to compare with",
    "no_treated_units": "no treated unit is observed in both periods",
    "too_few_comparison_units": "there are no more comparison units than regressors, so they show no spread",
    "covariates_without_support": "a covariate varies among treated units but not among comparison units",
    "no_overlap": f"the propensity score reaches {OVERLAP_LIMIT}: treated units have no like among comparison units",
}
"""Why a two-period comparison has no estimate."""


def excluded_units(always: BoolArray, early: BoolArray, anticipation: int) -> list[Remark]:
    """Units treated throughout, and units without a period before they may react; (N,) True where so."""
    found = []
    if always.any():
        found.append(
            Remark(
                "always_treated_excluded",
                f"{always.sum()} units treated from the first period on were left out: they show no change at the "
                "start, and are never a comparison.",
                treated=int(always.sum()),
            )
        )
    if early.any():
        found.append(
            Remark(
                "no_base_period",
                f"{early.sum()} units were left out: no usable period precedes their start by more than the "
                f"{anticipation} periods of anticipation.",
                treated=int(early.sum()),
            )
        )
    return found


def seen_once(units: BoolArray, never_treated: BoolArray) -> list[Remark]:
    """Units with fewer than two usable periods, (N,) True where so."""
    if not units.any():
        return []
    return [
        Remark(
            "units_seen_once",
            f"{int(units.sum())} units with fewer than two usable periods carry no information and were left out.",
            int((units & ~never_treated).sum()),
            int((units & never_treated).sum()),
        )
    ]


def covariates_absorbed(names: Sequence[str]) -> list[Remark]:
    """Covariates without variation of their own."""
    if not names:
        return []
    return [
        Remark(
            "covariates_absorbed",
            f"Covariates without variation of their own (absorbed or collinear) were left out: {quote_names(names)}.",
        )
    ]


def missing_covariates(rows: int) -> list[Remark]:
    """Rows left out because a covariate is missing."""
    if not rows:
        return []
    return [Remark("missing_covariates", f"{rows} rows with a missing covariate were left out.")]


def few_clusters(n_clusters: int, n_treated_clusters: int, n_treated: int) -> list[Remark]:
    """Too few clusters, or too few that treatment reached."""
    found = []
    if n_clusters < FEW_CLUSTERS:
        found.append(
            Remark(
                "few_clusters",
                f"Only {n_clusters} clusters stand behind the standard errors; below {FEW_CLUSTERS} they tend "
                "to be too small.",
            )
        )
    if n_treated_clusters < FEW_TREATED_CLUSTERS:
        found.append(
            Remark(
                "few_treated_clusters",
                f"Treatment reached {n_treated_clusters} clusters; below {FEW_TREATED_CLUSTERS} the standard errors "
                "are too small, however many comparison clusters there are.",
                treated=n_treated,
            )
        )
    return found


def small_cohorts(sizes: Mapping[object, int]) -> list[Remark]:
    """Cohorts of few units, by label."""
    small = {label: size for label, size in sizes.items() if size < SMALL_COHORT}
    if not small:
        return []
    named = ", ".join(f"{label} ({size})" for label, size in small.items())
    return [
        Remark(
            "small_cohorts",
            f"Cohorts with fewer than {SMALL_COHORT} units: {named}. Their own errors are too small, as few units "
            "or one alone show little or no spread.",
            treated=sum(small.values()),
        )
    ]


def cells_left_out(names: Sequence[str], reason: str) -> list[Remark]:
    """Cells without an estimate."""
    if not names:
        return []
    return [Remark("cells_left_out", f"{len(names)} cells were left out ({quote_names(names)}): {reason}.")]

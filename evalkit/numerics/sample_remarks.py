"""What a reader must know about the units and clusters behind a regression estimate, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from evalkit.language import Phrases, say
from evalkit.language.nouns import quoted
from evalkit.vocabulary import BoolArray, Remark

SMALL_COHORT: Final = 5
"""Cohorts with fewer units show little or no spread of their own."""
FEW_CLUSTERS: Final = 30
"""Below this many clusters normal critical values reject too often."""
FEW_TREATED_CLUSTERS: Final = 10
"""Below this many treated clusters intervals are too short, however many comparison clusters there are."""
_LEFT_OUT: Final = {
    "no_comparison_units": "no unit is left to compare with",
    "no_treated_units": "no treated unit is observed in both periods",
    "too_few_comparison_units": "there are no more comparison units than regressors, so they show no spread",
    "covariates_without_support": "a covariate varies among treated units but not among comparison units",
    "no_overlap": "the propensity score reaches 0.999: treated units have no like among comparison units",
}
LEFT_OUT: Final = Phrases(_LEFT_OUT)
"""Why a two-period comparison has no estimate."""


def excluded_units(always: BoolArray, early: BoolArray, anticipation: int) -> list[Remark]:
    """Units treated throughout, and units without a period before they may react; (N,) True where so."""
    found = []
    if always.any():
        found.append(
            Remark(
                "always_treated_excluded",
                say(
                    "{always} units treated from the first period on were left out: they show no change at the "
                    "start, and are never a comparison.",
                    always=always.sum(),
                ),
                treated=int(always.sum()),
            )
        )
    if early.any():
        found.append(
            Remark(
                "no_base_period",
                say(
                    "{early} units were left out: no usable period precedes their start by more than the "
                    "{anticipation} periods of anticipation.",
                    early=early.sum(),
                    anticipation=anticipation,
                ),
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
            say(
                "{units} units with fewer than two usable periods carry no information and were left out.",
                units=int(units.sum()),
            ),
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
            say(
                "Covariates without variation of their own (absorbed or collinear) were left out: {names}.",
                names=quoted(names),
            ),
        )
    ]


def missing_covariates(rows: int) -> list[Remark]:
    """Rows left out because a covariate is missing."""
    if not rows:
        return []
    return [Remark("missing_covariates", say("{rows} rows with a missing covariate were left out.", rows=rows))]


def few_clusters(n_clusters: int, n_treated_clusters: int, n_treated: int) -> list[Remark]:
    """Too few clusters, or too few that treatment reached."""
    found = []
    if n_clusters < FEW_CLUSTERS:
        found.append(
            Remark(
                "few_clusters",
                say(
                    "Only {n_clusters} clusters stand behind the standard errors; below {few_clusters} they tend "
                    "to be too small.",
                    n_clusters=n_clusters,
                    few_clusters=FEW_CLUSTERS,
                ),
            )
        )
    if n_treated_clusters < FEW_TREATED_CLUSTERS:
        found.append(
            Remark(
                "few_treated_clusters",
                say(
                    "Treatment reached {n_treated_clusters} clusters; below {few_treated_clusters} the standard "
                    "errors are too small, however many comparison clusters there are.",
                    n_treated_clusters=n_treated_clusters,
                    few_treated_clusters=FEW_TREATED_CLUSTERS,
                ),
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
            say(
                "Cohorts with fewer than {small_cohort} units: {named}. Their own errors are too small, as "
                "few units or one alone show little or no spread.",
                small_cohort=SMALL_COHORT,
                named=named,
            ),
            treated=sum(small.values()),
        )
    ]


def cells_left_out(names: Sequence[str], reason: str) -> list[Remark]:
    """Cells without an estimate."""
    if not names:
        return []
    return [
        Remark(
            "cells_left_out",
            say(
                "{count} cells were left out ({names}): {reason}.", count=len(names), names=quoted(names), reason=reason
            ),
        )
    ]

"""What a reader of a `poisson_fixed_effects` estimate must know, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from evalkit.errors import quote_names
from evalkit.numerics import sample_remarks as say
from evalkit.vocabulary import BoolArray, Remark

LOG_RATIOS: Final = Remark(
    "log_link", "Effects are log rate ratios: exp(effect) multiplies the expected count. Trends are parallel in ratios."
)
seen_once = say.seen_once
missing_covariates = say.missing_covariates
few_clusters = say.few_clusters
absorbed = say.covariates_absorbed


def left_out(units: BoolArray, never_treated: BoolArray, why: str) -> Iterable[Remark]:
    """Units without an event, (N,) True where so, counted by arm."""
    if not units.any():
        return
    treated = int((units & ~never_treated).sum())
    comparison = int((units & never_treated).sum())
    yield Remark(
        "units_without_events",
        f"{int(units.sum())} units with {why} say nothing about a ratio and were left out ({treated} treated, "
        f"{comparison} comparison).",
        treated,
        comparison,
    )


def empty_periods(labels: Sequence[object]) -> Iterable[Remark]:
    """Periods in which nobody has an event, by label."""
    if labels:
        yield Remark("periods_without_events", f"In {quote_names(labels)} nobody has an event: left out.")


def separated(rows: BoolArray, never_treated: BoolArray) -> Iterable[Remark]:
    """Rows that a term fits perfectly, (N, T) True where so."""
    if not rows.any():
        return
    treated = int(rows[~never_treated].sum())
    yield Remark(
        "separated",
        f"{int(rows.sum())} rows without events were left out: a term that no row with events shares fits them with an "
        "infinite coefficient, which is not reported.",
        treated,
        int(rows.sum()) - treated,
    )

"""What a reader of a `poisson_fixed_effects` estimate must know, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from evalkit.language import mark, say
from evalkit.language.nouns import quoted
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.vocabulary import BoolArray, Remark

LOG_RATIOS: Final = Remark(
    "log_link",
    mark("Effects are log rate ratios: exp(effect) multiplies the expected count. Trends are parallel in ratios."),
)
seen_once = remarks_on.seen_once
missing_covariates = remarks_on.missing_covariates
few_clusters = remarks_on.few_clusters
absorbed = remarks_on.covariates_absorbed


def left_out(units: BoolArray, never_treated: BoolArray, why: str) -> Iterable[Remark]:
    """Units without an event, (N,) True where so, counted by arm."""
    if not units.any():
        return
    treated = int((units & ~never_treated).sum())
    comparison = int((units & never_treated).sum())
    yield Remark(
        "units_without_events",
        say(
            "{units} units with {why} say nothing about a ratio and were left out ({treated} treated, "
            "{comparison} comparison).",
            units=int(units.sum()),
            why=why,
            treated=treated,
            comparison=comparison,
        ),
        treated,
        comparison,
    )


def empty_periods(labels: Sequence[object]) -> Iterable[Remark]:
    """Periods in which nobody has an event, by label."""
    if labels:
        yield Remark("periods_without_events", say("In {labels} nobody has an event: left out.", labels=quoted(labels)))


def separated(rows: BoolArray, never_treated: BoolArray) -> Iterable[Remark]:
    """Rows that a term fits perfectly, (N, T) True where so."""
    if not rows.any():
        return
    treated = int(rows[~never_treated].sum())
    yield Remark(
        "separated",
        say(
            "{rows} rows without events were left out: a term that no row with events shares fits them "
            "with an infinite coefficient, which is not reported.",
            rows=int(rows.sum()),
        ),
        treated,
        int(rows.sum()) - treated,
    )

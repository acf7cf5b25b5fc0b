"""What a reader of an `extended_twfe` estimate must know, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from evalkit.language import phrase, say
from evalkit.language.nouns import quoted
from evalkit.numerics import sample_remarks as remarks_on
from evalkit.numerics.did_layout import Layout
from evalkit.vocabulary import BoolArray, FloatArray, IntArray, Remark

missing_covariates = remarks_on.missing_covariates


def left_out(always: BoolArray, layout: Layout, anticipation: int) -> Iterable[Remark]:
    """Units treated throughout or without a period before they may react; (N,) True where always treated."""
    yield from remarks_on.excluded_units(always, layout.no_clean_period & ~always, anticipation)


def unbalanced(weights: FloatArray, layout: Layout, family: str) -> Iterable[Remark]:
    """Units with missing rows."""
    gaps = (layout.group >= 0) & ((weights == 0.0) & ~_dropped(weights)).any(axis=1)
    if not gaps.any():
        return
    stays = layout.group == len(layout.cohorts)
    other = say(
        "{estimator} takes each by its own", estimator="imputation" if family == "linear" else "poisson_fixed_effects"
    )
    yield Remark(
        "unbalanced_rows_used",
        say(
            "{gaps} units are not observed in every period; their observed rows are used. Units enter by "
            "their cohort's mean level, so who is missing when must not go with the level; {other}.",
            gaps=int(gaps.sum()),
            other=other,
        ),
        treated=int((gaps & ~stays).sum()),
        comparison=int((gaps & stays).sum()),
    )


def no_comparison(periods: Sequence[object]) -> Iterable[Remark]:
    """Periods in which nobody is untreated, by label."""
    if periods:
        yield Remark(
            "periods_without_comparison",
            say(
                "In {periods} no unit is untreated: nothing there tells an effect from a change that all "
                "units share, and these periods were left out.",
                periods=quoted(periods),
            ),
        )


def without_events(
    unbounded: BoolArray, cohorts: Sequence[object], periods: Sequence[object], family: str
) -> Iterable[Remark]:
    """Cohorts and periods whose untreated rows hold no event (or nothing but events), (H, T) True where left out."""
    if not unbounded.any():
        return
    names = [*cohorts, phrase("the comparison group")]
    by_row = [say("{name} in {period}", name=names[h], period=periods[t]) for h, t in np.argwhere(unbounded)]
    what = phrase("no event" if family == "poisson" else "no event, or nothing but events")
    yield Remark(
        "separated",
        say(
            "Untreated rows with {what} in their cohort or period were left out, as no finite effect fits"
            " them ({by_row}).",
            what=what,
            by_row=quoted(by_row),
        ),
    )


def cells_left_out(names: Sequence[str]) -> Iterable[Remark]:
    """Cells without an estimate."""
    yield from remarks_on.cells_left_out(
        names, phrase("untreated rows do not say what to expect there, or hold no event")
    )


def scale(family: str, chosen: str) -> Iterable[Remark]:
    """What the effects are, and in which terms trends are parallel."""
    if family == "linear":
        return
    trends = phrase("ratios" if family == "poisson" else "odds")
    kind = phrase("rate ratios" if family == "poisson" else "risk ratios")
    effects = (
        say("Effects are logs of {kind}: exp(effect) multiplies the mean expected without treatment", kind=kind)
        if chosen == "ratio"
        else phrase("Effects are differences of means in the unit of the outcome")
    )
    yield Remark("scale", say("{effects}; trends are taken as parallel in {trends}.", effects=effects, trends=trends))


def leads_from_own_mean(count: int) -> Remark:
    """How cells before treatment were estimated."""
    return Remark(
        "leads_from_untreated_rows",
        say(
            "The {count} cells before treatment come from a separate fit to untreated rows. Each is "
            "measured from what its cohort's own level over these rows predicts, so no period is the "
            "reference.",
            count=count,
        ),
    )


NO_LEADS: Final = Remark(
    "leads_left_out",
    "No cells before treatment are shown: the separate fit to untreated rows that they come from has no maximum, or "
    "does not link them with units that stay untreated.",
)


def about_clusters(
    sizes: Mapping[object, int], weighted: bool, n_clusters: int, treated_clusters: IntArray, n_treated: int
) -> Iterable[Remark]:
    """Small cohorts, weights and few clusters."""
    yield from remarks_on.small_cohorts(sizes)
    if weighted:
        yield Remark(
            "sampling_weights",
            phrase(
                "Weights are sampling weights, in the regression, in each cell and, from the first period observed, in "
                "the cohort shares; a unit of weight 2 counts as two in every mean."
            ),
        )
    yield from remarks_on.few_clusters(n_clusters, len(np.unique(treated_clusters)), n_treated)


def _dropped(weights: FloatArray) -> BoolArray:
    """(T,) periods without a row."""
    return np.asarray(~(weights > 0.0).any(axis=0))

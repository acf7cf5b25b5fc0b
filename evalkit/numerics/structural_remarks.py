"""What a reader of a time-series estimate must know, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evalkit.language import mark, phrase, say
from evalkit.language.nouns import quoted
from evalkit.vocabulary import Remark

PREDICTIVE: Final = Remark(
    "predictive_interval",
    mark(
        "Credible intervals are of what would have been observed without the programme: they include the noise of the "
        "series itself, not only what is unknown about its mean."
    ),
)
NO_COMPARISON: Final = Remark(
    "no_comparison_series",
    mark(
        "Nothing but the treated series itself foretells what would have been: any other change after the start counts "
        "as the programme's."
    ),
)
COMPARISON_UNTOUCHED: Final = Remark(
    "comparison_untouched",
    mark(
        "The comparison series foretell what would have been; had the programme moved them as well, the effect would "
        "be wrong by that much."
    ),
)


def comparison_series(kept: int, dropped: int, averaged: bool) -> Remark:
    """Which comparison series foretell the treated one."""
    text = say(
        "{kept} comparison places enter as their average."
        if averaged
        else "{kept} comparison places enter each with a coefficient of its own.",
        kept=kept,
    )
    if dropped:
        text += say(" {dropped} with missing periods were left out.", dropped=dropped)
    return Remark("comparison_series", text, comparison=dropped)


def too_short(places: Sequence[str], least: int) -> Remark | None:
    """Treated places without enough periods before the start."""
    if not places:
        return None
    return Remark(
        "series_too_short",
        say(
            "{places}: fewer than {least} usable periods before the start, or none after it; left out.",
            places=quoted(places),
            least=least,
        ),
        treated=len(places),
    )


def constant_columns(names: Sequence[str]) -> Remark | None:
    """Regressors that do not vary before the start."""
    if not names:
        return None
    return Remark(
        "constant_columns",
        say("{names}: no variation before the start, so no coefficient; left out.", names=quoted(names)),
    )


def season(length: int | None, used: bool, harmonics: int | None) -> Remark | None:
    """What was done about the season, where the calendar has one."""
    if length is None:
        return None
    if not used:
        return Remark(
            "season_left_out",
            say(
                "The calendar has a season of {length} periods, and too few of them lie before the start to learn it.",
                length=length,
            ),
        )
    how = phrase("a free effect of each place in it") if harmonics is None else say("{count} waves", count=harmonics)
    return Remark("season", say("A season of {length} periods is taken out, by {how}.", length=length, how=how))


def donut(before: int, after: int) -> Remark | None:
    """Periods around the start that are left out."""
    if before + after == 0:
        return None
    return Remark(
        "donut",
        say(
            "{before} periods before the start and {after} from the start on are left out, of the fit and"
            " of the effect.",
            before=before,
            after=after,
        ),
    )


def shared_noise(correlation: float, places: int) -> Remark | None:
    """How the places' errors are taken to move together."""
    if places < 2:
        return None
    return Remark(
        "shared_noise",
        say(
            "The {places} treated places are fitted one by one; before the start their surprises "
            "correlate by {correlation:.2f}, which pooled effects allow for.",
            places=places,
            correlation=correlation,
        ),
    )


def earlier_programmes(labels: Sequence[str]) -> Remark | None:
    """Earlier interventions that enter as steps."""
    if not labels:
        return None
    return Remark(
        "earlier_programmes",
        say("Lasting changes from {labels} on are estimated and taken out.", labels=quoted(labels)),
    )

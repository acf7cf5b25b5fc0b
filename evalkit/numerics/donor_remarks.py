"""What a reader must know of a Bayesian synthetic control, in plain words."""

from __future__ import annotations

from typing import Final

from evalkit.language import mark, phrase, say
from evalkit.vocabulary import Remark

STRONG: Final = 0.4
"""Lag-one autocorrelation of the gaps before the start from which a remark is made."""

PREDICTIVE: Final = Remark(
    "predictive_intervals",
    mark(
        "Intervals of effects hold the noise of single periods as well as what is not known of the weights: a gap "
        "outside its interval is more than chance makes. The noise is taken to be independent from period to period."
    ),
)
PREDICTIVE_AR1: Final = Remark(
    "predictive_intervals",
    mark(
        "Intervals of effects hold the noise of single periods as well as what is not known of the weights: a gap "
        "outside its interval is more than chance makes. The noise may follow from one period to the next (AR(1)), and "
        "what the last period before the start knew of it is carried forward."
    ),
)
PRIOR_ONLY: Final = Remark(
    "prior_only",
    mark("The outcome before the start was ignored: the numbers show what the priors imply, not a finding."),
)


def prior_decides(donors: int, periods: int) -> Remark | None:
    """Where there are at least as many donors as periods to fit."""
    if donors < periods:
        return None
    return Remark(
        "more_donors_than_periods",
        say(
            "{donors} comparison units for {periods} periods before the start: many weightings fit as "
            "well as each other, and the prior chooses among them.",
            donors=donors,
            periods=periods,
        ),
        comparison=donors,
    )


def pull(span: tuple[float, float, float] | None) -> Remark | None:
    """How far the effect moves between priors, beside its own interval's width."""
    if span is None:
        return None
    low, high, width = span
    share = (high - low) / width if width > 0.0 else 0.0
    verdict = phrase(
        "the choice of prior moves the effect by more than half of what its interval allows for"
        if share > 0.5
        else "the choice of prior moves the effect little beside its interval"
    )
    return Remark(
        "prior_pull",
        say(
            "Under priors from very sparse (concentration 0.05) to flat (1) the effect runs from "
            "{low:.3g} to {high:.3g}: {verdict}.",
            low=low,
            high=high,
            verdict=verdict,
        ),
    )


def autocorrelated(value: float) -> Remark | None:
    """Where gaps before the start follow one another although the model takes them as independent."""
    if value < STRONG:
        return None
    return Remark(
        "autocorrelated_gaps",
        say(
            "Gaps before the start follow one another (correlation {value:.2f} from one period to the "
            "next), which the model leaves out: its interval of the average effect is too narrow. "
            "errors=ar1 allows for it.",
            value=value,
        ),
    )


def merged(targets: int, fitted: int, averaged: int) -> Remark:
    """Where units that start together were averaged."""
    gone = fitted - averaged
    left = say(" {gone} units observed in other periods than the rest were left out.", gone=gone) if gone > 0 else ""
    return Remark(
        "units_averaged",
        say(
            "The {averaged} treated units were averaged by start into {targets} series, each with weights"
            " of its own.{left} by=unit gives every unit its own weights.",
            averaged=averaged,
            targets=targets,
            left=left,
        ),
        treated=averaged,
    )


def pooled(targets: int) -> Remark:
    """Where effects were shrunk towards their mean."""
    return Remark(
        "effects_pooled",
        say(
            "The mean effects of the {targets} treated series are partially pooled: each is drawn towards"
            " their common mean, the more so the less its own data say. pooling=none leaves them alone.",
            targets=targets,
        ),
        treated=targets,
    )

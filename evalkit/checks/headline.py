"""Does the headline's interval exclude 0, and does a p-value made for few treated clusters agree?"""

from __future__ import annotations

from evalkit.checks.base import CheckContext
from evalkit.inference.refits import lead_of
from evalkit.language import phrase, say
from evalkit.vocabulary import CheckStatus


def excludes_zero(context: CheckContext) -> bool:
    """Whether the interval that is reported for the primary estimate, at the study's level, lies on one side of 0."""
    reported = context.estimate.reported
    if reported is not None:
        return not reported.low <= 0.0 <= reported.high
    overall = context.estimate.aggregation("overall", level=context.spec.design.level)
    return not overall.low[0] <= 0.0 <= overall.high[0]


def anticipation(context: CheckContext) -> int:
    """Periods before the start that the primary estimator leaves out of its comparison."""
    return lead_of(context.estimate, context.spec.design.anticipation)


def is_two_way(context: CheckContext) -> bool:
    """Whether the primary estimate is a static two-way coefficient: it states its forbidden share as a fact."""
    return "forbidden_share" in context.estimate.facts


def survival(p: float, alpha: float, smallest: float, excluded: bool) -> tuple[CheckStatus, str]:
    """Status of a check that asks whether the finding survives, with the sentence that says so.

    It fails where the headline's interval excludes 0 but p is above `alpha`: the headline then rests on
    an error that few treated clusters make too small. Where the interval includes 0 there is no finding
    to lose.
    """
    if not excluded:
        return "pass", phrase("The interval of the estimate includes 0, so no finding hangs on it.")
    if p <= alpha:
        return "pass", phrase("The interval of the estimate excludes 0, and this agrees.")
    out_of_reach = smallest > alpha
    reach = (
        say(" With so few places to choose from, no result could have gone below {smallest:.3g}.", smallest=smallest)
        if out_of_reach
        else ""
    )
    return "fail", (
        say(
            "The interval of the estimate excludes 0, but this does not support it: read the estimate"
            " by this p-value, not by its interval.{reach}",
            reach=reach,
        )
    )

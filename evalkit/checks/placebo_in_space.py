"""Would the same method have found as much in places where nothing happened?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.headline import excludes_zero, survival
from evalkit.language import mark, phrase, say
from evalkit.vocabulary import Diagnostic, Domain


class PlaceboInSpace(PanelCheck):
    """Rank of the treated among the places that were fitted as if they had been treated.

    With one treated unit the statistic is that of Abadie, Diamond and Hainmueller (2010, section 3.4): the mean squared
    gap after the start over that before it. With several, or where a fit is exact, it is the mean gap that the reported
    interval rests on. The p-value counts the treated unit itself, so that it cannot fall below one over the number of
    places; the check says so where that is above `alpha`.

    It reads the placebos that the estimator made (`synthetic_control`, `augmented_synthetic_control`, ...); for other
    estimators `randomization_inference` asks the same question by refitting.

    Parameters
    ----------
    alpha
        Level of the test.
    """

    name: ClassVar[str] = "placebo_in_space"
    null_in_words: ClassVar[str] = mark(
        "The programme changed nothing, so the treated place stands out no more than any other place would."
    )
    domain: ClassVar[Domain] = "estimation"

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Read the placebos of the estimate."""
        facts = context.estimate.facts
        if "placebo_p" not in facts:
            return self.result(
                "not_run",
                phrase(
                    "This estimator fits no placebos in space; the check 'randomization_inference' asks the "
                    "same by refitting it for other places."
                ),
            )
        ratio = "rmspe_ratio_p" in facts
        p = facts["rmspe_ratio_p"] if ratio else facts["placebo_p"]
        smallest = facts["placebo_smallest_p"]
        excluded = excludes_zero(context)
        status, verdict = survival(p, self.alpha, smallest, excluded)
        count = round(facts["placebos"])
        if ratio:
            rank, among = round(facts["rmspe_ratio_rank"]), round(facts["rmspe_ratio_units"])
            found = say(
                "After the start the treated place departs from its fit {rmspe_ratio:.3g} times as far as"
                " before it: rank {rank} of {among} places, the others fitted as if they had been treated",
                rmspe_ratio=facts["rmspe_ratio"],
                rank=rank,
                among=among,
            )
        else:
            rank = round(p * (count + 1))
            found = say(
                "The effect ranks {rank} of {count}, beside {count_2} placebos of other places",
                rank=rank,
                count=count + 1,
                count_2=count,
            )
        reach = (
            say(
                " With {count} placebos no result could go below {smallest:.2g}: this test cannot support a finding.",
                count=count,
                smallest=smallest,
            )
            if smallest > self.alpha
            else ""
        )
        return self.result(
            status,
            say(
                "{found} (p = {p:.2g}; the smallest that could be reached is {smallest:.2g}).{reach} {verdict}",
                found=found,
                p=p,
                smallest=smallest,
                reach=reach,
                verdict=verdict,
            ),
            statistic="placebo_p",
            value=p,
            threshold=self.alpha,
            rank=float(rank),
            placebos=float(count),
            smallest_p=smallest,
            p_of_mean_gap=facts["placebo_p"],
            interval_excludes_zero=float(excluded),
        )

"""Did the model, before it saw the data, think data like these possible?"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.posterior import predictive_exhibit, predictive_of
from evalkit.checks.wording import two_digits
from evalkit.language import mark, phrase, say
from evalkit.numerics.predictive_checks import compare
from evalkit.uncertainty import Predictive
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain

SIZES = ("spread", "largest value")
"""Statistics that a wide prior makes larger than those of any data; how wide is judged apart."""


class PriorPredictive(PanelCheck):
    """Statistics of the data beside those of data replicated by the prior (Box 1980; Gabry et al. 2019).

    A prior that rules the data out fights with them; one that spreads its data a hundred times as wide as
    any real data were speaks of another scale than the outcome's. Between the two a prior is merely wide: data that
    spread less than most of what it expected, as data do under any weakly informative prior, are no conflict.

    Parameters
    ----------
    level
        Central part of the prior's replications that a statistic of the data should lie in; spread and largest value
        may lie below it.
    least_share
        Share of the statistics inside below which the check fails; between it and 1 it warns.
    widest
        Spread of the prior's data over that of the observed data above which the scale is implausible (warns).
    """

    name: ClassVar[str] = "prior_predictive"
    null_in_words: ClassVar[str] = mark("Before it saw the data the model thought data like these possible.")
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.99
    least_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    widest: Annotated[float, Field(gt=1.0)] = 100.0

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Hold the data's statistics against the prior's."""
        predictive = predictive_of(context)
        if not isinstance(predictive, Predictive):
            return self.result(*predictive)
        if predictive.prior_replicated is None:
            return self.result(
                "not_run", phrase("Part of the prior is flat, so it makes no data that these could be compared with.")
            )
        compared = compare(
            predictive.observed,
            predictive.prior_replicated,
            predictive.period,
            series=predictive.series,
            fitted=False,
        )
        outside = [
            f"{each.name} {'smaller' if each.p > 0.5 else 'larger'}"
            for each in compared
            if not each.inside(self.level) and not (each.name in SIZES and each.p > 0.5)
        ]
        share = 1.0 - len(outside) / len(compared)
        spread = float(np.median(predictive.prior_replicated.std(axis=1)))
        observed = float(predictive.observed.std())
        ratio = spread / observed if observed > 0.0 else float("inf")
        too_wide = ratio > self.widest
        status: CheckStatus = "fail" if share < self.least_share else "warn" if outside or too_wide else "pass"
        found = (
            say(
                "Before it saw the data the model thought data like these hardly possible in {outside} of"
                " {compared} respects ({listed} than it expected).",
                outside=len(outside),
                compared=len(compared),
                listed=", ".join(outside),
            )
            if outside
            else say(
                "Before it saw the data the model thought data like these possible in all {compared} respects.",
                compared=len(compared),
            )
        )
        times = "about" if 0.5 < ratio < 2.0 else say("{ratio} times", ratio=two_digits(ratio))
        wide = say(" It expected data to spread {times} as wide as they do", times=times) if np.isfinite(ratio) else ""
        told = self.result(
            status,
            f"{found}{wide}{', which is no plausible scale' if too_wide and wide else ''}{'.' if wide else ''}",
            statistic="share_inside",
            value=share,
            threshold=self.least_share,
            spread_ratio=ratio,
            n_replications=float(len(predictive.prior_replicated)),
        )
        return exhibiting(told, predictive_exhibit(compared, self.level, fitted=False))

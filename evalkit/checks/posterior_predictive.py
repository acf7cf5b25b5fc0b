"""Would the fitted model have made data like these?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.posterior import predictive_exhibit, predictive_of
from evalkit.language import mark, phrase, say
from evalkit.numerics.predictive_checks import Compared, compare, own_contrast
from evalkit.uncertainty import Predictive
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain


class PosteriorPredictive(PanelCheck):
    """Statistics of the data beside those of data replicated by the posterior (Gelman, Meng and Stern 1996).

    Mean, spread, largest value, memory from one period to the next, and the statistic that the effect is
    computed from. It fails where the last is unlike the replications, and warns where another is.

    Parameters
    ----------
    low, high
        Posterior predictive p-values outside these are unlike the data.
    """

    name: ClassVar[str] = "posterior_predictive"
    null_in_words: ClassVar[str] = mark("Data made by the fitted model look like the data that were observed.")
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    low: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    high: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Compare observed with replicated statistics."""
        predictive = predictive_of(context)
        if not isinstance(predictive, Predictive):
            return self.result(*predictive)
        contrast = predictive.contrast or own_contrast(predictive.period, predictive.before)
        compared = compare(
            predictive.observed, predictive.replicated, predictive.period, series=predictive.series, contrast=contrast
        )
        unlike = [each for each in compared if not self.low <= each.p <= self.high]
        own = next((each for each in compared if each.own), None)
        own_unlike = own in unlike
        judged = own if own is not None and (own_unlike or not unlike) else _farthest(unlike or list(compared))
        status: CheckStatus = "fail" if own_unlike else "warn" if unlike else "pass"
        told = self.result(
            status,
            self._reading(compared, unlike),
            statistic="posterior_predictive_p",
            value=judged.p,
            threshold=self.low if judged.p < 0.5 else self.high,
            own_statistic=float(judged.own),
            n_replications=float(len(predictive.replicated)),
            **{f"p_{_slug(each)}": each.p for each in compared},
        )
        return exhibiting(told, predictive_exhibit(compared, round(self.high - self.low, 9), fitted=True))

    def _reading(self, compared: tuple[Compared, ...], unlike: list[Compared]) -> str:
        if not unlike:
            looked = ", ".join(each.name for each in compared)
            return say(
                "Data made by the fitted model look like the real data in all {compared} respects ({looked}).",
                compared=len(compared),
                looked=looked,
            )
        found = "; ".join(f"{each.name}{' (what the effect is read from)' * each.own}, {_how(each)}" for each in unlike)
        return say(
            "Data made by the fitted model differ from the real data in {unlike} of {compared} respects: {found}.",
            unlike=len(unlike),
            compared=len(compared),
            found=found,
        )


def _farthest(among: list[Compared]) -> Compared:
    return max(among, key=lambda each: abs(each.p - 0.5))


def _how(compared: Compared) -> str:
    side = "smaller" if compared.p > 0.5 else "larger"
    share = compared.p if compared.p < 0.5 else 1.0 - compared.p
    said = phrase("hardly any") if share < 0.005 else say("{share:.0f} in 100", share=100.0 * share)
    return say("{side} in the real data than in all but {said} of the model's", side=side, said=said)


def _slug(compared: Compared) -> str:
    return "own" if compared.own else compared.name.replace(" ", "_")

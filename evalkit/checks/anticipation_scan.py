"""Would the answer change if people had seen the programme coming?"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy import stats

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.refit import accepts, error_of_difference, overall, refit
from evalkit.checks.wording import amount
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.vocabulary import Diagnostic, Domain, Exhibit


class AnticipationScan(PanelCheck):
    """Repeat the primary estimate with each number of anticipation periods from 0 to `periods`.

    With anticipation a, effects are measured from the period a + 1 before the start, so that changes in
    the a periods before it no longer count as the level without the programme.

    Parameters
    ----------
    periods
        Most periods of anticipation to allow.
    alpha
        Level of the test that the answers differ, over all numbers of periods together.
    """

    name: ClassVar[str] = "anticipation_scan"
    null_in_words: ClassVar[str] = mark("Nobody acted before the start: allowing for it leaves the answer as it is.")
    domain: ClassVar[Domain] = "confounding"

    periods: Annotated[int, Field(ge=1, le=12)] = 2
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Refit with each number of anticipation periods."""
        estimator = context.estimate.estimator
        if not accepts(estimator, "anticipation"):
            return self.result(
                "not_run", say("The estimator {estimator} has no setting for anticipation.", estimator=estimator)
            )
        own = int(context.estimate.settings["anticipation"])
        fits: dict[int, Estimate] = {own: context.estimate}
        skipped: list[str] = []
        for allowed in sorted({*range(self.periods + 1)} - {own}):
            try:
                fits[allowed] = refit(context, context.panel, {"anticipation": allowed})
            except EvalkitError as error:
                skipped.append(f"{allowed} ({why(error).rstrip('.')})")
        if len(fits) < 2:
            return self.result(
                "not_run", say("No other number of periods could be tried: {listed}.", listed="; ".join(skipped))
            )
        return self._told(context, dict(sorted(fits.items())), skipped, own)

    def _told(
        self, context: CheckContext, fits: dict[int, Estimate], skipped: list[str], own: int
    ) -> tuple[Diagnostic, ...]:
        found = {allowed: overall(context, fitted) for allowed, fitted in fits.items()}
        effects = {allowed: float(rows.estimate[0]) for allowed, rows in found.items()}
        others = [allowed for allowed in fits if allowed != own]
        p_values = [_p_of_difference(fits[own], fits[allowed], effects[own] - effects[allowed]) for allowed in others]
        smallest = min(1.0, len(others) * min(p_values))  # Bonferroni over the numbers of periods compared
        differs = smallest < self.alpha
        trouble = say(" Not estimable with {listed}.", listed="; ".join(skipped)) if skipped else ""
        moved = (
            phrase("They differ by more than random error would make them differ: the answer depends on it.")
            if differs
            else phrase("They differ by no more than random error could make them differ.")
        )
        lowest, highest = min(effects.values()), max(effects.values())
        told = self.result(
            "warn" if differs else "pass",
            say(
                "Allowing for {listed} to {listed_2} periods of acting before the start, the overall "
                "effect runs from {amount} to {amount_2} ({amount_3} with the {own} that the study "
                "declares). {moved}{trouble}",
                listed=min(fits),
                listed_2=max(fits),
                amount=amount(context, lowest),
                amount_2=amount(context, highest),
                amount_3=amount(context, effects[own]),
                own=own,
                moved=moved,
                trouble=trouble,
            ),
            statistic="p_value",
            value=smallest,
            threshold=self.alpha,
            lowest=lowest,
            highest=highest,
            declared=float(own),
        )
        table = {
            "anticipation": tuple(fits),
            "n_treated": tuple(fitted.n_treated_units for fitted in fits.values()),
            "estimate": tuple(effects.values()),
            "low": tuple(float(rows.low[0]) for rows in found.values()),
            "high": tuple(float(rows.high[0]) for rows in found.values()),
            "declared": tuple(allowed == own for allowed in fits),
        }
        exhibit = Exhibit("anticipation_scan", table, counts=("n_treated",), labels=("anticipation",))
        return exhibiting(told, exhibit)


def _p_of_difference(one: Estimate, other: Estimate, difference: float) -> float:
    """Two-sided p-value of "both have the same effect"; from both errors for posteriors, whose draws are not paired."""
    error = error_of_difference(one, other)
    if error is None:
        own, changed = (float(each.aggregation("overall").std_error[0]) for each in (one, other))
        error = float(np.hypot(own, changed))
    return float(2.0 * stats.norm.sf(abs(difference) / error)) if error > 0.0 else 1.0

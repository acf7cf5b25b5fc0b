"""Did the comparison follow the treated before the start?"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.headline import anticipation
from evalkit.checks.wording import amount
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say
from evalkit.vocabulary import BoolArray, CheckStatus, Diagnostic, Domain, FloatArray

EXACT = 1e-6
"""Share of the outcome's spread below which a fit counts as exact."""


class PreFit(PanelCheck):
    """Root mean squared gap between observed and fitted before the start (RMSPE), held against the outcome's spread.

    The spread is the standard deviation of the outcome over the places and periods before the start. A comparison that
    follows the treated within a tenth of it passes; beyond a quarter, the baseline difference at which the What Works
    Clearinghouse (handbook 5.0) takes no adjustment as enough, the check fails. Of several treated units the mean
    square counts, and the worst is named.

    A fit that is exact proves nothing: with more donors than periods one can always be had. It warns.

    Parameters
    ----------
    passes, fails
        Shares of the outcome's standard deviation.
    """

    name: ClassVar[str] = "pre_fit"
    null_in_words: ClassVar[str] = mark("Before the start, what the treated are compared with follows them closely.")
    domain: ClassVar[Domain] = "confounding"

    passes: Annotated[float, Field(gt=0.0)] = 0.10
    fails: Annotated[float, Field(gt=0.0)] = 0.25

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Compare the gaps before the start with the outcome's spread."""
        estimate = context.estimate
        if estimate.leads_from == "previous":
            return self.result(
                "not_run", phrase("Effects before the start are changes from period to period, not gaps.")
            )
        before = _before(estimate, anticipation(context))
        if not before.any():
            return self.result("not_run", phrase("The estimate says nothing of the time before the start."))
        spread = _spread(context)
        if not spread > 0.0:
            return self.result("not_run", phrase("The outcome does not vary before the start."))
        errors, names = _errors(estimate, before)
        error = float(np.sqrt((errors**2).mean()))
        share = error / spread
        exact = share <= EXACT
        status: CheckStatus = "fail" if share > self.fails else "warn" if share > self.passes or exact else "pass"
        if exact:
            fitted = phrase(
                "The fit before the start is exact, which many places can give in few periods whatever the truth"
            )
        else:
            said = {"pass": "closely", "warn": "only roughly", "fail": "badly"}[status]
            fitted = say(
                "Before the start the comparison follows the treated {said}: the typical gap is {amount},"
                " {share:.2g} % of the outcome's standard deviation",
                said=said,
                amount=amount(context, error),
                share=100.0 * share,
            )
        worst = int(np.argmax(errors))
        named = (
            say(
                "; it is largest for {names} ({amount})",
                names=names[worst],
                amount=amount(context, float(errors[worst])),
            )
            if len(names) > 1
            else ""
        )
        return self.result(
            status,
            f"{fitted}{named}.",
            statistic="rmspe_over_sd",
            value=share,
            threshold=self.fails,
            rmspe=error,
            outcome_sd=spread,
            largest_rmspe=float(errors[worst]),
            n_pre_periods=float(np.unique(estimate.cells.period[before]).size),
        )


def _before(estimate: Estimate, lead: int) -> BoolArray:
    """(K,) cells before the start and its anticipation that are not 0 by construction."""
    cells = estimate.cells
    known = ~cells.is_reference & ~np.isnan(cells.estimate)
    return np.asarray(known & (cells.event_time < -lead) & (cells.event_time != np.iinfo(np.int64).min))


def _errors(estimate: Estimate, before: BoolArray) -> tuple[FloatArray, list[str]]:
    """Root mean squared gap of each treated unit, or of each cohort where effects are not of units."""
    cells = estimate.cells
    groups = cells.cohort if cells.unit is None else cells.unit
    found = np.unique(groups[before])
    errors = np.array([np.sqrt((cells.estimate[before & (groups == each)] ** 2).mean()) for each in found])
    if cells.unit is None:
        return errors, [
            say("the places that start in {text}", text=estimate.calendar.text(int(each))) for each in found
        ]
    return errors, [estimate.unit_names[each] for each in found]


def _spread(context: CheckContext) -> float:
    """Standard deviation of the outcome over all units and the periods before the first start."""
    panel = context.panel
    first = panel.cohorts.min(initial=panel.time[-1] + 1)
    values = panel.outcome[:, panel.time < first - anticipation(context)]
    return float(np.nanstd(values)) if np.isfinite(values).any() else 0.0

"""How much does the static two-way coefficient count each cohort and period, and are some counted negatively?"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.headline import anticipation, is_two_way
from evalkit.checks.wording import NO_ONE_START, amount
from evalkit.data.panel import Panel
from evalkit.inference.refits import anticipated
from evalkit.language import mark, phrase, say
from evalkit.numerics.static_two_way import StaticTwoWay, fit_static_two_way
from evalkit.numerics.twfe_weights import CellWeights, cell_weights, spread_for_opposite, spread_for_zero
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain, Exhibit, IntArray

MOST_ROWS = 60
"""Cells shown one by one; with more, they are added up by event time."""
MOST_TOLD = 20.0
"""Spreads of more than this many coefficients are no warning, and not told."""
NEGLIGIBLE = 1e-9
"""Weights this close to 0 are rounding."""


class TwfeWeights(PanelCheck):
    """Weights of the effects by cohort and period in the static two-way coefficient.

    By de Chaisemartin and D'Haultfoeuille (2020): under parallel trends the coefficient is a weighted sum
    of these effects, and the weights of early cohorts in late periods may be negative. Reported besides:
    how far effects would have to differ for the coefficient to mislead (their corollary 1). It can fail
    only where the primary estimate is that coefficient; beside another estimator it warns.

    Parameters
    ----------
    fail
        It fails where the negative weights add up to this or more, in absolute value (a convention of this
        project), and warns where there are any.

    Notes
    -----
    For the coefficient without covariates. Unbalanced panels and sampling weights are taken as they are.
    """

    name: ClassVar[str] = "twfe_weights"
    null_in_words: ClassVar[str] = mark("The two-way coefficient counts no cohort and period negatively.")
    domain: ClassVar[Domain] = "estimation"

    fail: Annotated[float, Field(gt=0.0)] = 0.1

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Regress treatment on the effects and add up its residuals."""
        panel = context.panel
        if panel.dose is not None:
            return self.result("not_run", NO_ONE_START)
        fit = fit_static_two_way(
            panel.outcome,
            panel.treated,
            panel.cluster_codes,
            weights=panel.weight,
            left_out=anticipated(panel, panel.first_treated, anticipation(context)),
        )
        if fit is None:
            return self.result("not_run", phrase("The two-way coefficient of this panel cannot be estimated."))
        starts, cohort = np.unique(panel.first_treated, return_inverse=True)
        cells = cell_weights(fit.treatment, fit.weights, panel.treated & (fit.weights > 0.0), cohort)
        negative = cells.weight < -NEGLIGIBLE
        total = abs(float(cells.weight[negative].sum()))
        spreads = {
            "spread_for_zero": spread_for_zero(fit.coefficient, cells),
            "spread_for_opposite": spread_for_opposite(fit.coefficient, cells),
        }
        result = self.result(
            self._status(context, total),
            _reading(context, fit, int(negative.sum()), total, spreads),
            statistic="negative_weight",
            value=total,
            threshold=self.fail,
            coefficient=fit.coefficient,
            cells=float(cells.weight.size),
            negative_cells=float(negative.sum()),
            smallest_relative_weight=float(cells.relative.min()),
            largest_relative_weight=float(cells.relative.max()),
            **{name: value for name, value in spreads.items() if np.isfinite(value)},
        )
        if cells.weight.size < 2:
            return result
        return exhibiting(result, _exhibit(panel, fit, cells, starts))

    def _status(self, context: CheckContext, total: float) -> CheckStatus:
        if total == 0.0:
            return "pass"
        return "fail" if is_two_way(context) and total >= self.fail else "warn"


def _reading(context: CheckContext, fit: StaticTwoWay, count: int, total: float, spreads: dict[str, float]) -> str:
    whole = amount(context, fit.coefficient, two_way=True)
    said = (
        say(
            "The two-way coefficient ({whole}) counts {count} cells (a cohort in a period) "
            "negatively: {total:.2f} together, of a total weight of 1.0.",
            whole=whole,
            count=count,
            total=total,
        )
        if count
        else say("The two-way coefficient ({whole}) counts every cohort and period positively.", whole=whole)
    )
    told = [spread < MOST_TOLD * abs(fit.coefficient) for spread in spreads.values()]
    zero, opposite = (
        amount(context, spread, signed=False, two_way=True) if tell else ""
        for spread, tell in zip(spreads.values(), told, strict=True)
    )
    if zero:
        said += say(
            " If effects differ between cells by a standard deviation of {zero} or more, their "
            "average may be zero all the same",
            zero=zero,
        )
        said += say(", and from {opposite} on all may have the other sign.", opposite=opposite) if opposite else "."
    if count and not is_two_way(context):
        said += phrase(" The primary estimate is another one and does not use this coefficient.")
    return said


def _exhibit(panel: Panel, fit: StaticTwoWay, cells: CellWeights, starts: IntArray) -> Exhibit:
    """One row a cell; the plain average would count each by its share."""
    event_time: IntArray = panel.time[cells.column] - starts[cells.cohort]
    used = fit.weights > 0.0
    members = [used[panel.first_treated == start].sum(axis=0) for start in starts]
    n_treated = np.array([members[g][t] for g, t in zip(cells.cohort, cells.column, strict=True)])
    texts = [panel.calendar.text(int(start)) for start in starts[cells.cohort]]
    periods = [panel.calendar.text(int(time)) for time in panel.time[cells.column]]
    share, weight = cells.share, cells.weight
    if len(share) > MOST_ROWS:
        event_time, member = np.unique(event_time, return_inverse=True)
        share, weight = (np.bincount(member, each).astype(np.float64) for each in (share, weight))
        n_treated = np.bincount(member, n_treated).astype(np.int64)
        texts = periods = ["all"] * len(event_time)
    table: dict[str, tuple[object, ...]] = {
        "cohort": tuple(texts),
        "period": tuple(periods),
        "event_time": tuple(int(time) for time in event_time),
        "n_treated": tuple(int(count) for count in n_treated),
        "share": tuple(map(float, share)),
        "weight": tuple(map(float, weight)),
        "relative": tuple(map(float, weight / share)),
    }
    return Exhibit("twfe_weights", table, counts=("n_treated",), labels=("event_time",), about="cohorts")

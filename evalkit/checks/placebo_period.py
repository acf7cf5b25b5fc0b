"""Pretend that the programme began earlier: the effect must be zero."""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.wording import amount
from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.language import mark, phrase, say, why
from evalkit.numerics.switching_paths import dose_paths
from evalkit.vocabulary import NEVER, Diagnostic, Domain, FloatArray


class PlaceboPeriod(PanelCheck):
    """Fit the same estimator to untreated periods only, with the start moved earlier.

    Periods from the real start on (and the anticipation periods before it) are removed from the
    treated units, so nothing the programme did can show. A dose takes its first other value at the placebo start.

    Parameters
    ----------
    periods_earlier
        How far the start is moved.
    alpha
        Level of the test.
    """

    name: ClassVar[str] = "placebo_period"
    null_in_words: ClassVar[str] = mark(
        "A programme that had not begun yet changed nothing: the placebo effect is zero."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    periods_earlier: Annotated[int, Field(ge=1)] = 2
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Fit the placebo and test its overall effect."""
        panel = shifted_start(context.panel, self.periods_earlier, context.spec.design.anticipation)
        try:
            estimate = context.fit(panel)
            placebo = estimate.aggregation("overall")
        except EvalkitError as error:
            return self.result("not_run", say("The placebo start could not be estimated: {what}", what=why(error)))
        effect, error_size = float(placebo.estimate[0]), float(placebo.std_error[0])
        low, high = float(placebo.low[0]), float(placebo.high[0])
        own = estimate.own
        if own is not None and np.isfinite(own.p_value):  # what the design itself would report
            low, high = own.low, own.high
        excludes = not low <= 0.0 <= high
        if own is not None and np.isfinite(own.p_value):
            value, statistic = own.p_value, f"{own.method}_p"
        elif placebo.draws is not None:
            beyond = float(np.mean(placebo.draws[:, 0] > 0.0))
            value, statistic = 2.0 * min(beyond, 1.0 - beyond), "posterior_two_sided_tail"
        else:
            value, statistic = float(placebo.p_values()[0]), "p_value"
        failed = value < self.alpha
        word = phrase("differs from zero") if failed else phrase("is compatible with zero")
        return self.result(
            "fail" if failed else "pass",
            say(
                "Moving the start {periods_earlier} periods earlier gives a placebo effect of {amount} "
                "({amount_2} to {amount_3}), which {word}.",
                periods_earlier=self.periods_earlier,
                amount=amount(context, effect),
                amount_2=amount(context, low),
                amount_3=amount(context, high),
                word=word,
            ),
            statistic=statistic,
            value=value,
            threshold=self.alpha,
            effect=effect,
            std_error=error_size,
            low=low,
            high=high,
            interval_excludes_zero=float(excludes),
        )


def shifted_start(panel: Panel, periods: int, anticipation: int) -> Panel:
    """The panel before treatment, as if every start lay `periods` (and the anticipation) earlier."""
    if panel.dose is not None:
        return _shifted_dose(panel, panel.dose, periods, anticipation)
    start = panel.first_treated
    inside = ~panel.never_treated
    real = np.where(inside, start, NEVER)
    untouched = panel.when < (np.where(inside, real - anticipation, NEVER))[:, None]
    return dataclasses.replace(
        panel,
        outcome=np.where(untouched, panel.outcome, np.nan),
        first_treated=np.where(inside, start - anticipation - periods, NEVER),
    )


def _shifted_dose(panel: Panel, dose: FloatArray, periods: int, anticipation: int) -> Panel:
    """The panel before any dose changed, as if each had taken its first other value earlier."""
    paths = dose_paths(dose, panel.time)
    changes = paths.first != NEVER
    start = np.where(changes, paths.first, 0)[:, None] - anticipation
    gone = changes[:, None] & (panel.time >= start)
    if paths.unclear is not None:
        gone |= paths.unclear
    earlier = changes[:, None] & (panel.time >= start - periods)
    return dataclasses.replace(
        panel,
        outcome=np.where(gone, np.nan, panel.outcome),
        first_treated=np.where(changes, start[:, 0] - periods, NEVER),
        dose=np.where(earlier, paths.reached[:, None], paths.levels[paths.level][:, None]),
    )

"""Does the answer hang on one cohort?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from scipy import stats

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.wording import amount
from evalkit.data.keep import keep_units
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.vocabulary import Diagnostic, Domain, Exhibit

Row = tuple[str, int, float, float, float]
"""What was left out ("" for nothing), treated units, estimate, low, high."""


class LeaveOneCohortOut(PanelCheck):
    """Repeat the primary estimate without each treated cohort in turn.

    Also reports how much the cohorts' own effects differ beyond chance: I squared (Higgins and
    Thompson 2002) and whether any of them point the other way.
    """

    name: ClassVar[str] = "leave_one_cohort_out"
    null_in_words: ClassVar[str] = mark("No single cohort carries the answer: leaving one out keeps its sign.")
    domain: ClassVar[Domain] = "selection"
    repeated_cross_sections: ClassVar[bool] = True

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Refit without each cohort."""
        cohorts = context.panel.cohorts
        if len(cohorts) < 2:
            return self.result(
                "not_run", phrase("There is one treated cohort only; nothing is left when it is left out.")
            )
        rows = [_row("", context.estimate)]
        skipped: list[str] = []
        for cohort in cohorts:
            try:
                reduced = context.fit(keep_units(context.panel, context.panel.first_treated != cohort))
            except EvalkitError as error:
                skipped.append(f"{context.panel.calendar.text(int(cohort))} ({why(error)})")
                continue
            rows.append(_row(context.panel.calendar.text(int(cohort)), reduced))
        full, effects = rows[0][2], [row[2] for row in rows[1:]]
        if not effects:
            return self.result("not_run", say("No cohort could be left out: {listed}", listed="; ".join(skipped)))
        same = sum(np.sign(effect) == np.sign(full) for effect in effects)
        heterogeneity = _heterogeneity(context.estimate)
        trouble = say(" Not estimable without: {listed}.", listed="; ".join(skipped)) if skipped else ""
        result = self.result(
            "pass" if same == len(effects) else "warn",
            say(
                "Leaving out one cohort at a time, the overall effect runs from {amount} to {amount_2} "
                "({amount_3} with all); it keeps its sign in {same} of {effects}.{trouble}",
                amount=amount(context, min(effects)),
                amount_2=amount(context, max(effects)),
                amount_3=amount(context, full),
                same=same,
                effects=len(effects),
                trouble=trouble,
            ),
            statistic="same_sign_share",
            value=same / len(effects),
            threshold=1.0,
            lowest=min(effects),
            highest=max(effects),
            n_skipped=float(len(skipped)),
            **heterogeneity,
        )
        return exhibiting(result, leave_one_out_exhibit(rows, "cohorts"))


def leave_one_out_exhibit(rows: Sequence[Row], about: Literal["cohorts", "units"]) -> Exhibit:
    """The figure of effects without one cohort, or unit, at a time; the first row is the effect with all."""
    columns = ("left_out", "n_treated", "estimate", "low", "high")
    return Exhibit(
        "leave_one_out", dict(zip(columns, zip(*rows, strict=True), strict=True)), counts=("n_treated",), about=about
    )


def _row(left_out: str, estimate: Estimate) -> Row:
    overall = estimate.aggregation("overall")
    value, low, high = (float(bound[0]) for bound in (overall.estimate, overall.low, overall.high))
    return left_out, estimate.n_treated_units, value, low, high


def _heterogeneity(estimate: Estimate) -> dict[str, float]:
    """I squared over cohort effects and whether two cohorts' intervals lie on opposite sides of zero."""
    try:
        rows = estimate.aggregation("cohort")
    except EvalkitError:
        return {}
    use = rows.std_error > 0.0
    effect, precision = rows.estimate[use], 1.0 / rows.std_error[use] ** 2
    if len(effect) < 2:
        return {}
    mean = float(precision @ effect / precision.sum())
    q, degrees = float(precision @ (effect - mean) ** 2), len(effect) - 1
    opposite = bool((rows.low[use] > 0.0).any() and (rows.high[use] < 0.0).any())
    return {
        "i_squared": max(0.0, (q - degrees) / q) if q > 0.0 else 0.0,
        "heterogeneity_p": float(stats.chi2.sf(q, degrees)),
        "sign_reversal": float(opposite),
    }

"""Were treated and comparison places alike before the first start?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.headline import anticipation
from evalkit.language import mark, phrase, say
from evalkit.numerics.balance import Overlap, overlap, standardized_difference, unit_means, unit_slopes
from evalkit.vocabulary import BoolArray, CheckStatus, Diagnostic, Domain, Exhibit, FloatArray

LEVEL, TREND = mark("outcome: level"), mark("outcome: trend")


@dataclass(frozen=True, slots=True)
class _Measure:
    """One thing compared: values by unit, and the standardized difference, plain and weighted."""

    name: str
    values: FloatArray
    g: float | None
    weighted: float | None = None


class Balance(PanelCheck):
    """Standardized differences before the first start, and the overlap of propensity scores.

    Compared are the level and the trend of the outcome and every declared confounder (data.covariates), each unit by
    its mean (trend: its slope) over the periods before the first start, less any anticipation. With confounders, a
    logit of being treated weighs the comparison units by their odds; what is left of the differences, how
    many units these weights leave in effect, and the heaviest weight are told too.

    Parameters
    ----------
    passes, fails
        Marks of the What Works Clearinghouse (5.0): up to `passes` standard deviations nothing is asked, up to `fails`
        the confounder must be adjusted for, beyond it the check fails. The row `baseline` of the
        rating applies the same rule. Differences of the outcome itself warn: difference-in-differences removes
        those of its level, and `pre_trends` judges those of its trend.

    Notes
    -----
    Treated units that start within the window against never-treated ones; each unit counts once.
    """

    name: ClassVar[str] = "balance"
    null_in_words: ClassVar[str] = mark("Treated and comparison places were alike before the first start.")
    domain: ClassVar[Domain] = "confounding"

    passes: Annotated[float, Field(gt=0.0)] = 0.05
    fails: Annotated[float, Field(gt=0.0)] = 0.25

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Compare the arms."""
        panel, spec = context.panel, context.spec
        treated, comparison = ~panel.never_treated & ~panel.always_treated, panel.never_treated
        if min(int(treated.sum()), int(comparison.sum())) < 2:
            return self.result("not_run", phrase("There are not two treated and two never-treated places to compare."))
        before = panel.time < panel.cohorts[0] - anticipation(context)
        if not before.any():
            return self.result("not_run", phrase("There is no period before the first start to compare the arms in."))
        names = [name for name in spec.data.covariates if name in panel.covariates]
        values = {LEVEL: unit_means(panel.outcome[:, before])}
        if int(before.sum()) > 1:
            values[TREND] = unit_slopes(panel.outcome[:, before], panel.time[before].astype(np.float64))
        values |= {name: unit_means(panel.covariates[name][:, before]) for name in names}
        measures = [_Measure(name, each, _difference(each, treated, comparison)) for name, each in values.items()]
        found = _overlap(measures, names, treated, comparison)
        if found is not None and found[0].weights.size:
            measures = [_weighted(measure, found, treated, comparison) for measure in measures]
        adjusted = set(context.estimate.settings.get("covariates") or ())
        failing = [each.name for each in measures if each.name in names and self._fails(each, adjusted)]
        known = {each.name: each.g for each in measures if each.g is not None}
        confounders = {name: g for name, g in known.items() if name in names}
        largest = max((abs(g) for g in (confounders or known).values()), default=None)
        overlapping = {} if found is None else _figures(found[0])
        result = self.result(
            self._status(failing, known, found),
            _reading(known, confounders, failing, found),
            statistic="largest_difference",
            value=largest,
            threshold=self.fails,
            **{f"g_{_key(name)}": g for name, g in known.items()},
            **overlapping,
            n_treated_units=float(treated.sum()),
            n_comparison_units=float(comparison.sum()),
        )
        return exhibiting(result, _exhibit(measures, treated, comparison))

    def _fails(self, measure: _Measure, adjusted: set[str]) -> bool:
        size = abs(measure.g or 0.0)
        return size > self.fails or (size > self.passes and measure.name not in adjusted)

    def _status(
        self, failing: list[str], known: dict[str, float], found: tuple[Overlap, BoolArray] | None
    ) -> CheckStatus:
        if failing:
            return "fail"
        apart = found is not None and not found[0].weights.size
        outcome = max((abs(known.get(name, 0.0)) for name in (LEVEL, TREND)), default=0.0)
        return "warn" if apart or outcome > self.fails else "pass"


def _difference(values: FloatArray, treated: BoolArray, comparison: BoolArray) -> float | None:
    known = ~np.isnan(values)
    return standardized_difference(values[treated & known], values[comparison & known])


def _overlap(
    measures: list[_Measure], names: list[str], treated: BoolArray, comparison: BoolArray
) -> tuple[Overlap, BoolArray] | None:
    """Overlap of the propensity scores, and (N,) the comparison units that have one; None without confounders."""
    usable = [each.values for each in measures if each.name in names and each.g is not None]
    if not usable:
        return None
    covariates = np.column_stack(usable)
    complete = ~np.isnan(covariates).any(axis=1)
    arms = treated & complete, comparison & complete
    if min(int(arm.sum()) for arm in arms) < 2:
        return None
    return overlap(covariates[arms[0]], covariates[arms[1]]), arms[1]


def _weighted(
    measure: _Measure, found: tuple[Overlap, BoolArray], treated: BoolArray, comparison: BoolArray
) -> _Measure:
    """The measure with its difference after weighting; units without a score or a value play no part."""
    weight = np.zeros(len(measure.values))
    weight[found[1]] = found[0].weights
    known = ~np.isnan(measure.values)
    arms = treated & known, comparison & known & found[1]
    if weight[arms[1]].sum() <= 0.0:
        return measure
    g = standardized_difference(measure.values[arms[0]], measure.values[arms[1]], weight[arms[1]])
    return _Measure(measure.name, measure.values, measure.g, g)


def _figures(found: Overlap) -> dict[str, float]:
    """What the propensity score says; arms that can be told apart perfectly have no weights."""
    figures = {"largest_propensity": found.largest_score}
    if found.weights.size:
        figures |= {"effective_comparison_units": found.effective, "heaviest_weight": found.heaviest}
    return figures


def _key(name: str) -> str:
    return name.replace(": ", "_").replace(" ", "_")


def _reading(
    known: dict[str, float],
    confounders: dict[str, float],
    failing: list[str],
    found: tuple[Overlap, BoolArray] | None,
) -> str:
    """In standard deviations, with decimals; names of confounders in quotes."""
    words = {LEVEL: "level", TREND: "trend"}
    told = [
        say("{known:.2f} in its {word}", known=abs(known[name]), word=word)
        for name, word in words.items()
        if name in known
    ]
    said = (
        say(
            "Before the first start the outcome of treated and comparison places differed by {listed}"
            " (standard deviations).",
            listed=" and ".join(told),
        )
        if told
        else phrase("Before the first start the outcome did not vary between places.")
    )
    if not confounders:
        return say("{said} No declared confounder varies between places, so nothing else was compared.", said=said)
    name = max(confounders, key=lambda each: abs(confounders[each]))
    said += say(
        " The largest difference of a declared confounder is {confounders:.2f} ('{name}').",
        confounders=abs(confounders[name]),
        name=name,
    )
    if failing:
        quoted = ", ".join(f"'{each}'" for each in failing)
        said += say(" Too large, or not adjusted for: {quoted}.", quoted=quoted)
    if found is None:
        return said
    if not found[0].weights.size:
        return say("{said} The confounders tell the arms apart perfectly: no weighting makes them alike.", said=said)
    return say(
        "{said} Weighted by the odds of being treated, the comparison places count as "
        "{effective:.1f} in effect; the heaviest carries {heaviest:.0f} % of the weight.",
        said=said,
        effective=found[0].effective,
        heaviest=100 * found[0].heaviest,
    )


def _exhibit(measures: list[_Measure], treated: BoolArray, comparison: BoolArray) -> Exhibit:
    """One row a measure; means by arm in its own unit, as analysed."""
    arms = treated, comparison
    known = [~np.isnan(each.values) for each in measures]
    counts = [[int((arm & there).sum()) for there in known] for arm in arms]

    def mean(values: FloatArray, members: BoolArray) -> float:
        return float(values[members].mean()) if members.any() else np.nan

    means = [[mean(each.values, arm & there) for each, there in zip(measures, known, strict=True)] for arm in arms]
    table: dict[str, tuple[object, ...]] = {
        "measure": tuple(each.name for each in measures),
        "n_treated": tuple(counts[0]),
        "n_comparison": tuple(counts[1]),
        "mean_treated": tuple(means[0]),
        "mean_comparison": tuple(means[1]),
        "g": tuple(np.nan if each.g is None else each.g for each in measures),
        "g_weighted": tuple(np.nan if each.weighted is None else each.weighted for each in measures),
    }
    return Exhibit("balance", table, counts=("n_treated", "n_comparison"))

"""Which comparisons is the static two-way coefficient made of, and are forbidden ones among them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.headline import anticipation, excludes_zero, is_two_way
from evalkit.checks.wording import NO_ONE_START, amount
from evalkit.data.panel import Panel
from evalkit.language import mark, phrase, say
from evalkit.numerics.bacon import Decomposition, decompose
from evalkit.vocabulary import BoolArray, CheckStatus, Diagnostic, Domain, Exhibit, FloatArray, IntArray

NEVER_TREATED, LATER, EARLIER, ALWAYS = (
    mark("against never-treated"),
    mark("against later starts"),
    mark("against earlier starts (forbidden)"),
    mark("against always-treated (forbidden)"),
)
SHARES = {NEVER_TREATED: "never_share", LATER: "later_share", EARLIER: "earlier_share", ALWAYS: "always_share"}
MOST_ROWS = 60
"""Comparisons shown one by one; the lighter ones are pooled by type."""


@dataclass(frozen=True, slots=True)
class _Groups:
    """Timing groups of a balanced panel: mean outcome (G, T), units, share of the weight, first treated column."""

    means: FloatArray
    units: IntArray
    size: FloatArray
    start: IntArray


class GoodmanBacon(PanelCheck):
    """The Goodman-Bacon (2021) decomposition of the static two-way coefficient without covariates.

    A comparison of units that start with units that are treated already is forbidden: where effects
    grow with time, it subtracts them. The check reports the weight of these comparisons and what is left
    of the coefficient without them. It can fail only where the primary estimate is that coefficient;
    beside another estimator it warns, since the two-way result then stands as a cross-check at most.

    Parameters
    ----------
    warn, fail
        Shares of forbidden weight from which the check warns or fails (conventions of this project). It also
        fails where the coefficient and the average of the clean comparisons have different signs and the
        interval of the estimate excludes 0.

    Notes
    -----
    The theorem holds on balanced panels, with weights that do not vary within units; others are
    refused. Declared periods of anticipation count as untreated.
    """

    name: ClassVar[str] = "goodman_bacon"
    null_in_words: ClassVar[str] = mark(
        "The two-way coefficient rests on comparisons with places that are not treated yet or never."
    )
    domain: ClassVar[Domain] = "estimation"

    warn: Annotated[float, Field(gt=0.0, le=1.0)] = 0.25
    fail: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Decompose, and weigh what is forbidden."""
        panel = context.panel
        refused = _refused(panel)
        if refused:
            return self.result("not_run", refused)
        groups = _groups(panel)
        made = decompose(groups.means, groups.size, groups.start)
        if made.weight.size == 0:
            return self.result("not_run", phrase("The two-way coefficient of this panel cannot be estimated."))
        kind = _kinds(made, groups.start, panel.n_periods)
        share, clean = made.share(made.forbidden), made.average(~made.forbidden)
        flips = clean is not None and np.sign(clean) != np.sign(made.coefficient)
        averages = {"clean_average": clean, "forbidden_average": made.average(made.forbidden)}
        result = self.result(
            self._status(context, share, flips),
            f"{_said(context, made, clean)}{_after(context, made, flips)}",
            statistic="forbidden_share",
            value=share,
            threshold=self.fail,
            coefficient=made.coefficient,
            **{name: value for name, value in averages.items() if value is not None},
            **{name: made.share(kind == each) for each, name in SHARES.items()},
            sign_flips=float(flips),
            comparisons=float(made.weight.size),
        )
        # figures are in the estimate's unit: differences of means have no place among ratios
        other_unit = bool(context.estimate.facts.get("log_link")) and context.spec.primary_outcome.transform != "log"
        if made.weight.size < 2 or other_unit:
            return result
        return exhibiting(result, _exhibit(panel, groups, made, kind))

    def _status(self, context: CheckContext, share: float, flips: bool) -> CheckStatus:
        if share == 0.0:
            return "pass"
        decided = is_two_way(context)
        if decided and (share >= self.fail or (flips and excludes_zero(context))):
            return "fail"
        return "warn" if flips or share >= self.warn else "pass"


def _refused(panel: Panel) -> str:
    """Why the panel cannot be decomposed; empty where it can."""
    if panel.dose is not None:
        return NO_ONE_START
    if not panel.is_balanced:
        return say(
            "The decomposition holds for panels in which every place is observed in every period; "
            "{mean:.2g} % of this one is missing.",
            mean=100 * (1 - panel.observed.mean()),
        )
    if panel.weight is not None and (np.ptp(panel.weight, axis=1) > 0.0).any():
        return phrase("The decomposition holds for weights that stay the same over time; these do not.")
    return ""


def _groups(panel: Panel) -> _Groups:
    column = np.searchsorted(panel.time, panel.first_treated)
    start, member = np.unique(column, return_inverse=True)
    weight = np.ones(panel.n_units) if panel.weight is None else panel.weight[:, 0]
    size = np.bincount(member, weight)
    total = np.zeros((len(start), panel.n_periods))
    np.add.at(total, member, weight[:, None] * panel.outcome)
    means = np.divide(total, size[:, None], out=np.zeros_like(total), where=size[:, None] > 0.0)
    return _Groups(means, np.bincount(member), size / size.sum(), start.astype(np.int64))


def _kinds(made: Decomposition, start: IntArray, n_periods: int) -> NDArray[np.str_]:
    """(P,) type of each comparison, in words."""
    other = start[made.comparison]
    names = [NEVER_TREATED, ALWAYS, EARLIER]
    return np.select([other == n_periods, other == 0, made.forbidden], names, LATER)


def _said(context: CheckContext, made: Decomposition, clean: float | None) -> str:
    whole, share = amount(context, made.coefficient, two_way=True), made.share(made.forbidden)
    if share == 0.0:
        return say(
            "The two-way coefficient ({whole}) compares only with places that were not treated at the time.",
            whole=whole,
        )
    start = say(
        "{share:.1f} % of the weight of the two-way coefficient ({whole}) lies on comparisons "
        "with places that were treated already",
        share=100 * share,
        whole=whole,
    )
    return (
        f"{start}."
        if clean is None
        else say(
            "{start}; without them it would be {amount}.", start=start, amount=amount(context, clean, two_way=True)
        )
    )


def _after(context: CheckContext, made: Decomposition, flips: bool) -> str:
    said = phrase(" The sign turns without them.") if flips else ""
    if made.forbidden.any() and not is_two_way(context):
        said += phrase(" The primary estimate is another one and does not use this coefficient.")
    if anticipation(context):
        said += phrase(" Periods of anticipation count as untreated here.")
    return said


def _exhibit(panel: Panel, groups: _Groups, made: Decomposition, kind: NDArray[np.str_]) -> Exhibit:
    """One row a comparison, the whole coefficient first, the lighter ones pooled by type."""
    names = [_named(panel, int(start)) for start in groups.start]
    order = np.argsort(-made.weight, kind="stable")
    never = groups.start == panel.n_periods
    everyone = int(groups.units[~never].sum()), int(groups.units.sum())
    rows: list[tuple[object, ...]] = [("all", "", "", *everyone, 1.0, made.coefficient)]
    for place in order[:MOST_ROWS]:
        own, other = int(made.treated[place]), int(made.comparison[place])
        counts = int(groups.units[own]), int(groups.units[own] + groups.units[other])
        rows.append(
            (
                str(kind[place]),
                names[own],
                names[other],
                *counts,
                float(made.weight[place]),
                float(made.estimate[place]),
            )
        )
    rest: BoolArray = np.isin(np.arange(len(order)), order[MOST_ROWS:])
    for each in SHARES:
        pooled = rest & (kind == each)
        average = made.average(pooled)
        if average is not None:
            rows.append((each, "others", "others", *everyone, made.share(pooled), average))
    columns = ("type", "treated", "comparison", "n_treated", "n_units", "weight", "estimate")
    return Exhibit(
        "goodman_bacon", dict(zip(columns, zip(*rows, strict=True), strict=True)), counts=("n_treated", "n_units"),
        about="cohorts",
    )  # fmt: skip


def _named(panel: Panel, column: int) -> str:
    if column == panel.n_periods:
        return phrase("never treated")
    return phrase("always treated") if column == 0 else panel.calendar.text(int(panel.time[column]))

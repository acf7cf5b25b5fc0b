"""Does the answer hang on one choice of the analyst?"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.refit import accepts, overall, refit
from evalkit.checks.wording import amount
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, EvalkitError, Reason
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.vocabulary import Comparison, Diagnostic, Domain, Exhibit

UNWEIGHTED, WEIGHTED = "unweighted", "weighted"


@dataclass(frozen=True, slots=True)
class _Specification:
    """One way to answer the question: choices by name, and what came out."""

    choices: tuple[tuple[str, str], ...]
    estimate: float
    low: float
    high: float
    n_treated: int
    is_primary: bool


class SpecificationCurve(PanelCheck):
    """All combinations of declared choices that answer the same question (Simonsohn, Simmons and Nelson 2020).

    A choice that an estimator does not have is not varied for it, so that no specification is counted
    twice. Specifications on another scale than the primary's (a rate ratio beside a difference) or that
    cannot be estimated are left out, and counted. The intervals are each estimator's own; specifications
    share their data, so the curve is no test, and its share of same signs is not a p-value.

    Parameters
    ----------
    estimators
        Registered names; the primary one is always among them.
    comparison
        Comparison groups to try, for estimators with that setting.
    anticipation
        Periods of anticipation to try.
    covariates
        Sets of covariates to try, e.g. ``[[], [income]]``; columns of `data.covariates`.
    weights
        Whether to try with and without weights, where the study names weights.
    same_sign
        Share of specifications that must share the primary's sign.
    """

    name: ClassVar[str] = "specification_curve"
    null_in_words: ClassVar[str] = mark("Other reasonable choices of the analyst give an answer of the same sign.")
    domain: ClassVar[Domain] = "reporting"

    estimators: tuple[str, ...] = ()
    comparison: tuple[Comparison, ...] = ()
    anticipation: tuple[Annotated[int, Field(ge=0)], ...] = ()
    covariates: tuple[tuple[str, ...], ...] = ()
    weights: bool = True
    same_sign: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Estimate every specification."""
        found: dict[tuple[tuple[str, str], ...], _Specification] = {}
        left_out: dict[str, list[str]] = {}
        for position, (name, settings, panel, choices) in enumerate(self._specifications(context)):
            try:
                fitted = refit(context, panel, settings, name=name)
                found[choices] = _told_apart(context, fitted, choices, is_primary=position == 0)
            except ConfigError:
                raise
            except EvalkitError as error:
                left_out.setdefault(why(error).rstrip("."), []).append(_in_words(choices))
        if len(found) < 2:
            return self.result(
                "not_run",
                phrase(
                    "There is one specification only; name estimators, comparison groups, anticipation or "
                    "covariates in the settings of this check."
                ),
            )
        return self._told(context, list(found.values()), left_out)

    def _specifications(
        self, context: CheckContext
    ) -> Iterator[tuple[str, dict[str, Any], Panel, tuple[tuple[str, str], ...]]]:
        """Estimator, settings, panel, and the choices in words; the primary analysis first."""
        primary = context.estimate
        panels = {WEIGHTED: context.panel} if context.panel.weight is not None else {UNWEIGHTED: context.panel}
        if self.weights and context.panel.weight is not None:
            panels[UNWEIGHTED] = dataclasses.replace(context.panel, weight=None)
        for name in dict.fromkeys((primary.estimator, *self.estimators)):
            varied = {
                "comparison": self.comparison,
                "anticipation": self.anticipation,
                "covariates": self.covariates,
            }
            options = {
                setting: tuple(value for value in _with_own(context, setting, values) if accepts(name, setting, value))
                for setting, values in varied.items()
            }
            options = {setting: values for setting, values in options.items() if values}
            for values in itertools.product(*options.values()):
                settings = dict(zip(options, values, strict=True))
                for weighting, panel in panels.items():
                    yield name, settings, panel, _choices(name, settings, weighting)

    def _told(
        self, context: CheckContext, found: list[_Specification], left_out: dict[str, list[str]]
    ) -> tuple[Diagnostic, ...]:
        full = float(overall(context, context.estimate).estimate[0])
        effects = np.array([each.estimate for each in found])
        share = float(np.mean(np.sign(effects) == np.sign(full)))
        median, rank = float(np.median(effects)), 1 + int((effects < full).sum())
        excluding = sum(not each.low <= 0.0 <= each.high for each in found)
        n_left_out = sum(map(len, left_out.values()))
        told = self.result(
            "pass" if share >= self.same_sign else "fail",
            say(
                "Of {found} specifications (ways to answer the same question with these data), {round} "
                "give an effect of the same sign as the study's. They run from {amount} to {amount_2}, "
                "with their median at {amount_3}; the study's, {amount_4}, is number {rank} of {found} "
                "from the lowest. In {excluding} the interval excludes 0.{trouble}",
                found=len(found),
                round=round(share * len(found)),
                amount=amount(context, float(effects.min())),
                amount_2=amount(context, float(effects.max())),
                amount_3=amount(context, median),
                amount_4=amount(context, full),
                rank=rank,
                excluding=excluding,
                trouble=_trouble(left_out),
            ),
            statistic="same_sign_share",
            value=share,
            threshold=self.same_sign,
            n_specifications=float(len(found)),
            n_left_out_specifications=float(n_left_out),
            lowest=float(effects.min()),
            median=median,
            highest=float(effects.max()),
            primary_rank=float(rank),
            intervals_excluding_zero=float(excluding),
        )
        return exhibiting(told, _exhibit(sorted(found, key=lambda each: each.estimate)))


def _told_apart(
    context: CheckContext, fitted: Estimate, choices: tuple[tuple[str, str], ...], *, is_primary: bool
) -> _Specification:
    if bool(fitted.facts.get("log_link")) != bool(context.estimate.facts.get("log_link")):
        raise EvalkitError(Reason("the effect is on another scale than the study's"))
    rows = overall(context, fitted)
    value, low, high = (float(bound[0]) for bound in (rows.estimate, rows.low, rows.high))
    if not np.isfinite([value, low, high]).all():
        raise EvalkitError(Reason("no finite effect with an interval"))
    return _Specification(choices, value, low, high, fitted.n_treated_units, is_primary)


def _with_own(context: CheckContext, setting: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values to try, the study's own first."""
    settings = context.estimate.settings
    own: Any = settings.get(setting)
    if own is None:
        design = context.spec.design
        own = {"comparison": design.comparison, "anticipation": design.anticipation, "covariates": ()}[setting]
    plain = tuple(own) if setting == "covariates" else own
    return tuple(dict.fromkeys((plain, *values)))


def _choices(name: str, settings: dict[str, Any], weighting: str) -> tuple[tuple[str, str], ...]:
    said = [("estimator", name.replace("_", " "))]
    for setting, value in settings.items():
        if setting == "covariates":
            said.append((setting, ", ".join(value) or "none"))
        else:
            said.append((setting, str(value).replace("_", " ")))
    return (*said, ("weights", weighting))


def _in_words(choices: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(
        f"{name} {value}"
        for name, value in choices
        if (name, value) not in (("covariates", "none"), ("weights", UNWEIGHTED))
    )


def _trouble(left_out: dict[str, list[str]]) -> str:
    """How many specifications were left out, by reason, with one example each."""
    if not left_out:
        return ""
    told = "; ".join(
        say("{each} because {why} (e.g. {each_2})", each=len(each), why=why, each_2=each[0])
        for why, each in list(left_out.items())[:3]
    )
    return say(" Left out: {told}.", told=told)


def _exhibit(rows: list[_Specification]) -> Exhibit:
    """One row a specification, from the lowest effect up; a column for each choice that differs between them."""
    names = dict.fromkeys(name for row in rows for name, _ in row.choices)
    by_row = [dict(row.choices) for row in rows]
    table: dict[str, tuple[object, ...]] = {
        "estimate": tuple(row.estimate for row in rows),
        "low": tuple(row.low for row in rows),
        "high": tuple(row.high for row in rows),
        "n_treated": tuple(row.n_treated for row in rows),
        "primary": tuple(row.is_primary for row in rows),
    }
    for name in names:
        values = tuple(choices.get(name, phrase("not a choice here")) for choices in by_row)
        if len(set(values)) > 1:
            table[f"choice: {name}"] = values
    return Exhibit("specification_curve", table, counts=("n_treated",))

"""Do the errors of a series hang together over time in a way that its intervals do not allow for?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Protocol, runtime_checkable

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimators import registry
from evalkit.language import mark, phrase, say, why
from evalkit.numerics.serial_correlation import SeriesResiduals, autocorrelations, beyond, durbin_watson, ljung_box
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic, Domain, Exhibit, FloatArray

FEWEST = 12
"""Periods of a series below which autocorrelation is not looked for."""
BOUND = 1.96


@runtime_checkable
class HasResiduals(Protocol):
    """An estimator that tells what its regression leaves over."""

    def residuals(self, panel: Panel) -> tuple[SeriesResiduals, ...]:
        """One entry a treated unit."""
        ...


@dataclass(frozen=True, slots=True)
class _Tested:
    """The autocorrelation of one place."""

    residuals: SeriesResiduals
    found: FloatArray
    statistic: float
    p: float


class ResidualAutocorrelation(PanelCheck):
    """Ljung-Box test of what the errors' model leaves over; with Newey-West errors, of lags beyond those allowed for.

    Intervals of an interrupted time series rest on what is assumed of its errors. Autoregressive and independent
    errors claim that nothing is left once their model is taken out; Newey-West errors, that nothing is left beyond
    their lags. With several places each is tested, and the smallest p-value counts times their number.

    Parameters
    ----------
    alpha
        Level of the test.
    lags
        Lags looked at; by default two seasons, or 10 where there is no season, and at most a fifth of the periods.
    """

    name: ClassVar[str] = "residual_autocorrelation"
    null_in_words: ClassVar[str] = mark(
        "What the model leaves over is not correlated over time beyond what its errors allow for."
    )
    domain: ClassVar[Domain] = "estimation"

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    lags: Annotated[int, Field(ge=1)] | None = None

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Test every treated place's residuals."""
        name, settings = context.estimate.estimator, context.estimate.settings
        estimator = registry.get(name)(**settings)
        if not isinstance(estimator, HasResiduals):
            if isinstance(context.estimate.uncertainty, Posterior):
                return self.result(
                    "informational",
                    phrase(
                        "Autocorrelation is part of this model; whether it fits is judged by its predictive checks."
                    ),
                )
            return self.result(
                "not_run", say("{name} fits no single series whose residuals could be looked at.", name=name)
            )
        try:
            series = estimator.residuals(context.panel)
        except EvalkitError as error:
            return self.result("not_run", say("The residuals could not be computed: {what}", what=why(error)))
        tested = [self._test(each) for each in series if len(each.residual) >= FEWEST]
        if not tested:
            return self.result(
                "not_run", say("No series has {fewest} periods, too few to look for autocorrelation.", fewest=FEWEST)
            )
        worst = min(tested, key=lambda each: each.p)
        value = min(1.0, worst.p * len(tested))
        failed = value < self.alpha
        residuals = worst.residuals
        result = self.result(
            "fail" if failed else "pass",
            _said(worst, value, failed, len(tested)),
            statistic="adjusted_p" if len(tested) > 1 else "p_value",
            value=value,
            threshold=self.alpha,
            statistic_value=worst.statistic,
            lags_tested=float(len(worst.found)),
            first_autocorrelation=float(worst.found[0]),
            durbin_watson=durbin_watson(residuals.residual, residuals.time),
            series=float(len(tested)),
        )
        return exhibiting(result, _exhibit(worst)) if len(tested) == 1 else result

    def _test(self, series: SeriesResiduals) -> _Tested:
        count = len(series.residual)
        wanted = self.lags or (10 if series.season is None else round(2.0 * series.season))
        allowed = series.lags or 0
        lags = max(allowed + 1, min(wanted, count // 5))
        found = autocorrelations(series.residual, series.time, lags)
        if series.lags is None:
            statistic, p = ljung_box(found, count, 0 if series.errors == "independent" else 1)
        else:
            statistic, p = beyond(found, count, allowed)
        return _Tested(series, found, statistic, p)


def _said(worst: _Tested, p: float, failed: bool, count: int) -> str:
    series = worst.residuals
    where = say(" in '{place}', the furthest of {count} places", place=series.place, count=count) if count > 1 else ""
    if series.lags is not None:
        first = say("in neighbouring periods it is {found:.2f}", found=worst.found[0])
        if failed:
            return say(
                "Residuals are correlated beyond the {lags} lags that the errors allow for{where} (p = "
                "{p:.2g}; {first}): the interval may be too narrow.",
                lags=series.lags,
                where=where,
                p=p,
                first=first,
            )
        return say(
            "No correlation of residuals detected beyond the {lags} lags that the errors allow "
            "for{where} (p = {p:.2g}; {first}).",
            lags=series.lags,
            where=where,
            p=p,
            first=first,
        )
    what = (
        phrase("Residuals are")
        if series.errors == "independent"
        else phrase("What the autoregressive errors leave over is still")
    )
    if failed:
        return say(
            "{what} correlated over time{where} (Ljung-Box test over {found} lags, p = {p:.2g}): the "
            "interval may be too narrow.",
            what=what,
            where=where,
            found=len(worst.found),
            p=p,
        )
    left = (
        phrase("in residuals")
        if series.errors == "independent"
        else phrase("in what the autoregressive errors leave over")
    )
    return say(
        "No autocorrelation detected {left}{where} (Ljung-Box test over {found} lags, p = {p:.2g}).",
        left=left,
        where=where,
        found=len(worst.found),
        p=p,
    )


def _exhibit(tested: _Tested) -> Exhibit:
    count = len(tested.residuals.residual)
    lag = np.arange(1, len(tested.found) + 1)
    allowed = tested.residuals.lags or 0
    table: dict[str, tuple[object, ...]] = {
        "lag": tuple(int(each) for each in lag),
        "autocorrelation": tuple(float(each) for each in tested.found),
        "bound": (BOUND / float(np.sqrt(count)),) * len(lag),
        "allowed_for": tuple(bool(each <= allowed) for each in lag),
    }
    return Exhibit("autocorrelation", table, labels=("lag",))
